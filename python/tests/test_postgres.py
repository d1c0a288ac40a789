"""`ForexDatabase` on PostgreSQL: the same answers as on SQLite, waiting, lost connections, and who may connect."""

import datetime
import gc
import os
import pickle
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import postgres
import processes
from forex_database import ForexDatabase, pandas
from test_forex_database import FIVE, START, Rows, column, moment

try:
    import candlewick_postgres
    import psycopg
except ImportError:
    psycopg = None

# Never waited for unless something is broken.
LONG = 60
DAY = 86_400
needs_psycopg = unittest.skipIf(psycopg is None, "psycopg is not installed")


class ServerTest(unittest.TestCase):
    """Databases with store-writer's tables, on the server of check.py."""

    server = None

    @classmethod
    def setUpClass(cls):
        cls.server = postgres.PostgresServer.running(os.environ["CHECK_POSTGRES"])

    def setUp(self):
        # A session of a former test would be another one's.
        vars(candlewick_postgres._kept).clear()
        self.database = f"test_{os.getpid()}_{id(self)}"
        self.server.sql(f"CREATE DATABASE {self.database} TEMPLATE empty")
        self.addCleanup(self.server.sql, f"DROP DATABASE {self.database} WITH (FORCE)")
        self.url = self.server.url(self.database)
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


@needs_psycopg
class SameAnswersTest(ServerTest):
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
class StoreWriterTest(ServerTest):
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
class WaitingTest(ServerTest):
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
        candle = self.wait("EURUSD", "5m")
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
        db = ForexDatabase(self.server.url(f"{self.database}_bare"))
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


