"""The shape of the tree: floors, purity, ceilings, and what every file must have.

Visibility and bazel/floors already refuse most forbidden uses; this reads every include, so that a
header of /usr/include nobody thought of is seen too. Runs outside the sandbox, over the work tree.
"""

import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import report  # noqa: E402
import sources  # noqa: E402

FILE_CEILING = 400
FUNCTION_CEILING = 70
# A test that is one table with the loop over it may have more rows than a function has lines.
TABLE_CEILING = 100

# Floor 0, and the floor-1 machines, which know floor 0 and never each other.
BASE = "transport/base"
MACHINES = (
    "transport/pool",
    "transport/http1",
    "transport/http2",
    "transport/connect",
    "transport/retry",
)
PURE = (BASE,) + MACHINES

# Which of our folders a folder may include, beside itself. Generated wire code is "proto".
MAY_INCLUDE = {
    BASE: (),
    **{machine: (BASE,) for machine in MACHINES},
    "transport/io": PURE,
    "transport/connection": PURE + ("transport/io",),
    "transport": PURE + ("transport/io", "transport/connection"),
    "transport/client": ("transport", BASE),
    "metrics": ("transport", BASE),
    "server": ("bazel", "metrics", "proto", "transport", "transport/client", BASE),
    "cli": ("bazel", "proto", "server", BASE),
}

# Third-party and system headers a floor may not see, as prefixes of what stands in <>.
WIRE = ("absl/", "google/", "grpc/", "grpcpp/", "grpc++/")
EFFECTS = (
    "boost/asio", "boost/beast", "condition_variable", "ctime", "fcntl.h", "fstream", "future",
    "iostream", "mutex", "netdb.h", "openssl/", "pthread.h", "random", "shared_mutex", "spdlog/",
    "stop_token", "sys/", "thread", "time.h", "unistd.h",
)
# The annotated lock lives on floor 0 for floors 2 and up; no pure file may include it.
LOCK = "transport/base/mutex.h"

# Means to learn the time or to draw a random number.
IMPURE_CODE = re.compile(
    r"::now\s*\(|\bclock_gettime\b|\bgettimeofday\b|(?<![\w.>:])time\s*\(|\brandom_device\b"
    r"|(?<![\w.>:])s?rand\s*\(|\bmt19937|\bsleep_(for|until)\b"
)


def ceiling(head):
    """How many lines the function with this head may have."""
    return TABLE_CEILING if re.match(r"TEST(_[FP])?\(", head) else FUNCTION_CEILING


def owner(include):
    """The folder that an include in quotes belongs to; "proto" for generated code."""
    if include.endswith(".pb.h"):
        return "proto"
    return include.rsplit("/", 1)[0] if "/" in include else ""


def may_include(folder, target):
    """Whether a file of `folder` may include one of `target`."""
    if target == folder or target.startswith(folder + "/"):
        return folder != "transport" or target in MAY_INCLUDE[folder] + (folder,)
    return target in MAY_INCLUDE[folder]


def begins_with(path, prefixes):
    """Whether a header is one of `prefixes`, which are folders, files or starts of a folder."""
    return any(path == p or (path.startswith(p) and (p[-1] == "/" or "/" in p)) for p in prefixes)


