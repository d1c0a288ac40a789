"""Bytes, rates and query times of the archive beside other ways to keep and read ticks: the tables of docs/archive.md.

    scripts/check-engines --figures [--days 43] [--a-day 2300000]

Everything in one run: compare within a table. A part that cannot run says so and is left out.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import databento_dbn
import dataset
import duckdb
import fold_duckdb
import generate
import numpy
import polars
import processes
import pyarrow
import pyarrow.csv

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared" / "data" / "ticks"
ROUNDS = 5
# A record of Databento's schema mbp-1: https://databento.com/docs/schemas-and-data-formats/mbp-1
MBP1 = numpy.dtype(
    [
        ("length", "u1"), ("rtype", "u1"), ("publisher_id", "<u2"), ("instrument_id", "<u4"), ("ts_event", "<u8"),
        ("price", "<i8"), ("size", "<u4"), ("action", "S1"), ("side", "S1"), ("flags", "u1"), ("depth", "u1"),
        ("ts_recv", "<u8"), ("ts_in_delta", "<i4"), ("sequence", "<u4"), ("bid_px", "<i8"), ("ask_px", "<i8"),
        ("sizes", "<u4", 4),
    ]
)  # fmt: skip


def real_ticks() -> numpy.ndarray | None:
    """Both OANDA pairs of nine days in one stream, received 20 to 90 ms later."""
    if not SHARED.exists():
        return None
    parts = []
    for pair in ("EUR_USD", "NZD_USD"):
        path = SHARED / f"oanda_{pair.replace('_', '')}_20140501_20140509.csv.gz"
        text = {"column_types": {"bid": pyarrow.decimal128(18, 9), "ask": pyarrow.decimal128(18, 9)}}
        table = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(**text))
        part = numpy.zeros(len(table), dataset.TICK)
        part["kind"], part["pair"] = b"TICK", pair.encode()
        part["broker_time"] = table["timestamp_utc_ns"].to_numpy()
        for side in ("bid", "ask"):
            part[side] = [int(price.scaleb(9)) for price in table[side].to_pylist()]
        parts.append(part)
    ticks = numpy.concatenate(parts)
    ticks = ticks[numpy.argsort(ticks["broker_time"], kind="stable")]
    ticks["position"] = numpy.arange(1, len(ticks) + 1)
    delay = numpy.random.default_rng(1).integers(20_000_000, 90_000_000, len(ticks))
    ticks["receive_time"] = numpy.maximum.accumulate(ticks["broker_time"] + delay)
    return ticks


# MARK: Ways to keep ticks; each gives the bytes


def by_us(folder: Path, records: numpy.ndarray, binaries: Path) -> tuple[int, float]:
    """`candlewick archive run` on a journal whose last segment, which stays, is one record long."""
    pipeline = processes.Pipeline(folder / "ours", binaries, "")
    journal = pipeline.journal("ticks")
    dataset.write_journal(journal, records[:-1])
    dataset.write_journal(journal, records[-1:])
    for path in (pipeline.state, journal.parent, journal):
        path.chmod(0o700)
    began = time.perf_counter()
    done = subprocess.run(
        [binaries / "candlewick", "archive", "run"], env=pipeline.environment, capture_output=True, text=True
    )
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise OSError(done.stderr.strip().splitlines()[0])
    return size_of(pipeline.state / "archive" / "ticks"), seconds


def by_pyarrow(folder: Path, records: numpy.ndarray) -> int:
    return dataset.write(folder / "pyarrow", records)


def by_zstd(folder: Path, records: numpy.ndarray) -> int:
    """The journal itself."""
    return sum(len(part) for part in blocks_of(records, pyarrow.Codec("zstd", 3).compress))


def by_csv(folder: Path, records: numpy.ndarray) -> tuple[int, float]:
    """The archive's columns, gzip -6. Measures the first million ticks; size and time are scaled up to all of them."""
    part = records[:1_000_000]
    began = time.perf_counter()
    text = io.BytesIO()
    table = pyarrow.table({"pair": part["pair"].astype("U12")} | dataset.columns(part))
    pyarrow.csv.write_csv(table, text)
    factor, size = len(records) / len(part), len(gzip.compress(text.getbuffer(), 6))
    return round(size * factor), (time.perf_counter() - began) * factor


