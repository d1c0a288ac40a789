"""Runs the tests of one module; one line each: `ok`, `skipped` or `FAILED`.

usage: runner.py MODULE LABEL
"""

import sys
import unittest


class Lines(unittest.TestResult):
    label = sys.argv[2]

    def line(self, word, test, why=""):
        name = getattr(test, "_testMethodName", str(test)).removeprefix("test_").replace("_", " ")
        print(f"{word:<8}{self.label}: {name}{why}", flush=True)

    def addSuccess(self, test):
        self.line("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line("skipped", test, f": {reason}")

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.line("FAILED", test, f"\n{self.failures[-1][1]}")

    def addError(self, test, error):
        super().addError(test, error)
        self.line("FAILED", test, f"\n{self.errors[-1][1]}")

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.line("FAILED", test, f" {subtest._subDescription()}\n{(self.failures + self.errors)[-1][1]}")


result = Lines()
unittest.defaultTestLoader.loadTestsFromName(sys.argv[1]).run(result)
sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)
