"""Keeps what a floor must not know out of its reach.

Visibility refuses a forbidden dependency. Headers of Debian packages are in /usr/include, though,
where every compile finds them; so each floor compiles with a folder of headers in front that shadow
the one header all of a library's headers include, and say what is forbidden.
"""

# The packages without clock, socket, thread, lock or log: floors 0 and 1.
_PURE = [
    "transport/base",
    "transport/pool",
    "transport/http1",
    "transport/http2",
    "transport/connect",
    "transport/retry",
]

def _within(package, folder):
    return package == folder or package.startswith(folder + "/")

def _shadows():
    package = native.package_name()
    shadows = []
    if _within(package, "transport"):
        shadows.append("no_wire")
    if [folder for folder in _PURE if _within(package, folder)]:
        shadows.append("no_io")
    return shadows

def floor_copts():
    """Compiler flags of the package's floor."""
    flags = []
    for shadow in _shadows():
        flags += ["-isystem", "bazel/floors/" + shadow]
    return flags

def floor_headers():
    """Headers that the flags of floor_copts() make the compiler find."""
    return ["//bazel/floors:" + shadow for shadow in _shadows()]
