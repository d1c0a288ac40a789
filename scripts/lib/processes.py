"""The pipeline's programs as real processes: started, waited for until they are READY, ended."""

import ctypes
import email.utils
import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

STAGES = ("ingest-stream", "aggregator", "store-writer")
JOURNALS = {"ingest-stream": "ticks", "aggregator": "candles"}
READY_SECONDS = 60
_libc = ctypes.CDLL(None)


class ProgramError(Exception):
    """A program did not do what was expected in time."""


def until(what, seconds, condition, interval=0.01):
    """Waits for a condition and returns what it gives."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise ProgramError(f"not within {seconds} s: {what}")
        time.sleep(interval)


def die_with_parent():
    _libc.prctl(1, signal.SIGKILL)


class Program:
    """One life of a program; its output goes to <name>.<number>.out and .log."""

    def __init__(self, path, arguments, environment, logs, number):
        self.name = Path(path).name
        self.out = logs / f"{self.name}.{number:04}.out"
        self.log = logs / f"{self.name}.{number:04}.log"
        self.started = time.monotonic()
        with self.out.open("wb") as out, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [path, *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                start_new_session=True, preexec_fn=die_with_parent,
            )  # fmt: skip
        self.pid = self.process.pid

    @property
    def is_alive(self):
        return self.process.poll() is None

    def ready(self):
        """Waits for the READY line and returns its facts, such as the address `rest`."""
        line = until(f"{self.name} is ready ({self.log})", READY_SECONDS, self.is_ready)
        return dict(word.split("=", 1) for word in line.split()[1:] if "=" in word)

    def is_ready(self):
        """Its READY line; None before it. Raises `ProgramError` if it has ended without one."""
        text = self.out.read_text()
        if text.startswith("READY") and "\n" in text:
            return text.splitlines()[0]
        if not self.is_alive:
            raise ProgramError(f"{self.name} ended with {self.process.returncode}: {self.tail()}")
        return None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=20):
        """Asks it to end; returns the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ProgramError(f"{self.name} did not end within {seconds} s of SIGTERM") from None

    def tail(self):
        return self.log.read_text(errors="replace")[-600:].strip()


def settings(pairs):
    """A configuration of these pairs that logs in again at once."""
    return f"instruments: [{', '.join(pairs)}]\nstream:\n  login_spacing_seconds: 0\n"


def asked(request):
    """The headers of a reply, and its body if it is JSON."""
    with urllib.request.urlopen(request, timeout=5) as reply:
        body = reply.read()
        return reply.headers, json.loads(body) if body else None


class Pipeline:
    """Folder, environment and the running programs.

    The sockets are in the folder `run`, journals and database in the folder `state`.
    """

    def __init__(self, folder, binaries, configuration=""):
        self.folder = Path(folder)
        self.binaries = Path(binaries)
        self.state = self.folder / "state"
        self.runtime = self.folder / "run"
        self.logs = self.folder / "logs"
        self.logs.mkdir(parents=True)
        self.running = {}
        self.lives = 0
        self.configuration = self.folder / "candlewick.yaml"
        self.configuration.write_text(configuration)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("IG_", "CANDLEWICK_"))}
        self.environment = kept | {
            "CANDLEWICK_RUNTIME_DIR": str(self.runtime), "CANDLEWICK_STATE_DIR": str(self.state),
            "CANDLEWICK_CONFIG": str(self.configuration), "SWIFT_BACKTRACE": "enable=no",
            "IG_API_KEY": "simulated", "IG_USERNAME": "simulated", "IG_PASSWORD": "simulated", "IG_DEMO": "true",
        }  # fmt: skip

    @property
    def database(self):
        return self.state / "candlewick.db"

    def journal(self, stream):
        return self.state / "journal" / stream

    def launch(self, name, arguments=()):
        self.lives += 1
        return Program(str(self.binaries / name), arguments, self.environment, self.logs, self.lives)

    def start(self, name, arguments=()):
        self.running[name] = self.launch(name, arguments)
        return self.running[name]

    def start_simulator(self, arguments):
        ready = self.start("ig-simulator", ["--port", "0", "--account-per-minute", "unlimited",
                                            "--key-per-minute", "unlimited", *arguments]).ready()  # fmt: skip
        self.simulator = ready["rest"]
        self.environment["IG_REST_URL"] = ready["rest"] + "/gateway/deal"

    def fault(self, words):
        """Lets faults happen in the simulator, by the words of its --help."""
        asked(urllib.request.Request(f"{self.simulator}/simulator/faults", words.encode(), method="POST"))

    def market_time(self):
        """The moment that the simulator's market has reached, Unix seconds."""
        return email.utils.parsedate_to_datetime(asked(f"{self.simulator}/simulator/state")[0]["Date"]).timestamp()

    def simulator_state(self):
        """What the simulator says of itself."""
        return asked(f"{self.simulator}/simulator/state")[1]

    def kill_everything(self):
        for program in self.running.values():
            if program.is_alive:
                program.kill()
