"""Candles on a PostgreSQL server, for forex_database.py: `Server`. Needs psycopg 3.

Addresses, passwords and TLS by the rules of Sources/4-Stores/PostgresStore/PostgresAddress.swift (docs/scaling.md).
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import select
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

try:
    import psycopg
except ImportError as error:
    raise ImportError(
        "psycopg 3 is needed to read candles from PostgreSQL: `apt-get install python3-psycopg`, or"
        f" `pip install 'psycopg[binary]'` ({error})"
    ) from None

# Of a server that is gone no notification comes.
_RECHECK_SECONDS = 1
# A replica has no notifications: it is asked as often.
_REPLICA_SECONDS = 0.1
# Source: docs/formats.md § 2.
_SOURCES = {1: "streamed", 2: "bought", 3: "derived", 4: "imported"}
# Without the second, a statement with a LIMIT is planned for each execution, which takes longer than its rows.
_SETTINGS = "SET default_transaction_read_only = on; SET plan_cache_mode = force_generic_plan"
_Result = TypeVar("_Result")
# Each thread's sessions, by URL.
_kept = threading.local()


class Server:
    """Reads candles; what `ForexDatabase` asks of a database. Several threads may share it, and it may be pickled."""

    # Of the table: in the view PostgreSQL does not see that it is one pair and timeframe, and sorts all rows of them.
    series = f"""
        FROM (
            SELECT open_time AS timestamp, mid_open / 1e9::float8 AS open, mid_high / 1e9::float8 AS high,
                mid_low / 1e9::float8 AS low, mid_close / 1e9::float8 AS close, tick_count AS volume,
                CASE source {" ".join(f"WHEN {number} THEN '{name}'" for number, name in _SOURCES.items())}
                    ELSE 'unknown' END AS source
            FROM candle
            WHERE complete = 1 AND instrument_id = (SELECT id FROM instrument WHERE name = ?)
                AND timeframe = (SELECT seconds FROM timeframe WHERE name = ?)
        ) candles WHERE true"""

    def __init__(self, url: str):
        self.url = url
        self.parameters = _address(url)

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        def ask(session: _Session) -> list[tuple[Any, ...]]:
            try:
                answer = session.connection.execute(query.replace("?", "%s"), arguments, prepare=True, binary=True)
                return answer.fetchall()
            except psycopg.errors.UndefinedTable:
                return []

        return self._ask(ask)

    def changes(self, deadline: float, topic: bytes) -> Iterator[None]:
        """Yields at once, then after each commit and each second; ends at the deadline. A replica: every 100 ms."""
        while True:
            # Listening before the caller looks, so that what is stored after the look is reported.
            session = self._ask(_Session.listen)
            yield
            left = deadline - time.monotonic()
            if left <= 0:
                return
            session.wait(left)

    def why_empty(self) -> str:
        if not self.rows("SELECT 1 FROM pg_class WHERE oid = to_regclass('candle')"):
            return (
                f"{self.url} has no candles yet. store-writer makes the tables at its first start; if it runs, this is"
                " another database or schema than that of its CANDLEWICK_DATABASE"
            )
        return f"{self.url} has no complete candle of this pair and timeframe yet"

    def _ask(self, action: Callable[[_Session], _Result]) -> _Result:
        """Does something in this thread's session; once more in a new one if the connection was lost."""
        for may_repeat in (True, False):
            session = self._session()
            try:
                return action(session)
            except psycopg.Error as error:
                if not session.is_ended_by(error):
                    raise OSError(f"{self.url} cannot be read: {_line(error)}") from None
                if not may_repeat:
                    raise ConnectionError(f"{self.url} was lost: {_line(error)}") from None
        raise AssertionError("the second time returns or raises")

    def _session(self) -> _Session:
        """This thread's; a new one after a fork and after the connection was lost."""
        sessions = vars(_kept)
        kept = sessions.get(self.url)
        if kept is None or kept.process != os.getpid() or kept.connection.closed:
            kept = sessions[self.url] = _Session(self._connect())
        return kept

    def _connect(self) -> psycopg.Connection:
        """To the first host that answers as wanted. Raises ConnectionError with the reason of each."""
        reasons: list[str] = []
        password = _credential("PGPASSWORD")
        for attempt in _attempts(self.parameters):
            try:
                connection = psycopg.connect(**attempt, password=password, autocommit=True)
                connection.execute(_SETTINGS)
                return connection
            except psycopg.Error as error:
                reasons.append(_line(error))
        text = "; ".join(dict.fromkeys(reasons))
        if "no password supplied" in text:
            raise PermissionError(f"database {self.url} {_PASSWORD_WANTED}")
        raise ConnectionError(f"database {self.url} cannot be opened: {text}")


