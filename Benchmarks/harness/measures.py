"""All measurements. Each is a list of subjects that run in turns; a subject gives one figure a round."""

import itertools
import os
import pathlib
import sqlite3
import tempfile
import time

import closing
import delays
import pipeline
import processes
import programs
import restarts
import servers
import shares
import web
from programs import bench, limit, peer, run

OURS = "candlewick"
LIMIT = "C"


class Measure:
    """What is measured, on what, against what.

    kind `rate`: operations a second; `latency`: nanoseconds, of which the median counts and the 99th percentile is told;
    `report`: no ratios, but what `show` prints of all subjects; it returns the rows and sentences about what is wrong.
    uses_day: it needs the measured day of ticks, as no report does.
    """

    def __init__(self, name, title, subjects, kind="rate", target=None, is_quick=True, rounds_most=None, show=None,
                 uses_day=True):
        self.name = name
        self.title = title
        self.subjects = subjects
        self.kind = kind
        self.target = target
        self.is_quick = is_quick
        self.rounds_most = rounds_most
        self.show = show
        self.uses_day = uses_day and kind != "report"


def command(make):
    """A subject that is one program."""
    return lambda: run(make())


def all_measures(data, options):
    return [
        parse(data, options), fold(data), journal(data, options), replay(data), bus(options),
        store(data, 1_000), store(data, 56), query(options), *served(data, options),
        *window(options), chain(data, options),
        arrival(data, options), restart(data), restarts.measure(Measure, OURS, options), close(options), grace(options),
    ]


# MARK: Parts


def parse(data, options):
    lines = data / "lines.txt"
    return Measure("parse", "update lines into ticks", {
        OURS: command(lambda: bench("parse", lines, "--pairs", options.pairs)),
        LIMIT: command(lambda: limit("parse", lines)),
        "official client, Python": command(lambda: peer("parse_official", lines, 50_000)),
        "its parser alone": lambda: alone(run(peer("parse_official", lines, 50_000))),
    }, target="0.6 of C, 100 times the official client")


def alone(result):
    return {"count": result["count"], "seconds": result["parser_seconds"]}


def fold(data):
    ticks = data / "ticks.bin"
    return Measure("fold", "ticks into 5m and 15m candles", {
        OURS: command(lambda: bench("fold", ticks)),
        LIMIT: command(lambda: limit("fold", ticks)),
        "polars": command(lambda: peer("fold_polars", ticks)),
        "DuckDB": command(lambda: peer("fold_duckdb", ticks)),
        "pandas": command(lambda: peer("fold_pandas", ticks)),
        "NautilusTrader": command(lambda: peer("fold_nautilus", ticks, 50_000)),
    }, target="0.4 of C, 10 times polars, 100 times NautilusTrader")


def journal(data, options):
    count = options.ticks
    return Measure("journal", "journal append with CRC, bursts of 64", {
        OURS: command(lambda: bench("journal", data, "--count", count, "--burst", 64)),
        LIMIT: command(lambda: limit("journal", data, count, 64)),
    }, target="0.5 of C")


def replay(data):
    return Measure("replay", "a journal into candles", {
        OURS: command(lambda: bench("replay", data / "journal/ticks")),
        LIMIT: command(lambda: limit("replay", data / "journal/ticks")),
        "C fold, in memory": command(lambda: limit("fold", data / "ticks.bin")),
    }, target="10 M a second, or 0.3 of the C fold")


def bus(options):
    count = options.ticks // 5

    def both(send, receive):
        def measure():
            with tempfile.TemporaryDirectory(prefix="cw-bench-") as folder:
                endpoint = f"ipc://{folder}/bus.ipc"
                sender = programs.start(send(endpoint))
                try:
                    return run(receive(endpoint), seconds=120)
                finally:
                    programs.stop(sender)
        return measure

    return Measure("bus", "one record a message, ipc", {
        OURS: both(lambda at: bench("send", at, "--count", count), lambda at: bench("receive", at, "--count", count)),
        LIMIT: both(lambda at: limit("bus", "send", at, count), lambda at: limit("bus", "receive", at, count)),
        "pyzmq": both(lambda at: peer("bus_pyzmq", "send", at, count), lambda at: peer("bus_pyzmq", "receive", at, count)),
    }, target="0.8 of C")


def store(data, batch):
    candles = data / "candles.bin"

    def count():
        return candles.stat().st_size // 192

    def fresh(make):
        def measure():
            with tempfile.TemporaryDirectory(prefix="cw-bench-") as folder:
                return run(make(f"{folder}/candles.db"))
        return measure

    return Measure(f"store-{batch}", f"candles into SQLite, {batch} a transaction", {
        OURS: fresh(lambda path: bench("store", path, candles, "--batch", batch)),
        LIMIT: fresh(lambda path: limit("store", path, candles, batch)),
        "usual table, Python": fresh(lambda path: peer("store_usual", path, count(), batch)),
    }, target="0.7 of the C API")


