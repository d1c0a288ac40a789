"""What collectors cost: memory, CPU and delay for a number of instruments on as many accounts as they need."""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import processes
import shared_pairs

# Of an account: 40 items, one of them the heartbeat.
SHARE = 39
TIMEFRAMES = "[1m, 5m]"
# A candle can be read this long after its end at the latest.
READABLE_SECONDS = 5
START = "2026-05-12T08:00:00"
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Run:
    """So many instruments, from the start of the programs to their end."""

    def __init__(self, binaries, count, rate):
        self.folder = Path(tempfile.mkdtemp(prefix="candlewick-collectors."))
        self.names = [f"IX{number:03}" for number in range(1, count + 1)]
        self.shares = [self.names[place : place + SHARE] for place in range(0, count, SHARE)]
        self.collectors = ["main"] + [f"c{number}" for number in range(2, len(self.shares) + 1)]
        self.pipeline = processes.Pipeline(self.folder, binaries, self.configuration(0))
        accounts = [word for name in self.collectors for word in ("--account", f"{name}={SHARE + 1}")]
        self.pipeline.start_simulator(
            ["--start", START, "--rate", str(rate), "--more-instruments", str(count), *accounts])
        # The programs of each stage.
        self.programs = defaultdict(list)

    def configuration(self, place):
        listed = ", ".join(f"{{pair: {name}, epic: CS.D.{name}.CFD.IP}}" for name in self.shares[place])
        return (
            f"collector: {self.collectors[place]}\ninstruments: [{listed}]\ntimeframes: {TIMEFRAMES}\n"
            "stream: {login_spacing_seconds: 0}\n"
        )

    def start(self):
        self.launch("store-writer", 0)
        for place in range(len(self.collectors)):
            self.launch("aggregator", place)
            self.launch("ingest-stream", place)

    def launch(self, name, place):
        file = self.folder / f"{self.collectors[place]}.yaml"
        file.write_text(self.configuration(place))
        self.pipeline.environment |= {"CANDLEWICK_CONFIG": str(file), "IG_USERNAME": self.collectors[place]}
        program = self.pipeline.launch(name)
        program.ready()
        self.programs[name].append(program)

    def used(self):
        """CPU seconds and resident MB of each stage's programs together."""
        result = {}
        for stage, programs in self.programs.items():
            seconds = resident = 0
            for program in programs:
                fields = Path(f"/proc/{program.pid}/stat").read_text().rsplit(")", 1)[1].split()
                seconds += (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
                resident += int(fields[21]) * PAGE / 1e6
            result[stage] = (seconds, resident)
        return result

    def measure(self, seconds):
        """Every stage's share of a core and MB, and ticks per second, once all of them stream."""
        before, ticks, began = self.used(), self.ticks(), time.monotonic()
        time.sleep(seconds)
        span = time.monotonic() - began
        after = self.used()
        cpu = {stage: (after[stage][0] - before[stage][0]) / span for stage in after}
        return cpu, {stage: after[stage][1] for stage in after}, (self.ticks() - ticks) / span

    def ticks(self):
        """Records of all ticks journals."""
        folders = [self.pipeline.state / "journal", *self.pipeline.state.glob("collectors/*/journal")]
        return sum(f.stat().st_size // 64 for folder in folders for f in (folder / "ticks").iterdir() if f.is_file())

    def delay(self):
        """p50, p99 and worst of the last hour in seconds: of busy pairs, of quiet ones."""
        command = [self.pipeline.binaries / "candlewick", "status", "--json"]
        output = subprocess.run(command, env=self.pipeline.environment, capture_output=True, text=True, timeout=60).stdout
        figures = json.loads(output)["delay"]
        keys = ("p50Seconds", "p99Seconds", "worstSeconds")
        return {group: [figures[group][key] for key in keys] for group in ("busy", "quiet") if figures.get(group)}

    def lacking(self, since):
        """Instruments that lack a complete candle of a whole minute after a moment, and how many minutes there are."""
        first = (since // 60 + 1) * 60
        last = (int(self.pipeline.market_time()) - READABLE_SECONDS) // 60 * 60 - 60
        with closing(sqlite3.connect(f"file:{self.pipeline.database}?mode=ro", uri=True, timeout=10)) as database:
            rows = database.execute(
                "SELECT pair, count(*) FROM candles WHERE timeframe = '1' AND timestamp BETWEEN ? AND ? GROUP BY pair",
                (first, last)).fetchall()  # fmt: skip
        whole = dict(rows)
        minutes = (last - first) // 60 + 1
        return [name for name in self.names if whole.get(name, 0) < minutes], minutes

    def end(self):
        for stage in ("ingest-stream", "aggregator", "store-writer"):
            for program in self.programs[stage]:
                program.process.terminate()
            for program in self.programs[stage]:
                program.process.wait(30)
        self.pipeline.running["ig-simulator"].stop()
        shutil.rmtree(self.folder)

    def kill(self):
        for programs in self.programs.values():
            for program in programs:
                program.kill()
        self.pipeline.kill_everything()


def measured(options, count):
    """One row of the table; the names of what is not complete."""
    run = Run(options.bin, count, options.rate)
    try:
        run.start()
        began = int(run.pipeline.market_time())
        cpu, memory, ticks = run.measure(options.seconds)
        delay = run.delay()
        lacking, minutes = run.lacking(began)
        if minutes < 1:
            raise SystemExit("no whole minute was measured: give more --seconds")
        run.end()
    except BaseException:
        run.kill()
        raise
    stages = [f"{100 * cpu[stage]:.1f}% {memory[stage]:.0f} MB" for stage in processes.STAGES]
    total = f"{100 * sum(cpu.values()):.0f}% {sum(memory.values()):.0f} MB"
    delays = [" / ".join(f"{value:.2f}" for value in delay[group]) if group in delay else "–" for group in ("busy", "quiet")]
    row = [count, len(run.collectors), f"{ticks:.0f}", *stages, total, *delays, f"{count - len(lacking)} of {count}"]
    print(f"{count} instruments, {minutes} whole minutes: {len(lacking)} lack a candle {lacking[:10]}", file=sys.stderr)
    return row, lacking


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--instruments", default="28,120,1000", help="numbers of instruments, with commas")
    parser.add_argument("--seconds", type=int, default=150, help="how long each is measured")
    parser.add_argument("--rate", type=float, default=1, help="ticks per instrument and second, on average")
    parser.add_argument("--kills", type=int, default=0,
                        help="instead: two collectors of the same pairs, and at least so many processes killed")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="of market, victims and moments, with --kills")
    options = parser.parse_args()
    if options.kills:
        return shared_pairs.conduct(options.bin, options.seed, options.kills)
    head = ["instruments", "collectors", "ticks/s", *processes.STAGES, "together", "busy p50/p99/worst s",
            "quiet p50/p99/worst s", "complete"]  # fmt: skip
    print("| " + " | ".join(head) + " |")
    print("|" + "---:|" * len(head), flush=True)
    failed = False
    for count in (int(word) for word in options.instruments.split(",")):
        row, lacking = measured(options, count)
        print("| " + " | ".join(map(str, row)) + " |", flush=True)
        failed = failed or bool(lacking)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