class Structure(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The runfiles hold a link to the real file, whose folder is the work tree.
        cls.root = pathlib.Path("WORKSPACE").resolve().parent
        cls.all = sources.sources(cls.root)

    def below(self, *folders):
        found = [s for s in self.all if s.path.startswith(tuple(f + "/" for f in folders))]
        self.assertTrue(found, f"no sources below {folders}")
        return found

    def none(self, complaints, rule):
        self.assertEqual([], list(complaints), rule)

    def test_the_tree_was_found(self):
        self.assertGreater(len(self.all), 50)

    def test_a_file_includes_its_own_folder_and_lower_floors_only(self):
        self.none(
            (f"{s.path} includes {include}"
             for s in self.below("transport", "metrics", "server", "cli")
             for include in s.own_includes
             if not may_include(s.folder, owner(include))),
            "see MAY_INCLUDE",
        )

    def test_the_transport_and_its_metrics_do_not_know_the_wire(self):
        self.none(
            (f"{s.path} includes <{include}>"
             for s in self.below("transport", "metrics")
             for include in s.angle_includes
             if begins_with(include, WIRE)),
            "gRPC, Protocol Buffers and Abseil belong to server/",
        )

    def test_pure_floors_have_no_means_of_io_time_threads_locks_or_chance(self):
        self.none(
            (f"{s.path} includes {include}"
             for s in self.below(*PURE)
             if s.path != LOCK
             for include in s.angle_includes + s.own_includes
             if include == LOCK or begins_with(include, EFFECTS)),
            "see EFFECTS",
        )

    def test_pure_floors_read_no_clock_and_draw_no_random_number(self):
        self.none(
            (f"{s.path}:{number}"
             for s in self.below(*PURE)
             for number, line in enumerate(s.code.splitlines(), 1)
             if IMPURE_CODE.search(line)),
            "take `Instant now` or a drawn number as an argument",
        )

    def test_no_file_is_longer_than_the_ceiling(self):
        self.none(
            (f"{s.path} has {len(s.lines)} lines"
             for s in self.all + sources.sources(self.root, suffixes=(".py", ".bzl", ".sh"))
             if len(s.lines) > FILE_CEILING),
            f"at most {FILE_CEILING} lines: perhaps it holds two nouns",
        )

    def test_no_function_is_longer_than_the_ceiling(self):
        self.none(
            (f"{s.path}:{f.first_line} {f.head} has {f.length} lines"
             for s in self.all
             for f in sources.functions(s.code)
             if f.length > ceiling(f.head)),
            f"at most {FUNCTION_CEILING} lines, {TABLE_CEILING} in a test",
        )

    def test_a_header_is_included_once_and_opens_with_its_contract(self):
        headers = [s for s in self.all if s.path.endswith(".h")]
        self.none(
            (f"{s.path} lacks #pragma once" for s in headers if "#pragma once" not in s.lines),
            "every header",
        )
        self.none(
            (s.path for s in headers if not s.text.startswith("//")),
            "a header opens with what it is, owns and guarantees",
        )

    def test_no_header_imports_a_namespace(self):
        self.none(
            (s.path for s in self.all
             if s.path.endswith(".h") and re.search(r"\busing\s+namespace\b", s.code)),
            "using namespace in a header",
        )

    def test_a_suppressed_check_gives_its_reason(self):
        self.none(
            (f"{s.path}:{number}"
             for s in self.all
             for number, line in enumerate(s.lines, 1)
             if re.search(r"\bNOLINT\w*(\([^)]*\))?\s*$", line)),
            "NOLINT needs a reason on its line",
        )

    def test_no_test_is_skipped(self):
        self.none(
            (f"{s.path}:{number}"
             for s in self.below("tests")
             for number, line in enumerate(s.code.splitlines(), 1)
             if re.search(r"\bGTEST_SKIP\b|\bDISABLED_", line)),
            "a test that does not run proves nothing",
        )

    def test_system_libraries_are_named_in_one_place(self):
        builds = [p for p in self.root.rglob("BUILD.bazel")
                  if not p.relative_to(self.root).parts[0].startswith(("bazel-", "third_party"))]
        self.assertGreater(len(builds), 5)
        self.none(
            (str(p.relative_to(self.root)) for p in builds
             if re.search(r'"-l[a-z]', p.read_text(encoding="utf-8"))),
            "link through //third_party",
        )


class Scanner(unittest.TestCase):
    """The scanner itself, on texts small enough to count by eye."""

    def lengths(self, text):
        return {f.head: f.length for f in sources.functions(sources.strip_comments(text))}

    def test_a_function_reaches_from_its_head_to_its_brace(self):
        self.assertEqual({"int F(int a)": 4},
                         self.lengths("namespace n {\n\nint F(int a) {\n  if (a) {\n  }\n}\n}\n"))

    def test_methods_and_constructors_are_functions(self):
        text = "class C {\n  C() : a_(1) {\n  }\n  int Get() const { return a_; }\n  int a_{2};\n};\n"
        self.assertEqual([2, 1], [f.length for f in sources.functions(text)])

    def test_braces_of_a_member_initializer_are_not_the_body(self):
        self.assertEqual([4], [f.length for f in sources.functions(
            "C::C()\n    : a_{1}, b_{2} {\n  F();\n}\nint a;\n")])
        self.assertEqual([3], [f.length for f in sources.functions(
            "C::C() : a_{1},\n    b_(2) {\n}\n")])

    def test_scopes_are_looked_into(self):
        text = 'extern "C" {\nnamespace {\nstruct S final : T {\n  void F() {\n  }\n};\n}\n}\n'
        self.assertEqual([2], [f.length for f in sources.functions(sources.strip_comments(text))])

    def test_tables_are_not_functions(self):
        self.assertEqual({}, self.lengths("const Row kRows[] = {\n  {F(1), 2},\n};\nint a = G({1});"))

    def test_strings_and_comments_hold_no_code(self):
        self.assertEqual({"void F()": 3},
                         self.lengths('// {\nvoid F() {  // }\n  Say("}{", \'}\');\n}\n'))

    def test_a_raw_string_is_a_string(self):
        self.assertEqual({"void F()": 4}, self.lengths('void F() {\n  Say(R"(\n}}})");\n}\n'))

    def test_floors_know_lower_floors_only(self):
        self.assertTrue(may_include("transport/pool", BASE))
        self.assertFalse(may_include("transport/pool", "transport/http1"))
        self.assertFalse(may_include(BASE, "transport/pool"))
        self.assertFalse(may_include("metrics", "transport/pool"))
        self.assertFalse(may_include("transport", "server"))
        self.assertFalse(may_include("transport/io", "proto"))

    def test_headers_are_told_apart(self):
        self.assertTrue(begins_with("thread", EFFECTS))
        self.assertTrue(begins_with("boost/asio/io_context.hpp", EFFECTS))
        self.assertTrue(begins_with("sys/socket.h", EFFECTS))
        self.assertFalse(begins_with("thread_pool", EFFECTS))
        self.assertFalse(begins_with("boost/container/small_vector.hpp", EFFECTS))

    def test_clock_reads_are_told_from_their_like(self):
        for line in ("auto t = Clock::now();", "time(nullptr)", "std::random_device d;", "rand()"):
            self.assertRegex(line, IMPURE_CODE)
        for line in ("Instant now", "idle_time(now)", "row.time()", "OnTime(now)"):
            self.assertNotRegex(line, IMPURE_CODE)


if __name__ == "__main__":
    report.main()
