"""unittest with the XML report that Bazel and ./test read: one case a test."""

import os
import sys
import unittest
from xml.sax.saxutils import quoteattr


class _Result(unittest.TextTestResult):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ran = []

    def stopTest(self, test):
        self.ran.append(test.id().removeprefix("__main__."))
        super().stopTest(test)


def _write(path, result):
    broken = {test.id().removeprefix("__main__."): text
              for test, text in result.failures + result.errors}
    # A failure outside any test (setUpClass) is a case too.
    names = result.ran + [name for name in broken if name not in result.ran]
    with open(path, "w", encoding="utf-8") as out:
        out.write(f'<testsuites><testsuite name="unittest" tests="{len(names)}">\n')
        for name in names:
            suite, _, case = name.rpartition(".")
            out.write(f"<testcase classname={quoteattr(suite)} name={quoteattr(case)}>")
            if name in broken:
                out.write(f"<failure message={quoteattr(broken[name])}/>")
            out.write("</testcase>\n")
        out.write("</testsuite></testsuites>\n")


def main():
    """Runs the tests of the calling module and exits 0 when all passed and there was one."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(resultclass=_Result, verbosity=1).run(suite)
    if os.environ.get("XML_OUTPUT_FILE"):
        _write(os.environ["XML_OUTPUT_FILE"], result)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
