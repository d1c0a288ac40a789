"""`ForexDatabase` on the bus: the forming candle, and waiting for messages, against sockets of our own."""

import contextlib
import itertools
import os
import sys
import tempfile
import threading
import time
import unittest
import warnings
from pathlib import Path
from unittest import mock

import forex_database
from forex_database import ForexDatabase
from rows import FIVE, START, Rows, moment
from stages import LONG, Stage, form, sealed, tick

try:
    import zmq
except ImportError:
    zmq = None

GOLDEN = Path(__file__).resolve().parents[2] / "Tests" / "Golden" / "wire"
needs_pyzmq = unittest.skipIf(zmq is None, "pyzmq is not installed")


def damaged(record):
    """One price differs; the checksum does not."""
    return record[:48] + bytes([record[48] ^ 1]) + record[49:]


@contextlib.contextmanager
def without_pyzmq():
    with mock.patch.dict(sys.modules, {"zmq": None}):
        forex_database._pyzmq.cache_clear()
        try:
            yield
        finally:
            forex_database._pyzmq.cache_clear()


class BusTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.run_folder = Path(folder.name) / "run"
        self.rows = Rows(Path(folder.name) / "candlewick.db")
        self.addCleanup(self.rows.connection.close)
        self.db = ForexDatabase(Path(folder.name) / "candlewick.db", runtime=self.run_folder)

    def stage(self, name, answers=None):
        stage = Stage(self.run_folder / name, answers)
        self.addCleanup(stage.close)
        return stage

    def forming(self, *answers, timeout=LONG):
        self.stage("forming.ipc", answers)
        return self.db.forming("EUR_USD", "5", timeout=timeout)

    def set(self, name, value):
        patch = mock.patch.object(forex_database, name, value)
        patch.start()
        self.addCleanup(patch.stop)

    # The forming candle.

    @needs_pyzmq
    def test_the_forming_candle_has_the_keys_of_a_stored_one_and_more(self):
        self.assertEqual(self.forming(form(), tick()), {
            "time": moment(START), "open": 1.1001, "high": 1.3001, "low": 1.0001, "close": 1.2001, "volume": 7.0,
            "source": "streamed", "bid": 1.2, "ask": 1.2002, "partial": False, "final": False,
        })  # fmt: skip

    @needs_pyzmq
    def test_a_forming_candle_may_be_partial_and_lack_a_side(self):
        candle = self.forming(form(flags=1 | 32, spread=None), tick())
        self.assertTrue(candle["partial"])
        self.assertEqual([candle[name] for name in ("open", "close", "bid", "ask")], [None, None, 1.2, None])

    @needs_pyzmq
    def test_a_tick_without_a_forming_candle_means_that_none_is_there(self):
        self.assertIsNone(self.forming(form(minutes=15), tick()))

    @needs_pyzmq
    def test_a_candle_that_just_ended_is_no_forming_one(self):
        self.assertIsNone(self.forming(form(position=9), tick()))

    @needs_pyzmq
    def test_a_forming_candle_counts_also_after_a_tick(self):
        self.set("_ANSWER_SECONDS", LONG)
        self.assertEqual(self.forming(tick(), form(minutes=15), form())["time"], moment(START))

    @needs_pyzmq
    def test_what_is_damaged_or_of_another_kind_or_size_is_no_forming_candle(self):
        other = form(bid=(2, 2, 2, 2))
        others = [other[:-1], other + b"\0", sealed(other[:-8]), sealed(other), damaged(other)]
        others += [b"FORMEUR_USD", form(kind=b"FORX"), form(minutes=15)]
        self.assertEqual(self.forming(*others, form())["close"], 1.2001)

    @needs_pyzmq
    def test_a_damaged_tick_does_not_mean_that_none_is_there(self):
        with self.assertRaises(TimeoutError):
            self.forming(damaged(tick()), sealed(tick()[:-8]), sealed(tick()), timeout=0.6)

    @needs_pyzmq
    def test_the_forming_candle_of_another_pair_is_not_given(self):
        with self.assertRaises(TimeoutError):
            others = [form(pair=b"EUR_USX"), form(pair=b"EUR_USDX"), form(pair=b"GBP_USD"), tick(b"GBP_USD")]
            self.forming(*others, timeout=0.6)

    @needs_pyzmq
    def test_an_aggregator_that_does_not_answer_is_a_timeout_error(self):
        with self.assertRaisesRegex(TimeoutError, "^No tick or forming candle of EUR_USD within 0.05 s: aggregator .*run"):
            self.forming(timeout=0.05)

    @needs_pyzmq
    def test_a_missing_socket_is_named(self):
        for timeout in (0, 0.05):
            with self.assertRaisesRegex(TimeoutError, "forming.ipc does not exist. .*set CANDLEWICK_RUNTIME_DIR"):
                self.db.forming("EUR_USD", "5", timeout=timeout)

    @needs_pyzmq
    def test_an_aggregator_may_start_late(self):
        timer = threading.Timer(0.3, self.stage, ("forming.ipc", [form(), tick()]))
        timer.start()
        self.addCleanup(timer.join)
        self.assertEqual(self.db.forming("EURUSD", "5m", timeout=LONG)["time"], moment(START))

    def test_without_pyzmq_an_import_error_says_how_to_get_it(self):
        with without_pyzmq():
            for ask in (self.db.forming, self.db.forming_updates):
                with self.assertRaisesRegex(ImportError, "^pyzmq is not installed, .*`pip install pyzmq`"):
                    ask("EUR_USD", "5")

    @needs_pyzmq
    def test_what_is_no_pair_or_timeframe_is_refused_at_the_call(self):
        for ask in (self.db.forming, self.db.forming_updates):
            for arguments in (("EUR-USD", "5"), ("EUR_USD", "7")):
                with self.assertRaises(ValueError):
                    ask(*arguments)

    def test_the_checksum_is_that_of_the_formats(self):
        self.assertEqual(forex_database._crc32c(b"123456789"), 0xE3069283)
        golden = (GOLDEN / "candle-v1.bin").read_bytes()
        self.assertTrue(forex_database._is_valid(golden, b"CNDL", 192))
        self.assertFalse(forex_database._is_valid(damaged(golden), b"CNDL", 192))

    # Its updates.

    @needs_pyzmq
    def test_updates_are_given_once_in_their_order(self):
        stage = self.stage("forming.ipc")
        updates = self.db.forming_updates("EUR_USD", "5", timeout=LONG)
        sends = [
            [form(ticks=1)],
            [form(ticks=1), form(minutes=15), damaged(form(ticks=2)), form(START + FIVE, ticks=1)],
            [form(START + FIVE, ticks=1, position=9)],
        ]
        given = []

        def send(records):
            for record in records:
                stage.socket.send(record)

        first = threading.Thread(target=lambda: (stage.expect(b"\1FORMEUR_USD\0\0\0\0\0"), send(sends[0])))
        first.start()
        for number in range(3):
            candle = next(updates)
            first.join()
            given.append((candle["time"], candle["volume"], candle["final"]))
            candle.clear()  # The caller's own.
            if number < 2:
                send(sends[number + 1])
        second = moment(START + FIVE)
        self.assertEqual(given, [(moment(START), 1.0, False), (second, 1.0, False), (second, 1.0, True)])
        updates.close()
        stage.expect(b"\0FORMEUR_USD\0\0\0\0\0")

    @needs_pyzmq
    def test_a_slow_caller_gets_the_newest_state_of_each_interval(self):
        records = [form(ticks=1), form(ticks=2), form(START + FIVE, ticks=1), form(START + FIVE, ticks=2)]
        with mock.patch("forex_database._FormingBus") as bus:
            bus.return_value.has_several = False
            bus.return_value.take.side_effect = [records]
            updates = list(itertools.islice(self.db.forming_updates("EUR_USD", "5"), 2))
        self.assertEqual([(candle["time"], candle["volume"]) for candle in updates],
                         [(moment(START), 2.0), (moment(START + FIVE), 2.0)])  # fmt: skip

    @needs_pyzmq
    def test_updates_of_others_do_not_put_off_the_timeout(self):
        limit = time.monotonic() + LONG

        def wait(seconds):
            self.assertLess(time.monotonic(), limit)
            return seconds > 0

        with mock.patch("forex_database._FormingBus") as bus:
            bus.return_value.has_several = False
            bus.return_value.wait.side_effect = wait
            bus.return_value.take.return_value = [form(minutes=15)]
            with self.assertRaisesRegex(TimeoutError, "^No change of the forming candle of EUR_USD 5m within 0.05 s: "):
                next(self.db.forming_updates("EUR_USD", "5", timeout=0.05))

    # Of several collectors.

    def collectors(self, main, other):
        stages = self.stage("forming.ipc", main), self.stage("collectors/eu/forming.ipc", other)
        limit = time.monotonic() + LONG
        while not all(stage.path.exists() for stage in stages):
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.001)

    @needs_pyzmq
    def test_of_two_collectors_the_later_interval_is_given_then_more_ticks(self):
        for main, other, expected in [
            ([form(ticks=5)], [form(ticks=7)], (START, 7.0)),
            ([form(ticks=7)], [form(ticks=5)], (START, 7.0)),
            ([form(ticks=7)], [form(START + FIVE, ticks=1)], (START + FIVE, 1.0)),
            ([tick()], [form(ticks=3), tick()], (START, 3.0)),
        ]:
            with self.subTest(expected=expected), tempfile.TemporaryDirectory() as folder:
                self.run_folder = Path(folder) / "run"
                self.db.runtime = self.run_folder
                self.collectors(main, other)
                candle = self.db.forming("EUR_USD", "5", timeout=LONG)
                self.assertEqual((candle["time"], candle["volume"]), (moment(expected[0]), expected[1]))
                self.doCleanups()

    @needs_pyzmq
    def test_updates_of_two_collectors_never_go_back(self):
        records = [
            [form(ticks=5), form(ticks=6)],
            [form(ticks=4)],
            [form(ticks=6, position=9)],
            [form(ticks=7)],
            [form(ticks=7, position=9), form(START + FIVE, ticks=1)],
            [form(START + FIVE, ticks=1)],
            [form(START + FIVE, ticks=2)],
        ]
        with mock.patch("forex_database._FormingBus") as bus:
            bus.return_value.has_several = True
            bus.return_value.take.side_effect = records
            updates = list(itertools.islice(self.db.forming_updates("EUR_USD", "5"), 4))
        second = moment(START + FIVE)
        self.assertEqual(
            [(candle["time"], candle["volume"], candle["final"]) for candle in updates],
            [(moment(START), 6.0, False), (moment(START), 6.0, True), (second, 1.0, False), (second, 2.0, False)],
        )

    @needs_pyzmq
    def test_a_collector_that_appears_later_is_heard(self):
        self.stage("forming.ipc", [form(ticks=1)])
        updates = self.db.forming_updates("EUR_USD", "5", timeout=LONG)
        self.assertEqual(next(updates)["volume"], 1.0)
        self.stage("collectors/eu/forming.ipc", [form(ticks=2)])
        self.assertEqual(next(updates)["volume"], 2.0)
        updates.close()

    # Waiting for stored candles.

    def observed_waits(self):
        """The outcome of each wait for a message, and an event: one has begun."""
        outcomes, begun = [], threading.Event()
        wait = forex_database._Bus.wait

        def observed(bus, seconds):
            self.assertLessEqual(seconds, forex_database._RECHECK_SECONDS)
            begun.set()
            outcomes.append(wait(bus, seconds))
            return outcomes[-1]

        patch = mock.patch.object(forex_database._Bus, "wait", observed)
        patch.start()
        self.addCleanup(patch.stop)
        return outcomes, begun

    def later(self, action):
        thread = threading.Thread(target=action)
        thread.start()
        self.addCleanup(thread.join)

    @needs_pyzmq
    def test_a_message_ends_the_wait(self):
        self.set("_RECHECK_SECONDS", LONG)
        self.set("_UNPROVEN_SECONDS", LONG)
        outcomes, begun = self.observed_waits()
        stage = self.stage("stored.ipc")
        self.rows.add(START)

        def store():
            stage.expect(b"\1CNDLEUR_USD\0\0\0\0\0")
            begun.wait(LONG)
            self.rows.add(START + FIVE)
            stage.socket.send(form(START + FIVE, kind=b"CNDL"))

        self.later(store)
        self.assertEqual(self.db.wait_for_candle("EUR_USD", "5", timeout=LONG), {
            "time": moment(START + FIVE), "open": 1.1, "high": 1.3, "low": 1.0, "close": 1.2, "volume": 7.0,
            "source": "streamed",
        })  # fmt: skip
        self.assertEqual(outcomes, [True])

    @needs_pyzmq
    def test_messages_about_other_candles_do_not_end_the_wait(self):
        self.set("_RECHECK_SECONDS", LONG)
        self.set("_UNPROVEN_SECONDS", LONG)
        outcomes, begun = self.observed_waits()
        stage = self.stage("stored.ipc")
        self.rows.add(START)

        def store():
            stage.expect(b"\1CNDLEUR_USD\0\0\0\0\0")
            for minutes, complete in ((15, 1), (5, 0), (5, 1)):
                begun.wait(LONG)
                begun.clear()
                self.rows.add(START + FIVE, minutes=minutes, complete=complete)
                stage.socket.send(form(START + FIVE, minutes, kind=b"CNDL"))

        self.later(store)
        self.assertEqual(self.db.wait_for_candle("EUR_USD", "5", timeout=LONG)["time"], moment(START + FIVE))
        self.assertEqual(outcomes, [True] * 3)

    @needs_pyzmq
    def test_the_subscription_is_kept_for_the_next_call(self):
        stage = self.stage("stored.ipc")
        self.rows.add_many(2)
        for known in (START - 1, START):
            self.db.wait_for_candle("EUR_USD", "5", timeout=0, after=known)
        stage.expect(b"\1CNDLEUR_USD\0\0\0\0\0")
        path = f"{self.run_folder}/stored.ipc"
        kept = forex_database._stored_bus(path, b"CNDLEUR_USD\0\0\0\0\0")
        self.assertIs(forex_database._stored_bus(path, b"CNDLGBP_USD\0\0\0\0\0"), kept)
        stage.expect(b"\1CNDLGBP_USD\0\0\0\0\0")
        # What came between two calls is taken by the next, which waits then.
        stage.socket.send(form(kind=b"CNDL"))
        self.assertTrue(kept.wait(LONG))
        with self.assertRaises(TimeoutError):
            self.db.wait_for_candle("EUR_USD", "5", timeout=0.05)

    @needs_pyzmq
    def test_a_bus_that_brought_nothing_of_the_database_is_not_relied_on(self):
        self.set("_RECHECK_SECONDS", LONG)
        outcomes, begun = self.observed_waits()
        stage = self.stage("stored.ipc")

        def store_elsewhere():
            stage.expect(b"\1CNDLEUR_USD\0\0\0\0\0")
            begun.wait(LONG)
            # Of another pipeline: its message comes without a commit here.
            stage.socket.send(form(kind=b"CNDL"))
            begun.clear()
            begun.wait(LONG)
            self.rows.add(START)

        self.later(store_elsewhere)
        self.assertEqual(self.db.wait_for_candle("EUR_USD", "5", timeout=LONG)["time"], moment(START))
        self.assertIn(False, outcomes)

    @needs_pyzmq
    def test_a_lost_message_only_delays_the_candle(self):
        self.set("_RECHECK_SECONDS", 0.05)
        self.set("_UNPROVEN_SECONDS", 0.05)
        outcomes, begun = self.observed_waits()
        self.stage("stored.ipc")
        self.later(lambda: (begun.wait(LONG), self.rows.add(START)))
        self.assertEqual(self.db.wait_for_candle("EUR_USD", "5", timeout=LONG)["time"], moment(START))
        self.assertNotIn(True, outcomes)

    @needs_pyzmq
    def test_the_socket_of_a_dead_store_writer_only_delays_the_candle(self):
        self.set("_RECHECK_SECONDS", 0.05)
        self.set("_UNPROVEN_SECONDS", 0.05)
        _, begun = self.observed_waits()
        self.run_folder.mkdir()
        (self.run_folder / "stored.ipc").touch()
        self.later(lambda: (begun.wait(LONG), self.rows.add(START)))
        self.assertEqual(self.db.wait_for_candle("EUR_USD", "5", timeout=LONG)["time"], moment(START))

    @needs_pyzmq
    def test_waiting_goes_over_to_the_bus_when_store_writer_starts(self):
        self.set("_RECHECK_SECONDS", LONG)
        self.set("_UNPROVEN_SECONDS", LONG)
        outcomes, begun = self.observed_waits()

        def start():
            stage = self.stage("stored.ipc")
            stage.expect(b"\1CNDLEUR_USD\0\0\0\0\0")
            begun.wait(LONG)
            self.rows.add(START)
            stage.socket.send(form(kind=b"CNDL"))

        self.later(start)
        self.assertEqual(self.db.wait_for_candle("EUR_USD", "5", timeout=LONG)["time"], moment(START))
        self.assertEqual(outcomes, [True])

    def test_without_pyzmq_waiting_polls(self):
        self.set("_RECHECK_SECONDS", LONG)
        self.set("_UNPROVEN_SECONDS", LONG)
        self.run_folder.mkdir()
        (self.run_folder / "stored.ipc").touch()
        slept = threading.Event()
        sleep = forex_database.time.sleep

        def observed(seconds):
            slept.set()
            self.assertLess(seconds, 1)
            sleep(seconds)

        with without_pyzmq(), mock.patch("forex_database.time.sleep", observed):
            self.later(lambda: (slept.wait(LONG), self.rows.add(START)))
            self.assertEqual(self.db.wait_for_candle("EUR_USD", "5", timeout=LONG)["time"], moment(START))

    @needs_pyzmq
    def test_threads_wait_on_subscriptions_of_their_own(self):
        self.set("_RECHECK_SECONDS", LONG)
        self.set("_UNPROVEN_SECONDS", LONG)
        stage = self.stage("stored.ipc")
        found = {}

        def wait(pair):
            found[pair] = self.db.wait_for_candle(pair, "5", timeout=LONG)["time"]

        pairs = ["EUR_USD", "GBP_USD", "USD_JPY"]
        threads = [threading.Thread(target=wait, args=(pair,)) for pair in pairs]
        for thread in threads:
            thread.start()
        expected = {b"\1CNDL" + pair.encode().ljust(12, b"\0") for pair in pairs}
        while expected and stage.socket.poll(LONG * 1000):
            expected.discard(stage.socket.recv())
        for pair in pairs:
            self.rows.add(START, pair=pair)
            stage.socket.send(form(pair=pair.encode(), kind=b"CNDL"))
        # Their sockets end with them, without a complaint of pyzmq.
        with warnings.catch_warnings():
            warnings.simplefilter("error", ResourceWarning)
            for thread in threads:
                thread.join(LONG)
            for _ in pairs:
                self.assertTrue(stage.socket.poll(LONG * 1000))
                self.assertTrue(stage.socket.recv().startswith(b"\0CNDL"))
        self.assertEqual(sorted(found), pairs)

    @needs_pyzmq
    def test_a_child_process_makes_its_own_subscription(self):
        stage = self.stage("stored.ipc")
        path = f"{self.run_folder}/stored.ipc"
        kept = forex_database._stored_bus(path, b"CNDL")
        stage.expect(b"\1CNDL")
        child = os.fork()
        if child == 0:
            own = forex_database._stored_bus(path, b"CHLD")
            inherited, kept = kept, None
            good = own is not inherited and own.wait(LONG)
            del inherited
            os._exit(0 if good else 1)
        stage.expect(b"\1CHLD")
        stage.socket.send(b"CHLD")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        stage.socket.send(b"CNDL")
        self.assertTrue(kept.wait(LONG))

    # Where the runtime folder is.

    def test_the_runtime_folder_is_that_of_the_stages(self):
        self.set("_CONFIGURATION", "/none")
        for environment, folder in [
            ({}, f"/tmp/candlewick-{os.getuid()}"),
            ({"XDG_RUNTIME_DIR": "/run/user/7", "CANDLEWICK_RUNTIME_DIR": ""}, "/run/user/7/candlewick"),
            ({"XDG_RUNTIME_DIR": "/run/user/7", "RUNTIME_DIRECTORY": "/run/x"}, "/run/x"),
            ({"RUNTIME_DIRECTORY": "/run/x", "CANDLEWICK_RUNTIME_DIR": "/data/run"}, "/data/run"),
        ]:
            with self.subTest(folder), mock.patch.dict(os.environ, {"HOME": "/h"} | environment, clear=True):
                self.assertEqual(ForexDatabase().runtime, folder)
