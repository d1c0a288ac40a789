"""Databases of PostgreSQL for the tests: with store-writer's tables, and rows of our own."""

import datetime
import os
import threading
import unittest
from unittest import mock

import postgres
import processes
from forex_database import ForexDatabase

try:
    import candlewick_postgres
    import psycopg
except ImportError:
    candlewick_postgres = psycopg = None

# Never waited for unless something is broken.
LONG = 60
needs_psycopg = unittest.skipIf(psycopg is None, "psycopg is not installed")


class ServerTest(unittest.TestCase):
    """Databases with store-writer's tables, on the server of check.py."""

    server = None

    @classmethod
    def setUpClass(cls):
        cls.server = postgres.Server(os.environ["CHECK_POSTGRES"])

    def setUp(self):
        # A session of a former test would be another one's.
        vars(candlewick_postgres._kept).clear()
        self.database = f"test_{os.getpid()}_{id(self)}"
        self.server.sql(f"CREATE DATABASE {self.database} TEMPLATE empty")
        self.addCleanup(self.server.sql, f"DROP DATABASE {self.database} WITH (FORCE)")
        self.url = self.server.uri(self.database)
        self.db = ForexDatabase(self.url)
        self.writer = psycopg.connect(self.url, autocommit=True)
        self.addCleanup(self.writer.close)

    def add(self, timestamp, **candle):
        with self.writer.transaction():
            add_candle(self.writer, timestamp, **candle)
            # As store-writer does with each commit.
            self.writer.execute("SELECT pg_notify('candlewick', 'candles 1')")

    def later(self, action, *arguments):
        timer = threading.Timer(0.1, action, arguments)
        timer.start()
        self.addCleanup(timer.join)

    def set(self, name, value):
        patch = mock.patch.object(candlewick_postgres, name, value)
        patch.start()
        self.addCleanup(patch.stop)

    def sessions(self):
        """The reader's sessions on the server."""
        query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.database}'"
        return int(self.server.sql(f"{query} AND application_name = 'forex_database'")[0])

    def end_sessions(self):
        query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.database}'"
        self.server.sql(f"{query} AND application_name = 'forex_database'")
        processes.until("the sessions have ended", LONG, lambda: self.sessions() == 0)


def add_candle(connection, timestamp, pair="EUR_USD", minutes=5, price=1_100_000_000, complete=1, source=1, ticks=7):
    make_month(connection, timestamp)
    connection.execute("INSERT INTO instrument (name) VALUES (%s) ON CONFLICT DO NOTHING", (pair,))
    connection.execute("INSERT INTO timeframe VALUES (%s, %s) ON CONFLICT DO NOTHING", (minutes * 60, str(minutes)))
    number = connection.execute("SELECT id FROM instrument WHERE name = %s", (pair,)).fetchone()[0]
    row = dict.fromkeys(names(connection, "candle"), 0)
    row |= {name: price for name in row if name.startswith(("bid_", "mid_", "ask_"))}
    row |= {"instrument_id": number, "timeframe": minutes * 60, "open_time": timestamp, "tick_count": ticks}
    row |= {"complete": complete, "source": source}
    insert(connection, "candle", row, [row.values()])


def names(connection, table):
    """The columns that have no default."""
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_default IS NULL"
    return [row[0] for row in connection.execute(query, (table,)).fetchall()]


def insert(connection, table, columns, rows):
    text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
    connection.cursor().executemany(text, [tuple(row) for row in rows])


def make_month(connection, timestamp):
    """The partition, as store-writer would make it."""
    first = datetime.datetime.fromtimestamp(timestamp, datetime.timezone.utc).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    following = (first + datetime.timedelta(days=31)).replace(day=1)
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS candle_{first:%Y_%m} PARTITION OF candle"
        f" FOR VALUES FROM ({first.timestamp():.0f}) TO ({following.timestamp():.0f})"
    )
