"""PostgreSQL on the rows of the usual table, prepared statement over a Unix socket: the last 200 candles of a series.

Starts a server of its own in a temporary folder, fills it from the database by COPY, and removes it at the end.
"""

import contextlib
import glob
import os
import pwd
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

import common
import make_usual
import queries

SCHEMA = """
    CREATE TABLE candles (
        pair text, timeframe text, timestamp timestamp,
        open double precision, high double precision, low double precision, close double precision, volume integer)
"""
START_SECONDS = 30

arguments = queries.arguments(__doc__)
psycopg = common.need("psycopg")


def programs():
    """The folder of initdb and postgres of the newest version."""
    folders = [os.path.dirname(path) for path in glob.glob("/usr/lib/postgresql/*/bin/initdb")]
    if not folders:
        common.unavailable("PostgreSQL's server is not installed (Debian: postgresql)")
    return max(folders, key=lambda folder: float(folder.split("/")[-2]))


def user():
    """Who runs the server: it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    try:
        postgres = pwd.getpwnam("postgres")
    except KeyError:
        common.unavailable("PostgreSQL does not run as root, and there is no user postgres")
    return {"user": postgres.pw_uid, "group": postgres.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def server():
    """A running server; gives a connection to it."""
    binaries, account = programs(), user()
    with tempfile.TemporaryDirectory(prefix="candlewick-", ignore_cleanup_errors=True) as folder:
        if account:
            os.chown(folder, account["user"], account["group"])
        data = os.path.join(folder, "data")
        quiet = {"stdout": subprocess.DEVNULL, "cwd": folder, **account}
        create = [f"{binaries}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run(create, check=True, **quiet)
        # Durable it need not be: it is thrown away.
        options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "wal_level=minimal", "-c", "max_wal_senders=0"]
        with open(os.path.join(folder, "log"), "w+") as log:
            run = [f"{binaries}/postgres", "-D", data, "-k", folder, *options]
            process = subprocess.Popen(run, stderr=log, **quiet)
            try:
                with connect(process, folder, log) as connection:
                    yield connection
            finally:
                process.send_signal(signal.SIGINT)  # Ends the connections and stops.
                process.wait(60)


def connect(process, folder, log):
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return psycopg.connect(host=folder, user="postgres", dbname="postgres", autocommit=True)
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                sys.exit(f"PostgreSQL did not start: {log.read()}")
            time.sleep(0.05)


def fill(connection, path):
    with contextlib.closing(sqlite3.connect(path)) as usual, connection.transaction():
        connection.execute(SCHEMA)
        with connection.cursor().copy("COPY candles FROM STDIN") as copy:
            for row in usual.execute("SELECT * FROM candles ORDER BY rowid"):
                copy.write_row(row)
        connection.execute("ALTER TABLE candles ADD PRIMARY KEY (pair, timeframe, timestamp)")
    connection.execute("VACUUM ANALYZE candles")


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # So that a stop from outside cleans up too.
with server() as connection:
    fill(connection, arguments.database)
    cursor = connection.cursor(binary=True)
    last = make_usual.LAST.format("%s")
    queries.measure(
        lambda pair, timeframe: cursor.execute(last, (pair, timeframe), prepare=True).fetchall(), arguments.count
    )
