"""Fuzz targets: one source, run over its corpus in every ./test and by libFuzzer on demand."""

load("//bazel:cc.bzl", "spillway_cc_binary", "spillway_cc_library", "spillway_cc_test")

def spillway_fuzz_target(name, srcs, corpus, deps = [], size = "small", tags = [], **kwargs):
    """A source with LLVMFuzzerTestOneInput.

    Gives the test `name`, which runs the function over each file of the corpus and fails when there
    is none, and the libFuzzer binary `name_fuzzer` for `tests/fuzz/run` (--config=fuzz).

    Args:
      name: the test's name.
      srcs: the source that defines LLVMFuzzerTestOneInput.
      corpus: inputs worth keeping; usually a glob.
      deps: libraries under test.
      size: of the corpus test.
      tags: of the corpus test.
      **kwargs: passed to the corpus test.
    """
    spillway_cc_library(
        name = name + "_lib",
        testonly = True,
        srcs = srcs,
        # Nothing in the library is referred to by name but the one function.
        alwayslink = True,
        visibility = ["//visibility:private"],
        deps = deps,
    )
    native.filegroup(
        name = name + "_corpus",
        testonly = True,
        srcs = corpus,
    )
    spillway_cc_test(
        name = name,
        size = size,
        srcs = ["//tests/fuzz:replay_main.cc"],
        args = ["$(rootpaths :%s_corpus)" % name] if corpus else [],
        data = [":%s_corpus" % name],
        gtest_main = False,
        tags = tags + ["fuzz"],
        deps = [":%s_lib" % name],
        **kwargs
    )
    spillway_cc_binary(
        name = name + "_fuzzer",
        testonly = True,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = [":%s_lib" % name],
    )
