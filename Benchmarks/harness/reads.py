"""Measurements of reading: queries of a database, and candles and events over HTTP."""

import sqlite3
import time

import pipeline
import programs
import servers
import web
from measure import LIMIT, OURS, Measure, command
from programs import bench, limit, peer, run

VIEW = "SELECT * FROM candles WHERE pair = ? AND timeframe = ? ORDER BY timestamp DESC LIMIT 200"


class Databases:
    """Ours and the usual one, each made at its first use."""

    def __init__(self, options):
        self.rows = options.rows
        self.folder = options.folder / f"database-{options.rows}"
        self.ours, self.usual = self.folder / "candlewick.db", self.folder / "usual.db"

    def prepared(self, subject):
        def measure():
            if not self.ours.exists():
                self.folder.mkdir(exist_ok=True)
                make_database(self.ours, self.rows)
            return subject()
        return measure

    def make_usual(self):
        command = peer("make_usual", self.usual, self.rows)
        if not self.usual.exists():
            self.folder.mkdir(exist_ok=True)
            run(command)


def query(options):
    rows, count, databases = options.rows, 500, Databases(options)
    ours, usual, prepared = databases.ours, databases.usual, databases.prepared

    def with_usual(name):
        def measure():
            databases.make_usual()
            return run(peer(name, usual, count))
        return measure

    subjects = {
        OURS: prepared(command(lambda: bench("query", ours, "--count", count))),
        LIMIT: prepared(command(lambda: limit("query", ours, count))),
        "our view, Python sqlite3": prepared(lambda: {"nanoseconds": timed_view(ours, count)}),
        "our ForexDatabase, pandas": prepared(command(lambda: peer("query_forex_database", ours, count))),
        "usual table, Python sqlite3": with_usual("query_sqlite3"),
        "usual table, pandas": with_usual("query_pandas"),
        "DuckDB": with_usual("query_duckdb"),
        "PostgreSQL": with_usual("query_postgresql"),
    }
    return Measure(
        "query", f"last 200 candles of {rows:,}", subjects, kind="latency",
        target="within 2 times C, p99 under 1 ms, faster than every peer")


def make_database(path, rows):
    """Rows of 28 pairs in two timeframes in the schema that the real store-writer makes."""
    with pipeline.running(["--speed", "1"], stages=["store-writer"]) as made:
        made.close()
        database = sqlite3.connect(made.database)
        database.executemany("INSERT INTO instrument (name) VALUES (?)", [(pair,) for pair in servers.PAIRS])
        database.executemany("INSERT INTO timeframe VALUES (?, ?)", [(300, "5"), (900, "15")])
        database.execute(f"""
            INSERT INTO {servers.CANDLE}
            WITH RECURSIVE place (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM place WHERE n < {rows // 56 - 1})
            SELECT {servers.candle("abs(random()) % 1000000", "n")}
            FROM instrument, timeframe, place ORDER BY 1, 2, 3""")
        database.commit()
        plan = "; ".join(row[3] for row in database.execute("EXPLAIN QUERY PLAN " + VIEW, ("EUR_USD", "5")))
        if "TEMP B-TREE" in plan or "SCAN" in plan:
            raise programs.Failed(f"the plan of the view sorts or scans: {plan}")
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("VACUUM INTO ?", (str(path),))
        database.close()


def timed_view(path, count):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    pairs = [row[0] for row in database.execute("SELECT name FROM instrument ORDER BY id")]
    taken = []
    for number in range(count + 100):
        began = time.perf_counter_ns()
        rows = database.execute(VIEW, (pairs[number * 7919 % 28], ("5", "15")[number % 2])).fetchall()
        taken.append(time.perf_counter_ns() - began)
        assert len(rows) == 200
    return taken[100:]


# MARK: Candles and events over HTTP


def window(options):
    databases = Databases(options)
    ours, prepared = databases.ours.parent.resolve(), databases.prepared

    def site(measured):
        def measure():
            with web.ours(ours) as port:
                return measured(port, web.TARGET)
        return prepared(measure)

    def file(measured):
        def measure():
            with web.nginx(web.candles_of(ours)) as port:
                return measured(port, "/{}/{}")
        return prepared(measure)

    def service(measured):
        def measure():
            databases.make_usual()
            with web.fastapi(databases.usual) as port:
                return measured(port, "/candles/{}/{}?count=200")
        return measure

    seconds = options.seconds or (5 if options.is_quick else 20)
    return [
        Measure("web", f"last 200 candles of {options.rows:,} by HTTP", {
            OURS: site(web.latencies),
            OURS + ", CandleReader": prepared(command(lambda: bench("query", databases.ours, "--count", web.COUNT))),
            "nginx, a file of the same size": file(web.latencies),
            "FastAPI, sqlite3": service(web.latencies),
        }, kind="latency", target="within 3 times CandleReader", uses_day=False),
        Measure("web-rate", f"last 200 candles by HTTP, {web.CONNECTIONS} connections", {
            OURS: site(web.rate),
            "nginx, a file of the same size": file(web.rate),
            "FastAPI, sqlite3": service(web.rate),
        }, target="none: beside nginx and FastAPI", uses_day=False),
        Measure("web-events", "event streams of 28 pairs, 300 ticks a second", {
            f"{count} streams": web.streams(count, seconds) for count in web.STREAMS
        }, kind="report", show=web.show, target="every client gets every tick; 200 streams", rounds_most=1),
    ]
