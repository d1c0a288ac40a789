"""The running pipeline that the checks of candlewick-web ask, and ways to ask."""

import json
import socket
import sqlite3
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import processes
from processes import until  # noqa: F401: for the checks

PAIRS = ("EUR_USD", "GBP_USD", "USD_JPY")
START = "2026-05-12T08:00:00"  # a Tuesday


class Skip(Exception):
    """A check that cannot run here, and why."""


@dataclass
class Answer:
    status: int
    headers: dict  # names in lower case
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class World:
    """Simulator, stages and candlewick-web in a folder.

    speed: seconds of market time in a second; rate: ticks of a pair in a market second, as the simulator's --rate;
    token: what candlewick-web asks for; listen: where it listens; isolated: without a pipeline.
    """

    def __init__(self, folder, binaries, pairs=PAIRS, speed=60, token=None, listen="127.0.0.1:0", simulator=(),
                 timeframes=("1m", "5m"), configuration="", isolated=False):
        self.folder, self.token, self.listen, self.isolated = Path(folder), token, listen, isolated
        self.pairs = list(pairs)
        self.simulator_arguments = ["--seed", "1", "--start", START, "--speed", str(speed), *simulator]
        self.settings = processes.settings(pairs) + f"timeframes: [{', '.join(timeframes)}]\n" + configuration
        self.pipeline = processes.Pipeline(self.folder / "p", binaries, self.settings)
        self.web = None

    def __enter__(self):
        try:
            if not self.isolated:
                self.pipeline.start_simulator(self.simulator_arguments)
                for stage in ("aggregator", "store-writer", "ingest-stream"):
                    self.pipeline.start(stage).ready()
            self.start_web()
            if not self.isolated:
                until("candles are stored", 60, lambda: self.rows("SELECT COUNT(*) FROM candle")[0][0] > 0, 0.1)
        except BaseException:
            self.pipeline.kill_everything()
            raise
        return self

    def __exit__(self, *_):
        self.pipeline.kill_everything()

    # Programs

    def start_web(self, token=None, listen=None, origins=()):
        """Starts candlewick-web, again if it runs; token (empty: none) and address stay until another start names others."""
        if self.web and self.web.is_alive:
            self.web.stop()
        if token is not None:
            self.token = token
        self.listen = listen or self.listen
        web = f"web:\n  listen: '{self.listen}'\n  origins: [{', '.join(origins)}]\n"
        configuration = self.folder / "web.yaml"
        configuration.write_text(self.settings + web)
        environment = self.pipeline.environment | {"CANDLEWICK_CONFIG": str(configuration)}
        if self.token:
            environment["CANDLEWICK_WEB_TOKEN"] = self.token
        self.web = processes.Program(
            str(self.pipeline.binaries / "candlewick-web"), [], environment, self.pipeline.logs, self.next_life())
        self.pipeline.running["candlewick-web"] = self.web
        self.url = self.web.ready()["address"]  # http://127.0.0.1:PORT, or unix:PATH
        return self.web

    def next_life(self):
        self.pipeline.lives += 1
        return self.pipeline.lives

    def stop(self, name):
        """Ends a stage."""
        self.pipeline.running[name].stop()

    def start(self, name):
        """Starts a stage again."""
        self.pipeline.start(name).ready()

    def candlewick(self, *words):
        """What the tool of this name prints."""
        return subprocess.run(
            [self.pipeline.binaries / "candlewick", *words], env=self.pipeline.environment, capture_output=True,
            text=True, timeout=60, check=True).stdout

    def rows(self, sql, parameters=()):
        """What the database says; nothing before it is there."""
        if not self.pipeline.database.exists():
            return [(0,)]
        with sqlite3.connect(f"file:{self.pipeline.database}?mode=ro", uri=True, timeout=10) as database:
            try:
                return database.execute(sql, parameters).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return [(0,)]
                raise

    # Requests

    @property
    def address(self):
        host, port = self.url.removeprefix("http://").rsplit(":", 1)
        return host.strip("[]"), int(port)

    @property
    def authorization(self):
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def get(self, path, headers=None, method="GET", data=None, timeout=30):
        """Asks; the token goes along unless `headers` has an Authorization (None: without one)."""
        headers = self.authorization | (headers or {})
        headers = {name: value for name, value in headers.items() if value is not None}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as reply:
                return Answer(reply.status, {k.lower(): v for k, v in reply.headers.items()}, reply.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())

    def connect(self, timeout=30):
        """A socket to candlewick-web."""
        return socket.create_connection(self.address, timeout=timeout)

    def memory(self):
        """Resident bytes of candlewick-web."""
        for line in Path(f"/proc/{self.web.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("candlewick-web has ended")
