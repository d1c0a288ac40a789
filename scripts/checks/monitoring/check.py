"""Tests the files of monitoring/, then drills them: see scripts/check-monitoring."""

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import drills
import metrics
import processes
import rules
import watchers

# What gives nothing while all is well, nothing was bought, and no week has passed.
MAY_BE_EMPTY = ("candlewick_hole_timestamp_seconds", "candlewick_quota_renewal_timestamp_seconds", "offset 1w")


class Count:
    def __init__(self):
        self.passed = self.failed = 0

    def note(self, name, wrong):
        print(f"{'FAIL' if wrong else 'PASS'} {name}", flush=True)
        if wrong:
            print("    " + wrong.strip().replace("\n", "\n    "), flush=True)
        self.passed, self.failed = self.passed + (not wrong), self.failed + bool(wrong)


def check_board(world):
    """Whether each expression is one, and gives something for the pipeline that is well."""
    wrong = []
    for title, expression in rules.board_expressions():
        text = expression.replace("$instance", "all-is-well").replace("$__rate_interval", "1m").replace("$__range", "1h")
        text = text.replace("$__interval", "15s")
        try:
            found = world.watchers.query(text)
        except ValueError as error:
            wrong.append(f"{title}: {error}: {text}")
            continue
        if not found and not any(part in expression for part in MAY_BE_EMPTY):
            wrong.append(f"{title}: nothing for {text}")
    return "\n".join(wrong)


def check_by_hand(watching, amtool):
    """Whether a page of one's own comes, and none while it is silenced, as docs/monitoring.md has it."""
    def ask(*words):
        subprocess.run([amtool, *words, f"--alertmanager.url={watching.pages_from}"], check=True, capture_output=True)

    ask("silence", "add", "instance=muted", "--duration=1h", "--comment=new disk", "--author=me")
    for instance in ("muted", "test"):
        ask("alert", "add", "CandlewickTest", "severity=page", f"instance={instance}", "--annotation=summary='Awake'")
    received = watching.receiver.received
    processes.until("a page by hand", 60, lambda: received("/page", "test"), 0.2)
    return "a page that is silenced comes" if received("/page", "muted") else ""


def drill(options, count):
    wanted = [entry for entry in drills.DRILLS if options.only in entry.name]
    factor, scrape = (1, 5) if options.full else (5, 2)
    folder = tempfile.mkdtemp(prefix="candlewick-alerts.", dir="/tmp")
    watching = watchers.Watchers(Path(folder) / "watchers", options.prometheus, options.alertmanager, factor, scrape)
    world = drills.World(wanted, folder, options, watching)
    try:
        for result in world.conduct():
            count.note(result.line, result.wrong)
        count.note("a page by hand comes, one that is silenced does not", check_by_hand(watching, amtool_of(options)))
        if any(entry.name == "all is well" for entry in wanted):
            count.note("each expression of the board gives something", check_board(world))
            base = f"http://{world.pipelines['all is well'].address}"
            count.note("a scrape has all that docs/metrics.md promises", metrics.check(base, options.promtool))
    finally:
        world.stop()
        watching.stop()
    if options.keep or count.failed:
        print(f"kept: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


def amtool_of(options):
    return Path(options.alertmanager).parent / "amtool"


def stop(*_):
    raise SystemExit("stopped")


def main():
    signal.signal(signal.SIGTERM, stop)
    parser = argparse.ArgumentParser(prog="scripts/check-monitoring")
    for name in ("--bin", "--prometheus", "--alertmanager", "--promtool"):
        parser.add_argument(name, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--full", action="store_true", help="the rules' real durations")
    parser.add_argument("--rules", action="store_true", help="no drills")
    parser.add_argument("--only", default="", help="words of the drills' names")
    parser.add_argument("--keep", action="store_true", help="keep the folder of the drills")
    options = parser.parse_args()
    count = Count()
    if not options.only:
        for name, check in rules.Rules(options.promtool, amtool_of(options)).checks(options.full):
            count.note(name, check())
    if not options.rules:
        try:
            drill(options, count)
        except (processes.ProgramError, OSError) as error:
            count.note("the drills end", str(error))
    print(f"{count.passed} passed, {count.failed} failed")
    return 1 if count.failed or not count.passed else 0


sys.exit(main())
