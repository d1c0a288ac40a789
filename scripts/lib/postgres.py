"""PostgreSQL servers of a check: made, started, replicated, ended. They listen on Unix sockets in folders of their own."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
from pathlib import Path

READY_SECONDS = 60
# The first line that fits decides: the role `locked` needs a password.
_RULES = """\
local all locked scram-sha-256
local all all trust
local replication all trust
hostssl all all 127.0.0.1/32 trust
"""


def programs():
    """The folder of the newest version's programs, as Debian's packages install them; None without any."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(folders, key=lambda path: int(path.parent.name), default=None)


def _prefix():
    """How to run the server's programs: they refuse root, and end with this process."""
    ending = ["setpriv", "--pdeathsig", "KILL"]
    if os.getuid() != 0:
        return ending
    owner = _owner()
    return [*ending, "--reuid", str(owner.pw_uid), "--regid", str(owner.pw_gid), "--clear-groups"]


def _owner():
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


class PostgresServer:
    """A cluster in `folder`, which must have a short path: sockets are in it."""

    def __init__(self, folder, superuser="candlewick"):
        self.folder, self.superuser = Path(folder), superuser
        self.data = self.folder / "data"
        self.process = None
        self.port = 5432
        self.folder.mkdir(mode=0o755)
        own(self.folder)

    @classmethod
    def running(cls, folder):
        """One that another process has started there."""
        server = cls.__new__(cls)
        server.folder, server.superuser, server.port, server.process = Path(folder), "candlewick", 5432, None
        return server

    def make(self):
        self._run("initdb", "-D", self.data, "-U", self.superuser, "-E", "UTF8", "--locale=C", "--no-sync",
                  "--no-instructions")  # fmt: skip
        (self.data / "pg_hba.conf").write_text(_RULES)
        return self

    def start(self, *settings, tcp=False):
        """Settings are `name=value`. With `tcp` it also listens on 127.0.0.1, on a port that is free."""
        for _ in range(5):
            if tcp:
                self.port = _free_port()
            address = "127.0.0.1" if tcp else ""
            options = [f"listen_addresses={address}", f"port={self.port}", "fsync=off", "shared_buffers=16MB", *settings]
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    [*_prefix(), programs() / "postgres", "-D", self.data, "-k", self.folder,
                     *(word for option in options for word in ("-c", option))],
                    cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                )  # fmt: skip
            if self._is_ready():
                return self
        raise RuntimeError(f"PostgreSQL did not start: {self.log()[-2000:]}")

    def stop(self, number=signal.SIGINT):
        """SIGINT ends all sessions in order; SIGQUIT is a crash."""
        if self.process:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def remove(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def replica(self, folder):
        """A copy that will follow this one."""
        copy = PostgresServer(folder, self.superuser)
        copy._run("pg_basebackup", "-h", self.folder, "-p", self.port, "-U", self.superuser, "-D", copy.data, "-R",
                  "--checkpoint=fast", "--no-sync")  # fmt: skip
        return copy

    def promote(self):
        self._run("pg_ctl", "promote", "-D", self.data, "-w", "-t", READY_SECONDS)

    def url(self, database, user="candlewick", **parameters):
        """Over the Unix socket."""
        words = urllib.parse.urlencode({"host": self.folder, "port": self.port, **parameters}, safe="/,")
        return f"postgresql://{user}@/{database}?{words}"

    def sql(self, text, database="postgres"):
        """What psql prints: a line for each row."""
        command = [programs() / "psql", "-h", self.folder, "-p", str(self.port), "-U", self.superuser, "-d", database]
        answer = subprocess.run(
            [*command, "-XqAt", "-v", "ON_ERROR_STOP=1"], input=text, capture_output=True, text=True, timeout=READY_SECONDS
        )
        if answer.returncode != 0:
            raise RuntimeError(f"psql: {answer.stderr}")
        return answer.stdout.splitlines()

    def schema(self, database):
        """The statements that make a database's tables and views."""
        command = [programs() / "pg_dump", "-h", self.folder, "-p", str(self.port), "-U", self.superuser, "-s", database]
        return subprocess.run(command, capture_output=True, text=True, timeout=READY_SECONDS, check=True).stdout

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def _run(self, program, *arguments):
        command = [*_prefix(), programs() / program, *map(str, arguments)]
        answer = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=READY_SECONDS, stdin=subprocess.DEVNULL
        )
        if answer.returncode != 0:
            raise RuntimeError(f"{program}: {answer.stderr or answer.stdout}")

    def _is_ready(self):
        """Waits until it answers; False if it has ended."""
        command = [programs() / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                return False
            if subprocess.run(command, timeout=READY_SECONDS).returncode == 0:
                return True
            time.sleep(0.05)
        self.stop(signal.SIGQUIT)
        return False


def give(path):
    """Makes a file the server's alone, as it wants its key to be."""
    Path(path).chmod(0o600)
    own(path)


def own(path):
    """Gives a file or folder to the server's user."""
    if os.getuid() == 0:
        os.chown(path, _owner().pw_uid, _owner().pw_gid)


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
