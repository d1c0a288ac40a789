"""Measurements of one part each: parse, fold, journal, replay, bus, store, and the store on a server."""

import tempfile

import programs
import servers
from measure import LIMIT, OURS, Measure, command
from programs import bench, limit, peer, run


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
