"""A library that a Debian package installed."""

def system_library(name, libs = [], linkopts = [], linked_whole = False, **kwargs):
    """A cc_library that stands for a library under /usr.

    Args:
      name: the target's name.
      libs: what the linker calls it, in link order.
      linkopts: flags beside the libraries.
      linked_whole: True keeps a shared library that nothing seems to use.
      **kwargs: defines, deps, testonly, visibility.
    """
    flags = ["-l" + lib for lib in libs]
    if flags and linked_whole:
        flags = ["-Wl,--push-state,--no-as-needed"] + flags + ["-Wl,--pop-state"]
    elif flags:
        flags = ["-Wl,--push-state,--as-needed"] + flags + ["-Wl,--pop-state"]
    native.cc_library(
        name = name,
        linkopts = linkopts + flags,
        **kwargs
    )
