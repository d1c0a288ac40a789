"""Serves Candlewick's candles through the class `ForexDatabase`, which forex bots commonly use.

    from forex_database import ForexDatabase
    db = ForexDatabase()
    candles = db.get_candles("EUR_USD", "5", count=200)

The database is a file of SQLite, or a PostgreSQL server: `ForexDatabase("postgresql://candles@db.example/candlewick")`.
Complete candles only, mid prices, as in the view `candles` (docs/formats.md § 5). Times are UTC without a zone.
The candle of the present interval, which is not in the database: `forming` and `forming_updates`.
Standard library only; for PostgreSQL also psycopg 3, and the file candlewick_postgres.py beside this one.
If pandas is installed, `get_candles` returns a DataFrame, else `Candles`. If pyzmq is installed, `wait_for_candle` waits
for the message about the candle; on PostgreSQL it waits for the notification of the commit. The forming candle needs pyzmq.

A bot with `from database import ForexDatabase` works unchanged with this file beside it as `database.py`.
The view `candles_full` has bid, ask and the missing time of partial candles: docs/reading.md.
"""

from __future__ import annotations

import calendar
import contextlib
import functools
import glob
import importlib
import io
import math
import operator
import os
import re
import sqlite3
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, Protocol

try:
    import pandas
except ImportError:
    pandas = None  # type: ignore[assignment]

COLUMNS = ("time", "open", "high", "low", "close", "volume", "source")
_COLUMNS = "timestamp, open, high, low, close, CAST(volume AS DOUBLE PRECISION), source"
# Of ISO 4217, as in Pair.swift: six letters whose last three are one of these are a pair.
_CURRENCIES = frozenset("""
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
    CHF CLP CNH CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD
    HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL
    LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR
    PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP
    TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
""".split())
_EPOCH = datetime(1970, 1, 1)
# Of an installation: the folder that shows it, state and runtime.
_CONFIGURATION, _INSTALLED = "/etc/candlewick", ("/var/lib/candlewick", "/run/candlewick")
# A poll costs 5 µs, and finds a candle at most 20 ms after its commit.
_POLL_SECONDS = 0.02
# No message comes if store-writer was killed between commit and message, or before a new subscription reaches it.
_RECHECK_SECONDS = 1
# The same until a message has come with a commit: the socket may be of another pipeline than the database.
_UNPROVEN_SECONDS = 0.02
# Longer than the aggregator takes to send a new subscriber what it has (250 ms).
_ANSWER_SECONDS = 0.3
_BUSY_SECONDS = 5


class Candles(list[dict[str, Any]]):
    """Candles if pandas is not installed: a list of dicts with the keys `columns`, oldest first.

    `candles[-1]["close"]` is the last close, `candles["close"]` the list of all closes.
    """

    columns = COLUMNS

    @property
    def empty(self) -> bool:
        return not self

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return [candle[key] for candle in self]
        return super().__getitem__(key)


