"""C++ targets of our own code: the native rules with our warnings, which are errors."""

load("//bazel/floors:floors.bzl", "floor_copts", "floor_headers")

_WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wshadow",
    "-Werror",
]

# What differs by --config; each line for a reason of that compiler.
_WARNINGS_OF_BUILD = select({
    # GCC's flow analysis sees the sanitizer's own code.
    "//bazel:asan_build": ["-Wno-error=maybe-uninitialized"],
    # Clang's -Wconversion includes sign conversions, GCC's does not.
    "//bazel:clang_build": [
        "-Wthread-safety",
        "-Wno-sign-conversion",
    ],
    "//bazel:fuzz_build": ["-w"],
    # GCC warns of each of the fences in Asio, which TSan does not model.
    "//bazel:tsan_build": [
        "-Wno-tsan",
        "-Wno-error=maybe-uninitialized",
    ],
    "//conditions:default": [],
})

def _copts(copts):
    return floor_copts() + _WARNINGS + _WARNINGS_OF_BUILD + copts

def spillway_cc_library(name, srcs = [], copts = [], **kwargs):
    """A cc_library of our own code.

    Args:
      name: the target's name.
      srcs: sources and private headers.
      copts: compiler flags after ours.
      **kwargs: passed to cc_library.
    """
    native.cc_library(
        name = name,
        srcs = srcs + floor_headers(),
        copts = _copts(copts),
        linkstatic = True,
        **kwargs
    )

def spillway_cc_binary(name, copts = [], **kwargs):
    """A cc_binary of our own code; arguments as spillway_cc_library."""
    native.cc_binary(
        name = name,
        copts = _copts(copts),
        **kwargs
    )

def spillway_cc_test(name, copts = [], deps = [], size = "small", gtest_main = True, **kwargs):
    """A cc_test of our own code, on GoogleTest's main unless told otherwise.

    Tags that ./test knows: `e2e` (starts the daemon), `tsan` (also run under ThreadSanitizer),
    `no-asan` (not run under AddressSanitizer), `long` (only in ./test --all).

    Args:
      name: the target's name.
      copts: compiler flags after ours.
      deps: libraries beside GoogleTest.
      size: as in cc_test; small unless stated.
      gtest_main: False for a test that brings a main of its own.
      **kwargs: passed to cc_test.
    """
    native.cc_test(
        name = name,
        size = size,
        copts = _copts(copts),
        linkstatic = True,
        deps = deps + (["//third_party:gtest_main"] if gtest_main else []),
        **kwargs
    )
