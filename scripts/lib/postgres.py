"""PostgreSQL servers of checks, campaigns and measurements: made, started, replicated, ended, asked.

Each has a folder of its own, with its Unix socket in it, and runs as a user that is not root.
"""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.parse
from pathlib import Path

import processes

READY_SECONDS = 60
# Settings of a server whose data nobody needs after the machine's end.
SMALL = ("fsync=off", "shared_buffers=16MB")
# The first line that fits decides: the role `locked` needs a password.
_RULES = """\
local all locked scram-sha-256
local all all trust
local replication all trust
hostssl all all 127.0.0.1/32 trust
"""


def programs():
    """The folder of the programs of the newest version that Debian's packages installed."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not folders:
        raise processes.ProgramError("PostgreSQL's server is not installed: scripts/bootstrap --tests")
    return max(folders, key=lambda folder: float(folder.parent.name))


def account():
    """Who runs a server, for `subprocess`: initdb and postgres refuse root."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def own(path):
    """Gives a file or folder to the server's user."""
    if user := account():
        os.chown(path, user["user"], user["group"])


def give(path):
    """Makes a file the server's alone, as it wants its key to be."""
    Path(path).chmod(0o600)
    own(path)


def new_folder():
    """A folder of the server's user, into which all may look; its path is short, as that of a socket must be."""
    folder = Path(tempfile.mkdtemp(prefix="candlewick-postgres.", dir="/tmp"))
    folder.chmod(0o755)
    own(folder)
    return folder


class Session:
    """Answers of a server, by psql.

    variables: what programs need in their environment beside the URI.
    """

    def __init__(self, uri, variables=None):
        self.uri = uri
        self.variables = variables or {}
        self.environment = os.environ | {"PGCONNECT_TIMEOUT": "3"} | self.variables

    def rows(self, sql):
        """Tuples of numbers, texts and None. Columns need different names."""
        lines = self.lines(f"SELECT to_json(t) FROM ({sql}) t")
        return [tuple(json.loads(line).values()) for line in lines]

    def lines(self, sql, seconds=60):
        """What psql prints of statements: a line for each row."""
        command = [programs() / "psql", "-d", self.uri, "-XqAt", "-v", "ON_ERROR_STOP=1"]
        try:
            told = subprocess.run(
                command, input=sql, env=self.environment, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise processes.ProgramError(f"psql has no answer within {seconds} s: {sql[:500]}") from None
        if told.returncode != 0:
            raise processes.ProgramError(f"psql: {told.stderr.strip()}: {sql[:500]}")
        return told.stdout.splitlines()

    def fault(self):
        """What is wrong with the files of tables and indexes, by the extension amcheck; empty if all is right."""
        own = "FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind"
        self.lines("CREATE EXTENSION IF NOT EXISTS amcheck")
        try:
            self.lines(f"SELECT count(bt_index_check(c.oid, true)) {own} = 'i'")
        except processes.ProgramError as error:
            return str(error)
        return "; ".join(self.lines(f"SELECT c.relname, (verify_heapam(c.oid)).msg {own} = 'r'"))


class Server:
    """A server whose socket and files are in `folder`.

    settings: `name=value`. tcp: it also listens on 127.0.0.1, on a port that is free.
    """

    def __init__(self, folder, *settings, superuser="candlewick", tcp=False):
        self.folder, self.settings, self.superuser, self.tcp = Path(folder), settings, superuser, tcp
        self.data = self.folder / "data"
        self.port = 5432
        self.process = None

    @classmethod
    def fresh(cls, *settings):
        """One that runs in a new folder, with an empty database `candlewick`."""
        server = cls(new_folder(), *settings).make().start()
        server.sql("CREATE DATABASE candlewick")
        return server

    def make(self):
        self.folder.mkdir(mode=0o755, exist_ok=True)
        own(self.folder)
        self._run("initdb", "-D", self.data, "-U", self.superuser, "-E", "UTF8", "--locale=C", "--no-sync",
                  "--no-instructions")  # fmt: skip
        (self.data / "pg_hba.conf").write_text(_RULES)
        return self

    def start(self):
        """Starts it, and again while what is left of a killed one is in its way; waits until it answers."""
        try:
            processes.until("PostgreSQL answers", READY_SECONDS, self._answers, 0.05)
        except processes.ProgramError as error:
            self.stop(signal.SIGQUIT)
            raise processes.ProgramError(f"{error}: {(self.folder / 'log').read_text(errors='replace')[-2000:]}") from None
        return self

    def stop(self, number=signal.SIGINT):
        """SIGINT ends all sessions in order. After SIGQUIT the next start recovers. SIGKILL is for the process that the
        others belong to: they end when they notice.
        """
        if self.process:
            self.process.send_signal(number)
            self.process.wait(60)
            self.process = None

    def remove(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def replica(self, folder):
        """A copy that will follow this one."""
        copy = Server(folder, *self.settings, superuser=self.superuser)
        copy.folder.mkdir(mode=0o755)
        own(copy.folder)
        copy._run("pg_basebackup", "-h", self.folder, "-p", self.port, "-U", self.superuser, "-D", copy.data, "-R",
                  "--checkpoint=fast", "--no-sync")  # fmt: skip
        return copy

    def promote(self):
        self._run("pg_ctl", "promote", "-D", self.data, "-w", "-t", READY_SECONDS)

    def uri(self, database="candlewick", user="candlewick", **parameters):
        """Over the Unix socket."""
        words = urllib.parse.urlencode({"host": self.folder, "port": self.port, **parameters}, safe="/,")
        return f"postgresql://{user}@/{database}?{words}"

    def session(self, database="candlewick"):
        return Session(self.uri(database, self.superuser))

    def sql(self, text, database="postgres"):
        """What psql prints of the superuser's statements."""
        return self.session(database).lines(text)

    def schema(self, database):
        """The statements that make a database's tables and views."""
        command = [programs() / "pg_dump", "-s", "-d", self.uri(database, self.superuser)]
        return subprocess.run(command, capture_output=True, text=True, timeout=READY_SECONDS, check=True).stdout

    def _answers(self):
        if self.process is None or self.process.poll() is not None:
            self._launch()
        command = [programs() / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]
        return subprocess.run(command, timeout=READY_SECONDS).returncode == 0 and self.process.poll() is None

    def _launch(self):
        address = ""
        if self.tcp:
            address, self.port = "127.0.0.1", _free_port()
        settings = [f"listen_addresses={address}", f"port={self.port}", *self.settings]
        command = [programs() / "postgres", "-D", self.data, "-k", self.folder]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *(word for setting in settings for word in ("-c", setting))], cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=processes.die_with_parent, **account())  # fmt: skip

    def _run(self, program, *arguments):
        told = subprocess.run(
            [programs() / program, *map(str, arguments)], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=READY_SECONDS, **account())  # fmt: skip
        if told.returncode != 0:
            raise processes.ProgramError(f"{program} ended with {told.returncode}: {told.stderr.strip() or told.stdout}")


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
