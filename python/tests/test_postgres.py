"""`ForexDatabase` on PostgreSQL: the same answers as on SQLite, and waiting."""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import candlewick
import candlewick.reader
import postgres_case
import processes
from forex_database import ForexDatabase, pandas
from postgres_case import LONG, add_candle, candlewick_postgres, insert, make_month, needs_psycopg
from rows import FIVE, START, Rows, moment
from test_forex_database import column

DAY = 86_400


@needs_psycopg
class SameAnswersTest(postgres_case.ServerTest):
    """Each method, of the same rows in both engines."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = str(Path(folder.name) / "candlewick.db")
        self.rows = Rows(path)
        self.addCleanup(self.rows.connection.close)
        self.lite = ForexDatabase(path, runtime=folder.name)

    def copy(self):
        """Brings SQLite's rows to PostgreSQL."""
        query = self.rows.connection.execute
        for (timestamp,) in query("SELECT DISTINCT open_time / ? * ? FROM candle", (20 * DAY, 20 * DAY)).fetchall():
            for moved in (timestamp, timestamp + 20 * DAY):
                make_month(self.writer, moved)
        for table in ("instrument", "timeframe", "candle"):
            answer = query(f"SELECT * FROM {table}")
            insert(self.writer, table, [column[0] for column in answer.description], answer.fetchall())

    def answer(self, db, name, *arguments, **named):
        """The result with its types, or the error."""
        try:
            result = getattr(db, name)(*arguments, **named)
        except Exception as error:
            return type(error), str(error).replace(str(db.db_path), "DATABASE")
        if pandas is not None and isinstance(result, pandas.DataFrame):
            kinds = [str(kind) for kind in result.dtypes], str(result.index)
            return kinds, [tuple(map(repr, row)) for row in result.itertuples()]
        return type(result), repr(result)

    def compare(self, name, *arguments, **named):
        with self.subTest(name, arguments=arguments, **named):
            self.assertEqual(
                self.answer(self.db, name, *arguments, **named), self.answer(self.lite, name, *arguments, **named)
            )

    def compare_all(self, pairs, timeframes):
        for pair in pairs:
            for timeframe in timeframes:
                for count in (1, 2, 7, 200, 100_000):
                    self.compare("get_candles", pair, timeframe, count)
                self.compare("get_candles", pair, timeframe)
                self.compare("get_latest_timestamp", pair, timeframe)
                self.compare("get_candle_count", pair, timeframe)
                for after in (0, START, START + 3 * FIVE, moment(START + 2 * DAY), 4_000_000_000):
                    self.compare("wait_for_candle", pair, timeframe, timeout=0, after=after)
                self.compare("wait_for_candle", pair, timeframe, timeout=0)
        self.compare("get_statistics")

    def test_of_random_candles(self):
        dice = random.Random(18)
        for _ in range(400):
            # Over several months, with every source, one that is unknown, and the limits of the columns.
            price = dice.choice([1, 999_999_999, 1_084_123_456, 161_204_000_000, 9_007_199_254_740_993, 2**62]) / 1e9
            self.rows.add(
                START + dice.randrange(-200, 200) * 20 * FIVE * dice.choice([1, 100]),
                pair=dice.choice(["EUR_USD", "USD_JPY", "DE40"]), minutes=dice.choice([5, 60]),
                prices=[price * dice.random() for _ in range(4)], source=dice.choice([1, 2, 3, 4, 9]),
                complete=dice.choice([0, 1, 1]), ticks=dice.choice([0, 1, 384, 16_777_217, 4_294_967_295]),
            )  # fmt: skip
        self.copy()
        self.compare_all(["EUR_USD", "usd/jpy", "DE40", "GBP_USD"], ["5", 60, "1h", "15m"])

    def test_of_the_package(self):
        for index in range(300):
            self.rows.add(START + index * FIVE, complete=index % 3 > 0, source=index % 4 + 1)
        self.copy()
        server, lite = candlewick.connect(self.url), candlewick.connect(self.lite.db_path)
        since, until = (moment(START + index * FIVE) for index in (100, 200))
        for price in ("mid", "bid", "ask"):
            for complete in (True, False):
                for options in ({}, {"last": 7}, {"last": None}, {"since": since, "until": until}, {"until": since}):
                    options |= {"price": price, "complete": complete}
                    found = server.candles("EUR_USD", "5m", **options)
                    self.assertTrue(found)
                    self.assertEqual(found, lite.candles("EUR_USD", "5m", **options))
        self.writer.execute("SET enable_seqscan = off")
        query, arguments = candlewick.reader._query("EUR_USD", "5", 20, None, None, "bid", False)
        plan = self.writer.execute("EXPLAIN " + query.replace("?", "%s"), arguments).fetchall()
        self.assertNotIn("Sort", "\n".join(row[0] for row in plan))
        self.assertEqual(server.wait("EUR_USD", 5, 0, after=moment(START)).time.timestamp(), START + FIVE)

    def test_of_an_empty_database(self):
        self.compare("get_latest_timestamp", "EUR_USD", "5")
        self.compare("get_candle_count", "EUR_USD", "5")
        self.compare("get_statistics")
        self.compare("get_candles", "EUR_USD", "5")
        self.compare("wait_for_candle", "EUR_USD", "5", timeout=0)

    def test_of_what_is_refused(self):
        for arguments in [("EUR-USD", "5"), ("EUR_USD", "7"), ("EUR_USD", "5", 0)]:
            self.compare("get_candles", *arguments)
        self.compare("get_candles", "EUR_USD", "5", count=2**40)
        self.compare("store_candles", "EUR_USD", "5", None)
        self.compare("store_candle", "EUR_USD", "5", {})
        self.compare("clear_old_data")
        self.compare("vacuum")

    def test_of_the_views(self):
        self.rows.add_many(300)
        self.copy()
        columns = "timestamp, open, high, low, close, CAST(volume AS DOUBLE PRECISION), source"
        query = f"SELECT {columns} FROM candles WHERE pair = ? AND timeframe = ? ORDER BY timestamp"
        asked = self.db._series(columns, "ORDER BY timestamp", "EUR_USD", "5")
        self.assertEqual(self.db._rows(query, "EUR_USD", "5"), asked)
        self.assertEqual(self.lite._rows(query, "EUR_USD", "5"), asked)


