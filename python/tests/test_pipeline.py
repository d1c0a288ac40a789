"""Bots and the guide's code blocks against the running pipeline: simulator, four stages, market time fast."""

import contextlib
import importlib.util
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import unittest
import unittest.mock
from datetime import datetime
from pathlib import Path

import forex_database
import processes
from forex_database import ForexDatabase, pandas

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "reading.md"
# Its blocks need other programs: scripts/check-formats runs them.
ELSEWHERE = re.compile(r"^## Files for other programs\n.*?(?=^## )", re.MULTILINE | re.DOTALL)
# A 5m candle each half second.
SPEED = 600
EPOCH = datetime(1970, 1, 1)
needs_pyzmq = unittest.skipUnless(importlib.util.find_spec("zmq"), "pyzmq is not installed")


class PipelineTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="candlewick-python.")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.pipeline = processes.Pipeline(
            cls.folder, os.environ["CHECK_BIN"], processes.settings(["EUR_USD", "GBP_USD", "USD_JPY"])
        )
        cls.addClassCleanup(cls.pipeline.kill_everything)
        with cls.pipeline.configuration.open("a") as file:
            file.write("timeframes: [5m, 15m, 1h]\nhistory:\n  request_spacing_milliseconds: 0\n")
        # A Tuesday: no weekend is near.
        cls.pipeline.start_simulator(["--speed", str(SPEED), "--rate", "0.2", "--start", "2026-05-12T08:00:00"])
        for name in reversed(processes.STAGES):
            cls.pipeline.start(name).ready()
        cls.make_home()
        runtime = cls.pipeline.environment["CANDLEWICK_RUNTIME_DIR"]
        cls.db = ForexDatabase(str(cls.pipeline.database), runtime=runtime)
        cls.buy_history()
        cls.lose_updates()

    @classmethod
    def make_home(cls):
        """The folder in which code blocks run: the files that a bot's author copies, and DuckDB's extension."""
        home = cls.folder / "home"
        home.mkdir()
        for name in ("forex_database.py", "candlewick_postgres.py"):
            shutil.copy(ROOT / "python" / name, home)
        shutil.copy(ROOT / "python" / "examples" / "example_bot.py", home)
        try:
            import duckdb
            import duckdb_extension_sqlite_scanner as package

            extension = next(Path(package.__file__).parent.glob("extensions/*/*.duckdb_extension"))
            platform = duckdb.sql("PRAGMA platform").fetchone()[0]
            target = home / ".duckdb" / "extensions" / extension.parent.name / platform
            target.mkdir(parents=True)
            shutil.copy(extension, target)
        except ImportError:
            pass  # The block is skipped then.
        cls.home = home
        folder = os.path.dirname(sys.executable)
        environment = {name: os.environ[name] for name in ("TZ", "PYTHONDONTWRITEBYTECODE")}
        cls.environment = environment | {
            "HOME": str(home), "PATH": f"{folder}:{os.environ['CHECK_BIN']}:{os.environ['PATH']}", "NO_COLOR": "1",
            "TERM": "dumb", "CANDLEWICK_DATABASE": str(cls.pipeline.database),
            "CANDLEWICK_STATE_DIR": cls.pipeline.environment["CANDLEWICK_STATE_DIR"],
            "CANDLEWICK_RUNTIME_DIR": cls.pipeline.environment["CANDLEWICK_RUNTIME_DIR"],
        }  # fmt: skip

    @classmethod
    def buy_history(cls):
        buyer = cls.pipeline.launch("ingest-backfill", ["run"])
        try:
            buyer.process.wait(60)
        finally:
            buyer.kill()
        cls.until("200 candles", lambda: cls.db.get_candle_count("USD_JPY", "5") >= 200)

    @classmethod
    def lose_updates(cls):
        """Makes partial candles beside the complete ones."""
        cls.pipeline.fault("lost=3")
        query = "SELECT 1 FROM candles_full WHERE pair = 'EUR_USD' AND timeframe = '5' AND partial = 1 AND lost > 0"
        cls.until("a partial candle", lambda: cls.ask(query))

    @staticmethod
    def until(what, condition):
        return processes.until(what, 60, condition, 0.05)

    @classmethod
    def ask(cls, query, *arguments):
        with sqlite3.connect(f"{cls.pipeline.database.as_uri()}?mode=ro", uri=True) as connection:
            rows = connection.execute(query, arguments).fetchall()
        connection.close()
        return rows

    def run_program(self, *command):
        """Its output; fails if it fails or prints nothing."""
        result = subprocess.run(
            command, cwd=self.home, env=self.environment, capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.assertEqual(result.returncode, 0, f"{result.stdout[-1000:]}\n{result.stderr[-2000:]}")
        self.assertNotEqual(result.stdout.strip(), "", "it says nothing")
        return result.stdout

    # What the database gives.

    def test_the_last_candles_are_asked_without_scan_and_sort(self):
        for view in ("candles", "candles_full"):
            query = f"SELECT * FROM {view} WHERE pair = ? AND timeframe = ? ORDER BY timestamp DESC LIMIT 200"
            plan = "\n".join(row[3] for row in self.ask(f"EXPLAIN QUERY PLAN {query}", "EUR_USD", "5"))
            self.assertIn("SEARCH c USING PRIMARY KEY", plan)
            self.assertNotRegex(plan, "TEMP B-TREE|SCAN")

    def test_the_queries_of_forex_database_neither_scan_nor_sort(self):
        queries = []
        connection = sqlite3.connect(f"{self.pipeline.database.as_uri()}?mode=ro", uri=True)
        self.addCleanup(connection.close)
        with unittest.mock.patch("forex_database._connection", lambda path: connection):
            connection.set_trace_callback(queries.append)
            self.db.get_candles("EUR_USD", "5", 200)
            self.db.get_latest_timestamp("EUR_USD", "5")
            self.db.get_candle_count("EUR_USD", "5")
            self.db.wait_for_candle("EUR_USD", "5", timeout=0, after=0)
            connection.set_trace_callback(None)
        queries = [query for query in queries if "candles" in query]
        self.assertEqual(len(queries), 4)
        for query in queries:
            plan = "\n".join(row[3] for row in self.ask(f"EXPLAIN QUERY PLAN {query}"))
            self.assertIn("SEARCH c USING PRIMARY KEY", plan)
            self.assertNotRegex(plan, "TEMP B-TREE|SCAN")

    def test_partial_candles_are_in_candles_full_only(self):
        query = "SELECT timestamp FROM candles_full WHERE pair = 'EUR_USD' AND timeframe = '5' AND partial = 1"
        partial = self.ask(query)
        given = {int((moment - EPOCH).total_seconds()) for moment in self.db.get_candles("EUR_USD", "5", 10_000)["time"]}
        self.assertTrue(partial)
        self.assertFalse(given & {row[0] for row in partial})

    # Bots.

    @unittest.skipIf(pandas is None, "pandas is not installed")
    def test_a_bot_for_the_usual_class_runs_unchanged(self):
        shutil.copy(ROOT / "python" / "forex_database.py", self.home / "database.py")
        shutil.copy(ROOT / "python" / "tests" / "usual_bot.py", self.home)
        text = self.run_program(sys.executable, "usual_bot.py", str(self.pipeline.database))
        self.assertEqual(len(re.findall(r"^(?:EUR|GBP)_USD (?:5|15): 2026-05-1\d ", text, re.MULTILINE)), 4, text)
        self.assertEqual(text.count("NZD_CHF 5: No data in database for NZD_CHF 5m"), 1, text)

    def test_the_example_bot_prints_the_last_candle_once(self):
        for python in (sys.executable, os.environ["CHECK_PLAIN_PYTHON"]):
            text = self.run_program(python, "example_bot.py", "EUR/USD", "5m", "--once")
            self.assertRegex(text, r"^2026-05-1\d .* MA-200 1\.\d{5}  Tenkan 1\..* (above|below|in) the cloud\n$")

    def test_the_indicators_of_the_example_bot_are_those_of_pandas(self):
        if pandas is None:
            self.skipTest("pandas is not installed")
        bot = load(ROOT / "python" / "examples" / "example_bot.py")
        df = self.db.get_candles("EUR_USD", "5", 200)

        def middle(length):
            return (df["high"].rolling(length).max() + df["low"].rolling(length).min()) / 2

        usual = {
            "MA-200": df["close"].rolling(200).mean(), "Tenkan": middle(9), "Kijun": middle(26),
            "Senkou A": ((middle(9) + middle(26)) / 2).shift(26), "Senkou B": middle(52).shift(26),
            "Chikou": df["close"] - df["close"].shift(26),
        }  # fmt: skip
        ours = bot.indicators(*(list(df[name]) for name in ("high", "low", "close")))
        self.assertEqual(list(ours), list(usual))
        for name, value in ours.items():
            self.assertAlmostEqual(value, usual[name].iloc[-1], 9, name)

    def test_the_example_bot_prints_a_line_per_new_candle(self):
        process = subprocess.Popen(
            [sys.executable, "example_bot.py", "GBP_USD"], cwd=self.home, env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        limit = threading.Timer(60, process.kill)
        limit.start()
        try:
            times = [process.stdout.readline()[:16] for _ in range(4)]
        finally:
            limit.cancel()
            process.kill()
            process.wait()
            process.stdout.close()
        self.assertEqual(times, sorted(set(times)))
        self.assertNotIn("", times)

    def test_the_example_bot_says_in_one_sentence_what_lacks(self):
        result = subprocess.run(
            [sys.executable, "example_bot.py", "NZD_CHF", "--once"], cwd=self.home, env=self.environment,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        self.assertEqual(result.returncode, 69)
        self.assertRegex(result.stderr, "^example_bot: No data in database for NZD_CHF 5m: .*\n$")

    # Waiting.

    def test_waiting_gives_every_complete_candle_as_it_is_stored(self):
        first = known = self.db.wait_for_candle("EUR_USD", "5", timeout=30)["time"]
        waited = []
        while len(waited) < 6:
            candle = self.db.wait_for_candle("EUR_USD", "5", timeout=30, after=known)
            known = candle["time"]
            waited.append((int((known - EPOCH).total_seconds()), *list(candle.values())[1:6]))
        stored = self.ask(
            "SELECT timestamp, open, high, low, close, CAST(volume AS REAL) FROM candles"
            " WHERE pair = 'EUR_USD' AND timeframe = '5' AND timestamp > ? ORDER BY timestamp LIMIT 6",
            int((first - EPOCH).total_seconds()),
        )
        self.assertEqual(waited, stored)

    @needs_pyzmq
    def test_messages_alone_end_the_waits(self):
        outcomes = []
        wait = forex_database._Bus.wait

        def observed(bus, seconds):
            outcomes.append(wait(bus, seconds))
            return outcomes[-1]

        known = self.db.wait_for_candle("EUR_USD", "5", timeout=30)["time"]
        with (
            unittest.mock.patch("forex_database._RECHECK_SECONDS", 60),
            unittest.mock.patch("forex_database._UNPROVEN_SECONDS", 60),
            unittest.mock.patch("forex_database._Bus.wait", observed),
        ):
            while len(outcomes) < 4:
                known = self.db.wait_for_candle("EUR_USD", "5", timeout=60, after=known)["time"]
        self.assertTrue(all(outcomes))

    def test_several_threads_wait_for_their_pairs(self):
        found = {}

        def wait(pair, timeframe):
            found[pair, timeframe] = self.db.wait_for_candle(pair, timeframe, timeout=40)["time"]

        wanted = [(pair, timeframe) for pair in ("EUR_USD", "GBP_USD", "USD_JPY") for timeframe in ("5", "1h")]
        threads = [threading.Thread(target=wait, args=series) for series in wanted]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(sorted(found), sorted(wanted))

    def test_waiting_goes_on_over_a_restart_of_store_writer(self):
        times = []

        def wait():
            known = None
            while len(times) < 6:
                known = self.db.wait_for_candle("EUR_USD", "5", timeout=60, after=known)["time"]
                times.append(known)

        thread = threading.Thread(target=wait)
        thread.start()
        self.until("a candle before the restart", lambda: times)
        self.pipeline.running["store-writer"].kill()
        self.pipeline.start("store-writer").ready()
        thread.join(60)
        stored = self.ask(
            "SELECT timestamp FROM candles WHERE pair = 'EUR_USD' AND timeframe = '5' AND timestamp >= ?"
            " ORDER BY timestamp LIMIT 6",
            int((times[0] - EPOCH).total_seconds()),
        )
        self.assertEqual([int((moment - EPOCH).total_seconds()) for moment in times], [row[0] for row in stored])

    # The forming candle.

    @needs_pyzmq
    def test_the_forming_candle_is_there_while_ticks_flow(self):
        candle = self.until("a forming candle", lambda: self.db.forming("GBP_USD", "1h", timeout=30))
        self.assertEqual(candle["time"].minute, 0)
        self.assertTrue(candle["low"] <= min(candle["open"], candle["close"]))
        self.assertTrue(candle["high"] >= max(candle["open"], candle["close"]))
        self.assertTrue(candle["bid"] < candle["close"] < candle["ask"])
        self.assertGreater(candle["volume"], 0)

    @needs_pyzmq
    def test_the_last_update_of_an_interval_is_the_stored_candle(self):
        last = {}
        with contextlib.closing(self.db.forming_updates("GBP_USD", "5", timeout=30)) as updates:
            while len(last) < 9:
                candle = next(updates)
                last[int((candle["time"] - EPOCH).total_seconds())] = candle
        starts = list(last)[:-1]  # The last one goes on.
        # A later revision would have other values.
        query = f"""
            SELECT timestamp, mid_open, mid_high, mid_low, mid_close, CAST(tick_count AS REAL), source,
                bid_close, ask_close, partial
            FROM candles_full WHERE pair = 'GBP_USD' AND timeframe = '5' AND revision = 1
                AND timestamp IN ({", ".join(map(str, starts))}) ORDER BY timestamp"""
        self.until("the candle is stored", lambda: self.db.get_latest_timestamp("GBP_USD", "5") >= starts[-1])
        stored = self.ask(query)
        self.assertGreater(len(stored), 4)
        for start, *values in stored:
            self.assertEqual(list(last[start].values())[1:], [*values, True])

    # The guide.

    def refuse(self, code):
        self.fail(f"a code block is marked sh, sql, python, r or swift, not so: {code[:60]}")

    def run_swift(self, code):
        self.skipTest("Swift is built with the package, not here")

    def run_sh(self, code):
        if "sqlite3 " in code and shutil.which("sqlite3") is None:
            self.skipTest("the command sqlite3 is not installed")
        self.run_program("bash", "-euo", "pipefail", "-c", f"{code}\necho done")

    def run_python(self, code):
        for name in re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE):
            known = name == "forex_database" or importlib.util.find_spec(name)
            if not known or name == "duckdb" and not (self.home / ".duckdb").exists():
                self.skipTest(f"{name} is not installed")
        for word, name in ((".rolling(", "pandas"), (".forming", "zmq")):
            if word in code and not importlib.util.find_spec(name):
                self.skipTest(f"{name} is not installed")
        self.run_program(sys.executable, "-W", "error", "-c", code)

    def run_sql(self, code):
        statements = re.findall(r"[^;]+;", code)
        self.assertTrue(statements)
        for statement in statements:
            self.assertTrue(self.ask(statement), f"no row of {statement}")

    def run_r(self, code):
        if shutil.which("Rscript") is None:
            self.skipTest("Rscript is not installed")
        if subprocess.run(["Rscript", "-e", "library(RSQLite)"], capture_output=True, timeout=60).returncode != 0:
            self.skipTest("R's package RSQLite is not installed")
        self.run_program("Rscript", "-e", code)


def add_blocks():
    """A test for each code block of the guide, named by its line."""
    text = GUIDE.read_text()
    elsewhere = ELSEWHERE.search(text)
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if elsewhere.start() < match.start() < elsewhere.end():
            continue
        language, code = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        action = getattr(PipelineTest, f"run_{language}", PipelineTest.refuse)

        def test(self, action=action, code=code):
            action(self, code)

        name = f"test_reading.md_line_{line}_{language}"
        test.__name__ = name
        setattr(PipelineTest, name, test)


def load(path):
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


add_blocks()
