"""`ForexDatabase` over rows of our own in a database that store-writer made."""

import contextlib
import inspect
import io
import os
import pickle
import sqlite3
import statistics
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import forex_database
from forex_database import Candles, ForexDatabase, pandas
from rows import FIVE, START, Rows, moment

def column(candles, name):
    return list(candles[name])


class ForexDatabaseTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = str(self.folder / "candlewick.db")
        self.rows = self.make(self.path)
        # In a runtime folder without any stage, whatever runs on this machine.
        self.db = ForexDatabase(self.path, runtime=self.folder / "run")

    def make(self, path):
        rows = Rows(path)
        self.addCleanup(rows.connection.close)
        return rows

    def later(self, action, *arguments):
        timer = threading.Timer(0.1, action, arguments)
        timer.start()
        self.addCleanup(timer.join)

    # What is read.

    def test_the_last_candles_come_oldest_first(self):
        self.rows.add_many(10)
        times = column(self.db.get_candles("EUR_USD", "5", count=3), "time")
        self.assertEqual(times, [moment(START + index * FIVE) for index in (7, 8, 9)])

    def test_partial_candles_are_not_there(self):
        self.rows.add_many(4)
        self.rows.add(START + 4 * FIVE, complete=0)
        self.assertEqual(len(self.db.get_candles("EUR_USD", "5")), 4)
        self.assertEqual(self.db.get_candle_count("EUR_USD", "5"), 4)
        self.assertEqual(self.db.get_latest_timestamp("EUR_USD", "5"), START + 3 * FIVE)
        self.assertEqual(self.db.get_statistics()["total_candles"], 4)

    def test_columns_and_values_are_those_of_the_usual_class(self):
        self.rows.add(START, prices=(1.08412, 1.08555, 1.08333, 1.08444), source=2, ticks=12)
        candles = self.db.get_candles("EUR_USD", "5")
        self.assertEqual(list(candles.columns), "time open high low close volume source".split())
        values = [column(candles, name)[0] for name in candles.columns]
        self.assertEqual(values, [moment(START), 1.08412, 1.08555, 1.08333, 1.08444, 12.0, "bought"])
        self.assertIsInstance(values[5], float)
        self.assertFalse(candles.empty)

    @unittest.skipIf(pandas is None, "pandas is not installed")
    def test_a_data_frame_has_the_types_of_the_usual_class(self):
        self.rows.add_many(3)
        candles = self.db.get_candles("EUR_USD", "5")
        usual = pandas.read_sql_query("SELECT timestamp FROM candles", self.rows.connection)
        self.assertEqual(candles["time"].dtype, pandas.to_datetime(usual["timestamp"], unit="s").dtype)
        self.assertIsNone(candles["time"].dt.tz)
        self.assertEqual({str(candles[name].dtype) for name in ("open", "high", "low", "close", "volume")}, {"float64"})
        self.assertEqual(list(candles.index), [0, 1, 2])

    @unittest.skipIf(pandas is not None, "pandas is installed")
    def test_without_pandas_it_is_a_list_of_dicts_that_knows_columns(self):
        self.rows.add_many(3)
        candles = self.db.get_candles("EUR_USD", "5")
        self.assertIsInstance(candles, Candles)
        self.assertEqual(candles[-1]["time"], moment(START + 2 * FIVE))
        self.assertEqual(candles["close"], [1.2, 1.2, 1.2])
        self.assertEqual([candle["low"] for candle in candles[1:]], [1.0, 1.0])

    def test_a_hundred_candles_by_default(self):
        self.rows.add_many(103)
        self.assertEqual(len(self.db.get_candles("EUR_USD", "5")), 100)

    def test_pairs_and_timeframes_are_kept_apart(self):
        self.rows.add(START, pair="GBP_USD")
        self.rows.add(START, minutes=60)
        self.rows.add(START + FIVE)
        self.assertEqual(column(self.db.get_candles("EUR_USD", "5"), "time"), [moment(START + FIVE)])

    def test_pairs_and_timeframes_may_be_written_in_several_ways(self):
        self.rows.add(START)
        self.rows.add(START, minutes=60)
        self.rows.add(START, minutes=1440)
        for pair in ("EUR_USD", "EURUSD", "EUR/USD", "eur_usd"):
            for timeframe in ("5", "5m", 5, "60", "60m", "1h", 60, "1d", "24h", 1440):
                with self.subTest(pair=pair, timeframe=timeframe):
                    self.assertEqual(self.db.get_candle_count(pair, timeframe), 1)

    def test_other_instruments_are_read_by_their_names(self):
        spellings = {"DE40": ("DE40", "de40"), "NASDAQ": ("NASDAQ",), "XAU_USD": ("XAUUSD", "XAU/USD", "xau_usd"),
                     "ABCDEFGHIJKL": ("ABCDEFGHIJKL",), "ETHBTC": ("ETHBTC",), "ETH_BTC": ("ETH/BTC",)}  # fmt: skip
        for name in spellings:
            self.rows.add(START, pair=name)
        for name, texts in spellings.items():
            for text in texts:
                with self.subTest(text):
                    self.assertEqual(self.db.get_candle_count(text, "5"), 1)
                    self.assertEqual(forex_database._pair(text), name)

    def test_what_is_no_pair_timeframe_or_count_is_refused(self):
        self.rows.add(START)
        names = ("EURUSDEURUSDX", "EUR-USD", "EUR/US1", "EURO/USD", "__", "", None, "EUR_USD\n", "EUR_U\u017fD", 40)
        wrong = [(name, "5", 1) for name in names]
        wrong += [("EUR_USD", text, 1) for text in ("7", "0", "", "5x", "-5", "2d", "5.0", None, "m")]
        wrong += [("EUR_USD", "5", count) for count in (0, -1)]
        for arguments in wrong:
            with self.subTest(arguments), self.assertRaises(ValueError):
                self.db.get_candles(*arguments)

    def test_statistics_are_those_of_the_usual_class(self):
        self.rows.add_many(3)
        self.rows.add(START, minutes=15, source=3)
        self.rows.add(START + 900, pair="AUD_USD", source=2)
        self.assertEqual(self.db.get_statistics(), {
            "total_candles": 5, "unique_pairs": 2, "timeframes": ["15", "5"],
            "oldest_candle": "2026-05-12 08:00", "newest_candle": "2026-05-12 08:15",
            "sources": {"bought": 1, "derived": 1, "streamed": 3}, "pairs_count": {"AUD_USD": 1, "EUR_USD": 4},
        })  # fmt: skip

    def test_two_hundred_candles_take_less_than_ten_milliseconds(self):
        self.rows.add_many(250)
        times = []
        for _ in range(60):
            began = time.perf_counter()
            self.db.get_candles("EUR_USD", "5", 200)
            times.append(time.perf_counter() - began)
        self.assertLess(statistics.median(times), 0.01)

    # What is not there.

    def test_no_data_is_a_value_error_that_says_of_what(self):
        self.rows.add(START)
        with self.assertRaisesRegex(ValueError, "^No data in database for GBP_USD 15m: .*candlewick.db has no complete"):
            self.db.get_candles("GBPUSD", "15m")

    def test_an_empty_database_has_no_statistics(self):
        for path in (self.path, str(self.folder / "missing.db")):
            db = ForexDatabase(path)
            self.assertIsNone(db.get_latest_timestamp("EUR_USD", "5"))
            self.assertEqual(db.get_candle_count("EUR_USD", "5"), 0)
            self.assertEqual(db.get_statistics(), {
                "total_candles": 0, "unique_pairs": 0, "timeframes": [], "oldest_candle": "N/A",
                "newest_candle": "N/A", "sources": {}, "pairs_count": {},
            })  # fmt: skip

    def test_a_database_may_come_later(self):
        path = str(self.folder / "later.db")
        db = ForexDatabase(path)
        with self.assertRaisesRegex(ValueError, "the database .*later.db does not exist yet. store-writer makes it"):
            db.get_candles("EUR_USD", "5")
        self.assertFalse(os.path.exists(path))
        Path(path).touch()
        with self.assertRaisesRegex(ValueError, "store-writer is making it"):
            db.get_candles("EUR_USD", "5")
        os.unlink(path)
        self.make(path).add(START)
        self.assertEqual(len(db.get_candles("EUR_USD", "5")), 1)

    def test_a_file_that_is_no_database_is_named(self):
        path = self.folder / "text.db"
        path.write_text("no database " * 100)
        with self.assertRaisesRegex(sqlite3.DatabaseError, "text.db cannot be read: file is not a database"):
            ForexDatabase(path).get_candles("EUR_USD", "5")

    def test_another_file_in_its_place_is_read(self):
        self.rows.add(START)
        self.assertEqual(self.db.get_latest_timestamp("EUR_USD", "5"), START)
        for name in os.listdir(self.folder):
            os.unlink(self.folder / name)
        self.make(self.path).add(START + FIVE)
        self.assertEqual(self.db.get_latest_timestamp("EUR_USD", "5"), START + FIVE)

    # Where it is.

    def test_any_path_is_quoted(self):
        for name in ("a b.db", "50%25.db", "what?mode=rw.db", "#1.db", "ü.db"):
            with self.subTest(name):
                self.make(self.folder / name).add(START)
                self.assertEqual(ForexDatabase(str(self.folder / name)).get_candle_count("EUR_USD", "5"), 1)
                self.assertEqual(ForexDatabase(self.folder / name).get_candle_count("EUR_USD", "5"), 1)

    @mock.patch.object(forex_database, "_CONFIGURATION", "/none")
    def test_the_default_path_is_that_of_the_stages(self):
        home = {"HOME": "/home/someone"}
        for environment, path in [
            ({}, "/home/someone/.local/state/candlewick/candlewick.db"),
            ({"CANDLEWICK_STATE_DIR": "", "HOME": "/h"}, "/h/.local/state/candlewick/candlewick.db"),
            ({"STATE_DIRECTORY": "/var/lib/x"}, "/var/lib/x/candlewick.db"),
            ({"STATE_DIRECTORY": "/var/lib/x", "CANDLEWICK_STATE_DIR": "/data"}, "/data/candlewick.db"),
            ({"CANDLEWICK_STATE_DIR": "/data", "CANDLEWICK_DATABASE": "/fast/c.db"}, "/fast/c.db"),
        ]:  # fmt: skip
            with self.subTest(path), mock.patch.dict(os.environ, home | environment, clear=True):
                self.assertEqual(ForexDatabase().db_path, path)

    def test_other_kinds_of_database_are_refused(self):
        for kind in ("postgresql", "mysql"):
            with self.subTest(kind), self.assertRaises(ValueError):
                ForexDatabase(self.path, db_type=kind)

    # Who writes.

    def test_methods_that_write_refuse_and_say_who_writes(self):
        signatures = {
            "store_candles": "(pair, timeframe, df, source='websocket')",
            "store_candle": "(pair, timeframe, candle, source='websocket')",
            "clear_old_data": "(days_to_keep=30)",
            "vacuum": "()",
            "get_candles": "(pair, timeframe, count=100)",
        }
        for name, signature in signatures.items():
            given = inspect.signature(getattr(self.db, name))
            bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in given.parameters.values()]
            self.assertEqual(str(inspect.Signature(bare)), signature)
        calls = [("store_candles", "EUR_USD", "5", None), ("store_candle", "EUR_USD", "5", {})]
        calls += [("clear_old_data",), ("vacuum",)]
        for name, *arguments in calls:
            with self.subTest(name), self.assertRaisesRegex(io.UnsupportedOperation, f"^{name}: .*store-writer alone"):
                getattr(self.db, name)(*arguments)
        with self.assertRaisesRegex(io.UnsupportedOperation, "`ingest-backfill` or `candlewick import FILE`"):
            self.db.store_candles("EUR_USD", "5", None)

    def test_its_connection_cannot_write(self):
        self.rows.add(START)
        with self.assertRaisesRegex(sqlite3.OperationalError, "readonly"):
            self.db._rows("DELETE FROM candle")

    def test_readers_never_block_the_writer(self):
        self.rows.add_many(20)
        done = threading.Event()

        def read():
            while not done.is_set():
                self.db.get_candles("EUR_USD", "5")

        with self.threads(4, read):
            try:
                for index in range(200):
                    self.rows.add(START + index * FIVE)
                    self.rows.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                done.set()
        # Nothing is left open that keeps the WAL from being emptied.
        self.assertEqual(self.rows.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0], 0)

    # Several at once.

    @contextlib.contextmanager
    def threads(self, count, action):
        failures = []

        def guarded():
            try:
                action()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=guarded) for _ in range(count)]
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            thread.join(30)
        self.assertEqual(failures, [])

    def test_one_object_serves_many_threads(self):
        self.rows.add_many(50)

        def read():
            for _ in range(30):
                assert len(self.db.get_candles("EUR_USD", "5", 50)) == 50

        with self.threads(8, read):
            pass

    def test_it_may_be_used_after_a_fork(self):
        self.rows.add_many(3)
        self.assertEqual(self.db.get_candle_count("EUR_USD", "5"), 3)
        inherited = forex_database._connection(self.path)
        child = os.fork()
        if child == 0:
            own = forex_database._connection(self.path) is not inherited
            os._exit(self.db.get_candle_count("EUR_USD", "5") if own else 0)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 3)
        self.rows.add(START + 3 * FIVE)
        self.assertEqual(self.db.get_candle_count("EUR_USD", "5"), 4)

    def test_it_can_be_handed_to_another_process(self):
        self.rows.add(START)
        self.db.get_candles("EUR_USD", "5")
        self.assertEqual(pickle.loads(pickle.dumps(self.db)).get_candle_count("EUR_USD", "5"), 1)

    # Waiting.

    def test_waiting_gives_the_next_candle_as_a_dict(self):
        self.rows.add(START)
        self.later(self.rows.add, START + FIVE)
        candle = self.db.wait_for_candle("EURUSD", "5m", timeout=10, after=START)
        self.assertEqual(candle, {
            "time": moment(START + FIVE), "open": 1.1, "high": 1.3, "low": 1.0, "close": 1.2, "volume": 7.0,
            "source": "streamed",
        })  # fmt: skip

    def test_waiting_gives_each_candle_after_the_known_one_at_once(self):
        self.rows.add_many(4)
        known = column(self.db.get_candles("EUR_USD", "5"), "time")[1]
        following = self.db.wait_for_candle("EUR_USD", "5", timeout=0, after=known)["time"]
        self.assertEqual(following, moment(START + 2 * FIVE))
        following = self.db.wait_for_candle("EUR_USD", "5", timeout=0, after=following)["time"]
        self.assertEqual(following, moment(START + 3 * FIVE))
        following = self.db.wait_for_candle("EUR_USD", "5", timeout=0, after=START)["time"]
        self.assertEqual(following, moment(START + FIVE))

    def test_a_file_that_is_just_being_made_is_no_database_yet(self):
        path = self.folder / "empty.db"
        path.touch()
        db = ForexDatabase(path)
        self.assertEqual(db.get_candle_count("EUR_USD", "5"), 0)
        with open(self.path, "rb") as source:
            self.rows.add(START)
            self.rows.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            path.write_bytes(source.read())
        self.assertEqual(db.get_candle_count("EUR_USD", "5"), 1)

    def test_waiting_ends_with_a_timeout_error(self):
        self.rows.add(START)
        for timeout in (0, 0.05):
            began = time.monotonic()
            with self.assertRaisesRegex(TimeoutError, f"^No new candle of EUR_USD 5m within {timeout} s$"):
                self.db.wait_for_candle("EUR_USD", "5", timeout=timeout)
            self.assertGreaterEqual(time.monotonic() - began, timeout)
        with self.assertRaisesRegex(TimeoutError, "the database .* does not exist"):
            ForexDatabase(self.folder / "missing.db").wait_for_candle("EUR_USD", "5", timeout=0.05)

    def test_waiting_passes_over_what_is_partial_older_or_of_others(self):
        self.rows.add(START)
        following = START + FIVE

        def write():
            self.rows.add(START - FIVE)
            self.rows.add(START, prices=(2, 2, 2, 2))
            self.rows.add(following, pair="GBP_USD")
            self.rows.add(following, minutes=15)
            self.rows.add(following, complete=0)

        self.later(write)
        with self.assertRaises(TimeoutError):
            self.db.wait_for_candle("EUR_USD", "5", timeout=0.4)
        self.later(self.rows.add, following)
        self.assertEqual(self.db.wait_for_candle("EUR_USD", "5", timeout=10, after=START)["time"], moment(following))

    def test_waiting_begins_before_there_is_a_database(self):
        path = str(self.folder / "later.db")

        def restore():
            rows = self.make(str(self.folder / "new.db"))
            rows.add(START)
            rows.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            rows.connection.close()
            os.replace(self.folder / "new.db", path)

        self.later(restore)
        candle = ForexDatabase(path).wait_for_candle("EUR_USD", "5", timeout=10, after=0)
        self.assertEqual(candle["time"], moment(START))

    def test_waiting_goes_over_to_another_file(self):
        self.rows.add(START)

        def replace():
            self.make(str(self.folder / "new.db")).add(START + FIVE)
            os.replace(self.folder / "new.db-wal", self.path + "-wal")
            os.replace(self.folder / "new.db", self.path)

        self.rows.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.later(replace)
        candle = self.db.wait_for_candle("EUR_USD", "5", timeout=10, after=START)
        self.assertEqual(candle["time"], moment(START + FIVE))
