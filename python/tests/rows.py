"""Rows of our own in a database that store-writer made."""

import os
import shutil
import sqlite3
from datetime import datetime, timedelta

START = 1_778_572_800  # 2026-05-12 08:00 UTC
FIVE = 300


def moment(timestamp):
    return datetime(1970, 1, 1) + timedelta(seconds=timestamp)


class Rows:
    """The writer's side: a copy of the empty database, and rows for it."""

    def __init__(self, path):
        shutil.copy(os.environ["CHECK_EMPTY_DATABASE"], path)
        # Busy at once where a reader is in the way.
        self.connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)

    def add(self, timestamp, pair="EUR_USD", minutes=5, prices=(1.1, 1.3, 1.0, 1.2), source=1, complete=1, ticks=7):
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        execute("INSERT OR IGNORE INTO instrument (name) VALUES (?)", (pair,))
        execute("INSERT OR IGNORE INTO timeframe VALUES (?, ?)", (minutes * 60, str(minutes)))
        instrument = execute("SELECT id FROM instrument WHERE name = ?", (pair,)).fetchone()[0]
        row = {"instrument_id": instrument, "timeframe": minutes * 60, "open_time": timestamp}
        row |= {"tick_count": ticks, "complete": complete, "source": source}
        for side, distance in (("bid", -1000), ("mid", 0), ("ask", 1000)):
            for name, price in zip(("open", "high", "low", "close"), prices):
                row[f"{side}_{name}"] = round(price * 1e9) + distance
        others = "inverted_ticks first_tick_time last_tick_time blind_ms lost flags rank revision input_position"
        row |= dict.fromkeys([*others.split(), "publish_time", "created_at"], 0)
        execute(f"REPLACE INTO candle ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
        execute("COMMIT")

    def add_many(self, count, **candle):
        for index in range(count):
            self.add(START + index * FIVE, **candle)