class ForexDatabase:
    """Reads candles; never writes and never blocks the writer. Several threads and processes may share it.

    pair       `EUR_USD`, `EURUSD` or `EUR/USD`; the name of another instrument, such as `DE40`
    timeframe  minutes as text or number (`"5"`, `5`), or `"5m"`, `"1h"`, `"1d"`

    Other values raise ValueError. A missing file counts as empty. An unreadable one raises sqlite3.DatabaseError or
    OSError, which name the file. A server that cannot be read raises OSError, one that cannot be reached its subclass
    ConnectionError. A query that fails because the connection was lost is repeated once, over a new connection.
    """

    def __init__(
        self,
        db_path: str | os.PathLike[str] | None = None,
        db_type: str = "sqlite",
        runtime: str | os.PathLike[str] | None = None,
    ) -> None:
        """
        db_path  a file, or the URL of a PostgreSQL server (`postgresql://…`, never with a password: docs/scaling.md).
                 Default: the database of the stages (docs/architecture.md § Folders)
        db_type  for the signature of the usual class: the form of `db_path` decides
        runtime  the runtime folder. Default: that of the stages
        """
        self.db_path = _default_path() if db_path is None else db_path
        self.runtime = _default_runtime() if runtime is None else runtime
        url = str(self.db_path)
        is_server = url.startswith(("postgresql://", "postgres://"))
        if db_type not in ("sqlite", "postgresql"):
            raise ValueError(f"Unsupported database type: {db_type}; Candlewick keeps candles in SQLite or PostgreSQL")
        if db_type == "postgresql" and not is_server:
            raise ValueError(f"{url} is not the URL of a PostgreSQL server: write postgresql://USER@HOST/DATABASE")
        self.db_type = "postgresql" if is_server else "sqlite"
        self._store: _Store = _server(url) if is_server else _File(self.db_path, self.runtime)

    def get_candles(self, pair: str, timeframe: str | int, count: int = 100) -> pandas.DataFrame | Candles:
        """The last `count` candles, oldest first: time, open, high, low, close, volume (ticks), source.

        `time` is the interval's start. Raises ValueError if there is no data.
        """
        pair, minutes = _pair(pair), _minutes(timeframe)
        count = operator.index(count)
        if count < 1:
            raise ValueError(f"count is {count}: it must be 1 or more")
        rows = self._series(_COLUMNS, "ORDER BY timestamp DESC LIMIT ?", pair, minutes, count)
        if not rows:
            raise ValueError(f"No data in database for {pair} {minutes}m: {self._store.why_empty()}")
        return _table(rows[::-1])

    def wait_for_candle(
        self, pair: str, timeframe: str | int, timeout: float | None = None, after: datetime | int | None = None
    ) -> dict[str, Any]:
        """Waits until a candle of a later interval is stored; returns it as a dict with the keys of get_candles.

        timeout  seconds until TimeoutError: while the market is closed, no candle comes. None: waits for ever.
        after    `time` of the last candle that the bot has: returns the next one, at once if it is stored, so that
                 the bot misses none between two calls. Default: the newest candle at the moment of the call.

        Ignores candles stored for an earlier interval (bought history, a revision). With pyzmq, and on PostgreSQL, it
        returns some milliseconds after the commit, else within 20 ms; on a replica of PostgreSQL within 100 ms after
        the replica has the commit.
        """
        pair, minutes = _pair(pair), _minutes(timeframe)
        deadline = _deadline(timeout)
        known = self.get_latest_timestamp(pair, minutes) if after is None else _timestamp(after)
        following = "AND timestamp > ? ORDER BY timestamp LIMIT 1"
        for _ in self._store.changes(deadline, _topic(b"CNDL", pair)):
            rows = self._series(_COLUMNS, following, pair, minutes, -1 if known is None else known)
            if rows:
                return _candle(rows[0])
        why = f": {self._store.why_empty()}" if known is None else ""
        raise TimeoutError(f"No new candle of {pair} {minutes}m within {timeout} s{why}")

    def forming(self, pair: str, timeframe: str | int, timeout: float = 1.0) -> dict[str, Any] | None:
        """The candle of the present interval as far as it has come, as a dict; None if the interval has no tick yet.

        The keys of get_candles, `bid` and `ask` at the last tick, `partial`: the pipeline did not see all of the
        interval so far, and `final`: False. A price is None if no tick brought it yet. None too if the aggregator does
        not make this timeframe.

        Needs pyzmq, else ImportError; takes up to 0.6 s: to follow a candle, use forming_updates.
        timeout  seconds until TimeoutError: the aggregator does not answer, or has no tick of the pair.
        """
        pair, minutes = _pair(pair), _minutes(timeframe)
        end = _deadline(timeout)
        ticked, best = False, None
        # FORM first: who is subscribed to TICK alone would take a tick for the sign that no candle is forming.
        with self._forming_bus(_topic(b"FORM", pair), _topic(b"TICK", pair)) as bus:
            while bus.wait(end - time.monotonic()):
                for record in bus.take():
                    candle = _forming(record, minutes)
                    if candle and not candle["final"]:
                        if not bus.has_several:
                            return candle
                        # Each collector of the pair has its say.
                        best = max(best or candle, candle, key=_progress)
                        end = min(end, time.monotonic() + _ANSWER_SECONDS)
                    if not ticked and _is_valid(record, b"TICK", 64):
                        # This tick may be a new one, whose FORM went out before we were subscribed.
                        ticked, end = True, min(end, time.monotonic() + _ANSWER_SECONDS)
        if not ticked and not best:
            raise TimeoutError(f"No tick or forming candle of {pair} within {timeout} s: {self._why_silent()}")
        return best

    def forming_updates(
        self, pair: str, timeframe: str | int, timeout: float | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yields the forming candle as in `forming`, at once and after each change (at most four times a second).

        When its interval closes, a candle comes once more, with `final` True, as it is stored a moment later. A slow
        caller gets the newest state that has come of each interval; one that reads nothing for half a minute loses
        updates. Never ends by itself; `close()` of the generator closes its
        socket. Needs pyzmq, else ImportError.
        timeout  longest wait for one update, in seconds, until TimeoutError. None: waits for ever.
        """
        _needed_pyzmq()
        return self._forming_updates(_pair(pair), _minutes(timeframe), timeout)

    def _forming_updates(self, pair: str, minutes: str, timeout: float | None) -> Iterator[dict[str, Any]]:
        given: dict[str, Any] | None = None
        with self._forming_bus(_topic(b"FORM", pair)) as bus:
            deadline = _deadline(timeout)
            while bus.wait(deadline - time.monotonic()):
                candles = list(filter(None, (_forming(record, minutes) for record in bus.take())))
                if bus.has_several:
                    candles = [candle for candle in sorted(candles, key=_progress) if _is_news(candle, given)]
                for candle in {candle["time"]: candle for candle in candles}.values():
                    # All subscribers get what the aggregator sends to a new one.
                    if candle != given:
                        given = candle
                        yield dict(candle)
                        deadline = _deadline(timeout)
        why = self._why_silent()
        raise TimeoutError(f"No change of the forming candle of {pair} {minutes}m within {timeout} s: {why}")

    def get_latest_timestamp(self, pair: str, timeframe: str | int) -> int | None:
        """Unix seconds of the newest candle's start, or None."""
        rows = self._series("timestamp", "ORDER BY timestamp DESC LIMIT 1", _pair(pair), _minutes(timeframe))
        return rows[0][0] if rows else None

    def get_candle_count(self, pair: str, timeframe: str | int) -> int:
        rows = self._series("COUNT(*)", "", _pair(pair), _minutes(timeframe))
        return rows[0][0] if rows else 0

    def get_statistics(self) -> dict[str, Any]:
        """Counts all candles; reads every row. Oldest and newest are UTC, `N/A` if the table is empty."""
        groups = self._rows("""
            SELECT pair, timeframe, source, COUNT(*), MIN(timestamp), MAX(timestamp)
            FROM candles GROUP BY pair, timeframe, source""")
        pairs, timeframes, sources, counts, oldest, newest = zip(*groups) if groups else [()] * 6
        return {
            "total_candles": sum(counts),
            "unique_pairs": len(set(pairs)),
            "timeframes": sorted(set(timeframes)),
            "oldest_candle": _minute(min(oldest, default=None)),
            "newest_candle": _minute(max(newest, default=None)),
            "sources": _totals(sources, counts),
            "pairs_count": _totals(pairs, counts),
        }

    def store_candles(self, pair: Any, timeframe: Any, df: Any, source: str = "websocket") -> NoReturn:
        _refuse("store_candles", "Use `ingest-backfill` or `candlewick import FILE` for history.")

    def store_candle(self, pair: Any, timeframe: Any, candle: Any, source: str = "websocket") -> NoReturn:
        _refuse("store_candle", "Live candles come from `ingest-stream`, history from `ingest-backfill`.")

    def clear_old_data(self, days_to_keep: int = 30) -> NoReturn:
        _refuse("clear_old_data", "It deletes old rows if `store.retention_days` is set.")

    def vacuum(self) -> NoReturn:
        _refuse("vacuum", "`candlewick maintain vacuum` does that.")

    def _rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """All rows of the answer; an empty list if the database, or the table in it, does not exist yet."""
        return self._store.rows(query, *arguments)

    def _series(self, columns: str, condition: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Rows of a pair's candles of one timeframe; the arguments begin with both."""
        return self._rows(f"SELECT {columns} {self._store.series} {condition}", *arguments)

    def _forming_bus(self, *topics: bytes) -> contextlib.closing[_FormingBus]:
        return contextlib.closing(_FormingBus(self.runtime, *topics))

    def _why_silent(self) -> str:
        path = f"{self.runtime}/forming.ipc"
        if not os.path.exists(path):
            return (
                f"{path} does not exist. aggregator makes it at its start; if it runs, set CANDLEWICK_RUNTIME_DIR as it"
                " has it"
            )
        return f"aggregator ({path}) does not run, does not know the pair, or the market is quiet: see `candlewick status`"


def _default_path() -> str:
    """Source: docs/architecture.md § Folders. An empty variable counts as not set."""
    given = os.environ.get("CANDLEWICK_DATABASE") or (_installed_database() if _is_installed() else None)
    return given or os.path.join(_default_state(), "candlewick.db")


def _default_state() -> str:
    environment = os.environ.get
    given = environment("CANDLEWICK_STATE_DIR") or environment("STATE_DIRECTORY")
    return os.path.expanduser(given or (_INSTALLED[0] if _is_installed() else "~/.local/state/candlewick"))


def _default_runtime() -> str:
    """Source: docs/architecture.md § Folders."""
    environment = os.environ.get
    given = environment("CANDLEWICK_RUNTIME_DIR") or environment("RUNTIME_DIRECTORY")
    if given or _is_installed():
        return given or _INSTALLED[1]
    session = environment("XDG_RUNTIME_DIR")
    return f"{session}/candlewick" if session else f"/tmp/candlewick-{os.getuid()}"


def _is_installed() -> bool:
    """Whether this machine has an installation, and no variable names other folders than those of its stages."""
    environment = os.environ.get
    given = environment("STATE_DIRECTORY") or environment("RUNTIME_DIRECTORY")
    others = (environment("CANDLEWICK_STATE_DIR"), environment("CANDLEWICK_RUNTIME_DIR"))
    has_others = any(other and other != own for other, own in zip(others, _INSTALLED))
    return not given and not has_others and os.path.isdir(_CONFIGURATION)


def _installed_database() -> str | None:
    """CANDLEWICK_DATABASE of the units; None if they have none, or this user may not read their file."""
    try:
        text = Path(_CONFIGURATION, "environment").read_text()
    except OSError:
        return None
    found = re.search(r"""^\s*CANDLEWICK_DATABASE\s*=\s*(["']?)(.+?)\1\s*$""", text, re.MULTILINE)
    return found[2] if found else None


def _deadline(timeout: float | None) -> float:
    return math.inf if timeout is None else time.monotonic() + timeout


# Each thread's connections and subscriptions, by path.
_kept = threading.local()


def _connection(path: str | os.PathLike[str]) -> sqlite3.Connection | None:
    """This thread's read-only connection to the file that is at `path` now; None if the file is missing.

    Kept open, since opening costs more than a query; opened again after a fork and after the file was replaced.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    if status.st_size == 0:
        return None  # Just being made, or copied: who opens it now may never see what comes.
    identity = os.getpid(), status.st_dev, status.st_ino
    connections: dict[Any, tuple[tuple[int, ...], sqlite3.Connection]] = vars(_kept)
    kept = connections.get(path)
    if kept is None or kept[0] != identity:
        address = Path(path).absolute().as_uri() + "?mode=ro"
        try:
            kept = identity, sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        except sqlite3.DatabaseError as error:
            raise _named(error, path) from None
        connections[path] = kept
    return kept[1]


class _Store(Protocol):
    """Where the candles are."""

    series: str

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]: ...

    def changes(self, deadline: float, topic: bytes) -> Iterator[None]: ...

    def why_empty(self) -> str: ...


class _File:
    """Candles in a file of SQLite."""

    # One walk along the key, whatever the database holds.
    series = "FROM candles WHERE pair = ? AND timeframe = ?"

    def __init__(self, path: str | os.PathLike[str], runtime: str | os.PathLike[str]) -> None:
        self.path, self.runtime = path, runtime

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        connection = _connection(self.path)
        if connection is None:
            return []
        try:
            return connection.execute(query, arguments).fetchall()
        except sqlite3.DatabaseError as error:
            if "no such table" in str(error):
                return []
            raise _named(error, self.path) from None

    def changes(self, deadline: float, topic: bytes) -> Iterator[None]:
        """Yields at once, then after each commit and when the file was replaced; ends at the deadline.

        Waits for messages of the topic on `stored`, or polls if that stream or pyzmq is missing.
        """
        seen: tuple[Any, ...] = ()
        heard = False
        while True:
            # Subscribed before the caller looks, so that what is stored after the look is reported.
            bus = _stored_bus(f"{self.runtime}/stored.ipc", topic)
            # Asked before the caller looks, so that a commit during the look is a change again.
            version = _connection(self.path), self.rows("PRAGMA data_version")
            if version != seen:
                if bus and heard:
                    bus.is_proven = True
                seen = version
                yield
            left = deadline - time.monotonic()
            if left <= 0:
                return
            if bus is None:
                time.sleep(min(_POLL_SECONDS, left))
                heard = False
            else:
                heard = bus.wait(min(_RECHECK_SECONDS if bus.is_proven else _UNPROVEN_SECONDS, left))
                if heard:
                    bus.take()

    def why_empty(self) -> str:
        if not os.path.exists(self.path):
            return (
                f"the database {self.path} does not exist yet. store-writer makes it at its start; if it runs, set"
                " CANDLEWICK_STATE_DIR or CANDLEWICK_DATABASE as it has them"
            )
        if not self.rows("SELECT 1 FROM sqlite_master WHERE name = 'candles'"):
            return f"{self.path} has no candles yet. store-writer is making it, or it is another program's database"
        return f"{self.path} has no complete candle of this pair and timeframe yet"


def _server(url: str) -> _Store:
    """Candles on a PostgreSQL server, with the attributes of `_File`."""
    name = f"{__package__}.candlewick_postgres" if __package__ else "candlewick_postgres"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ImportError(
            "candlewick_postgres is needed to read candles from PostgreSQL: put python/candlewick_postgres.py of"
            " Candlewick beside the bot, as this file"
        ) from None
    server: _Store = module.Server(url)
    return server


@functools.cache
def _pyzmq() -> ModuleType | None:
    """The module, or None if it is not installed."""
    try:
        import zmq
    except ImportError:
        return None
    return zmq


def _needed_pyzmq() -> ModuleType:
    zmq = _pyzmq()
    if zmq is None:
        raise ImportError(
            "pyzmq is not installed, and the forming candle comes by ZeroMQ alone: `pip install pyzmq`, or"
            " `apt-get install python3-zmq`"
        )
    return zmq


@functools.cache
def _context(process: int) -> Any:
    """Not pyzmq's common context: a bot that ends that one would wait for our sockets."""
    return _needed_pyzmq().Context()


class _Bus:
    """A subscription to a stream of the stages; for one thread and one process."""

    socket: Any = None
    is_proven = False

    def __init__(self, path: str, *topics: bytes) -> None:
        self.zmq = _needed_pyzmq()
        self.process = os.getpid()
        self.topics: set[bytes] = set()
        self.socket = _context(self.process).socket(self.zmq.SUB)
        for topic in topics:
            self.subscribe(topic)
        self.socket.connect(f"ipc://{path}")

    def subscribe(self, topic: bytes) -> None:
        if topic not in self.topics:
            self.socket.subscribe(topic)
            self.topics.add(topic)

    def wait(self, seconds: float) -> bool:
        """Whether a message came within `seconds`; False at once if they are not above 0."""
        if seconds <= 0:
            return False
        return bool(self.socket.poll(None if seconds == math.inf else math.ceil(seconds * 1000)))

    def take(self) -> list[bytes]:
        """All messages that are there."""
        messages: list[bytes] = []
        with contextlib.suppress(self.zmq.Again):
            while True:
                messages.append(self.socket.recv(self.zmq.NOBLOCK))
        return messages

    def close(self) -> None:
        if self.socket:
            self.socket.close()

    __del__ = close  # A kept one ends with its thread.


class _FormingBus(_Bus):
    """The `forming` streams of all collectors of a runtime folder, also of those that appear later."""

    def __init__(self, runtime: str | os.PathLike[str], *topics: bytes) -> None:
        self.runtime, self.paths = runtime, {f"{runtime}/forming.ipc"}
        super().__init__(f"{runtime}/forming.ipc", *topics)

    @property
    def has_several(self) -> bool:
        return sum(map(os.path.exists, self.paths)) > 1

    def wait(self, seconds: float) -> bool:
        while True:
            for path in set(glob.glob(f"{glob.escape(str(self.runtime))}/collectors/*/forming.ipc")) - self.paths:
                self.paths.add(path)
                self.socket.connect(f"ipc://{path}")
            if super().wait(min(seconds, _RECHECK_SECONDS)):
                return True
            seconds -= _RECHECK_SECONDS
            if seconds <= 0:
                return False


def _progress(candle: dict[str, Any]) -> tuple[Any, ...]:
    """Of the candles of several collectors the one that is the furthest counts."""
    return candle["time"], candle["final"], candle["volume"]


def _is_news(candle: dict[str, Any], given: dict[str, Any] | None) -> bool:
    if given is None or candle["time"] != given["time"]:
        return given is None or bool(candle["time"] > given["time"])
    return not given["final"] and _progress(candle) > _progress(given)


def _stored_bus(path: str, topic: bytes) -> _Bus | None:
    """This thread's subscription to `stored`, with the topic; None if it or pyzmq is missing, or it is not for us.

    Kept open, since a new one takes some milliseconds until it gets messages.
    """
    if not os.access(path, os.W_OK) or _pyzmq() is None:
        return None
    subscriptions = vars(_kept)
    key = f"ipc://{path}"
    kept: _Bus | None = subscriptions.get(key)
    if kept is None or kept.process != os.getpid():
        kept = subscriptions[key] = _Bus(path)
    kept.subscribe(topic)
    return kept


# Source: docs/formats.md § 2.
_CANDLE_RECORD = struct.Struct("<4s12sQqII4q4q4qqqIIIBBHQqII")
_SOURCES = {1: "streamed", 2: "bought", 3: "derived", 4: "imported"}


def _forming(record: bytes, minutes: str) -> dict[str, Any] | None:
    """A FORM record of the timeframe as a dict; None if it is another one, or damaged."""
    if not _is_valid(record, b"FORM", _CANDLE_RECORD.size):
        return None
    fields = _CANDLE_RECORD.unpack(record)
    if fields[4] != int(minutes) * 60:
        return None
    bid, ask, *mid = (units / 1e9 if units else None for units in (fields[9], fields[13], *fields[14:18]))
    row = fields[3] // 1_000_000_000, *mid, float(fields[20]), _SOURCES.get(fields[23], "unknown")
    # A forming candle has no position in the candles stream.
    return _candle(row) | {"bid": bid, "ask": ask, "partial": bool(fields[5] & 1), "final": fields[2] > 0}


def _is_valid(record: bytes, kind: bytes, size: int) -> bool:
    return len(record) == size and record.startswith(kind) and _crc32c(record[:-4]) == int.from_bytes(record[-4:], "little")


@functools.cache
def _crc32c_table() -> list[int]:
    table = list(range(256))
    for _ in range(8):
        table = [value >> 1 ^ (0x82F63B78 if value & 1 else 0) for value in table]
    return table


def _crc32c(data: bytes) -> int:
    """Source: docs/formats.md § Checksum."""
    table, value = _crc32c_table(), 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 255] ^ value >> 8
    return value ^ 0xFFFFFFFF


def _named(error: sqlite3.DatabaseError, path: str | os.PathLike[str]) -> sqlite3.DatabaseError:
    return type(error)(f"{path} cannot be read: {error}")


def _refuse(name: str, instead: str) -> NoReturn:
    raise io.UnsupportedOperation(f"{name}: bots only read; store-writer alone writes this database. {instead}")


def _pair(text: str) -> str:
    name = text.upper() if isinstance(text, str) and text.isascii() else ""
    codes = re.fullmatch(r"([A-Z]{3})(/?)([A-Z]{3})", name)
    if codes and (codes[2] or codes[3] in _CURRENCIES):
        return f"{codes[1]}_{codes[3]}"
    if not re.fullmatch(r"(?=_*[A-Z0-9])[A-Z0-9_]{1,12}", name):
        raise ValueError(f"{text!r} is not a pair: write it like EUR_USD, EURUSD or EUR/USD, other names like DE40")
    return name


def _topic(kind: bytes, pair: str) -> bytes:
    """With the NULs behind the name: DE40 is also the beginning of DE40X."""
    return kind + pair.encode().ljust(12, b"\0")


def _minutes(timeframe: str | int) -> str:
    """Minutes as text, as in the view."""
    match = re.fullmatch(r"([0-9]{1,4})([mhd]?)", str(timeframe))
    minutes = int(match[1]) * {"": 1, "m": 1, "h": 60, "d": 1440}[match[2]] if match else 0
    if minutes == 0 or 1440 % minutes:
        raise ValueError(f"{timeframe!r} is not a timeframe: write minutes that divide a day, like 5, '5m', '1h' or '1d'")
    return str(minutes)


def _timestamp(moment: datetime | int) -> int:
    """Unix seconds of a `time` or of Unix seconds; without a zone it is UTC."""
    return calendar.timegm(moment.utctimetuple()) if isinstance(moment, datetime) else operator.index(moment)


def _candle(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(COLUMNS, (_EPOCH + timedelta(seconds=row[0]), *row[1:])))


def _table(rows: list[tuple[Any, ...]]) -> pandas.DataFrame | Candles:
    if pandas is None:
        return Candles(map(_candle, rows))
    columns: dict[str, Any] = dict(zip(COLUMNS, zip(*rows)))
    columns["time"] = pandas.to_datetime(columns["time"], unit="s")
    return pandas.DataFrame(columns)


def _minute(timestamp: int | None) -> str:
    return "N/A" if timestamp is None else (_EPOCH + timedelta(seconds=timestamp)).strftime("%Y-%m-%d %H:%M")


def _totals(names: Sequence[str], counts: Sequence[int]) -> dict[str, int]:
    return {name: sum(n for other, n in zip(names, counts) if other == name) for name in sorted(set(names))}