# MARK: A PostgreSQL server


def served(data, options):
    """Candles on a PostgreSQL server, over its Unix socket, with its defaults of durability."""
    server, candles, count = servers.Servers(), data / "candles.bin", 500

    def into_file(batch):
        def measure():
            with tempfile.TemporaryDirectory(prefix="cw-bench-") as folder:
                return run(bench("store", f"{folder}/candles.db", candles, "--batch", batch))
        return measure

    def stored(batch):
        return Measure(f"served-{batch}", f"candles into PostgreSQL, {batch} a transaction", {
            OURS: server.fresh(lambda uri: bench("store", uri, candles, "--batch", batch)),
            LIMIT + ", libpq": server.fresh(lambda uri: limit("postgres-store", uri, candles, batch)),
            OURS + ", SQLite": into_file(batch),
        }, target="0.7 of libpq")

    rows = options.rows
    return [stored(1_000), stored(56), Measure(
        "served-query", f"last 200 candles of {rows:,} on PostgreSQL", {
            OURS: server.filled(lambda uri: bench("query", uri, "--count", count), rows),
            LIMIT + ", libpq": server.filled(lambda uri: limit("postgres-query", uri, count), rows),
            "our table, psycopg": server.filled(lambda uri: peer("query_psycopg", uri, count), rows),
            "our view since a moment, psycopg": server.filled(lambda uri: peer("query_psycopg", uri, count, "--view"), rows),
        }, kind="latency", target="within 2 times libpq, faster than psycopg")]


# MARK: Queries

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


# MARK: Real processes

# At full speed market time runs for weeks; ticks are counted by the size of their journal, so nothing may be dropped. The
# limit in C has no second opinion.
NOTHING_DROPPED = "journal:\n  retention_days: 0\nsecond_opinion: off\n"


def chain(data, options):
    lines = data / "lines.txt"

    def from_simulator():
        """Ticks in the journal while the simulator runs as fast as it is read; then every one must be in a candle."""
        with pipeline.running(["--speed", "max", "--seed", "1"], configuration=NOTHING_DROPPED) as running:
            processes.until("the feed flows", 60, lambda: running.records() > 100_000)
            began, before = time.monotonic(), running.records()
            time.sleep(options.seconds or (5 if options.is_quick else 20))
            seconds, count = time.monotonic() - began, running.records() - before
            running.running["ingest-stream"].stop()
            lost = uncounted(running)
            return {"count": count, "seconds": seconds, "lost": lost}

    def from_feed():
        """The lines of the feed in C; the last nine tenths count."""
        with tempfile.TemporaryDirectory(prefix="cw-bench-") as folder:
            with pipeline.feed(folder, lines, "max") as (feed, port):
                url = f"http://127.0.0.1:{port}"
                with pipeline.running(["--stream-url", url], stages=["store-writer", "aggregator"]) as running:
                    running.start("ingest-stream")
                    processes.until("the feed flows", 60, lambda: running.records() >= options.ticks / 10)
                    began, before = time.monotonic(), running.records()
                    processes.until("all ticks are journalled", 120, lambda: running.records() >= options.ticks)
                    seconds, count = time.monotonic() - began, running.records() - before
                    return {"count": count, "seconds": seconds, "lost": uncounted(running)}

    def in_c():
        with tempfile.TemporaryDirectory(prefix="cw-bench-") as folder:
            with pipeline.feed(folder, lines, "max") as (feed, port):
                endpoint = f"ipc://{folder}/ticks.ipc"
                fold = programs.start(limit("chain", "fold", endpoint, options.ticks))
                ingest = programs.start(
                    limit("chain", "ingest", "127.0.0.1", port, endpoint, f"{folder}/ticks.journal"))
                try:
                    return programs.finish(fold, 120)
                finally:
                    programs.stop(ingest, fold)

    def official():
        """No more lines than it can hold: with an endless feed it reads on without end, and slows down."""
        count = 20_000
        with tempfile.TemporaryDirectory(prefix="cw-bench-") as folder:
            few = pathlib.Path(folder) / "lines.txt"
            with open(lines, "rb") as all_lines:
                few.write_bytes(b"".join(itertools.islice(all_lines, count)))
            with pipeline.feed(folder, few, "max") as (feed, port):
                return run(peer("pipeline_official", "127.0.0.1", port, f"{folder}/usual.db", count, "--no-login",
                                "--pairs", data / "pairs.txt"))

    return Measure("chain", "the whole chain, real processes, to SQLite", {
        OURS: from_feed, LIMIT + ", to the fold": in_c, OURS + ", from ig-simulator": from_simulator,
        "official client + sqlite3": official,
    }, target="1 M ticks a second, 100 times the official client, no tick lost")


