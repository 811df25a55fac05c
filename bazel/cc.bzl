"""C++ targets of our own code: the native rules with our warnings, which are errors."""

SPILLWAY_COPTS = [
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wshadow",
    "-Werror",
]

def spillway_cc_library(name, copts = [], **kwargs):
    """A cc_library of our own code.

    Args:
      name: the target's name.
      copts: compiler flags after ours.
      **kwargs: passed to cc_library.
    """
    native.cc_library(
        name = name,
        copts = SPILLWAY_COPTS + copts,
        linkstatic = True,
        **kwargs
    )

def spillway_cc_binary(name, copts = [], **kwargs):
    """A cc_binary of our own code; arguments as spillway_cc_library."""
    native.cc_binary(
        name = name,
        copts = SPILLWAY_COPTS + copts,
        **kwargs
    )

def spillway_cc_test(name, copts = [], deps = [], size = "small", gtest_main = True, **kwargs):
    """A cc_test of our own code, on GoogleTest's main unless told otherwise.

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
        copts = SPILLWAY_COPTS + copts,
        linkstatic = True,
        deps = deps + (["//third_party:gtest_main"] if gtest_main else []),
        **kwargs
    )