def by_dbn(folder: Path, records: numpy.ndarray) -> int:
    """Schema mbp-1 in zstd. A position of more than 32 bits and most of our flags do not fit."""
    names, numbers = numpy.unique(records["pair"], return_inverse=True)
    rows = numpy.zeros(len(records), MBP1)
    rows["length"], rows["rtype"], rows["action"], rows["side"] = MBP1.itemsize // 4, 1, b"M", b"N"
    rows["instrument_id"] = numbers + 1
    rows["ts_event"], rows["ts_recv"] = records["broker_time"], records["receive_time"]
    rows["price"], rows["bid_px"], rows["ask_px"] = databento_dbn.UNDEF_PRICE, records["bid"], records["ask"]
    rows["sequence"] = records["position"] & 0xFFFFFFFF
    symbols = [name.decode() for name in names]
    metadata = databento_dbn.Metadata(
        dataset="CANDLEWICK", start=int(records["broker_time"][0]), stype_in=databento_dbn.SType.RAW_SYMBOL,
        stype_out=databento_dbn.SType.INSTRUMENT_ID, schema=databento_dbn.Schema.MBP_1, symbols=symbols,
    )  # fmt: skip
    head = metadata.encode()
    path = folder / "ticks.dbn.zst"
    with path.open("wb") as file:
        file.write(pyarrow.Codec("zstd", 3).compress(head, asbytes=True))
        for part in blocks_of(rows, pyarrow.Codec("zstd", 3).compress):
            file.write(part)
    decoder = databento_dbn.DBNDecoder()
    decoder.write(head + rows[:1_000].tobytes())
    read = decoder.decode()[1:]
    for record, row in zip(read, records[:1_000], strict=True):
        level = record.levels[0]
        if (level.bid_px, level.ask_px, record.ts_event) != (row["bid"], row["ask"], row["broker_time"]):
            raise OSError("databento-dbn reads something else")
    return path.stat().st_size


def blocks_of(records: numpy.ndarray, compress: Callable[[bytes], bytes]) -> list[bytes]:
    step = 1 << 20
    return [bytes(compress(records[at : at + step].tobytes())) for at in range(0, len(records), step)]


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def sizes(folder: Path, what: str, records: numpy.ndarray, binaries: Path) -> None:
    ticks = records[records["kind"] == b"TICK"]
    print(f"\n{what}: {len(ticks):,} ticks\n\n| | bytes a tick | MB | seconds | ticks/s |\n|---|---:|---:|---:|---:|")
    ways: dict[str, Callable[[], int | tuple[int, float]]] = {
        "`candlewick archive run`, read back and compared": lambda: by_us(folder, records, binaries),
        "pyarrow, the same files": lambda: by_pyarrow(folder, ticks),
        "journal, zstd -3": lambda: by_zstd(folder, ticks),
        "DBN (mbp-1), zstd -3": lambda: by_dbn(folder, ticks),
        "CSV, gzip -6": lambda: by_csv(folder, ticks),
    }
    for name, way in ways.items():
        began = time.perf_counter()
        try:
            size = way()
        except OSError as error:
            print(f"| {name} | {error} | | | |", flush=True)
            continue
        seconds = time.perf_counter() - began
        if isinstance(size, tuple):
            size, seconds = size
        rate = len(ticks) / seconds
        print(f"| {name} | {size / len(ticks):.1f} | {size / 1e6:.1f} | {seconds:.1f} | {rate:,.0f} |", flush=True)


# MARK: Questions


def make_months(archive: Path, days: int, a_day: int) -> int:
    """Weekdays from 2026-05-11 on; gives the number of ticks."""
    position, ticks, number = 1, 0, generate.MONDAY
    for _ in range(days):
        records = generate.day(number, a_day, position, seed=3)
        dataset.write(archive, records)
        position, ticks = position + len(records), ticks + a_day
        number += 3 if number % 7 == (generate.MONDAY + 4) % 7 else 1
    return ticks


def median(work: Callable[[], object]) -> tuple[float, object]:
    results, seconds = set(), []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        results.add(work())
        seconds.append(time.perf_counter() - began)
    (result,) = results
    return statistics.median(seconds), result