def folded(running):
    """The position up to which the aggregator has taken ticks, as it notes it for the journal."""
    mark = running.folder / "journal/ticks/aggregator.taken"
    return int(mark.read_text()) if mark.exists() else 0


def uncounted(running):
    """Ticks of the journal that the aggregator has not taken two seconds later; it notes its place once a second."""
    end = running.records()
    time.sleep(2.1)
    return max(0, end - folded(running))


def arrival(data, options):
    """Moments of sending in the feed, moments of folding behind it."""
    lines, rate = data / "lines.txt", 500
    seconds = 6 if options.is_quick else 20

    def difference(folder, moments):
        sent = [int(line) for line in (pathlib.Path(folder) / "feed.port.sent").read_text().split()]
        taken = [after - before for before, after in zip(sent, moments)]
        return {"nanoseconds": taken[len(taken) // 20:]}

    def ours():
        with tempfile.TemporaryDirectory(prefix="cw-bench-") as folder:
            with pipeline.feed(folder, lines, rate, 1, seconds) as (feed, port):
                url = f"http://127.0.0.1:{port}"
                with pipeline.running(["--stream-url", url], stages=["ingest-stream"]) as running:
                    probe = programs.start(bench("moments", running.folder, "--count", rate * seconds))
                    moments = programs.finish(probe, seconds + 60)["moments"]
                    feed.stdout.readline()
                    return difference(folder, moments)

    def in_c():
        with tempfile.TemporaryDirectory(prefix="cw-bench-") as folder:
            with pipeline.feed(folder, lines, rate, 1, seconds) as (feed, port):
                endpoint = f"ipc://{folder}/ticks.ipc"
                fold = programs.start(limit("chain", "fold", endpoint, rate * seconds))
                ingest = programs.start(
                    limit("chain", "ingest", "127.0.0.1", port, endpoint, f"{folder}/ticks.journal"))
                try:
                    moments = programs.finish(fold, seconds + 60)["moments"]
                    feed.stdout.readline()
                    return difference(folder, moments)
                finally:
                    programs.stop(ingest)

    return Measure("arrival", f"socket to fold at {rate} ticks a second", {OURS: ours, LIMIT: in_c}, kind="latency",
                   target="p50 within 1.5 times C")


def restart(data):
    def caught_up():
        with tempfile.TemporaryDirectory(prefix="cw-bench-") as folder:
            journal = pathlib.Path(folder) / "journal"
            journal.mkdir()
            (journal / "ticks").symlink_to(data / "journal/ticks")
            (data / "journal/ticks/aggregator.taken").unlink(missing_ok=True)
            environment = dict(
                os.environ, CANDLEWICK_STATE_DIR=folder, CANDLEWICK_RUNTIME_DIR=folder)
            began = time.monotonic_ns()
            aggregator = programs.start(programs.product("aggregator"), env=environment)
            log = aggregator.said
            try:
                def is_live():
                    log.seek(0)
                    return "Caught up" in log.read()
                processes.until("the aggregator caught up", 60, is_live)
                return {"nanoseconds": [time.monotonic_ns() - began]}
            finally:
                programs.stop(aggregator)
    return Measure("restart", "restart of aggregator with a day of ticks to process", {OURS: caught_up},
                   kind="latency", target="under 2 s")


def close(options):
    """The same seconds of the same market for each line, and of one with many quiet pairs."""
    scenarios = {
        "steady line": closing.plain, "clock 1.4 s ahead, jitter of 200 ms": closing.ahead,
        "a cut at a boundary": closing.cut, "a third of the pairs quiet": closing.uneven}
    return Measure(
        "close", "interval's end to a readable candle, 28 pairs, 300 ticks a second",
        closing.at_once(scenarios, options.seconds or 615),
        kind="report", show=delays.show,
        target="closing tick to row 8 ms, p99 25 ms; interval's end to row 300 ms, p99 1 s; 64 MiB and 3% of a core in all",
        is_quick=False, rounds_most=1)


# MARK: Revisions


def grace(options):
    """Real ticks by a modelled line; the same seed gives the same figures, so once is enough."""
    folder = options.tick_files.resolve()

    def revised():
        files = sorted(folder.glob("*.csv")) + sorted(folder.glob("*.csv.gz"))
        if not files:
            raise programs.LeftOut(f"there are no tick files (*.csv, *.csv.gz) in {folder}; --tick-files names another folder")
        return run(bench("grace", *files), seconds=1_800)

    return Measure("grace", "candles that need a revision, by closing rule and grace, real ticks", {OURS: revised},
                   kind="report", show=shares.show, target="a grace at which at most 1 candle in 1,000 needs a revision",
                   is_quick=False, rounds_most=1)
