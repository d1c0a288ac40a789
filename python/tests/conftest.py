"""The lines of runner.py, `ok`, `skipped` or `FAILED`, for tests that pytest runs with `-p no:terminal`."""

import os


def line(word, name, why=""):
    words = name.rpartition("::")[2].removeprefix("test_").replace("_", " ")
    print(f"{word:<8}{os.environ.get('CHECK_LABEL', 'pytest')}: {words}{why}", flush=True)


def pytest_runtest_logreport(report):
    if report.failed:
        line("FAILED", report.nodeid, f"\n{report.longreprtext}\n{report.capstdout}")
    elif report.skipped:
        line("skipped", report.nodeid, f": {report.longrepr[2]}")
    elif report.when == "call":
        line("ok", report.nodeid)


def pytest_collectreport(report):
    if report.failed:
        line("FAILED", report.nodeid, f"\n{report.longreprtext}")