def queries(archive: Path, spark: str | None) -> None:
    """One pair, one month: ticks, lowest bid, highest ask, sum of both."""
    first, last = "2026-05-11", "2026-06-11"
    glob = f"{archive}/ticks/*/*/*.parquet"
    where = f"pair = 'EUR_USD' AND date >= DATE '{first}' AND date < DATE '{last}'"
    source = f"read_parquet('{glob}', hive_partitioning = true)"
    sql = f"SELECT count(*), min(bid), max(ask), sum(bid + ask)::BIGINT FROM {source} WHERE {where}"
    connection = duckdb.connect()
    days = polars.col("date").is_between(polars.lit(first).str.to_date(), polars.lit(last).str.to_date(), closed="left")
    frame = polars.scan_parquet(glob, hive_partitioning=True, try_parse_hive_dates=True)
    wanted = frame.filter((polars.col("pair") == "EUR_USD") & days)
    bid, ask = polars.col("bid"), polars.col("ask")
    totals = [polars.len(), bid.min(), ask.max(), (bid + ask).sum().alias("sum")]
    programs = {
        "DuckDB": lambda: connection.execute(sql).fetchone(),
        "polars": lambda: wanted.select(*totals).collect().row(0),
    }
    print(f"\n| one pair, one month | median of {ROUNDS} | rows |\n|---|---:|---:|")
    found = set()
    for name, program in programs.items():
        seconds, row = median(program)
        found.add(tuple(int(value) for value in row))
        print(f"| {name} | {seconds * 1000:.0f} ms | {row[0]:,} |", flush=True)
    if spark:
        words = [spark, Path(__file__).with_name("spark_figures.py"), archive, first, last, ROUNDS]
        words = [str(word) for word in words]
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, timeout=3000)
        print(done.stdout, end="", flush=True)
        row = done.stdout.splitlines()[0].split("|")[3].replace(",", "")
        found.add(next(iter(found)) if int(row) == next(iter(found))[0] else (int(row),))
    if len(found) != 1:
        sys.exit(f"the engines do not agree: {found}")
    for threads in (1, 2):
        began = time.perf_counter()
        ticks = fold(archive, threads)
        seconds = time.perf_counter() - began
        print(f"| fold, DuckDB, {threads} threads | {seconds:.1f} s | {ticks / seconds:,.0f} ticks/s |", flush=True)


def fold(archive: Path, threads: int) -> int:
    days = datetime.date(1970, 1, 1), datetime.date(2200, 1, 1)
    connection = fold_duckdb.fold(archive, [5, 15, 60, 240], *days, [])
    connection.execute(f"SET threads = {threads}")
    return connection.execute("SELECT sum(tick_count)::BIGINT FROM folded WHERE timeframe = '5'").fetchone()[0]


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/check-engines --figures")
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--spark", help="the Python with PySpark")
    parser.add_argument("--days", type=int, default=43, help="weekdays of the questions' dataset")
    parser.add_argument("--a-day", type=int, default=2_300_000, help="its ticks a day")
    parser.add_argument("--mean", type=int, default=42_600, help="ticks of a pair in a day at real rates")
    parser.add_argument("--worst", type=int, default=300, help="ticks a second of all pairs in the worst case")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="candlewick-figures.", dir="/tmp") as name:
        folder = Path(name)
        real = real_ticks()
        cases = {
            "28 pairs, a day at real rates": 28 * options.mean,
            "28 pairs, a day in the worst case": 86_400 * options.worst,
        }
        if real is not None:
            (folder / "real").mkdir()
            sizes(folder / "real", "Nine real days of two pairs", real, options.bin)
        for what, count in cases.items():
            part = folder / what.split()[-1]
            part.mkdir()
            sizes(part, what, generate.day(generate.MONDAY, count, 1, seed=1), options.bin)
        ticks = make_months(folder / "months", options.days, options.a_day)
        size = size_of(folder / "months/ticks")
        print(f"\n{ticks:,} ticks of 28 pairs in {options.days} days, {size / 1e6:,.0f} MB", flush=True)
        queries(folder / "months", options.spark)


if __name__ == "__main__":
    main()