class _Session:
    """A connection, for one thread and process."""

    # Whether it hears of commits; None: not asked yet.
    hears: bool | None = None

    def __init__(self, connection: psycopg.Connection):
        self.connection, self.process = connection, os.getpid()
        # Those that came with the answer of a query.
        self.notifications: list[Any] = []
        connection.add_notify_handler(self.notifications.append)

    def listen(self) -> _Session:
        """Asks for notifications; what came before is forgotten."""
        if self.hears is None:
            try:
                self.connection.execute("LISTEN candlewick")
                self.hears = True
            except psycopg.errors.ReadOnlySqlTransaction:
                self.hears = False  # A replica.
        self.notifications.clear()
        return self

    def wait(self, seconds: float) -> None:
        """Waits for a notification, for a second at most: of a server that is gone nothing comes."""
        if not self.hears:
            time.sleep(min(_REPLICA_SECONDS, seconds))
            return
        with contextlib.suppress(psycopg.Error):  # The next query finds it lost.
            if not self._heard():
                poll = select.poll()
                poll.register(self.connection.fileno(), select.POLLIN)
                poll.poll(math.ceil(min(_RECHECK_SECONDS, seconds) * 1000))
                self.connection.pgconn.consume_input()
                self._heard()

    def _heard(self) -> bool:
        while notification := self.connection.pgconn.notifies():
            self.notifications.append(notification)
        return bool(self.notifications)

    def is_ended_by(self, error: psycopg.Error) -> bool:
        """Whether the connection was lost. 57P: the server stops or starts; 08: between client and server."""
        if not self.connection.closed and not (error.sqlstate or "").startswith(("57P", "08")):
            return False
        self.connection.close()
        return True

    def __del__(self) -> None:
        # In a child process the connection is still the parent's.
        if self.process == os.getpid():
            self.connection.close()


# A server that is gone without a word is noticed within half a minute.
_CONNECTION_DEFAULTS = {
    "connect_timeout": "10", "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3",
    "tcp_user_timeout": "25000", "fallback_application_name": "forex_database", "client_encoding": "UTF8",
}  # fmt: skip
_PASSWORD_REFUSAL = (
    "CANDLEWICK_DATABASE holds a password, which messages and lists of processes would show: put it into the file that"
    " PGPASSFILE names, or give it as the credential PGPASSWORD"
)
_PASSWORD_WANTED = "wants a password: give it in the file that PGPASSFILE names, or as the credential PGPASSWORD"
# Where libpq looks for a parameter that the URL does not have.
_LIBPQ_VARIABLES = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "service": "PGSERVICE",
    "sslrootcert": "PGSSLROOTCERT", "target_session_attrs": "PGTARGETSESSIONATTRS",
}  # fmt: skip


def _address(url: str) -> dict[str, Any]:
    """libpq's parameters of a URL, by the rules of Sources/4-Stores/PostgresStore/PostgresAddress.swift.

    Raises ValueError if libpq cannot read it, it holds a password, or a weaker sslmode than another machine needs.
    """
    try:
        given = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        # Not shown: the reason may quote the URL, and with it what was meant as a password.
        raise ValueError(
            "CANDLEWICK_DATABASE cannot be read as a URI of libpq: postgresql://USER@HOST:PORT/DATABASE?KEY=VALUE"
        ) from None
    if "password" in given or "sslpassword" in given:
        raise ValueError(_PASSWORD_REFUSAL)
    parameters = {name: str(value) for name, value in given.items()}
    return _CONNECTION_DEFAULTS | parameters | (_protection(parameters) if _is_remote(parameters) else {})


def _parameter(parameters: dict[str, Any], name: str) -> str:
    return parameters.get(name) or os.environ.get(_LIBPQ_VARIABLES[name], "")


def _is_remote(parameters: dict[str, Any]) -> bool:
    # A service file may name any host.
    if _parameter(parameters, "service"):
        return True
    hosts = ",".join(_parameter(parameters, name) for name in ("host", "hostaddr")).split(",")
    # A Unix socket or loopback; empty: libpq's default, a Unix socket.
    return not all(re.fullmatch(r"|[/@].*|localhost|::1|127\.[0-9.]+", host) for host in hosts)


def _protection(parameters: dict[str, Any]) -> dict[str, Any]:
    """What a connection to another machine needs: TLS with a verified certificate and name."""
    mode = parameters.get("sslmode", "verify-full")
    if mode != "verify-full":
        raise ValueError(
            f"CANDLEWICK_DATABASE has sslmode={mode}: a server on another machine needs sslmode=verify-full, the default"
        )
    # Kerberos would take the place of TLS.
    needed = {"sslmode": mode, "gssencmode": "disable"}
    has_own = _parameter(parameters, "sslrootcert") or os.access(os.path.expanduser("~/.postgresql/root.crt"), os.R_OK)
    return needed if has_own else needed | {"sslrootcert": "/etc/ssl/certs/ca-certificates.crt"}


def _attempts(parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The parameters for each host in turn: psycopg 3.1 gives all its time to the first one, and knows no prefer-standby."""
    lists = {name: _parameter(parameters, name).split(",") for name in ("host", "hostaddr", "port")}
    count = max(map(len, lists.values()))
    if any(len(values) not in (1, count) for values in lists.values()):
        count, lists = 1, {}  # libpq says what is wrong.
    wanted = _parameter(parameters, "target_session_attrs") or "any"
    for attributes in ("standby", "any") if wanted == "prefer-standby" else (wanted,):
        for index in range(count):
            host = {name: values[index % len(values)] for name, values in lists.items()}
            # A list of several empty ones is empty for one host.
            others = {name: value for name, value in parameters.items() if name not in host}
            yield others | {name: value for name, value in host.items() if value} | {"target_session_attrs": attributes}


def _credential(name: str) -> str | None:
    """A variable, or the systemd credential of the same name; None without either."""
    path = os.path.join(os.environ.get("CREDENTIALS_DIRECTORY", ""), name)
    if os.environ.get(name) or not os.environ.get("CREDENTIALS_DIRECTORY") or not os.path.exists(path):
        return os.environ.get(name) or None
    return Path(path).read_text().rstrip("\r\n")


def _line(error: Exception) -> str:
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
