"""Other programs read the pipeline's Parquet files to the last unit.

CHECK_PARQUET may name one more file, or a folder such as an archive.
"""

import os
import random
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

import processes
from stages import sealed

try:
    import numpy
    import parquet_readers
    import pyarrow.parquet
except ImportError:
    parquet_readers = None

SMALL = Path(__file__).resolve().parents[2] / "Tests" / "Golden" / "parquet" / "small-v1.parquet"
LEAST, GREATEST = -(1 << 63), (1 << 63) - 1
HEADER = struct.Struct("<8sIIQ36x")


def small():
    """The values of SMALL, as in Tests/2-Cores/ParquetTests/Support.swift."""
    times = [1_778_572_800_000_000_001, 1_778_572_800_250_000_000, -1, 0, 4_102_444_800_999_999_999]
    columns = {
        "position": [1, 2, 3, 5, 8, 9],
        "broker_time": [*times, 1_778_572_801_000_000_000],
        "bid": [LEAST, GREATEST, 0, -1, LEAST, 1_084_120_000],
        "flags": [-(1 << 31), (1 << 31) - 1, -1, 0, 32, 0],
    }
    values = {name: numpy.array(column, dtype="int64") for name, column in columns.items()}
    return values | {"kind": ["TICK", "", "naïve", "日本語", "🕯️", "TICK"]}


def walk(count, seed=1):
    """Ticks of two pairs: kind, pair, position, brokerTime, receiveTime, bid, ask, flags."""
    generator = random.Random(seed)
    broker_time, prices = 1_778_572_800_000_000_000, {b"EUR_USD": 1_084_120_000, b"USD_JPY": 161_204_000_000}
    for position in range(1, count + 1):
        pair = generator.choice(list(prices))
        broker_time += generator.randrange(2_000) * 1_000_000
        prices[pair] += generator.randrange(-5, 6) * 10_000
        receive_time = broker_time + generator.randrange(20_000_000, 200_000_000)
        bid = prices[pair]
        yield b"TICK", pair, position, broker_time, receive_time, bid, bid + 60_000, generator.choice((0, 0, 0, 1, 2))


@unittest.skipIf(parquet_readers is None, "pyarrow is not installed")
class ParquetTest(unittest.TestCase):
    def test_small_file(self):
        self.assertEqual(parquet_readers.check(SMALL, small()), 6)

    def test_small_file_has_its_metadata_and_types(self):
        schema = pyarrow.parquet.read_schema(SMALL)
        self.assertEqual(
            schema.metadata, {b"price_unit": b"1e-9", b"pair": b"EUR_USD", "Zürich".encode(): "€".encode()}
        )
        self.assertEqual(
            [f"{field.name} {field.type}" for field in schema],
            ["position int64", "broker_time timestamp[ns, tz=UTC]", "bid int64", "flags int32", "kind string"],
        )
        self.assertFalse(any(field.nullable for field in schema))
        metadata = pyarrow.parquet.read_metadata(SMALL)
        self.assertEqual(metadata.created_by, "candlewick")
        self.assertEqual(metadata.num_row_groups, 2)

    def test_flipped_bytes_in_pages_are_noticed(self):
        content = SMALL.read_bytes()
        chunk = pyarrow.parquet.read_metadata(SMALL).row_group(0).column(2)
        end = chunk.data_page_offset + chunk.total_compressed_size
        with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            for index in range(end - 40, end):
                Path(file.name).write_bytes(content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :])
                with self.assertRaises(OSError):
                    parquet_readers.by_pyarrow(file.name)

    def test_exported_ticks(self):
        with tempfile.TemporaryDirectory(prefix="candlewick-parquet.") as folder:
            pipeline = processes.Pipeline(folder, os.environ["CHECK_BIN"], processes.settings(["EUR_USD", "USD_JPY"]))
            pipeline.journal("ticks").mkdir(parents=True)
            ticks = list(walk(5_000))
            segment = sealed(HEADER.pack(b"CWJOURNL", 1, 64, 1))
            segment += b"".join(sealed(struct.pack("<4s12sQqqqqI", *tick)) for tick in ticks)
            (pipeline.journal("ticks") / f"{1:020}.journal").write_bytes(segment)
            path = pipeline.folder / "ticks.parquet"
            command = [pipeline.binaries / "candlewick", "export", "ticks", "--format", "parquet", "--output", path]
            subprocess.run(command, env=pipeline.environment, check=True, capture_output=True, timeout=60)
            _, pairs, *columns = zip(*ticks)
            names = ("position", "broker_time", "receive_time", "bid", "ask", "flags")
            want = {name: numpy.array(column, dtype="int64") for name, column in zip(names, columns)}
            want["pair"] = [pair.decode() for pair in pairs]
            self.assertEqual(parquet_readers.check(path, want), len(ticks))
            self.assertEqual(pyarrow.parquet.read_schema(path).metadata[b"price_unit"], b"1e-9")

    @unittest.skipUnless(os.environ.get("CHECK_PARQUET"), "CHECK_PARQUET names no file or folder")
    def test_given_files(self):
        paths = parquet_readers.files(os.environ["CHECK_PARQUET"])
        self.assertGreater(sum(map(parquet_readers.check, paths)), 0)


if __name__ == "__main__":
    unittest.main()
