"""The product's real processes, as systemd would start them, against the simulator or the feed in C."""

import contextlib
import os
import pathlib
import re
import tempfile

import processes
import programs

STAGES = ["store-writer", "aggregator", "ingest-stream"]


class Pipeline(processes.Pipeline):
    """Simulator and stages in a fresh folder. `--stream-url` lets the simulator name another streaming server.

    database: the URI of a server, instead of a file in the folder.
    """

    def __init__(self, folder, simulator=(), stages=STAGES, configuration="", database=None):
        super().__init__(folder, programs.BINARIES, configuration)
        # The probes take one folder for both.
        self.state = self.runtime = self.folder
        self.environment |= {"CANDLEWICK_STATE_DIR": str(folder), "CANDLEWICK_RUNTIME_DIR": str(folder)}
        if database:
            self.environment["CANDLEWICK_DATABASE"] = database
        self.start_simulator(simulator)
        for stage in stages:
            self.start(stage).ready()

    def records(self, stream="ticks", size=64):
        """How many records the journal has."""
        segments = self.journal(stream).glob("*.journal")
        return sum(max(0, segment.stat().st_size - 64) // size for segment in segments)

    def close(self):
        for name in ["ingest-stream", "aggregator", "store-writer", "ig-simulator"]:
            if name in self.running and self.running[name].is_alive:
                self.running[name].stop()


@contextlib.contextmanager
def running(*arguments, **options):
    with tempfile.TemporaryDirectory(prefix="cw-bench-") as folder:
        pipeline = Pipeline(folder, *arguments, **options)
        try:
            yield pipeline
        finally:
            pipeline.close()


@contextlib.contextmanager
def feed(folder, lines, rate, frame_lines=1, seconds=None):
    """limit-feed at work: the process and its port."""
    port_file = pathlib.Path(folder) / "feed.port"
    arguments = [port_file, lines, rate, frame_lines] + ([seconds] if seconds else [])
    process = programs.start(programs.limit("feed", *arguments))
    try:
        processes.until("the feed listens", 10, lambda: port_file.exists() and port_file.read_text().strip())
        yield process, int(port_file.read_text())
    finally:
        programs.stop(process)


def processor_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(process):
    """Its proportional set size: what is shared with others counts in parts."""
    rollup = pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.M)[1]) * 1024
