"""Tests written in Python, run by Debian's own interpreter and its standard library."""

def spillway_py_test(name, main, srcs = [], data = [], size = "small", **kwargs):
    """A test that is a Python program.

    py_test would do, but its launcher asks for a program named `python`, which Debian has not.

    Args:
      name: the target's name.
      main: the program.
      srcs: modules beside it that it imports.
      data: files it reads.
      size: as in sh_test.
      **kwargs: passed to sh_test.
    """
    native.sh_test(
        name = name,
        size = size,
        srcs = ["//bazel:python_test.sh"],
        args = ["$(rootpath %s)" % main],
        data = [main] + srcs + data,
        **kwargs
    )
