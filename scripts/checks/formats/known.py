"""The candles and ticks of the pipeline, exact, with nothing of the programs that made the files."""

import contextlib
import os
import sqlite3
import unittest
from pathlib import Path
from typing import NamedTuple

import journal

FOLDER = Path(os.environ["CHECK_FORMATS"])
ALL = FOLDER / "all"
NAMES = {60: "1m", 300: "5m", 3_600: "1h", 86_400: "1d"}


class Candle(NamedTuple):
    """Times in Unix seconds, prices (open, high, low, close) in units of 1e-9."""

    start: int
    bid: tuple
    ask: tuple
    mid: tuple
    volume: int


class Case(unittest.TestCase):
    def assert_same(self, found, expected):
        """Names the first difference alone: a comparison of all lines takes minutes."""
        pairs = enumerate(zip(found, expected))
        different = next((f"{at}: {a} is not {b}" for at, (a, b) in pairs if a != b), None)
        self.assertIsNone(different)
        self.assertEqual(len(found), len(expected))


def candles():
    """The complete candles by (pair, seconds), oldest first."""
    prices = [f"{side}_{price}" for side in ("bid", "ask", "mid") for price in ("open", "high", "low", "close")]
    query = f"""
        SELECT i.name, timeframe, open_time, {", ".join(prices)}, tick_count
        FROM candle JOIN instrument i ON i.id = instrument_id WHERE complete ORDER BY i.name, timeframe, open_time"""
    found = {}
    with contextlib.closing(sqlite3.connect(f"file:{os.environ['CHECK_DATABASE']}?mode=ro", uri=True)) as connection:
        for name, seconds, start, *numbers, ticks in connection.execute(query):
            candle = Candle(start, *(tuple(numbers[at : at + 4]) for at in (0, 4, 8)), ticks)
            found.setdefault((name, seconds), []).append(candle)
    return found


def ticks():
    """The ticks of the journal, in the order of position."""
    contents = journal.read(os.environ["CHECK_TICKS"])
    assert not contents.faults, contents.faults
    return [record for record in contents.records if record.kind == b"TICK"]
