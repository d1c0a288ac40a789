"""Measurements of the real programs together, and of what real ticks need."""

import itertools
import os
import pathlib
import tempfile
import time

import closing
import delays
import pipeline
import processes
import programs
import shares
from measure import LIMIT, OURS, Measure
from programs import bench, limit, peer, run

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