@needs_psycopg
class ConnectionTest(ServerTest):
    def test_a_query_is_repeated_once_over_a_new_connection(self):
        self.add(START)
        self.assertEqual(self.db.get_candle_count("EUR_USD", "5"), 1)
        self.end_sessions()
        self.assertEqual(self.db.get_candle_count("EUR_USD", "5"), 1)

    def test_a_server_that_is_not_there_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            db = ForexDatabase(f"postgresql:///candles?host={folder}")
            with self.assertRaisesRegex(ConnectionError, f"^database postgresql://.*{folder} cannot be opened: .*No such file"):
                db.get_candles("EUR_USD", "5")

    def test_what_may_not_be_read_is_named(self):
        self.writer.execute("CREATE ROLE stranger LOGIN")
        self.addCleanup(self.server.sql, "DROP ROLE stranger")
        db = ForexDatabase(self.server.url(self.database, user="stranger"))
        with self.assertRaisesRegex(OSError, "cannot be read: permission denied for table candle"):
            db.get_candles("EUR_USD", "5")

    def test_its_connection_cannot_write(self):
        with self.assertRaisesRegex(OSError, "cannot execute DELETE in a read-only transaction"):
            self.db._rows("DELETE FROM candle")

    def test_statements_are_prepared_and_walk_the_key(self):
        for index in range(50):
            self.add(START + index * FIVE)
        self.db.get_candles("EUR_USD", "5", 20)
        connection = vars(candlewick_postgres._kept)[self.url].connection
        prepared = [row[0] for row in connection.execute("SELECT statement FROM pg_prepared_statements").fetchall()]
        self.assertEqual(len([text for text in prepared if "LIMIT $" in text]), 1, prepared)
        self.writer.execute("SET enable_seqscan = off")
        query = f"SELECT timestamp {self.db._store.series} ORDER BY timestamp DESC LIMIT 20".replace("?", "%s")
        plan = "\n".join(row[0] for row in self.writer.execute(f"EXPLAIN {query}", ("EUR_USD", "5")).fetchall())
        self.assertRegex(plan, "Index Scan Backward using candle_2026_05_pkey")
        self.assertNotIn("Sort", plan)

    def test_one_object_serves_many_threads(self):
        for index in range(50):
            self.add(START + index * FIVE)
        failures = []

        def read():
            try:
                for _ in range(20):
                    assert len(self.db.get_candles("EUR_USD", "5", 50)) == 50
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        self.assertEqual(failures, [])
        # Each had its own, which ended with it.
        gc.collect()
        processes.until("the threads' sessions have ended", LONG, lambda: self.sessions() == 0)

    def test_it_may_be_used_after_a_fork(self):
        self.add(START)
        self.assertEqual(self.db.get_candle_count("EUR_USD", "5"), 1)
        process = self.db._rows("SELECT pg_backend_pid()")
        child = os.fork()
        if child == 0:
            own = self.db._rows("SELECT pg_backend_pid()") != process
            os._exit(self.db.get_candle_count("EUR_USD", "5") if own else 0)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 1)
        self.assertEqual(self.db._rows("SELECT pg_backend_pid()"), process)

    def test_it_can_be_handed_to_another_process(self):
        self.add(START)
        self.db.get_candles("EUR_USD", "5")
        self.assertEqual(pickle.loads(pickle.dumps(self.db)).get_candle_count("EUR_USD", "5"), 1)

    def test_a_program_that_reads_ends_without_a_word(self):
        self.add(START)
        code = f"from forex_database import ForexDatabase; print(ForexDatabase({self.url!r}).get_candle_count('EUR_USD', 5))"
        answer = subprocess.run(
            [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=LONG
        )
        self.assertEqual((answer.stdout, answer.stderr), ("1\n", ""))


@needs_psycopg
class PasswordTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.server.sql("CREATE ROLE locked LOGIN PASSWORD 'hunter2'; GRANT pg_read_all_data TO locked")
        self.addCleanup(self.server.sql, "DROP ROLE locked")
        self.db = ForexDatabase(self.server.url(self.database, user="locked"))
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def count(self, **variables):
        with mock.patch.dict(os.environ, {"HOME": self.folder.name, **variables}):
            return self.db.get_candle_count("EUR_USD", "5")

    def test_it_comes_from_the_environment(self):
        self.assertEqual(self.count(PGPASSWORD="hunter2"), 0)

    def test_it_comes_from_a_credential(self):
        (Path(self.folder.name) / "PGPASSWORD").write_text("hunter2\n")
        self.assertEqual(self.count(CREDENTIALS_DIRECTORY=self.folder.name), 0)

    def test_it_comes_from_the_file_of_passwords(self):
        path = Path(self.folder.name) / "passwords"
        path.write_text("*:*:*:locked:hunter2\n")
        path.chmod(0o600)
        self.assertEqual(self.count(PGPASSFILE=str(path)), 0)

    def test_one_that_lacks_is_asked_for(self):
        with self.assertRaisesRegex(PermissionError, "wants a password: give it in the file that PGPASSFILE names"):
            self.count()

    def test_a_wrong_one_is_refused_and_not_shown(self):
        with self.assertRaisesRegex(ConnectionError, "password authentication failed") as caught:
            self.count(PGPASSWORD="hunter3")
        self.assertNotIn("hunter3", str(caught.exception))


@needs_psycopg
class AddressTest(unittest.TestCase):
    """The cases of Tests/4-Stores/StoreTests/PostgresAddressTests.swift. None connects."""

    def address(self, url, **variables):
        with mock.patch.dict(os.environ, {"HOME": "/nonexistent", **variables}, clear=True):
            return ForexDatabase(url)._store.parameters

    def test_a_server_on_this_machine_needs_no_tls(self):
        for url in [
            "postgresql:///candles", "postgresql://candlewick@/candles?host=/run/postgresql", "postgresql://localhost/c",
            "postgresql://127.0.0.1:5433/c", "postgresql://[::1]/c", "postgres://localhost,127.0.0.2/c",
        ]:  # fmt: skip
            with self.subTest(url):
                self.assertNotIn("sslmode", self.address(url))

    def test_another_machine_is_spoken_to_by_verified_tls_only(self):
        for url in [
            "postgresql://db.example/c", "postgresql://localhost,db.example/c", "postgresql:///c?hostaddr=192.0.2.7",
            "postgresql://127.0.0.1.example/c", "postgresql:///c?service=main",
        ]:  # fmt: skip
            address = self.address(url)
            self.assertEqual((address["sslmode"], address["gssencmode"]), ("verify-full", "disable"))
            self.assertEqual(address["sslrootcert"], "/etc/ssl/certs/ca-certificates.crt")
            for weaker in ("disable", "prefer", "require", "verify-ca"):
                with self.subTest(url, weaker=weaker), self.assertRaisesRegex(
                    ValueError, f"sslmode={weaker}: a server on another machine needs sslmode=verify-full, the default"
                ):
                    self.address(f"{url}{'&' if '?' in url else '?'}sslmode={weaker}")

    def test_hosts_of_the_variables_of_libpq_count(self):
        self.assertEqual(self.address("postgresql:///c", PGHOST="db.example")["sslmode"], "verify-full")
        self.assertEqual(self.address("postgresql:///c", PGSERVICE="main")["sslmode"], "verify-full")
        self.assertNotIn("sslmode", self.address("postgresql://localhost/c", PGHOST="db.example"))

    def test_certificates_that_the_user_names_are_taken(self):
        given = self.address("postgresql://db.example/c?sslrootcert=/etc/own.pem")
        self.assertEqual(given["sslrootcert"], "/etc/own.pem")
        self.assertNotIn("sslrootcert", self.address("postgresql://db.example/c", PGSSLROOTCERT="/etc/own.pem"))

    def test_a_password_in_the_url_is_refused_and_not_shown(self):
        for url in [
            "postgresql://me:hunter2@db.example/c", "postgresql://me@db.example/c?password=hunter2",
            "postgresql://me@db.example/c?pass%77ord=hunter2", "postgresql://me@db.example/c?sslpassword=hunter2",
        ]:  # fmt: skip
            with self.subTest(url), self.assertRaisesRegex(ValueError, "^CANDLEWICK_DATABASE holds a password") as caught:
                self.address(url)
            self.assertNotIn("hunter2", str(caught.exception))

    def test_the_words_are_those_of_the_stages(self):
        swift = (Path(__file__).resolve().parents[2] / "Sources/3-Machine/Host/Paths.swift").read_text()
        self.assertIn(candlewick_postgres._PASSWORD_REFUSAL, " ".join(swift.replace("\\\n", "").split()))

    def test_what_libpq_cannot_read_is_refused_without_being_quoted(self):
        with self.assertRaisesRegex(ValueError, "cannot be read as a URI of libpq") as caught:
            self.address("postgresql://me:hunter2%zz@[db/c")
        self.assertNotIn("hunter2", str(caught.exception))

    def test_each_host_gets_its_turn(self):
        def attempts(url, **variables):
            with mock.patch.dict(os.environ, variables):
                given = candlewick_postgres._attempts(self.address(url))
                return [(each.get("host"), each.get("port"), each["target_session_attrs"]) for each in given]

        self.assertEqual(attempts("postgresql:///c"), [(None, None, "any")])
        self.assertEqual(attempts("postgresql://a:1,b:2/c"), [("a", "1", "any"), ("b", "2", "any")])
        self.assertEqual(attempts("postgresql:///c", PGHOST="a,b", PGPORT="7"), [("a", "7", "any"), ("b", "7", "any")])
        self.assertEqual(attempts("postgresql://a,b/c?target_session_attrs=prefer-standby"), [
            ("a", None, "standby"), ("b", None, "standby"), ("a", None, "any"), ("b", None, "any"),
        ])  # fmt: skip

    def test_the_url_decides_what_kind_of_database_it_is(self):
        self.assertEqual(ForexDatabase("postgresql:///c").db_type, "postgresql")
        self.assertEqual(ForexDatabase("postgresql:///c", db_type="postgresql").db_type, "postgresql")
        with mock.patch.dict(os.environ, CANDLEWICK_DATABASE="postgresql:///c"):
            self.assertEqual(ForexDatabase().db_path, "postgresql:///c")
        with self.assertRaisesRegex(ValueError, "candles.db is not the URL of a PostgreSQL server"):
            ForexDatabase("candles.db", db_type="postgresql")


class MissingTest(unittest.TestCase):
    def test_it_says_which_package_lacks(self):
        with mock.patch.dict(sys.modules, {"psycopg": None}):
            sys.modules.pop("candlewick_postgres", None)
            with self.assertRaisesRegex(ImportError, "`apt-get install python3-psycopg`, or `pip install 'psycopg"):
                ForexDatabase("postgresql:///candles")

    def test_it_says_which_file_lacks(self):
        with mock.patch.dict(sys.modules, {"candlewick_postgres": None}):
            with self.assertRaisesRegex(ImportError, "put python/candlewick_postgres.py of Candlewick beside the bot"):
                ForexDatabase("postgresql:///candles")

    def test_sqlite_needs_neither(self):
        with mock.patch.dict(sys.modules, {"psycopg": None, "candlewick_postgres": None}):
            self.assertEqual(ForexDatabase("/nonexistent/candles.db").get_candle_count("EUR_USD", "5"), 0)


@needs_psycopg
class ClusterTest(unittest.TestCase):
    """Servers of its own: a replica, a failover, TLS."""

    def setUp(self):
        vars(candlewick_postgres._kept).clear()
        self.folder = Path(tempfile.mkdtemp(prefix="cw-pg.", dir="/tmp"))
        self.folder.chmod(0o755)
        self.addCleanup(self.folder.rmdir)

    def make(self, *settings, tcp=False):
        server = postgres.PostgresServer(self.folder / "leader").make().start(*settings, tcp=tcp)
        self.addCleanup(server.remove)
        template = postgres.PostgresServer.running(os.environ["CHECK_POSTGRES"])
        server.sql("CREATE DATABASE candles")
        server.sql(template.schema("empty"), "candles")
        self.writer = psycopg.connect(server.url("candles"), autocommit=True)
        self.addCleanup(self.writer.close)
        return server

    def follow(self, leader):
        replica = leader.replica(self.folder / "replica").start()
        self.addCleanup(replica.remove)
        return replica

    def test_a_replica_is_asked_again_and_again(self):
        leader = self.make()
        db = ForexDatabase(self.follow(leader).url("candles"))
        add_candle(self.writer, START)
        self.assertEqual(db.wait_for_candle("EUR_USD", "5", timeout=LONG, after=0)["time"], moment(START))
        timer = threading.Timer(0.3, add_candle, (self.writer, START + FIVE))
        timer.start()
        self.addCleanup(timer.join)
        self.assertEqual(db.wait_for_candle("EUR_USD", "5", timeout=LONG)["time"], moment(START + FIVE))
        self.assertEqual(len(db.get_candles("EUR_USD", "5")), 2)

    def test_a_standby_is_preferred_if_it_is_wanted(self):
        leader = self.make()
        replica = self.follow(leader)
        hosts = f"{leader.folder},{replica.folder}"
        url = f"postgresql://candlewick@/candles?host={hosts}&target_session_attrs="
        self.assertEqual(ForexDatabase(url + "prefer-standby")._rows("SELECT pg_is_in_recovery()"), [(True,)])
        self.assertEqual(ForexDatabase(url + "primary")._rows("SELECT pg_is_in_recovery()"), [(False,)])
        replica.stop()
        self.assertEqual(ForexDatabase(url + "prefer-standby&port=5432")._rows("SELECT pg_is_in_recovery()"), [(False,)])

    def test_after_a_failover_the_next_host_answers(self):
        leader = self.make()
        replica = self.follow(leader)
        add_candle(self.writer, START)
        where = self.writer.execute("SELECT pg_current_wal_lsn()").fetchone()[0]
        arrived = f"SELECT pg_last_wal_replay_lsn() >= '{where}'"
        processes.until("the replica has the candle", LONG, lambda: replica.sql(arrived) == ["t"])
        db = ForexDatabase(f"postgresql://candlewick@/candles?host={leader.folder},{replica.folder}")
        self.assertEqual(db.get_latest_timestamp("EUR_USD", "5"), START)
        leader.stop(signal.SIGQUIT)
        replica.promote()
        self.assertEqual(db.get_latest_timestamp("EUR_USD", "5"), START)
        with psycopg.connect(replica.url("candles"), autocommit=True) as writer:
            add_candle(writer, START + FIVE)
        self.assertEqual(db.wait_for_candle("EUR_USD", "5", timeout=LONG, after=START)["time"], moment(START + FIVE))

    def test_a_host_that_does_not_answer_costs_its_time_only(self):
        leader = self.make()
        with socket.socket(socket.AF_UNIX) as silent:
            (self.folder / "silent").mkdir()
            self.addCleanup((self.folder / "silent").rmdir)
            path = self.folder / "silent" / ".s.PGSQL.5432"
            silent.bind(str(path))
            self.addCleanup(path.unlink)
            silent.listen()
            hosts = f"{self.folder}/silent,{leader.folder}"
            db = ForexDatabase(f"postgresql://candlewick@/candles?host={hosts}&connect_timeout=2")
            self.assertEqual(db.get_candle_count("EUR_USD", "5"), 0)

    def test_another_machine_must_prove_its_name(self):
        ca = self.make_certificate()
        files = {name: str(self.folder / "certificates" / name) for name in ("server.pem", "server.key")}
        leader = self.make(
            "ssl=on", f"ssl_cert_file={files['server.pem']}", f"ssl_key_file={files['server.key']}", tcp=True
        )
        # Not a name of this machine; its address is given, so that nobody is asked for it.
        url = f"postgresql://candlewick@{{}}:{leader.port}/candles?hostaddr=127.0.0.1"
        db = ForexDatabase(url.format("db.example") + f"&sslrootcert={ca}")
        self.assertEqual(db._rows("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), [(True,)])
        for name, parameters, why in [
            ("other.example", f"&sslrootcert={ca}", "does not match host name"), ("db.example", "", "certificate verify failed"),
        ]:  # fmt: skip
            with self.subTest(name), self.assertRaisesRegex(ConnectionError, why):
                ForexDatabase(url.format(name) + parameters).get_candle_count("EUR_USD", "5")

    def make_certificate(self):
        """Of db.example, signed by itself."""
        folder = self.folder / "certificates"
        folder.mkdir()
        self.addCleanup(shutil.rmtree, folder)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=db.example", "-addext", "subjectAltName=DNS:db.example",
             "-keyout", folder / "server.key", "-out", folder / "server.pem"],
            check=True, capture_output=True, timeout=LONG,
        )  # fmt: skip
        postgres.give(folder / "server.key")
        return folder / "server.pem"
