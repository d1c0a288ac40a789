"""PostgreSQL servers of the campaigns and measurements: each in a folder of its own, as a user that is not root."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import processes

READY_SECONDS = 60


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


def new_folder():
    """A folder that the server's user owns."""
    folder = Path(tempfile.mkdtemp(prefix="candlewick-postgres."))
    if user := account():
        os.chown(folder, user["user"], user["group"])
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
        command = [programs() / "psql", "-d", self.uri, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql]
        try:
            told = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise processes.ProgramError(f"psql has no answer within {seconds} s: {sql}") from None
        if told.returncode != 0:
            raise processes.ProgramError(f"psql: {told.stderr.strip()}: {sql}")
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
    """One server on a Unix socket, with an empty database `candlewick`; it can be killed and started again."""

    def __init__(self, settings=()):
        self.folder = new_folder()
        self.data = self.folder / "data"
        self.settings = [word for setting in ("listen_addresses=", *settings) for word in ("-c", setting)]
        self.uri = f"postgresql://candlewick@/candlewick?host={self.folder}"
        self.session = Session(self.uri)
        self.process = None
        self._run("initdb", "-D", self.data, "-U", "candlewick", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync",
                  "--no-instructions")  # fmt: skip
        self.start()

    def start(self):
        """Starts it, and again while what is left of a killed one is in its way; waits until it answers."""
        processes.until(f"PostgreSQL answers ({self.folder}/log)", READY_SECONDS, self._answers, 0.05)
        admin = Session(f"postgresql://candlewick@/postgres?host={self.folder}")
        if not admin.rows("SELECT 1 AS one FROM pg_database WHERE datname = 'candlewick'"):
            admin.lines("CREATE DATABASE candlewick")

    def _answers(self):
        if self.process is None or self.process.poll() is not None:
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    [programs() / "postgres", "-D", self.data, "-k", self.folder, *self.settings], stdout=log, stderr=log,
                    stdin=subprocess.DEVNULL, cwd=self.folder, preexec_fn=processes.die_with_parent, **account())  # fmt: skip
        command = [programs() / "pg_isready", "-q", "-h", self.folder]
        return subprocess.run(command, check=False).returncode == 0 and self.process.poll() is None

    def kill(self):
        """SIGKILL for the process that the others belong to: they end when they notice."""
        self.process.kill()
        self.process.wait()

    def stop_at_once(self):
        """Without a checkpoint: the next start recovers."""
        self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        self.process.wait()

    def close(self, keep=False):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
        if not keep:
            shutil.rmtree(self.folder)

    def _run(self, program, *arguments):
        told = subprocess.run([programs() / program, *arguments], cwd=self.folder, capture_output=True, text=True, **account())
        if told.returncode != 0:
            raise processes.ProgramError(f"{program} ended with {told.returncode}: {told.stderr.strip()}")
