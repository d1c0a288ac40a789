"""Folds archives by DuckDB and by Spark and compares their candles with ours. scripts/check-engines says how."""

from __future__ import annotations

import argparse
import contextlib
import csv
import gzip
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import dataset
import generate
import processes

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared" / "data"
SECOND = 1_000_000_000
TIMEFRAMES = "1m,5m,15m,1h,4h"
CONFIGURATION = f"timeframes: [{TIMEFRAMES}]\njournal: {{retention_days: 0, segment_records: 65536}}\n"
PRICES = [f"{side}_{part}" for side in ("bid", "ask", "mid") for part in ("open", "high", "low", "close")]
# Faults of a fold: what stands in fold_duckdb.sql, and what in its place. `verify --against` must see each.
FAULTS = {
    "close by position alone": ("max_by(bid, moment) AS bid_close", "max_by(bid, position) AS bid_close"),
    "open by time alone, the last of equal ones": ("min_by(ask, moment)", "min_by(ask, moment - 2 * position)"),
    "mid of the sides' extremes": ("max(mid) AS mid_high", "(max(bid) + max(ask)) // 2 AS mid_high"),
    "mid as a float of 32 bits": ("(bid + ask) // 2 AS mid", "((bid + ask)::FLOAT / 2)::BIGINT AS mid"),
    "repeated snapshots counted": ("FROM ticks ANTI JOIN repeats USING (position)", "FROM ticks"),
    "duplicates counted": ("flags & 4 = 0 AND flags & 24", "flags & 24"),
    "one-sided ticks left out": ("flags & 24 <> 24", "flags & 24 = 0"),
}  # fmt: skip


class World:
    """A pipeline's folders with ticks, our candles of them, and an archive that pyarrow wrote."""

    def __init__(self, folder: Path, binaries: Path, pairs: list[str]) -> None:
        self.pipeline = processes.Pipeline(folder, binaries, processes.settings(pairs) + CONFIGURATION)
        self.archive = folder / "archive"

    def play(self, files: dict[str, Path]) -> None:
        """Lets the real stages record tick files that the simulator plays."""
        ticks = [word for pair, path in files.items() for word in ("--ticks", f"{pair}={path}")]
        self.pipeline.start_simulator([*ticks, "--speed", "max", "--exit-when-done"])
        for stage in ("aggregator", "store-writer", "ingest-stream"):
            self.pipeline.start(stage).ready()
        # The simulator ends behind the last tick; what was sent before is read first.
        log = self.pipeline.running["ingest-stream"].log
        processes.until("all ticks are recorded", 300, lambda: "Connection lost" in log.read_text(), 0.1)
        for stage in ("ingest-stream", "aggregator", "store-writer"):
            self.pipeline.running[stage].stop()

    def settle(self) -> int:
        """Our candles of the whole journal, and the dataset; gives the number of ticks."""
        records = dataset.read_journal(self.pipeline.journal("ticks"))
        is_tick = records["kind"] == b"TICK"
        clock = int(records["broker_time"][~is_tick].max()) // SECOND
        minutes = records["broker_time"][is_tick] // SECOND // 60 * 60
        # A minute closes half a second behind its end.
        last = int(minutes[minutes + 60 < clock].max())
        stages = [self.pipeline.start(name) for name in ("aggregator", "store-writer")]
        for stage in stages:
            stage.ready()
        processes.until("the last minute is stored", 120, lambda: self.newest_minute() == last, 0.1)
        for stage in stages:
            stage.stop()
        dataset.write(self.archive, records)
        return int(is_tick.sum())

    def newest_minute(self) -> int:
        if not self.pipeline.database.exists():
            return 0
        with sqlite3.connect(f"file:{self.pipeline.database}?mode=ro", uri=True) as database:
            row = database.execute("SELECT max(open_time) FROM candle WHERE timeframe = 60").fetchone()
        return row[0] or 0

    def candlewick(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.pipeline.binaries / "candlewick", *words], env=self.pipeline.environment, capture_output=True,
            text=True, timeout=300,
        )  # fmt: skip


