"""What ./test counts from Bazel's events and the tests' reports."""

import json
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath("bazel"))

import report  # noqa: E402
import tally  # noqa: E402

PASSING = "<testsuites><testsuite><testcase name='a' classname='S' status='run'/></testsuite></testsuites>"
MIXED = """<testsuites><testsuite>
<testcase name='good' classname='S' status='run'/>
<testcase name='bad' classname='S' status='run'><failure message='no'/></testcase>
<testcase name='left_out' classname='S' status='notrun'/>
</testsuite></testsuites>"""


class Tally(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def result(self, label, status, xml=None, attempt=1):
        outputs = []
        if xml is not None:
            path = self.folder / f"{len(list(self.folder.iterdir()))} test.xml"
            path.write_text(xml, encoding="utf-8")
            outputs = [{"name": "test.xml", "uri": path.as_uri()}]
        return {
            "id": {"testResult": {"label": label, "run": 1, "shard": 1, "attempt": attempt}},
            "testResult": {"status": status, "testActionOutput": outputs},
        }

    def built(self, label, success):
        return {"id": {"targetCompleted": {"label": label}},
                "completed": {"success": True} if success else {}}

    def run_of(self, events, exit_code, name="optimised"):
        lines = "\n".join(json.dumps(event) for event in events)
        (self.folder / f"{name}.json").write_text(lines, encoding="utf-8")
        (self.folder / f"{name}.status").write_text(str(exit_code), encoding="utf-8")

    def counted(self):
        found = tally.count_folder(self.folder)
        return found.passed, found.failures

    def test_counts_cases_not_targets(self):
        self.run_of([self.built("//a:t", True), self.result("//a:t", "FAILED", MIXED)], 3)
        self.assertEqual((1, ["optimised: //a:t S.bad"]), self.counted())

    def test_each_configuration_counts(self):
        self.run_of([self.result("//a:t", "PASSED", PASSING)], 0)
        self.run_of([self.result("//a:t", "PASSED", PASSING)], 0, name="asan")
        self.assertEqual((2, []), self.counted())

    def test_a_crash_without_a_failed_case_is_a_failure(self):
        self.run_of([self.result("//a:t", "FAILED")], 3)
        self.assertEqual((0, ["optimised: //a:t ended as FAILED"]), self.counted())

    def test_a_timeout_is_a_failure_even_when_cases_passed(self):
        self.run_of([self.result("//a:t", "TIMEOUT", PASSING)], 3)
        self.assertEqual((1, ["optimised: //a:t ended as TIMEOUT"]), self.counted())

    def test_the_last_attempt_is_the_verdict(self):
        self.run_of([self.result("//a:t", "FAILED"),
                     self.result("//a:t", "PASSED", PASSING, attempt=2)], 0)
        self.assertEqual((1, []), self.counted())

    def test_what_does_not_build_is_a_failure(self):
        self.run_of([self.built("//a:t", False)], 1)
        self.assertEqual((0, ["optimised: //a:t does not build"]), self.counted())

    def test_an_exit_code_no_event_explains_is_a_failure(self):
        self.run_of([self.result("//a:t", "PASSED", PASSING)], 4)
        self.assertEqual((1, ["optimised: bazel ended with 4"]), self.counted())

    def test_a_run_without_events_is_a_failure(self):
        (self.folder / "tsan.status").write_text("37", encoding="utf-8")
        self.assertEqual((0, ["tsan: bazel ended with 37"]), self.counted())

    def test_whole_steps_count_once(self):
        (self.folder / "clang-tidy.passed").touch()
        (self.folder / "clang-format.failed").touch()
        self.assertEqual((1, ["clang-format"]), self.counted())


if __name__ == "__main__":
    report.main()
