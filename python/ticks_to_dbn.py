"""Makes a file of ticks that Databento's programs read (DBN, schema mbp-1), from the archive or exported Parquet.

    python3 ticks_to_dbn.py /var/lib/candlewick/archive/ticks --pair EUR_USD --output EUR_USD.dbn.zst
    candlewick export ticks EUR_USD --format parquet --output ticks.parquet
    python3 ticks_to_dbn.py ticks.parquet --output EUR_USD.dbn

Prices are the same whole numbers of 1e-9 and times the same nanoseconds as here: nothing is rounded. Of each tick
`ts_event` is the broker's time, `ts_recv` when it arrived, `bid_px_00` and `ask_px_00` its prices, `sequence` the last
32 bits of its position. A side that the broker did not send is undefined. Sizes, which IG does not send, are 0.
Needs databento-dbn, numpy and pyarrow. Why this layout: docs/decisions/0044-files-for-other-programs.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import databento_dbn
import numpy
import pyarrow
import pyarrow.compute
import pyarrow.dataset

DATASET = "CANDLEWICK"
# Flags of ticks: docs/formats.md § 1.1.
SNAPSHOT, BID_MISSING, ASK_MISSING = 1, 8, 16
# What MBP1Msg of databento_dbn has, in its order.
RECORD = numpy.dtype([
    ("length", "u1"), ("rtype", "u1"), ("publisher_id", "<u2"), ("instrument_id", "<u4"), ("ts_event", "<u8"),
    ("price", "<i8"), ("size", "<u4"), ("action", "S1"), ("side", "S1"), ("flags", "u1"), ("depth", "u1"),
    ("ts_recv", "<u8"), ("ts_in_delta", "<i4"), ("sequence", "<u4"),
    ("bid_px_00", "<i8"), ("ask_px_00", "<i8"), ("bid_sz_00", "<u4"), ("ask_sz_00", "<u4"),
    ("bid_ct_00", "<u4"), ("ask_ct_00", "<u4"),
])  # fmt: skip
# So many are made at once: they fit the processor's cache.
ROWS = 1 << 14
COLUMNS = ("pair", "position", "broker_time", "receive_time", "bid", "ask", "flags")


class Interval(NamedTuple):
    """The days on which an instrument has a number; the last one is not included."""

    start_date: date
    end_date: date
    symbol: str


class Mapping(NamedTuple):
    """The numbers of an instrument."""

    raw_symbol: str
    intervals: list[Interval]


class Ticks:
    """The ticks of some pairs in a folder of the archive, or in a Parquet file with the same columns and `pair`."""

    def __init__(self, path: Path, pairs: list[str], since: date | None = None, until: date | None = None) -> None:
        """
        pairs  those wanted; none: all
        since  the first day of the broker's time that is wanted, UTC
        until  the day after the last one
        Raises ValueError if there is no such tick.
        """
        keys = pyarrow.schema([("date", pyarrow.string()), ("pair", pyarrow.string())])
        hive = pyarrow.dataset.partitioning(keys, flavor="hive") if path.is_dir() else None
        self.data = pyarrow.dataset.dataset(path, format="parquet", partitioning=hive)
        lacking = [name for name in COLUMNS if name not in self.data.schema.names]
        if lacking:
            raise ValueError(f"{path} has no ticks: it lacks {', '.join(lacking)}")
        # In a file that `export ticks --events` wrote, other records stand between the ticks.
        self.wanted = self._wanted(pairs, since, until, path.is_dir(), "event" in self.data.schema.names)
        times = [self._range(name) for name in ("broker_time", "receive_time")]
        if not all(times):
            raise ValueError(f"{path} has no such tick")
        self.first, self.last = min(time[0] for time in times), max(time[1] for time in times)
        """Of all times, in nanoseconds."""

    @staticmethod
    def _wanted(
        pairs: list[str], since: date | None, until: date | None, has_dates: bool, has_events: bool
    ) -> pyarrow.compute.Expression:
        """What a record must be like, and its folder, so that others are not opened."""
        field, wanted = pyarrow.dataset.field, pyarrow.compute.scalar(True)
        if has_events:
            wanted &= field("event") == ""
        if pairs:
            wanted &= field("pair").isin(pairs)
        for day, is_first in ((since, True), (until, False)):
            if day is None:
                continue
            time = pyarrow.scalar(datetime.combine(day, datetime.min.time(), UTC), pyarrow.timestamp("ns", "UTC"))
            wanted &= field("broker_time") >= time if is_first else field("broker_time") < time
            if has_dates:
                wanted &= field("date") >= day.isoformat() if is_first else field("date") < day.isoformat()
        return wanted

    def _range(self, column: str) -> tuple[int, int] | None:
        first, last = 2**63 - 1, -(2**63)
        for batch in self._tables([column]):
            times = nanoseconds(batch[column])
            first, last = min(first, int(times.min())), max(last, int(times.max()))
        return (first, last) if first <= last else None

    def _tables(self, columns: list[str]) -> Iterator[pyarrow.Table]:
        """Parts of what is wanted, as they stand there; none is empty."""
        for batch in self.data.to_batches(columns=columns, filter=self.wanted):
            if batch.num_rows:
                yield pyarrow.Table.from_batches([batch])

    def names(self) -> list[str]:
        """The pairs that are there."""
        return sorted({name for table in self._tables(["pair"]) for name in table["pair"].unique().to_pylist()})

    def in_order(self) -> Iterator[pyarrow.Table]:
        """The ticks by position: an exported file is so already, of an archive a day at a time is sorted."""
        if "date" not in self.data.schema.names:
            yield from self._tables(list(COLUMNS))
            return
        folders = (pyarrow.dataset.get_partition_keys(part.partition_expression) for part in self.data.get_fragments())
        for day in sorted({folder["date"] for folder in folders}):
            wanted = self.wanted & (pyarrow.dataset.field("date") == day)
            yield self.data.to_table(columns=list(COLUMNS), filter=wanted).sort_by("position")


def nanoseconds(times: pyarrow.ChunkedArray) -> numpy.ndarray:
    """As whole numbers, whether they are stored as such or as times."""
    return times.cast(pyarrow.int64()).to_numpy()


def records(ticks: pyarrow.Table, names: list[str]) -> numpy.ndarray:
    """The same ticks as DBN has them; an instrument's number is its place in `names`, from 1."""
    made = numpy.zeros(ticks.num_rows, RECORD)
    made["length"], made["rtype"] = RECORD.itemsize // 4, databento_dbn.RType.MBP_1.value
    pairs = pyarrow.compute.index_in(ticks["pair"], pyarrow.array(names)).to_numpy()
    made["instrument_id"] = pairs + 1
    made["ts_event"], made["ts_recv"] = nanoseconds(ticks["broker_time"]), nanoseconds(ticks["receive_time"])
    made["price"] = databento_dbn.UNDEF_PRICE
    made["action"], made["side"] = b"M", b"N"
    flags = ticks["flags"].to_numpy()
    made["flags"] = databento_dbn.F_LAST | numpy.where(flags & SNAPSHOT, databento_dbn.F_SNAPSHOT, 0)
    made["sequence"] = ticks["position"].to_numpy() & 0xFFFF_FFFF
    for side, missing in (("bid", BID_MISSING), ("ask", ASK_MISSING)):
        made[f"{side}_px_00"] = numpy.where(flags & missing, databento_dbn.UNDEF_PRICE, ticks[side].to_numpy())
    return made


