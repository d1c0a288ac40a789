"""Runs the tests with and without the packages, prints one line each and a count at the end."""

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import processes

HERE = Path(__file__).resolve().parent


def make_empty_database(folder, binaries):
    """A database with store-writer's tables and views and without rows, in one file."""
    pipeline = processes.Pipeline(folder, binaries, processes.settings(["EUR_USD"]))
    writer = pipeline.start("store-writer")
    try:
        writer.ready()
        writer.stop()
    finally:
        pipeline.kill_everything()
    connection = sqlite3.connect(pipeline.database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return pipeline.database


def run(python, module, label, seconds, environment):
    """Returns the numbers of passed and failed tests."""
    command = [python, str(HERE / "runner.py"), module, label]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE, env=environment) as process:
        try:
            text, _ = process.communicate(timeout=seconds)
            end = f"it ended with {process.returncode}"
        except subprocess.TimeoutExpired:
            process.kill()
            text, _ = process.communicate()
            end = f"not done after {seconds} s"
    print(text, end="", flush=True)
    words = [line.split(maxsplit=1)[0] for line in text.splitlines() if line.startswith(("ok ", "FAILED "))]
    failed = words.count("FAILED")
    # A crash ends the runner before it can say what failed.
    if failed == 0 and process.returncode != 0:
        failed = 1
        print(f"FAILED  {label}: {module}: {end}", flush=True)
    return words.count("ok"), failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="the folder of the programs")
    parser.add_argument("--plain", required=True, help="python without any package")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="candlewick-python.") as folder:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CANDLEWICK_", "IG_", "STATE_DIRECTORY"))}
        environment = kept | {
            "CHECK_BIN": options.bin,
            "CHECK_EMPTY_DATABASE": str(make_empty_database(Path(folder) / "empty", options.bin)),
            "CHECK_PLAIN_PYTHON": options.plain,
            "PYTHONDONTWRITEBYTECODE": "1",
            # Far from UTC, so that a local time shows.
            "TZ": "America/New_York",
        }  # fmt: skip
        runs = [
            run(options.plain, "test_forex_database", "standard library", 120, environment),
            run(sys.executable, "test_forex_database", "with packages", 120, environment),
            run(options.plain, "test_bus", "standard library", 120, environment),
            run(sys.executable, "test_bus", "with packages", 120, environment),
            run(sys.executable, "test_relay", "relay", 120, environment),
            run(sys.executable, "test_pipeline", "pipeline", 300, environment),
        ]
    passed, failed = map(sum, zip(*runs))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
