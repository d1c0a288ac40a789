"""`connect` and what it returns: candles and ticks of a pipeline on this machine, or candles of a PostgreSQL server."""

from __future__ import annotations

import contextlib
import math
import operator
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from . import forex_database as files
from .archive import Archive
from .errors import CandlewickError, InvalidArgument, MissingPackage, Unreadable, WaitedTooLong, missing
from .frames import to_frame
from .journal import Journal
from .records import UNITS, Candle, FormingCandle, Tick, moment, nanoseconds
from .ticks import TickStream

if TYPE_CHECKING:
    import pandas

Price = Literal["mid", "bid", "ask"]


def connect(path: str | os.PathLike[str] | None = None, runtime: str | os.PathLike[str] | None = None) -> Reader:
    """Opens what the pipeline on this machine has stored; reads only, and never blocks the pipeline.

    path     the state folder, the database in it, or the URL of a PostgreSQL server (`postgresql://…`, never with a
             password). Default: that of the stages, by CANDLEWICK_STATE_DIR and CANDLEWICK_DATABASE; without these, if
             Candlewick is installed on this machine, /var/lib/candlewick
    runtime  the folder of the sockets. Default: that of the stages

    Opens nothing yet: a bot may start before the pipeline.
    """
    given = os.path.expanduser(path) if path is not None else None
    if given is not None and os.path.isdir(given):
        given = os.path.join(given, "candlewick.db")
    with _named():
        return Reader(given, runtime)


class Reader:
    """Reads candles and ticks. Several threads and processes may share it.

    A pair is `EUR_USD`, `EURUSD` or `EUR/USD`, another instrument its name, such as `DE40`. A timeframe is minutes
    (`5`, `"5"`), or `"5m"`, `"1h"`, `"1d"`. Times without a zone are UTC. All methods raise CandlewickError.
    """

    def __init__(self, database: str | None = None, runtime: str | os.PathLike[str] | None = None) -> None:
        """Use `connect`."""
        is_server = str(database or files._default_path()).startswith(("postgresql://", "postgres://"))
        if is_server and find_spec("psycopg") is None:
            raise missing("candles of a PostgreSQL server", "psycopg", "postgres")
        self.database = files.ForexDatabase(database, runtime=runtime)
        """The same candles through the usual class."""
        self.state = Path(files._default_state() if database is None or is_server else os.path.dirname(database))

    def candles(
        self,
        pair: str,
        timeframe: str | int,
        last: int | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        price: Price = "mid",
        complete: bool = True,
    ) -> list[Candle]:
        """Stored candles, oldest first.

        last      how many at most, the newest ones. Default: 200, or all of them if `since` is given
        since     the first interval's start, or before; `until`: the candle that starts there is not in it
        price     `mid`, `bid` or `ask`
        complete  False: partial candles too, of which `Candle.complete` is False

        If no such candle was ever stored, raises Unreadable with the reason. An empty list: none in these times.
        """
        with _named():
            name, minutes = files._pair(pair), files._minutes(timeframe)
            count = 200 if last is None and since is None else last
            query, arguments = _query(name, minutes, count, since, until, price, complete)
            rows = self.database._rows(query, *arguments)
            if not rows and since is None and until is None:
                raise Unreadable(f"no candle of {name} {minutes}m: {self.database._store.why_empty()}")
        return [_candle(name, minutes, row) for row in reversed(rows)]

    def frame(
        self,
        pair: str,
        timeframe: str | int,
        last: int | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        price: Price = "mid",
        complete: bool = True,
    ) -> pandas.DataFrame:
        """`candles` as a DataFrame by time (UTC). Needs pandas."""
        return to_frame(self.candles(pair, timeframe, last, since=since, until=until, price=price, complete=complete))

    def wait(
        self,
        pair: str,
        timeframe: str | int,
        timeout: float | None = None,
        *,
        after: Candle | datetime | None = None,
    ) -> Candle:
        """Waits until a complete candle of a later interval is stored, and returns it; of the mid price.

        timeout  seconds until WaitedTooLong: no candle comes while the market is closed. None: waits for ever
        after    the candle that the bot has last, or its time: returns the next one, at once if it is stored, so that
                 the bot misses none between two calls. Default: the newest one at the moment of the call

        With pyzmq, and on PostgreSQL, it returns some milliseconds after the commit, else within 20 ms.
        """
        last = after.time if isinstance(after, Candle) else after
        with _named():
            row = self.database.wait_for_candle(pair, timeframe, timeout, last)
            return Candle(
                files._pair(pair), files._minutes(timeframe), row["time"].replace(tzinfo=UTC), row["open"], row["high"],
                row["low"], row["close"], int(row["volume"]), True, row["source"],
            )  # fmt: skip

    def forming(self, pair: str, timeframe: str | int, timeout: float = 1.0) -> FormingCandle | None:
        """The candle of the present interval as far as it has come; None if the interval has no tick yet.

        Needs pyzmq. Raises WaitedTooLong if the aggregator does not answer, or has no tick of the pair.
        """
        if files._pyzmq() is None:
            raise missing("forming candles", "pyzmq", "zmq")
        with _named():
            row = self.database.forming(pair, timeframe, timeout)
            if row is None:
                return None
            names = ("open", "high", "low", "close", "bid", "ask")
            first, high, low, last, bid, ask = (math.nan if row[name] is None else row[name] for name in names)
            return FormingCandle(
                files._pair(pair), files._minutes(timeframe), row["time"].replace(tzinfo=UTC), first, high, low, last,
                int(row["volume"]), not row["partial"], bid, ask,
            )  # fmt: skip

    def ticks(
        self,
        pair: str | None = None,
        *,
        since: datetime | None = None,
        from_position: int | None = None,
        until: datetime | None = None,
        follow: bool = True,
        collector: str = "main",
    ) -> Iterator[Tick]:
        """Ticks of a pair, or of all: out of the archive, then the journal, then as they come; each position once.

        since          the first broker's time. If the oldest tick is later, begins there
        from_position  the first position, such as that behind the last tick that the bot has; 0: the oldest tick.
                       Without both: from now on
        until          ends when the stream has passed this broker's time by 10 s; later ticks are left out
        follow         False: ends with the last tick that there is
        collector      whose ticks; several collectors may stream the same pair

        `follow` needs pyzmq, the archive pyarrow. If positions that were to come are in no file any more, raises
        Unreadable. A slow bot loses nothing: what the bus dropped is read in the journal.
        """
        if since is not None and from_position is not None:
            raise InvalidArgument("since and from_position are given, and ticks begin at one of them: leave one out")
        if follow and files._pyzmq() is None:
            raise missing("ticks live", "pyzmq", "zmq")
        with _named():
            name = None if pair is None else files._pair(pair)
        state, runtime = self._folders(collector)
        begin, end = (None if time is None else nanoseconds(time) for time in (since, until))
        stream = TickStream(Archive(state / "archive"), Journal(state / "journal" / "ticks"), name, begin, end)
        if not follow:
            stream.begin(from_position)
            return stream.stored()
        return _live(stream, f"{runtime}/ticks.ipc", from_position)

    def _folders(self, collector: str) -> tuple[Path, Path]:
        folders = self.state, Path(self.database.runtime)
        if collector != "main":
            folders = folders[0] / "collectors" / collector, folders[1] / "collectors" / collector
        if not (folders[0] / "journal" / "ticks").exists() and not (folders[0] / "archive").exists():
            raise Unreadable(
                f"{folders[0]} has neither a journal of ticks nor an archive. ingest-stream makes the journal at its"
                " start; if it runs, set CANDLEWICK_STATE_DIR as it has it"
            )
        return folders


