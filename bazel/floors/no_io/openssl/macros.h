// Shadows the library's own header; see bazel/floors/floors.bzl.
#error "a pure floor must not do I/O: Asio, OpenSSL and logging belong to floor 2 and above"