class Check:
    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options = folder, options
        self.passed = self.failed = 0

    def expect(self, what: str, is_so: bool, detail: str = "") -> None:
        self.passed += is_so
        self.failed += not is_so
        print(f"{'ok     ' if is_so else 'FAILED '} {what}{'' if is_so else f': {detail}'}", flush=True)

    def duckdb(self, archive: Path, name: str, program: Path = ROOT / "python/fold_duckdb.py") -> Path:
        output = self.folder / f"{name}.csv"
        arguments = ["--archive", archive, "--timeframes", TIMEFRAMES, "--output", output]
        subprocess.run([sys.executable, program, *arguments], check=True, timeout=300)
        return output

    def spark(self, archive: Path, name: str, cluster: bool) -> Path:
        """By two threads of this machine, or by a cluster of two workers in networks of their own."""
        output = self.folder / f"{name}.csv"
        program = [ROOT / "python/fold_spark.py", "--archive", archive, "--timeframes", TIMEFRAMES, "--output", output]
        command = [self.options.spark, *program]
        if cluster:
            namespaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
            command = [*namespaces, self.options.spark, Path(__file__).with_name("cluster.py"), *program]
        done = subprocess.run(command, timeout=900, capture_output=True, text=True)
        if done.returncode != 0:
            print(done.stderr[-3000:])
        elif cluster:
            print(f"        {done.stdout.strip()}")
        return output

    def same_as_ours(self, what: str, world: World, file: Path, most_partial: int) -> None:
        """Whether every candle of the file equals the stored one, but for so many that are partial in the store."""
        with file.open() as lines:
            ended = sum(row["ended"] == "1" for row in csv.DictReader(lines))
        verified = world.candlewick("verify", "--against", file, "--json")
        result = json.loads(verified.stdout or "{}")
        equal, partial = result.get("equal", 0), result.get("partial", 0)
        is_so = verified.returncode == 0 and equal > 0 and equal + partial == ended and partial <= most_partial
        detail = f"exit code {verified.returncode}, {ended} in the file\n{verified.stdout[:2000]}{verified.stderr}"
        self.expect(f"{what}: {equal} candles equal, {partial} partial", is_so, detail)

    def same_as_reference(self, file: Path, references: dict[int, Path]) -> None:
        with file.open() as lines:
            rows = [row for row in csv.DictReader(lines) if row["pair"] == "EUR_USD"]
        for minutes, path in references.items():
            mine = {row["timestamp"]: values(row, "tick_count") for row in rows if row["timeframe"] == str(minutes)}
            with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
                theirs = {row["timestamp_utc_ns"][:-9]: values(row, "ticks") for row in csv.DictReader(lines)}
            is_so = len(theirs) > 0 and mine == theirs
            different = [key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key)]
            self.expect(f"reference of {minutes} minutes: {len(theirs)} candles equal", is_so, f"{different[:5]}")

    # MARK: What is checked

    def real_ticks(self) -> None:
        """The nine days of both OANDA pairs; where they are missing, an hour and a half around payrolls."""
        golden = ROOT / "Tests/Golden/payrolls"
        files = {pair: golden / f"{pair}.csv.gz" for pair in ("EUR_USD", "NZD_USD")}
        references = {minutes: golden / f"EUR_USD_{minutes}m.csv" for minutes in (5, 15)}
        if SHARED.exists():
            name = "oanda_{}_20140501_20140509"
            files = {pair: SHARED / f"ticks/{name.format(pair.replace('_', ''))}.csv.gz" for pair in files}
            reference = str(SHARED / f"reference-candles/{name.format('EURUSD')}__{{}}.csv.gz")
            lengths = {1: "1m", 5: "5m", 15: "15m", 60: "1h"}
            references = {minutes: Path(reference.format(name)) for minutes, name in lengths.items()}
        world = World(self.folder / "real", self.options.bin, list(files))
        try:
            world.play(files)
            print(f"{world.settle()} real ticks", flush=True)
        finally:
            world.pipeline.kill_everything()
        folded = self.duckdb(world.archive, "real-duckdb")
        self.same_as_ours("real ticks, DuckDB", world, folded, most_partial=0)
        self.same_as_reference(folded, references)
        self.our_archive(world)
        self.by_spark(world, folded)
        if self.options.spark:
            self.blocks(world.archive)

    def our_archive(self, world: World) -> None:
        """The same out of the archive that candlewick writes; it lacks the last segment, which is still open."""
        done = world.candlewick("archive", "run")
        if done.returncode != 0:
            return self.expect("candlewick archive run", False, done.stderr)
        folded = self.duckdb(world.pipeline.state / "archive", "archive-duckdb")
        self.same_as_ours("real ticks out of our archive, DuckDB", world, folded, most_partial=0)
        if self.options.spark:
            other = self.spark(world.pipeline.state / "archive", "archive-spark", cluster=False)
            self.same_file("real ticks out of our archive", folded, other)

    def hostile_ticks(self) -> None:
        """Generated ticks with everything that is rare, and faults that must be found."""
        world = World(self.folder / "hostile", self.options.bin, generate.PAIRS)
        journal, position = world.pipeline.journal("ticks"), 1
        for day in range(2):
            records = generate.day(generate.MONDAY + day, self.options.ticks // 2, position, seed=day, is_hostile=True)
            dataset.write_journal(journal, records)
            position += len(records)
        for folder in (world.pipeline.state, journal.parent, journal):
            folder.chmod(0o700)
        try:
            print(f"{world.settle()} generated ticks", flush=True)
        finally:
            world.pipeline.kill_everything()
        folded = self.duckdb(world.archive, "hostile-duckdb")
        # Nothing is known of the time before the first record.
        self.same_as_ours("generated ticks, DuckDB", world, folded, most_partial=len(generate.PAIRS) * 5)
        self.find_faults(world)
        self.by_spark(world, folded)

    def find_faults(self, world: World) -> None:
        """Whether the comparison finds the faults of a fold that is wrong on purpose."""
        right = (ROOT / "python/fold_duckdb.sql").read_text()
        program = shutil.copy(ROOT / "python/fold_duckdb.py", self.folder)
        for number, (fault, (there, instead)) in enumerate(FAULTS.items()):
            if there not in right:
                self.expect(f"fault '{fault}'", False, f"'{there}' does not stand in fold_duckdb.sql")
                continue
            (self.folder / "fold_duckdb.sql").write_text(right.replace(there, instead))
            folded = self.duckdb(world.archive, f"fault-{number}", Path(program))
            verified = world.candlewick("verify", "--against", folded, "--json")
            wrong = json.loads(verified.stdout or "{}").get("different", 0)
            self.expect(f"fault '{fault}' is found: {wrong} candles differ", verified.returncode == 65, verified.stdout)

    def by_spark(self, world: World, folded: Path) -> None:
        if not self.options.spark:
            return
        for cluster in (False, True):
            name = f"{folded.stem}-spark-{'cluster' if cluster else 'local'}"
            other = self.spark(world.archive, name, cluster)
            what = "Spark, cluster of two workers" if cluster else "Spark, two threads"
            self.same_file(f"{folded.stem.split('-')[0]} ticks, {what}", folded, other)
        self.same_as_ours("the same by our own comparison", world, other, most_partial=len(generate.PAIRS) * 5)

    def blocks(self, archive: Path) -> None:
        """The blocks of docs/archive.md that need Spark and an object store."""
        found = re.findall(r"^```py\n(.*?)^```", (ROOT / "docs/archive.md").read_text(), flags=re.M | re.S)
        spark, store = (next(block for block in found if word in block) for word in ("pyspark", "S3FileSystem"))
        environment = os.environ | {"ARCHIVE": str(archive)}
        done = subprocess.run([self.options.spark, "-c", spark], env=environment, capture_output=True, text=True)
        self.expect("docs/archive.md, Spark", done.returncode == 0, done.stderr[-2000:])
        with object_store(self.options.store) as address:
            environment |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "S3_ENDPOINT": address}
            done = subprocess.run([sys.executable, "-c", store], env=environment, capture_output=True, text=True)
        self.expect("docs/archive.md, object store", done.returncode == 0, done.stderr[-2000:])

    def same_file(self, what: str, first: Path, second: Path) -> None:
        is_same = second.exists() and first.read_bytes() == second.read_bytes()
        self.expect(f"{what}: the file equals DuckDB's byte for byte", is_same, f"{first} {second}")


@contextlib.contextmanager
def object_store(python: str) -> Iterator[str]:
    """A server that speaks S3, with an empty bucket `ticks-archive`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = Path(python).with_name("moto_server")
    server = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        make = urllib.request.Request(f"{address}/ticks-archive", method="PUT")
        processes.until("the object store answers", 60, lambda: answers(make), 0.2)
        yield address
    finally:
        server.kill()
        server.wait()


def answers(request: urllib.request.Request) -> bool:
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except OSError:
        return False


def values(row: dict[str, str], count: str) -> list[Decimal]:
    return [Decimal(row[name]) for name in [*PRICES, count]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/check-engines")
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--spark", help="the Python with PySpark; without it Spark is left out")
    parser.add_argument("--store", help="the Python with moto, an object store")
    parser.add_argument("--ticks", type=int, default=400_000, help="how many are generated")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="candlewick-engines.", dir="/tmp") as folder:
        check = Check(Path(folder), options)
        check.hostile_ticks()
        check.real_ticks()
    print(f"{check.passed} passed, {check.failed} failed")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
