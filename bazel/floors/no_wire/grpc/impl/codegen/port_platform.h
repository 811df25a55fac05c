// Shadows the library's own header; see bazel/floors/floors.bzl.
#error "transport/ must not know gRPC, Protocol Buffers or Abseil: they belong to server/"
