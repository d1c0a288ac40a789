"""Makes files of a simulated pipeline's candles and ticks, and lets other programs read them. See scripts/check-formats."""

import argparse
import contextlib
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import processes

ROOT = Path(__file__).resolve().parents[3]
SECTION = re.compile(r"^## Files for other programs\n(.*?)(?=^## )", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FORMATS = ("backtrader", "backtesting", "freqtrade", "lean", "mt5")
# The tests of each module need the first package that it names.
MODULES = {
    "test_text": "backtesting",
    "test_ticks": "databento",
    "test_freqtrade": "freqtrade",
    "test_nautilus": "nautilus_trader",
}


def fill(pipeline):
    """Candles of four timeframes and three sources, partial ones among them; then the stages end."""
    with pipeline.configuration.open("a") as file:
        file.write("timeframes: [1m, 5m, 1h, 1d]\nhistory:\n  request_spacing_milliseconds: 0\n")
    pipeline.start_simulator(["--seed", "3", "--speed", "600", "--rate", "0.3", "--start", "2026-05-12T22:30:00"])
    for name in reversed(processes.STAGES):
        pipeline.start(name).ready()
    buyer = pipeline.launch("ingest-backfill", ["run"])
    processes.until("the history is bought", 60, lambda: not buyer.is_alive)
    pipeline.fault("lost=3")
    stored = "SELECT count(*), sum(NOT complete) FROM candle WHERE source = 1"
    processes.until("streamed and partial candles", 60, lambda: enough(pipeline.database, stored))
    for name in processes.STAGES:
        pipeline.running[name].stop()


def enough(database, query):
    with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        count, partial = connection.execute(query).fetchone()
    return count > 900 and partial


class Check:
    def __init__(self, pipeline, folder, pythons):
        self.folder, self.pythons = folder, pythons
        self.passed = self.failed = 0
        self.environment = pipeline.environment | {
            "PATH": f"{pipeline.binaries}:{os.environ['PATH']}", "TZ": "America/New_York", "HOME": str(folder),
            "CHECK_FORMATS": str(folder), "CHECK_DATABASE": str(pipeline.database),
            "CHECK_TICKS": str(pipeline.journal("ticks")),
        }  # fmt: skip

    def run(self, name, command, seconds=120):
        result = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=seconds,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        good = result.returncode == 0
        self.passed, self.failed = self.passed + good, self.failed + (not good)
        print(("ok      " if good else "FAILED  ") + name, flush=True)
        if not good:
            print(f"{result.stdout[-1000:]}{result.stderr[-3000:]}", flush=True)
        return good

    def python_with(self, package):
        """The environment that has a package; None without any."""
        code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
        return next((python for python in self.pythons if subprocess.run([python, "-c", code]).returncode == 0), None)

    def make_files(self):
        for name in FORMATS:
            self.run(f"export as {name}", ["candlewick", "export", "--format", name, "--output", f"all/{name}"])

    def run_guide(self):
        """The blocks of the section, one after the other."""
        for tool in ("ticks_to_dbn.py",):
            (self.folder / tool).symlink_to(ROOT / "python" / tool)
        text = (ROOT / "docs" / "reading.md").read_text()
        section = SECTION.search(text)
        for match in BLOCK.finditer(text, section.start(), section.end()):
            language, code = match.groups()
            name = f"reading.md line {text.count(chr(10), 0, match.start()) + 1}"
            if language == "sh":
                packages = ["databento"]
            else:
                packages = re.findall(
                    r"^(?:import|from) (backtrader|backtesting|databento|freqtrade|nautilus_trader)", code, re.MULTILINE
                )
            python = self.python_with(packages[0])
            if python is None:
                print(f"skipped {name}: {packages[0]} is not installed", flush=True)
            elif language == "sh":
                path = f"{os.path.dirname(python)}:{self.environment['PATH']}"
                self.run(name, ["env", f"PATH={path}", "bash", "-euo", "pipefail", "-c", code])
            else:
                self.run(name, [python, "-c", code])

    def run_modules(self):
        for module, package in MODULES.items():
            python = self.python_with(package)
            if python is None:
                print(f"skipped {module}: {package} is not installed", flush=True)
                continue
            command = [python, str(ROOT / "python" / "tests" / "runner.py"), module, package]
            result = subprocess.run(
                command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=240
            )
            # databento and pandas warn of each other on standard error.
            print(result.stdout, end="" if result.returncode == 0 else result.stderr[-3000:], flush=True)
            words = [
                line.split(maxsplit=1)[0] for line in result.stdout.splitlines() if line.startswith(("ok ", "FAILED "))
            ]
            self.passed += words.count("ok")
            self.failed += words.count("FAILED") or (result.returncode != 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="the folder of the programs")
    parser.add_argument("pythons", nargs="+", help="environments with the other programs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="candlewick-formats.") as folder:
        pipeline = processes.Pipeline(
            Path(folder) / "pipeline", options.bin, processes.settings(["EUR_USD", "USD_JPY"])
        )
        try:
            fill(pipeline)
            home = Path(folder) / "home"
            home.mkdir()
            check = Check(pipeline, home, options.pythons)
            check.make_files()
            check.run_guide()
            check.run_modules()
        finally:
            pipeline.kill_everything()
    print(f"{check.passed} passed, {check.failed} failed")
    return 1 if check.failed or not check.passed else 0


sys.exit(main())