@needs_psycopg
class StoreWriterTest(postgres_case.ServerTest):
    """Both engines filled by store-writer, of the same journal; then live."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="candlewick-python.")
        self.addCleanup(folder.cleanup)
        self.pipeline = processes.Pipeline(
            folder.name, os.environ["CHECK_BIN"], processes.settings(["EUR_USD", "GBP_USD"])
        )
        self.addCleanup(self.pipeline.kill_everything)
        self.pipeline.start_simulator(["--speed", "600", "--rate", "0.2", "--start", "2026-05-12T08:00:00"])

    def stop(self, *stages):
        for stage in stages:
            self.assertEqual(self.pipeline.running[stage].stop(), 0)

    def fill_sqlite(self):
        for stage in reversed(processes.STAGES):
            self.pipeline.start(stage).ready()
        lite = ForexDatabase(str(self.pipeline.database), runtime=str(self.pipeline.runtime))
        processes.until("20 candles", LONG, lambda: lite.get_candle_count("EUR_USD", "5") >= 20)
        self.stop("ingest-stream", "aggregator")
        self.settle(lite)
        self.stop("store-writer")
        return lite

    def settle(self, db):
        """Waits until the last candle that the aggregator wrote is stored."""
        query = "SELECT position FROM stream_position WHERE stream = 'candles'"
        end = self.pipeline.journal("candles")
        processes.until("the journal is stored", LONG, lambda: position(db, query) >= last_position(end))

    def test_same_answers_then_live(self):
        lite = self.fill_sqlite()
        self.pipeline.environment["CANDLEWICK_DATABASE"] = self.url
        self.pipeline.start("store-writer").ready()
        self.settle(self.db)
        self.assertEqual(self.db.get_statistics(), lite.get_statistics())
        for pair in ("EUR_USD", "GBP_USD"):
            for timeframe in ("5", "15"):
                ours, theirs = (db.get_candles(pair, timeframe, 10_000) for db in (self.db, lite))
                self.assertEqual(ours.to_dict() if pandas else ours, theirs.to_dict() if pandas else theirs)
        self.check_example()
        self.check_notifications()

    def check_example(self):
        bot = Path(__file__).resolve().parents[1] / "examples" / "example_bot.py"
        environment = os.environ | {"CANDLEWICK_DATABASE": self.url}
        command = [sys.executable, bot, "EUR_USD", "5m", "--once"]
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONG)
        self.assertRegex(answer.stdout, r"^2026-05-12 .* close 1\.\d{5} .*\n$", answer.stderr)

    def check_notifications(self):
        """Notifications alone end the waits; no candle is missed."""
        self.set("_RECHECK_SECONDS", LONG)
        known = self.db.get_latest_timestamp("EUR_USD", "5")
        for stage in ("aggregator", "ingest-stream"):
            self.pipeline.start(stage).ready()
        waited = []
        while len(waited) < 4:
            known = self.db.wait_for_candle("EUR_USD", "5", timeout=LONG, after=known)["time"]
            waited.append(known)
        self.assertEqual(waited, sorted(set(waited)))
        self.assertTrue(set(waited) <= set(column(self.db.get_candles("EUR_USD", "5", 10_000), "time")))


def position(db, query):
    return next(iter(db._rows(query)), (0,))[0]


def last_position(journal):
    """Of the newest record of a journal of candles that nobody writes. Source: docs/formats.md §§ 2, 3."""
    record = max(journal.glob("*.journal")).read_bytes()[-192:]
    return int.from_bytes(record[16:24], "little")


@needs_psycopg
class WaitingTest(postgres_case.ServerTest):
    def wait(self, pair="EUR_USD", timeframe="5", **named):
        """The next candle, from a notification: without one it would come at the end of the time."""
        self.set("_RECHECK_SECONDS", LONG)
        began = time.monotonic()
        candle = self.db.wait_for_candle(pair, timeframe, timeout=LONG, **named)
        self.assertLess(time.monotonic() - began, LONG / 2)
        return candle

    def test_a_notification_ends_the_wait(self):
        self.add(START)
        self.later(self.add, START + FIVE)
        candle = self.wait("EURUSD", "5m", after=START)
        self.assertEqual(candle, {
            "time": moment(START + FIVE), "open": 1.1, "high": 1.1, "low": 1.1, "close": 1.1, "volume": 7.0,
            "source": "streamed",
        })  # fmt: skip

    def test_each_candle_after_the_known_one_comes_at_once(self):
        for index in range(3):
            self.add(START + index * FIVE)
        known = START
        for index in (1, 2):
            known = self.db.wait_for_candle("EUR_USD", "5", timeout=0, after=known)["time"]
            self.assertEqual(known, moment(START + index * FIVE))

    def test_a_commit_during_the_look_is_not_missed(self):
        self.after_the_first_look(lambda: self.add(START))
        self.assertEqual(self.wait(after=0)["time"], moment(START))

    def test_a_notification_that_comes_with_an_answer_is_not_missed(self):
        def store_and_ask():
            self.add(START)
            self.db._rows("SELECT 1")

        self.after_the_first_look(store_and_ask)
        self.assertEqual(self.wait(after=0)["time"], moment(START))

    def after_the_first_look(self, action):
        rows, actions = candlewick_postgres.Server.rows, [action]

        def look(server, *arguments):
            answer = rows(server, *arguments)
            if actions:
                actions.pop()()
            return answer

        patch = mock.patch.object(candlewick_postgres.Server, "rows", look)
        patch.start()
        self.addCleanup(patch.stop)

    def test_it_looks_again_without_a_notification(self):
        self.set("_RECHECK_SECONDS", 0.1)
        self.later(add_candle, self.writer, START)
        self.assertEqual(self.db.wait_for_candle("EUR_USD", "5", timeout=LONG, after=0)["time"], moment(START))

    def test_it_ends_with_a_timeout_error(self):
        self.add(START)
        for timeout in (0, 0.05):
            began = time.monotonic()
            with self.assertRaisesRegex(TimeoutError, f"^No new candle of EUR_USD 5m within {timeout} s$"):
                self.db.wait_for_candle("EUR_USD", "5", timeout=timeout)
            self.assertGreaterEqual(time.monotonic() - began, timeout)

    def test_it_passes_over_what_is_partial_older_or_of_others(self):
        self.add(START)

        def write():
            self.add(START - FIVE)
            self.add(START + FIVE, pair="GBP_USD")
            self.add(START + FIVE, minutes=15)
            self.add(START + FIVE, complete=0)

        self.later(write)
        with self.assertRaises(TimeoutError):
            self.db.wait_for_candle("EUR_USD", "5", timeout=0.4)

    def test_it_begins_before_there_are_tables(self):
        self.server.sql(f"CREATE DATABASE {self.database}_bare")
        self.addCleanup(self.server.sql, f"DROP DATABASE {self.database}_bare WITH (FORCE)")
        db = ForexDatabase(self.server.uri(f"{self.database}_bare"))
        self.assertEqual((db.get_candle_count("EUR_USD", "5"), db.get_statistics()["total_candles"]), (0, 0))
        with self.assertRaisesRegex(ValueError, "has no candles yet. store-writer makes the tables at its first start"):
            db.get_candles("EUR_USD", "5")

    def test_it_goes_on_over_a_lost_connection(self):
        self.add(START)

        def lose():
            # A session that listens and has looked.
            former = processes.until("it waits", LONG, self.waiting)
            self.server.sql(f"SELECT pg_terminate_backend({former[0]})")
            processes.until("it waits again", LONG, lambda: self.waiting() not in ([], former))
            self.add(START + FIVE)

        self.later(lose)
        self.assertEqual(self.wait()["time"], moment(START + FIVE))

    def waiting(self):
        """The process numbers of readers whose last statement was a look for a candle after a time."""
        query = f"SELECT pid FROM pg_stat_activity WHERE datname = '{self.database}' AND state = 'idle'"
        return self.server.sql(f"{query} AND application_name = 'forex_database' AND query LIKE '%timestamp > $%'")
