"""The archiver under fire: see scripts/archive-kills."""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import journal
import market
import processes

STREAMS = ("ticks", "candles")
SETTINGS = """\
journal: {segment_records: 1024, retention_days: 1, sync_milliseconds: 20}
late_reach_minutes: 60
timeframes: [1m, 5m]
"""
DAMAGED = 65


class Copies:
    """Keeps every segment that ever was, also after retention has dropped it: as a second name of the same file."""

    def __init__(self, pipeline, folder):
        self.pipeline, self.folder = pipeline, folder
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        for stream in STREAMS:
            (folder / stream).mkdir(parents=True)
        self.thread.start()

    def watch(self):
        while not self.ended.wait(0.02):
            self.take()

    def take(self):
        for stream in STREAMS:
            for path in journal.segments(self.pipeline.journal(stream)):
                try:
                    os.link(path, self.folder / stream / path.name)
                except (FileExistsError, FileNotFoundError):
                    pass

    def end(self):
        self.ended.set()
        self.thread.join()
        self.take()

    def closed(self, stream):
        return journal.segments(self.folder / stream)[:-1]


class Archiving:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.folder = Path(tempfile.mkdtemp(prefix="candlewick-archiving."))
        pairs = self.prepare(self.folder / "market")
        self.pipeline = processes.Pipeline(self.folder, options.bin, SETTINGS + processes.settings(pairs))
        self.archive = self.pipeline.state / "archive"
        files = [w for p in pairs for w in ("--ticks", f"{p}={self.folder}/market/{p}.csv.gz")]
        self.pipeline.start_simulator(["--speed", str(options.speed), "--seed", str(options.seed), *files])
        self.copies = Copies(self.pipeline, self.folder / "copies")
        self.kills = self.whole = self.dropped = 0
        self.took = 0.2
        self.passed, self.faults = 0, []

    def prepare(self, folder):
        """The nine days whole, of both pairs of one broker; else some hours of them."""
        names = {pair: f"oanda_{pair.replace('_', '')}_20140501_20140509.csv.gz" for pair in ("EUR_USD", "NZD_USD")}
        if self.options.hours < 208 or not all((market.RECORDED / name).exists() for name in names.values()):
            return market.prepare(folder, self.options.seed, self.options.hours)
        folder.mkdir()
        for pair, name in names.items():
            shutil.copy(market.RECORDED / name, folder / f"{pair}.csv.gz")
        return sorted(names)

    def command(self, *words):
        return subprocess.run(
            [str(self.pipeline.binaries / "candlewick"), "archive", *words], env=self.pipeline.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True)  # fmt: skip

    def expect(self, what, holds, detail=""):
        if holds:
            self.passed += 1
        else:
            self.faults.append(f"{what} {detail}".strip())
        print(f"{'ok  ' if holds else 'FAIL'} {what}{'' if holds else f': {detail}'}", flush=True)

    # Under fire.

    def run(self):
        for name in reversed(processes.STAGES):
            self.pipeline.start(name).ready()
        began = shown = time.monotonic()
        first = now = self.pipeline.market_time()
        end = first + self.options.hours * 3600
        while self.kills < self.options.kills or now < end:
            now = self.pipeline.market_time()
            # Over the whole market, so that there is always something to archive.
            self.archive_once(self.kills < self.options.kills * min(1, (now - first) / (end - first) + 0.02))
            time.sleep(self.random.uniform(0, self.random.choice((0.05, 0.05, 1))))
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                print(f"{shown - began:5.0f} s  {self.kills} kills of {self.options.kills}", flush=True)
        for name in ("ingest-stream", "aggregator", "store-writer", "ig-simulator"):
            self.pipeline.running[name].stop()
        self.copies.end()

    def archive_once(self, kills):
        program = self.pipeline.launch("candlewick", ["archive", "run"])
        if kills:
            # Mostly while it works: a run with much to do takes longer than one that is killed.
            time.sleep(self.random.uniform(0, 1.2 * self.took))
            if program.is_alive:
                program.kill()
                self.kills += 1
                return
        code = program.process.wait()
        self.whole += 1
        self.took = 0.8 * self.took + 0.2 * (time.monotonic() - program.started)
        if code != 0:
            self.faults.append(f"archive run ended with {code}: {program.tail()}")

    # Afterwards.

    def judge(self):
        result = self.command("run")
        self.expect("the last run is whole", result.returncode == 0, result.stderr)
        result = self.command("run", "--json")
        moved = sum(line["run"]["segments"] for line in json.loads(result.stdout or "[]"))
        self.expect("one more has nothing to do", result.returncode == 0 and moved == 0, result.stdout + result.stderr)
        left = [p for p in self.archive.glob(".staging/*")]
        self.expect("nothing is left of the killed ones", not left, f"{left}")
        present = sum(len(journal.segments(self.pipeline.journal(s))) for s in STREAMS)
        copied = sum(len(journal.segments(self.copies.folder / s)) for s in STREAMS)
        self.dropped = copied - present
        self.expect("retention dropped segments meanwhile", self.dropped > 0, f"{copied} segments, {present} are left")
        shutil.rmtree(self.pipeline.state / "journal")
        for stream in STREAMS:
            self.compare(stream)
        result = self.command("check")
        self.expect("archive check finds nothing", result.returncode == 0 and "sound" in result.stdout, result.stdout)
        self.expect("no file is unknown to the manifest", "unknown" not in result.stdout, result.stdout)
        self.count()
        self.flip()

    def compare(self, stream):
        """Every closed segment comes back as it was, and no other."""
        target = self.folder / "restored" / stream
        result = self.command("restore", "--stream", stream, "--into", str(target))
        copies = self.copies.closed(stream)
        same = [c for c in copies if (target / c.name).exists() and c.read_bytes() == (target / c.name).read_bytes()]
        extra = {p.name for p in target.glob("*")} - {c.name for c in copies}
        self.expect(
            f"{len(copies)} segments of {stream} came back byte for byte, no other did",
            result.returncode == 0 and len(same) == len(copies) > 0 and not extra,
            f"{len(copies) - len(same)} differ or are missing, {sorted(extra)} too many: {result.stderr}")

    def count(self):
        """Every position in exactly one row of the files, by another reader than ours."""
        try:
            import pyarrow.parquet as parquet
        except ImportError:
            print("     pyarrow is not there: the archive's own reader counted the rows")
            return
        for stream, folders in (("ticks", ("ticks", "feed")), ("candles", ("candles",))):
            files = [p for folder in folders for p in (self.archive / folder).rglob("*.parquet")]
            found = [p for f in files for p in parquet.ParquetFile(f).read(["position"])["position"].to_pylist()]
            expected = [p for c in self.copies.closed(stream) for p in positions(c)]
            self.expect(
                f"pyarrow reads each of {len(expected)} positions of {stream} once",
                len(found) == len(set(found)) and set(found) == set(expected),
                f"{len(set(expected) - set(found))} lost, {len(found) - len(set(found))} twice")

    def flip(self):
        """A bit of a file, again and again: it is named, and everything stays."""
        files = sorted(self.archive.glob("*/date=*/**/*.parquet"))
        named = 0
        chosen = self.random.sample(files, min(12, len(files)))
        for path in chosen:
            data = bytearray(path.read_bytes())
            place = self.random.randrange(len(data))
            data[place] ^= 1 << self.random.randrange(8)
            whole = path.read_bytes()
            path.write_bytes(data)
            result = self.command("check")
            is_named = str(path) in result.stdout and result.stdout.count("damaged ") == 1
            named += result.returncode == DAMAGED and is_named
            path.write_bytes(whole)
        self.expect(f"{len(chosen)} flipped bits are named", named == len(chosen), f"{named} were")
        self.expect("nothing was deleted on their account", sorted(self.archive.glob("*/date=*/**/*.parquet")) == files)

    def verdict(self):
        print(f"{self.kills} kills, {self.whole} whole runs, {self.dropped} segments dropped by retention")
        for fault in self.faults:
            print(f"FAULT {fault}")
        print(f"{self.passed} passed, {len(self.faults)} failed")
        return 1 if self.faults else 0


def positions(segment):
    """Of the records in a segment's file, all of which are whole."""
    data = segment.read_bytes()
    size = journal.HEADER.unpack_from(data)[2]
    offsets = range(journal.HEADER.size, len(data) - size + 1, size)
    return [int.from_bytes(data[offset + 16 : offset + 24], "little") for offset in offsets]


def main():
    parser = argparse.ArgumentParser(prog="scripts/archive-kills", description=__doc__)
    parser.add_argument("--bin", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--kills", type=int, default=200, help="how often the archiver is killed (default: 200)")
    parser.add_argument("--hours", type=int, default=40, help="hours of market that are played (default: 40)")
    parser.add_argument("--speed", type=float, default=2000, help="market seconds per second (default: 2000)")
    parser.add_argument("--seed", type=int, default=1, help="of market and moments (default: 1)")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    campaign = Archiving(options)
    try:
        campaign.run()
        campaign.judge()
        return campaign.verdict()
    finally:
        campaign.pipeline.kill_everything()
        if options.keep:
            print(f"kept: {campaign.folder}")
        else:
            shutil.rmtree(campaign.folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