def metadata(ticks: Ticks, names: list[str]) -> databento_dbn.Metadata:
    """The head of the file: which number is which pair on the days of the ticks."""
    days = [(datetime(1970, 1, 1) + timedelta(microseconds=time // 1_000)).date() for time in (ticks.first, ticks.last)]
    span = days[0], days[1] + timedelta(days=1)
    return databento_dbn.Metadata(
        dataset=DATASET, start=ticks.first, end=ticks.last + 1, schema=databento_dbn.Schema.MBP_1,
        stype_in=databento_dbn.SType.RAW_SYMBOL, stype_out=databento_dbn.SType.INSTRUMENT_ID, symbols=names,
        mappings=[Mapping(name, [Interval(*span, str(number))]) for number, name in enumerate(names, start=1)],
    )  # fmt: skip


def write(ticks: Ticks, path: Path) -> int:
    """Writes the file, compressed if its name ends with `.zst`; it appears when it is whole. Returns how many ticks."""
    names, count = ticks.names(), 0
    draft = path.with_name(f"{path.name}.part")
    try:
        with pyarrow.output_stream(str(draft), "zstd" if path.suffix == ".zst" else None) as output:
            output.write(metadata(ticks, names).encode())
            for table in ticks.in_order():
                for at in range(0, table.num_rows, ROWS):
                    output.write(records(table.slice(at, ROWS), names).tobytes())
                count += table.num_rows
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes a DBN file of archived ticks.")
    parser.add_argument("source", type=Path, help="the folder archive/ticks, or a Parquet file of exported ticks")
    parser.add_argument("--pair", action="append", default=[], help="such as EUR_USD; may be repeated; default: all")
    parser.add_argument("--since", type=date.fromisoformat, help="first day, UTC, such as 2026-11-23")
    parser.add_argument("--until", type=date.fromisoformat, help="the day after the last one")
    parser.add_argument("--output", type=Path, required=True, help="such as EUR_USD.dbn, or EUR_USD.dbn.zst")
    options = parser.parse_args()
    try:
        count = write(Ticks(options.source, options.pair, options.since, options.until), options.output)
    except (OSError, ValueError) as error:
        sys.exit(f"ticks_to_dbn: {error}")
    print(f"{count} ticks written to {options.output}")


if __name__ == "__main__":
    main()
