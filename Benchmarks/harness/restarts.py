"""How long a start of the aggregator takes by how many ticks its journal keeps: from the checkpoint and without it."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import statistics
import struct
import subprocess
import tempfile
import time

import processes
import programs
import table

PER_DAY = 5_000_000
SEGMENT = 1_048_576
CONFIGURATION = "timeframes: [1m, 5m, 15m]\n"
WAYS = {
    "whole": "without a checkpoint", "killed": "killed a million records behind its checkpoint", "ended": "ended in order"}
CACHES = {"warm": "warm", "cold": "caches dropped"}


def measure(make, name, options):
    return make(
        "restarts", "start of aggregator until it has caught up, by ticks in its journal, 28 pairs, 1m, 5m, 15m",
        {name: lambda: rows(options)}, kind="report", show=show, rounds_most=1, is_quick=False,
        target="100 M ticks: 1 s and 64 MiB from a checkpoint; the same candles")


def rows(options):
    """One for each number of ticks, way and state of the caches."""
    folder = options.folder.resolve() / "kept"
    try:
        make_journal(folder, max(options.kept))
        return [row for ticks in options.kept for row in of_size(folder, ticks, min(3, options.rounds))]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_journal(folder, ticks):
    subprocess.run(
        programs.bench("make-data", folder, "--ticks", ticks, "--days", max(1, ticks // PER_DAY), "--journal-only"),
        check=True)


def of_size(source, ticks, rounds):
    first, at_once = first_start(source, ticks)
    with state_folder(source) as folder:
        link(source, folder, ticks - SEGMENT)
        start(folder, ends_in_order=True)
        kept = {"killed": (folder / "aggregator.checkpoint").read_bytes()}
        link(source, folder, ticks)
        start(folder, ends_in_order=True)
        kept["ended"] = (folder / "aggregator.checkpoint").read_bytes()
        made = candles(folder)
        yield {**first, "same": made == at_once}
        for way in WAYS:
            for caches in CACHES:
                if caches == "cold" and not drop_caches():
                    continue
                runs = []
                for _ in range(rounds):
                    put(folder, kept.get(way))
                    if caches == "cold":
                        drop_caches()
                    runs.append(start(folder))
                yield {
                    "ticks": ticks, "way": way, "caches": caches, "same": candles(folder) == made,
                    **{key: statistics.median(run[key] for run in runs) for key in runs[0]}}


def first_start(source, ticks):
    """All ticks at once, and the candles that they give."""
    with state_folder(source) as folder:
        link(source, folder, ticks)
        found = start(folder, ends_in_order=True)
        size = (folder / "aggregator.checkpoint").stat().st_size
        return {"ticks": ticks, "way": "first", "caches": "warm", **found, "size": size}, candles(folder)


@contextlib.contextmanager
def state_folder(source):
    with tempfile.TemporaryDirectory(prefix="cw-bench-", dir=source) as folder:
        folder = pathlib.Path(folder)
        (folder / "configuration.yaml").write_text(CONFIGURATION)
        yield folder


def link(source, folder, ticks):
    """A journal of the first ticks: its last segment is the one that they fill."""
    journal = folder / "journal/ticks"
    shutil.rmtree(journal, ignore_errors=True)
    journal.mkdir(parents=True)
    left = ticks
    for segment in sorted((source / "journal/ticks").glob("*.journal")):
        if left <= 0:
            return
        (journal / segment.name).symlink_to(segment)
        left -= (segment.stat().st_size - 64) // 64


def put(folder, checkpoint):
    path = folder / "aggregator.checkpoint"
    path.unlink(missing_ok=True)
    if checkpoint:
        path.write_bytes(checkpoint)


def drop_caches():
    try:
        os.sync()
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
        return True
    except OSError:
        return False


def start(folder, ends_in_order=False):
    """Nanoseconds until it has caught up, the records that it folded, and the most memory that it held."""
    environment = dict(
        os.environ, CANDLEWICK_STATE_DIR=str(folder), CANDLEWICK_RUNTIME_DIR=str(folder),
        CANDLEWICK_CONFIG=str(folder / "configuration.yaml"))
    command = programs.product("aggregator")
    began = time.monotonic_ns()
    aggregator = programs.start(command, env=environment)
    log = aggregator.said

    def caught_up():
        log.seek(0)
        return re.search(r"Caught up.*?count=(\d+)", log.read())

    try:
        found = processes.until("the aggregator caught up", 120, caught_up, interval=0.002)
        took = time.monotonic_ns() - began
        memory = re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{aggregator.pid}/status").read_text())[1]
        return {"nanoseconds": took, "folded": int(found[1]), "memory": int(memory) * 1024}
    finally:
        aggregator.send_signal(signal.SIGTERM if ends_in_order else signal.SIGKILL)
        aggregator.wait(60)


def candles(folder):
    """The records of the candles journal without what a second run may make anew: position, publish time, checksum."""
    records = []
    for segment in sorted((folder / "journal/candles").glob("*.journal")):
        for record in struct.iter_unpack("192s", segment.read_bytes()[64:]):
            records.append(record[0][:16] + record[0][24:176] + record[0][184:188])
    return records


def show(results):
    found = [row for each in results.values() for row in each]
    lines = [["  ticks", "way", "caches", "time", "folded", "most memory", "candles"]]
    for row in found:
        name = "first start of all" if row["way"] == "first" else WAYS[row["way"]]
        lines.append([
            f"  {row['ticks'] // 1_000_000} M", name, CACHES[row["caches"]], table.duration(row["nanoseconds"]),
            f"{row['folded']:,}", f"{row['memory'] / 2 ** 20:.1f} MiB", {True: "the same", False: "OTHERS"}.get(row.get("same"), "")])
    table.render(lines)
    print("".join(f"  checkpoint at {row['ticks'] // 1_000_000} M ticks: {row['size'] / 1e6:.1f} MB\n"
                  for row in found if "size" in row), end="")
    wrong = [f"{row['ticks']} ticks, {row['way']}: OTHER CANDLES" for row in found if row.get("same") is False]
    return {f"{row['ticks']} ticks, {row['way']}, {row['caches']}": row for row in found}, wrong
