"""The pipeline that the documents' commands look at: two market hours of all pairs, a hole, a bought history."""

import json
import shutil
import sqlite3
import subprocess
import urllib.error
import urllib.request

from processes import Pipeline, until

DAY = "2026-05-12"  # a Tuesday
FIRST_STRETCH = (f"{DAY}T08:00:00", f"{DAY}T09:25:30", "300")
# Slower from here on: the checks take minutes. Begins shortly before candles of both timeframes close.
SECOND_STRETCH = (f"{DAY}T09:44:00", f"{DAY}T09:45:20", "60")

CONFIGURATION = """\
stream:
  login_spacing_seconds: 0
history:
  request_spacing_milliseconds: 20
  request_burst: 100
journal:
  segment_records: 16384
"""
# The table that bots of this field keep.
USUAL_TABLE = """
    CREATE TABLE candles (
        id INTEGER PRIMARY KEY AUTOINCREMENT, pair TEXT, timeframe TEXT, timestamp INTEGER,
        open REAL, high REAL, low REAL, close REAL, volume REAL, source TEXT, created_at INTEGER,
        UNIQUE (pair, timeframe, timestamp))"""


def start(folder, binaries):
    """Starts it; gives the pipeline once its candles are stored."""
    pipeline = Pipeline(folder, binaries, CONFIGURATION)
    try:
        play(pipeline, FIRST_STRETCH, [])
        for stage in ("aggregator", "store-writer"):
            pipeline.start(stage).ready()
        # Market time stands still as long as nobody subscribes.
        buyer = pipeline.start("ingest-backfill", ["run"])
        until("the history is bought", 90, lambda: not buyer.is_alive)
        pipeline.start("ingest-stream").ready()
        wait_for_market(pipeline, FIRST_STRETCH)
        pipeline.running["ig-simulator"].kill()
        play(pipeline, SECOND_STRETCH, ["--port", pipeline.simulator.rsplit(":", 1)[1]])
        wait_for_market(pipeline, SECOND_STRETCH)
        status = [pipeline.binaries / "candlewick", "status"]
        until("candles are fresh", 60, lambda: is_well(status, pipeline.environment), interval=0.5)
    except BaseException:
        pipeline.kill_everything()
        raise
    return pipeline


def start_web(pipeline):
    """Starts candlewick-web on a port of the system's choice; gives its host and port."""
    configuration = pipeline.folder / "web.yaml"
    configuration.write_text(CONFIGURATION + "web:\n  listen: '127.0.0.1:0'\n")
    former = pipeline.environment
    pipeline.environment = former | {"CANDLEWICK_CONFIG": str(configuration)}
    try:
        address = pipeline.start("candlewick-web").ready()["address"]
    finally:
        pipeline.environment = former
    until("candlewick-web is ready", 30, lambda: is_ready(f"{address}/readyz"), interval=0.1)
    return address.removeprefix("http://")


def is_ready(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as reply:
            return reply.status == 200
    except urllib.error.HTTPError:
        return False


def play(pipeline, stretch, arguments):
    pipeline.start_simulator([*arguments, "--seed", "1", "--start", stretch[0], "--speed", stretch[2]])


def wait_for_market(pipeline, stretch):
    until(f"market time is {stretch[1]}", 120, lambda: market_time(pipeline) >= stretch[1], interval=0.05)


def market_time(pipeline):
    with urllib.request.urlopen(f"{pipeline.simulator}/simulator/state", timeout=5) as reply:
        return json.load(reply)["marketTime"]


def is_well(command, environment):
    return subprocess.run(command, env=environment, capture_output=True, timeout=30).returncode == 0


def make_old_database(path, database):
    """The database of a bot that polled: the candles of here, and the same once more a week before."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as source:
        rows = source.execute("SELECT * FROM candles WHERE pair IN ('EUR_USD', 'USD_JPY')").fetchall()
    older = [row[:2] + (row[2] - 604_800,) + row[3:] for row in rows]
    columns = "pair, timeframe, timestamp, open, high, low, close, volume, source, created_at"
    with sqlite3.connect(path) as old:
        old.execute(USUAL_TABLE)
        old.executemany(f"INSERT INTO candles ({columns}) VALUES ({', '.join('?' * 10)})", rows + older)
    old.close()


def make_checkout(folder, root, binaries):
    """A folder like the checkout, built, in which commands may leave files."""
    folder.mkdir()
    for path in root.iterdir():
        if path.name not in {"scripts", ".git", ".build", ".run", ".venv"}:
            (folder / path.name).symlink_to(path)
    shutil.copytree(root / "scripts", folder / "scripts")
    (folder / "scripts" / "build").write_text("#!/bin/sh\nexit 0\n")
    (folder / ".build").mkdir()
    (folder / ".build" / "release").symlink_to(binaries)
