"""A ticks journal as an array, and the archive's dataset written from it by pyarrow: another writer than ours."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet

HEADER_BYTES = 64
DAY = 86_400_000_000_000
# docs/formats.md § 1.
TICK = numpy.dtype(
    {
        "names": ["kind", "pair", "position", "broker_time", "receive_time", "bid", "ask", "flags", "crc32c"],
        "formats": ["S4", "S12", "<u8", "<i8", "<i8", "<i8", "<i8", "<u4", "<u4"],
    }
)
TIME = pyarrow.timestamp("ns", "UTC")


def read_journal(folder: Path) -> numpy.ndarray:
    """All records of a journal's segments, in order."""
    segments = sorted(folder.glob("*.journal"))
    return numpy.concatenate([numpy.fromfile(path, TICK, offset=HEADER_BYTES) for path in segments])


def write_journal(folder: Path, records: numpy.ndarray, segment_records: int = 1 << 20) -> None:
    """The records as segments, with their checksums."""
    folder.mkdir(parents=True, exist_ok=True)
    bytes_of = records.view("u1").reshape(len(records), TICK.itemsize)
    records["crc32c"] = checksums(bytes_of[:, :60])
    for at in range(0, len(records), segment_records):
        part = records[at : at + segment_records]
        first = int(part["position"][0])
        head = struct.pack("<8sIIQ36x", b"CWJOURNL", 1, TICK.itemsize, first)
        checksum = checksums(numpy.frombuffer(head, "u1")[None, :])[0]
        with (folder / f"{first:020}.journal").open("wb") as file:
            file.write(head + struct.pack("<I", checksum))
            part.tofile(file)


def checksums(rows: numpy.ndarray) -> numpy.ndarray:
    """CRC-32C of each row of bytes."""
    table = numpy.arange(256, dtype="u4")
    for _ in range(8):
        table = (table >> 1) ^ numpy.where(table & 1, numpy.uint32(0x82F63B78), numpy.uint32(0))
    result = numpy.full(len(rows), 0xFFFFFFFF, "u4")
    for column in range(rows.shape[1]):
        result = (result >> 8) ^ table[(result ^ rows[:, column]) & 0xFF]
    return ~result


def write(archive: Path, records: numpy.ndarray) -> int:
    """Writes `ticks` and `feed`, a part for each day and pair; gives the bytes of the ticks."""
    size = 0
    days = records["broker_time"] // DAY
    is_tick = records["kind"] == b"TICK"
    for day in numpy.unique(days):
        date = f"date={numpy.datetime64(int(day), 'D')}"
        of_day = days == day
        ticks = records[of_day & is_tick]
        for pair in numpy.unique(ticks["pair"]):
            part = ticks[ticks["pair"] == pair]
            folder = archive / "ticks" / date / f"pair={pair.decode()}"
            size += _write(folder, part, pair.decode(), columns(part))
        rest = records[of_day & ~is_tick]
        if len(rest):
            names = {"kind": rest["kind"].astype("U4"), "pair": rest["pair"].astype("U12")}
            details = {"detail_1": "bid", "detail_2": "ask"}
            table = {name: pyarrow.array(values) for name, values in names.items()} | columns(rest)
            _write(archive / "feed" / date, rest, "", {
                next((new for new, old in details.items() if old == name), name): values
                for name, values in table.items()
            })  # fmt: skip
    return size


def columns(part: numpy.ndarray) -> dict[str, pyarrow.Array]:
    """The columns of ticks: times as timestamps, prices in units of 1e-9."""
    values = {name: pyarrow.array(part[name].astype("i8")) for name in ("position", "bid", "ask")}
    times = {
        name: pyarrow.array(numpy.ascontiguousarray(part[name])).cast(TIME) for name in ("broker_time", "receive_time")
    }
    flags = {"flags": pyarrow.array(part["flags"].astype("i4"))}
    everything = values | times | flags
    return {name: everything[name] for name in ("position", "broker_time", "receive_time", "bid", "ask", "flags")}


def _write(folder: Path, part: numpy.ndarray, pair: str, columns: dict[str, pyarrow.Array]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"part-{part['position'][0]:020}.parquet"
    metadata = {"format": "candlewick-archive-1", "stream": "ticks", "pair": pair, "price_unit": "1e-9"}
    numbers = [name for name, values in columns.items() if name not in ("kind", "pair")]
    pyarrow.parquet.write_table(
        pyarrow.table(columns).replace_schema_metadata(metadata), path, compression="zstd", use_dictionary=False,
        column_encoding={name: "DELTA_BINARY_PACKED" for name in numbers},
    )  # fmt: skip
    return path.stat().st_size