def _live(stream: TickStream, path: str, position: int | None) -> Iterator[Tick]:
    # Subscribed first: what comes during the replay is already there.
    with contextlib.closing(files._Bus(path, b"")) as bus:
        stream.begin(position)
        yield from stream.live(bus)


def _query(
    pair: str,
    minutes: str,
    last: int | None,
    since: datetime | None,
    until: datetime | None,
    price: str,
    complete: bool,
) -> tuple[str, list[Any]]:
    """One walk along the key, on SQLite and on PostgreSQL. Newest first. Source: docs/formats.md § 5."""
    if price not in ("mid", "bid", "ask"):
        raise InvalidArgument(f"price is {price!r}: it must be 'mid', 'bid' or 'ask'")
    if last is not None and operator.index(last) < 1:
        raise InvalidArgument(f"last is {last}: it must be 1 or more")
    columns = ", ".join(f"{price}_{name}" for name in ("open", "high", "low", "close"))
    query = f"""
        SELECT open_time, {columns}, tick_count, complete, source FROM candle
        WHERE instrument_id = (SELECT id FROM instrument WHERE name = ?) AND timeframe = ?"""
    arguments: list[Any] = [pair, int(minutes) * 60]
    if complete:
        query += " AND complete = 1"
    for condition, time in (("open_time >= ?", since), ("open_time < ?", until)):
        if time is not None:
            query += f" AND {condition}"
            # Rounded up: a start is a whole second.
            arguments.append(-(-nanoseconds(time) // UNITS))
    query += " ORDER BY open_time DESC"
    if last is not None:
        query += " LIMIT ?"
        arguments.append(operator.index(last))
    return query, arguments


def _candle(pair: str, minutes: str, row: tuple[Any, ...]) -> Candle:
    start, *units, ticks, complete, source = row
    first, high, low, close = (price / UNITS if price else math.nan for price in units)
    name = files._SOURCES.get(source, "unknown")
    return Candle(pair, minutes, moment(start * UNITS), first, high, low, close, ticks, bool(complete), name)


@contextlib.contextmanager
def _named() -> Iterator[None]:
    """Turns what ForexDatabase raises into exceptions of this package; the sentences stay."""
    kinds: list[tuple[tuple[type[Exception], ...], type[CandlewickError]]] = [
        ((TimeoutError,), WaitedTooLong), ((ImportError,), MissingPackage), ((ValueError, TypeError), InvalidArgument),
        ((OSError, sqlite3.DatabaseError), Unreadable),
    ]  # fmt: skip
    try:
        yield
    except CandlewickError:
        raise
    except (TimeoutError, ImportError, ValueError, TypeError, OSError, sqlite3.DatabaseError) as error:
        kind = next(ours for theirs, ours in kinds if isinstance(error, theirs))
        raise kind(str(error)) from error
