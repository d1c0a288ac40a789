"""The PostgreSQL servers of docs/scaling.md, and what the document calls them."""

import shutil
import urllib.parse

import postgres


class Servers:
    """db1.example runs; db2.example follows it once a command has copied its files."""

    def __init__(self):
        self.folder = postgres.new_folder()
        self.leader = postgres.Server(self.folder / "leader", *postgres.SMALL, superuser="postgres")
        self.replica = postgres.Server(self.folder / "replica", *postgres.SMALL, superuser="postgres")
        # In the place of a host's name a URL may have the folder of its Unix socket.
        self.places = {
            "db1.example": urllib.parse.quote(str(self.leader.folder), safe=""),
            "db2.example": urllib.parse.quote(str(self.replica.folder), safe=""),
            "/var/lib/postgresql/15/main": str(self.replica.data),
            "/run/candlewick": str(self.folder / "run"),
        }
        # The commands are those of the user `postgres`. A second store-writer must not take the sockets of the first.
        self.environment = {
            "PGHOST": str(self.leader.folder), "PGUSER": "postgres", "CANDLEWICK_RUNTIME_DIR": str(self.folder / "run"),
        }  # fmt: skip
        (self.folder / "run").mkdir()
        self.leader.make().start()

    def follow(self, command):
        """Starts the replica when its files have been copied."""
        if command.startswith("pg_basebackup ") and self.replica.process is None:
            for path in (self.replica.folder, *self.replica.folder.rglob("*")):
                postgres.own(path)
            self.replica.start()

    def remove(self):
        for server in (self.replica, self.leader):
            server.stop()
        shutil.rmtree(self.folder)
