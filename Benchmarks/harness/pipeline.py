"""The product's real processes, as systemd would start them, against the simulator or the feed in C."""

import contextlib
import os
import pathlib
import re
import tempfile
import time

import programs

STAGES = ["store-writer", "aggregator", "ingest-stream"]


class Pipeline:
    """Simulator and stages in a fresh folder. `--stream-url` lets the simulator name another streaming server."""

    def __init__(self, folder, simulator=(), stages=STAGES, configuration=None):
        self.folder = pathlib.Path(folder)
        self.environment = dict(
            os.environ, CANDLEWICK_STATE_DIR=str(folder), CANDLEWICK_RUNTIME_DIR=str(folder),
            IG_API_KEY="key", IG_USERNAME="user", IG_PASSWORD="password")
        self.environment.pop("CANDLEWICK_DATABASE", None)
        if configuration:
            path = self.folder / "candlewick.yaml"
            path.write_text(configuration)
            self.environment["CANDLEWICK_CONFIG"] = str(path)
        self.processes = {}
        self.begin("ig-simulator", "--port", "0", "--account-per-minute", "unlimited", "--key-per-minute",
                   "unlimited", *simulator)
        self.environment["IG_REST_URL"] = self.ready("ig-simulator")["rest"]
        for stage in stages:
            self.begin(stage)
            self.ready(stage)

    def begin(self, name, *arguments):
        self.processes[name] = programs.start(programs.product(name, *arguments), env=self.environment)

    def ready(self, name):
        line = self.processes[name].stdout.readline()
        if not line.startswith("READY"):
            self.processes[name].said.seek(0)
            raise programs.Failed(f"{name} did not start: {line}{self.processes[name].said.read()[-500:]}")
        return dict(word.split("=", 1) for word in line.split()[1:] if "=" in word)

    @property
    def database(self):
        return self.folder / "candlewick.db"

    def records(self, stream="ticks", size=64):
        """How many records the journal has."""
        segments = (self.folder / "journal" / stream).glob("*.journal")
        return sum(max(0, segment.stat().st_size - 64) // size for segment in segments)

    def close(self):
        programs.stop(*[self.processes[name] for name in reversed(list(self.processes)) if name != "ig-simulator"])
        programs.stop(self.processes["ig-simulator"])


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
        until(lambda: port_file.exists() and port_file.read_text().strip(), 10, "the feed listens")
        yield process, int(port_file.read_text())
    finally:
        programs.stop(process)


def until(condition, seconds, what):
    """Polls until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise programs.Failed(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def processor_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(process):
    """Its proportional set size: what is shared with others counts in parts."""
    rollup = pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.M)[1]) * 1024
