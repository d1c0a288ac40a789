"""The package `candlewick` against the running pipeline: simulator, three stages, market time fast."""

import itertools
import math
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import candlewick
import candlewick.archive
import candlewick.forex_database
import candlewick.journal
import processes
import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
# Some 3 s after the start.
ENOUGH = 9_000
RECORD = struct.Struct("<4s12sQqqqqII")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    pipeline = processes.Pipeline(
        tmp_path_factory.mktemp("p") / "p", os.environ["CHECK_BIN"], processes.settings(["EUR_USD", "USD_JPY"])
    )
    with pipeline.configuration.open("a") as file:
        file.write("timeframes: [5m, 15m]\njournal:\n  segment_records: 1024\n")
    try:
        # A Tuesday: no weekend is near.
        pipeline.start_simulator(["--speed", "600", "--rate", "0.5", "--start", "2026-05-12T08:00:00"])
        for name in reversed(processes.STAGES):
            pipeline.start(name).ready()
        yield pipeline
    finally:
        pipeline.kill_everything()


@pytest.fixture
def market(pipeline):
    return candlewick.connect(pipeline.state, runtime=pipeline.runtime)


class Kept:
    """Archives and drops closed segments, again and again, and keeps a copy of each."""

    def __init__(self, pipeline, folder):
        self.pipeline, self.folder = pipeline, folder
        folder.mkdir()
        self.ended, self.error, self.dropped = threading.Event(), None, 0
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def run(self):
        command = [self.pipeline.binaries / "candlewick", "archive", "run"]
        try:
            while not self.ended.wait(0.1):
                subprocess.run(command, env=self.pipeline.environment, check=True, capture_output=True, timeout=SECONDS)
                self.drop()
        except Exception as error:
            self.error = error

    def drop(self):
        """As the writer does by age: the oldest, but none that is not archived."""
        taken = self.pipeline.journal("ticks") / "archiver.taken"
        segments = self.segments()
        for segment, after in itertools.pairwise(segments):
            if not taken.exists() or int(after.stem) - 1 > int(taken.read_text()):
                break
            shutil.copy(segment, self.folder)
            segment.unlink()
            self.dropped += 1

    def segments(self):
        return sorted(self.pipeline.journal("ticks").glob("*.journal"))

    def ticks(self):
        """Those of all segments, kept ones and present ones."""
        files = {path.name: path for path in [*self.segments(), *self.folder.iterdir()]}
        records = []
        for name in sorted(files):
            content = files[name].read_bytes()[64:]
            records += RECORD.iter_unpack(content[: len(content) // 64 * 64])
        return [(*record[2:8], record[1].rstrip(b"\0").decode()) for record in records if record[0] == b"TICK"]


def fields(tick):
    return (
        tick.position, tick.broker_nanoseconds, tick.receive_nanoseconds, tick.bid_units, tick.ask_units, tick.flags,
        tick.pair,
    )  # fmt: skip


class Follower(threading.Thread):
    """Collects ticks up to a position."""

    def __init__(self, beyond, market, **options):
        super().__init__()
        self.beyond, self.market, self.options, self.ticks, self.error = beyond, market, options, [], None
        self.start()

    def run(self):
        try:
            for tick in self.market.ticks(**self.options):
                self.ticks.append(fields(tick))
                if tick.position >= self.beyond:
                    return
        except Exception as error:
            self.error = error

    def result(self):
        self.join(SECONDS)
        assert not self.is_alive() and self.error is None, self.error
        return self.ticks


def counted(monkeypatch, kind, method, found):
    """Notes how many records each source gave."""
    original = getattr(kind, method)

    def wrapper(self, *arguments):
        result = original(self, *arguments)
        if method == "ticks":
            result = list(result)
        found[method] = found.get(method, 0) + len(result or ())
        return result

    monkeypatch.setattr(kind, method, wrapper)


def test_ticks_come_out_of_archive_journal_and_bus_without_a_seam(pipeline, market, tmp_path, monkeypatch):
    sources = {}
    counted(monkeypatch, candlewick.archive.Archive, "ticks", sources)
    counted(monkeypatch, candlewick.journal.Journal, "read", sources)
    counted(monkeypatch, candlewick.forex_database._Bus, "take", sources)
    with Kept(pipeline, tmp_path / "kept") as kept:
        followers = [Follower(ENOUGH, market, from_position=0)]
        processes.until("segments were dropped", SECONDS, lambda: kept.dropped >= 2 or kept.error)
        followers += [Follower(ENOUGH, market, from_position=0) for _ in range(2)]
        followers.append(Follower(ENOUGH, market, pair="EUR_USD", from_position=0))
        archived = next(market.ticks(from_position=1_500, follow=False))
        followers.append(Follower(ENOUGH, market, pair="USDJPY", since=archived.time))
        everything = [follower.result() for follower in followers]
    assert kept.error is None
    want = kept.ticks()
    of_pair = {pair: [tick for tick in want if tick[-1] == pair] for pair in ("EUR_USD", "USD_JPY")}
    for found in everything[:3]:
        assert len(found) > 1_000 and found == [tick for tick in want if tick[0] <= found[-1][0]]
    for found, pair in zip(everything[3:], of_pair):
        since = archived.broker_nanoseconds // 1_000 * 1_000 if pair == "USD_JPY" else 0
        assert found == [tick for tick in of_pair[pair] if tick[0] <= found[-1][0] and tick[1] >= since]
    assert kept.dropped >= 2 and min(sources.values()) > 0 and len(sources) == 3, sources


def test_ticks_end_at_until_and_at_the_present_end(market):
    first = next(market.ticks("EUR_USD", from_position=0))
    until = first.time + timedelta(minutes=2)
    live = list(market.ticks("EUR_USD", from_position=0, until=until))
    stored = list(market.ticks("EUR_USD", from_position=0, until=until, follow=False))
    assert live == stored and len(live) > 20
    assert max(tick.time for tick in live) < until
    assert list(market.ticks("EUR_USD", since=first.time, until=until, follow=False)) == live


def test_ticks_begin_now_if_no_begin_is_given(market):
    end = market.ticks(from_position=0, follow=False)
    *_, last = end
    assert next(market.ticks()).position > last.position


def test_candles_are_the_rows_of_the_database(pipeline, market):
    candle = None
    while candle is None or candle.time.minute < 30:
        candle = market.wait("EUR_USD", "5m", SECONDS, after=candle)
    for price, complete in itertools.product(("mid", "bid", "ask"), (True, False)):
        query = f"""
            SELECT timestamp, {", ".join(f"{price}_{name}" for name in ("open", "high", "low", "close"))}, tick_count,
                complete, source
            FROM candles_full WHERE pair = 'EUR_USD' AND timeframe = '5' {"AND complete = 1" * complete}
                AND timestamp <= ? ORDER BY timestamp"""
        with sqlite3.connect(f"{pipeline.database.as_uri()}?mode=ro", uri=True) as connection:
            rows = connection.execute(query, [candle.time.timestamp()]).fetchall()
        connection.close()
        found = market.candles(
            "EUR/USD", "5m", None, until=candle.time + timedelta(seconds=1), price=price, complete=complete
        )
        assert len(rows) > 4 and [(int(each.time.timestamp()), *each[3:]) for each in found] == rows
        assert all(each.pair == "EUR_USD" and each.timeframe == "5" for each in found)
    earlier = market.candles("EUR_USD", "5m", None, until=candle.time)
    assert market.candles("EUR_USD", 5, last=2, until=candle.time) == earlier[-2:]


def test_wait_gives_each_candle_once_and_as_it_is_stored(market):
    waited, candle = [], market.wait("USD_JPY", "5m", SECONDS)
    for _ in range(4):
        candle = market.wait("USD_JPY", "5m", SECONDS, after=candle)
        waited.append(candle)
    assert market.candles("USD_JPY", "5m", None, since=waited[0].time, until=candle.time + timedelta(1))[:4] == waited
    with pytest.raises(candlewick.WaitedTooLong, match="No new candle of USD_JPY 5m within 0 s"):
        market.wait("USD_JPY", "5m", 0, after=candle.time + timedelta(days=1))


def test_the_forming_candle_is_that_of_the_present_interval(market):
    candle = processes.until("a forming candle", SECONDS, lambda: market.forming("EUR_USD", "15m", SECONDS))
    stored = market.wait("EUR_USD", "15m", SECONDS, after=candle.time - timedelta(minutes=15))
    assert stored.time == candle.time and stored.open == candle.open
    assert stored.low <= candle.low <= candle.close <= candle.high <= stored.high and candle.bid < candle.ask
    assert not math.isnan(candle.bid) and 0 < candle.volume <= stored.volume


def test_a_frame_has_the_candles_and_ticks(market):
    candles = market.candles("EUR_USD", "5m", 5)
    frame = market.frame("EUR_USD", "5m", 5, until=candles[-1].time + timedelta(seconds=1))
    assert list(frame["close"]) == [each.close for each in candles] and frame.index[-1] == candles[-1].time
    ticks = list(itertools.islice(market.ticks("EUR_USD", from_position=0), 50))
    frame = candlewick.to_frame(ticks)
    assert [time.value for time in frame.index] == [tick.broker_nanoseconds for tick in ticks]
    assert list(frame["bid"]) == [tick.bid for tick in ticks]


def test_the_package_has_the_version_of_the_programs(pipeline):
    command = [pipeline.binaries / "candlewick", "--version"]
    assert candlewick.__version__ in subprocess.run(command, capture_output=True, text=True, timeout=SECONDS).stdout


def test_the_bot_of_the_readme_runs_as_printed(pipeline):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
        name: pipeline.environment[name] for name in ("CANDLEWICK_STATE_DIR", "CANDLEWICK_RUNTIME_DIR")
    }
    bot = subprocess.Popen(
        [sys.executable, ROOT / "python" / "examples" / "bot.py"], env=environment, stdout=subprocess.PIPE, text=True
    )
    limit = threading.Timer(SECONDS, bot.kill)
    limit.start()
    try:
        lines = [bot.stdout.readline() for _ in range(3)]
    finally:
        limit.cancel()
        bot.kill()
        bot.wait()
        bot.stdout.close()
    words = ": buy", ": sell", " of 20 candles"
    assert all(line.rstrip().endswith(words) for line in lines) and len(set(lines)) == 3, lines
