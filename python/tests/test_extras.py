"""Each extra of the package alone: its part works, and everything else names the extra that it needs.

CHECK_EXTRAS names the extras of this environment, with spaces between.
"""

import contextlib
import importlib.metadata
import os
import struct
import subprocess
import threading
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import candlewick
import processes
import pytest
from rows import START, Rows
from stages import LONG, Stage, form, sealed

PACKAGES = {"pandas": "pandas", "zmq": "zmq", "pyarrow": "pyarrow", "postgres": "psycopg"}
EXTRAS = os.environ["CHECK_EXTRAS"].split()
HEADER = struct.Struct("<8sIIQ36x")


def tick(position, pair=b"EUR_USD", seconds=0):
    time = (START + seconds) * 1_000_000_000 + position
    return sealed(struct.pack("<4s12sQqqqqI", b"TICK", pair, position, time, time, 1_100_000_000 + position, 0, 16))


def segment(first, count):
    return sealed(HEADER.pack(b"CWJOURNL", 1, 64, first)) + b"".join(map(tick, range(first, first + count)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pipeline's folders with two candles, five archived ticks and five in the journal."""
    pipeline = processes.Pipeline(tmp_path_factory.mktemp("e") / "e", os.environ["CHECK_BIN"])
    pipeline.journal("ticks").mkdir(parents=True)
    pipeline.runtime.mkdir()
    first, second = (pipeline.journal("ticks") / f"{position:020}.journal" for position in (1, 6))
    first.write_bytes(segment(1, 5))
    second.write_bytes(segment(6, 5))
    command = [pipeline.binaries / "candlewick", "archive", "run"]
    subprocess.run(command, env=pipeline.environment, check=True, capture_output=True, timeout=LONG)
    first.unlink()
    rows = Rows(pipeline.database)
    rows.add_many(2)
    rows.connection.close()
    return pipeline


@pytest.fixture
def market(folder):
    return candlewick.connect(folder.state, runtime=folder.runtime)


@contextlib.contextmanager
def needs(extra, sentence):
    """What is inside must work if the extra is there, else say how to install it."""
    if extra in EXTRAS:
        yield
        return
    with pytest.raises(candlewick.MissingPackage) as raised:
        yield
    assert str(raised.value) == f"{sentence}: pip install 'candlewick[{extra}]'"


def test_the_package_is_the_installed_one_and_its_extras_are_those_of_this_environment():
    assert "site-packages" in candlewick.__file__
    assert (Path(candlewick.__file__).parent / "py.typed").exists()
    assert [extra for extra, package in PACKAGES.items() if find_spec(package)] == EXTRAS
    requirements = importlib.metadata.requires("candlewick")
    for extra, package in PACKAGES.items():
        names = [each.partition(">")[0] for each in requirements if each.endswith(f'extra == "{extra}"')]
        assert names == ["pyzmq" if extra == "zmq" else package]


def test_candles_need_no_extra(market):
    candles = market.candles("EUR_USD", "5m")
    assert [candle.time.timestamp() for candle in candles] == [START, START + 300]
    assert (candles[-1].open, candles[-1].high, candles[-1].low, candles[-1].close) == (1.1, 1.3, 1.0, 1.2)
    assert market.wait("EUR_USD", 5, LONG, after=candles[0]) == candles[1]
    assert list(candlewick.ForexDatabase(market.database.db_path).get_candles("EUR_USD", "5")["close"]) == [1.2, 1.2]


def test_two_hundred_candles_come_by_default_and_all_of_them_since_a_time(folder):
    path = folder.folder / "many.db"
    rows = Rows(path)
    rows.add_many(203)
    rows.connection.close()
    market = candlewick.connect(path)
    candles = market.candles("EUR_USD", 5)
    assert (len(candles), candles[-1].time.timestamp()) == (200, START + 202 * 300)
    assert len(market.candles("EUR_USD", 5, since=candles[0].time - timedelta(hours=1))) == 203
    assert market.candles("EUR_USD", 5, since=candles[3].time, until=candles[5].time) == candles[3:5]
    assert market.candles("EUR_USD", 5, 2, since=candles[3].time - timedelta(microseconds=1)) == candles[-2:]
    assert market.candles("EUR_USD", 5, since=candles[3].time + timedelta(microseconds=1))[0] == candles[4]


def test_ticks_of_the_journal_need_no_extra(market):
    ticks = list(market.ticks("EUR_USD", from_position=6, follow=False))
    assert [(each.position, each.bid_units) for each in ticks] == [(n, 1_100_000_000 + n) for n in range(6, 11)]
    assert ticks[0].bid == 1.100000006 and ticks[0].ask != ticks[0].ask


def test_a_frame_needs_pandas(market):
    with needs("pandas", "DataFrames need pandas"):
        assert list(market.frame("EUR_USD", "5m")["close"]) == [1.2, 1.2]


def test_archived_ticks_need_pyarrow(market):
    with needs("pyarrow", "ticks of the archive need pyarrow"):
        ticks = market.ticks("EUR_USD", from_position=0, follow=False)
        assert [each.position for each in ticks] == list(range(1, 11))


def test_ticks_live_need_pyzmq(folder, market):
    with needs("zmq", "ticks live need pyzmq"):
        ticks = market.ticks("EUR_USD", from_position=6)
        stage = Stage(folder.runtime / "ticks.ipc")
        timer = threading.Thread(target=publish, args=(stage, tick(11)))
        timer.start()
        try:
            assert [next(ticks).position for _ in range(6)] == list(range(6, 12))
        finally:
            timer.join()
            ticks.close()
            stage.close()


def publish(stage, record):
    """To the first subscriber."""
    stage.expect(b"\1")
    stage.socket.send(record)


def test_a_forming_candle_needs_pyzmq(folder, market):
    stage = Stage(folder.runtime / "forming.ipc", [form(START + 600)]) if "zmq" in EXTRAS else contextlib.ExitStack()
    with contextlib.closing(stage), needs("zmq", "forming candles need pyzmq"):
        assert market.forming("EUR_USD", "5m", LONG).time.timestamp() == START + 600


def test_a_server_needs_psycopg():
    with needs("postgres", "candles of a PostgreSQL server need psycopg"):
        candlewick.connect("postgresql://bots@127.0.0.1:1/none")
