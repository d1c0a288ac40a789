"""`ForexDatabase` on the bus: waiting for messages, against sockets of our own."""

import contextlib
import os
import struct
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
from test_forex_database import FIVE, START, Rows, moment

try:
    import zmq
except ImportError:
    zmq = None

# Never waited for unless something is broken.
LONG = 60
needs_pyzmq = unittest.skipIf(zmq is None, "pyzmq is not installed")


def sealed(content):
    """With its CRC-32C, bit by bit as docs/formats.md defines it."""
    value = 0xFFFFFFFF
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return content + struct.pack("<I", value ^ 0xFFFFFFFF)


def form(
    start=START, minutes=5, bid=(1.1, 1.3, 1.0, 1.2), flags=0, ticks=7, kind=b"FORM", pair=b"EUR_USD", spread=0.0002,
    position=0,
):  # fmt: skip
    """A FORM record; mid is halfway between bid and ask; without a spread ask is missing."""
    bids = [round(price * 1e9) for price in bid]
    asks = [units + round(spread * 1e9) if spread else 0 for units in bids]
    mids = [(low + high) // 2 if high else 0 for low, high in zip(bids, asks)]
    return sealed(struct.pack(
        "<4s12sQqII4q4q4qqqIIIBBHQqI", kind, pair, position, start * 1_000_000_000, minutes * 60, flags,
        *bids, *asks, *mids, start * 1_000_000_000, start * 1_000_000_000, ticks, 0, 0, 1, 0, 1, 0, 0, 0,
    ))  # fmt: skip


class Stage:
    """The socket of a stage. Its thread gives every new subscription the records `answers`, as the aggregator does."""

    def __init__(self, path, answers=None):
        self.path, self.answers = path, answers
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.XPUB)
        # A subscription is reported also if another subscriber has the same.
        self.socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.answer)
        if answers is not None:
            self.thread.start()
        else:
            self.bind()

    def bind(self):
        self.path.parent.mkdir(exist_ok=True)
        self.socket.bind(f"ipc://{self.path}")

    def answer(self):
        self.bind()
        while not self.ended.is_set():
            if self.socket.poll(20) and self.socket.recv().startswith(b"\1"):
                for record in self.answers:
                    self.socket.send(record)

    def expect(self, event):
        """Waits until the event of a subscriber comes: `\\1` and a topic, or `\\0` and a topic at its end."""
        while self.socket.poll(LONG * 1000):
            if self.socket.recv() == event:
                return
        raise AssertionError(f"no {event}")

    def close(self):
        self.ended.set()
        if self.answers is not None:
            self.thread.join()
        self.context.destroy()


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

    def set(self, name, value):
        patch = mock.patch.object(forex_database, name, value)
        patch.start()
        self.addCleanup(patch.stop)

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
        outcomes, begun = self.observed_waits()
        stage = self.stage("stored.ipc")
        self.rows.add(START)

        def store():
            stage.expect(b"\1CNDLEUR_USD")
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
        outcomes, begun = self.observed_waits()
        stage = self.stage("stored.ipc")
        self.rows.add(START)

        def store():
            stage.expect(b"\1CNDLEUR_USD")
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
        stage.expect(b"\1CNDLEUR_USD")
        path = f"{self.run_folder}/stored.ipc"
        kept = forex_database._stored_bus(path, b"CNDLEUR_USD")
        self.assertIs(forex_database._stored_bus(path, b"CNDLGBP_USD"), kept)
        stage.expect(b"\1CNDLGBP_USD")
        # What came between two calls is taken by the next, which waits then.
        stage.socket.send(form(kind=b"CNDL"))
        self.assertTrue(kept.wait(LONG))
        with self.assertRaises(TimeoutError):
            self.db.wait_for_candle("EUR_USD", "5", timeout=0.05)

    @needs_pyzmq
    def test_a_lost_message_only_delays_the_candle(self):
        self.set("_RECHECK_SECONDS", 0.05)
        outcomes, begun = self.observed_waits()
        self.stage("stored.ipc")
        self.later(lambda: (begun.wait(LONG), self.rows.add(START)))
        self.assertEqual(self.db.wait_for_candle("EUR_USD", "5", timeout=LONG)["time"], moment(START))
        self.assertNotIn(True, outcomes)

    @needs_pyzmq
    def test_the_socket_of_a_dead_store_writer_only_delays_the_candle(self):
        self.set("_RECHECK_SECONDS", 0.05)
        _, begun = self.observed_waits()
        self.run_folder.mkdir()
        (self.run_folder / "stored.ipc").touch()
        self.later(lambda: (begun.wait(LONG), self.rows.add(START)))
        self.assertEqual(self.db.wait_for_candle("EUR_USD", "5", timeout=LONG)["time"], moment(START))

    @needs_pyzmq
    def test_waiting_goes_over_to_the_bus_when_store_writer_starts(self):
        self.set("_RECHECK_SECONDS", LONG)
        outcomes, begun = self.observed_waits()

        def start():
            stage = self.stage("stored.ipc")
            stage.expect(b"\1CNDLEUR_USD")
            begun.wait(LONG)
            self.rows.add(START)
            stage.socket.send(form(kind=b"CNDL"))

        self.later(start)
        self.assertEqual(self.db.wait_for_candle("EUR_USD", "5", timeout=LONG)["time"], moment(START))
        self.assertEqual(outcomes, [True])

    def test_without_pyzmq_waiting_polls(self):
        self.set("_RECHECK_SECONDS", LONG)
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
        stage = self.stage("stored.ipc")
        found = {}

        def wait(pair):
            found[pair] = self.db.wait_for_candle(pair, "5", timeout=LONG)["time"]

        pairs = ["EUR_USD", "GBP_USD", "USD_JPY"]
        threads = [threading.Thread(target=wait, args=(pair,)) for pair in pairs]
        for thread in threads:
            thread.start()
        expected = {b"\1CNDL" + pair.encode() for pair in pairs}
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
        for environment, folder in [
            ({}, f"/tmp/candlewick-{os.getuid()}"),
            ({"XDG_RUNTIME_DIR": "/run/user/7", "CANDLEWICK_RUNTIME_DIR": ""}, "/run/user/7/candlewick"),
            ({"XDG_RUNTIME_DIR": "/run/user/7", "RUNTIME_DIRECTORY": "/run/x"}, "/run/x"),
            ({"RUNTIME_DIRECTORY": "/run/x", "CANDLEWICK_RUNTIME_DIR": "/data/run"}, "/data/run"),
        ]:
            with self.subTest(folder), mock.patch.dict(os.environ, {"HOME": "/h"} | environment, clear=True):
                self.assertEqual(ForexDatabase().runtime, folder)
