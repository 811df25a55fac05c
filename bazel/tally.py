"""Counts what ./test ran and prints the failures and `N passed, N failed`.

Reads a folder with, per test run, NAME.json (Bazel's build events) and NAME.status (its exit code),
and per whole-step check an empty NAME.passed or NAME.failed. Test cases are those of the XML report
each test wrote. Exits 1 when anything failed or nothing ran.
"""

import json
import pathlib
import sys
import urllib.parse
import xml.etree.ElementTree


class Tally:
    def __init__(self):
        self.passed = 0
        self.failures = []

    def fail(self, what):
        self.failures.append(what)


def report_path(result):
    """The XML report of a testResult event, or None."""
    for output in result.get("testActionOutput", []):
        if output.get("name") == "test.xml" and output.get("uri", "").startswith("file://"):
            return urllib.parse.unquote(output["uri"][len("file://"):])
    return None


def cases(path):
    """(name, passed) of each case of a report that ran."""
    try:
        tree = xml.etree.ElementTree.parse(path)
    except (OSError, xml.etree.ElementTree.ParseError):
        return
    for case in tree.iter("testcase"):
        if case.get("status") == "notrun" or case.find("skipped") is not None:
            continue
        broken = case.find("failure") is not None or case.find("error") is not None
        yield f"{case.get('classname', '')}.{case.get('name', '')}", not broken


def count_test(tally, run, label, result):
    failed_cases = 0
    path = report_path(result)
    for name, passed in cases(path) if path else ():
        if passed:
            tally.passed += 1
        else:
            failed_cases += 1
            tally.fail(f"{run}: {label} {name}")
    status = result.get("status", "NO_STATUS")
    if status != "PASSED" and failed_cases == 0:
        tally.fail(f"{run}: {label} ended as {status}")


def count_run(tally, run, events, exit_code):
    """Counts one `bazel test`; a non-zero exit that no event explains is a failure too."""
    before = len(tally.failures)
    results = {}
    for event in events:
        identity = event.get("id", {})
        if "testResult" in identity:
            key = identity["testResult"]
            place = (key["label"], key.get("run"), key.get("shard"))
            # Later attempts come later in the file; the last one is the verdict.
            results[place] = event.get("testResult", {})
        elif "targetCompleted" in identity:
            if not event.get("completed", {}).get("success"):
                tally.fail(f"{run}: {identity['targetCompleted']['label']} does not build")
    for (label, _, _), result in sorted(results.items(), key=str):
        count_test(tally, run, label, result)
    if exit_code != 0 and len(tally.failures) == before:
        tally.fail(f"{run}: bazel ended with {exit_code}")


def count_folder(folder):
    tally = Tally()
    for status in sorted(folder.glob("*.status")):
        lines = []
        events = status.with_suffix(".json")
        if events.exists():
            lines = events.read_text(encoding="utf-8").splitlines()
        count_run(tally, status.stem, map(json.loads, lines), int(status.read_text()))
    tally.passed += len(list(folder.glob("*.passed")))
    for step in sorted(folder.glob("*.failed")):
        tally.fail(step.stem)
    return tally


def main():
    tally = count_folder(pathlib.Path(sys.argv[1]))
    for failure in tally.failures:
        print(f"FAILED {failure}")
    print(f"{tally.passed} passed, {len(tally.failures)} failed")
    return 1 if tally.failures or tally.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
