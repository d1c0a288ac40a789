"""Three nodes of PostgreSQL under Patroni and etcd, each in a network namespace of its own, joined by a bridge.

The caller is alone in its own namespaces of networks, mounts and processes: see scripts/failover.
"""

import json
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import postgres
import processes

NETWORK = "10.77.0"
# scripts/failover shows its environment there; its name in the first line of the second one is another.
PATRONI = ["/mnt/bin/python", "/mnt/bin/patroni"]
# A leader that is not heard for this time is replaced; Patroni takes nothing shorter.
TTL_SECONDS = 20


def run(*command, **options):
    told = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if told.returncode != 0:
        raise processes.ProgramError(f"{command[0]} {command[1]} ended with {told.returncode}: {told.stderr.strip()}")
    return told.stdout


class Node:
    """One machine: its address, its programs, its files."""

    def __init__(self, number, folder):
        self.name = f"db{number}"
        self.address = f"{NETWORK}.{10 + number}"
        self.folder = folder / self.name
        self.folder.mkdir()
        self.session = postgres.Session(f"postgresql://postgres@/candlewick?host={self.folder}")
        self.processes = {}

    def connect(self):
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        run("ip", "link", "set", self.name, "master", "bridge", "up")
        run("ip", "-n", self.name, "addr", "add", f"{self.address}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            run("ip", "-n", self.name, "link", "set", link, "up")

    def cut(self):
        run("ip", "link", "set", self.name, "down")

    def heal(self):
        run("ip", "link", "set", self.name, "up")

    def start(self, program, *arguments):
        """As the user who owns the files, since PostgreSQL refuses root."""
        user = postgres.account()
        words = ["ip", "netns", "exec", self.name, "setpriv", "--reuid", user["user"], "--regid", user["group"], "--clear-groups",
                 program, *arguments]  # fmt: skip
        with (self.folder / f"{Path(program).name}.log").open("ab") as log:
            self.processes[program] = subprocess.Popen(
                [str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder)})  # fmt: skip

    def end(self):
        """Patroni takes the server with it; etcd is the last."""
        for process in reversed(self.processes.values()):
            process.terminate()
            process.wait(60)

    def kill(self):
        """SIGKILL for Patroni and the server; etcd lives on."""
        self.processes[PATRONI[0]].kill()
        self.processes[PATRONI[0]].wait()
        postmaster = int((self.folder / "data/postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        processes.until(f"the server of {self.name} is gone", 30, lambda: not Path(f"/proc/{postmaster}").exists())

    def role(self):
        """`primary`, `replica`, … if the server runs; None if Patroni does not answer."""
        try:
            with urllib.request.urlopen(f"http://{self.address}:8008/patroni", timeout=1) as reply:
                said = json.load(reply)
        except (OSError, urllib.error.URLError):
            return None
        return said.get("role") if said.get("state") == "running" else None

    def position(self):
        """Of the stream of candles, in this node's database."""
        return self.session.rows("SELECT coalesce(max(position), 0) AS last FROM stream_position WHERE stream = 'candles'")[0][0]


class Cluster:
    def __init__(self):
        self.folder = postgres.new_folder()
        self.nodes = [Node(number, self.folder) for number in (1, 2, 3)]
        self.passwords = {name: os.urandom(12).hex() for name in ("postgres", "replicator", "candlewick")}
        self._make_network()
        self._make_certificates()
        for node in self.nodes:
            self._configure(node)
        for path in self.folder.rglob("*"):
            postgres.own(path)
        self._start()
        self._make_database()
        hosts = ",".join(node.address for node in self.nodes)
        passfile = self.folder / "pgpass"
        passfile.write_text(f"*:*:*:candlewick:{self.passwords['candlewick']}\n")
        passfile.chmod(0o600)
        self.session = Served(self, f"postgresql://candlewick@{hosts}/candlewick?target_session_attrs=read-write"
                              f"&sslmode=verify-full&sslrootcert={self.folder}/ca.pem", {"PGPASSFILE": str(passfile)})  # fmt: skip

    def leader(self):
        """The node that takes writes; None while there is none."""
        return next((node for node in self.nodes if node.role() == "primary"), None)

    def replicas(self):
        return [node for node in self.nodes if node.role() == "replica"]

    def await_whole(self):
        """Until one leads and two follow it with all that it has."""
        processes.until("one node leads and two follow", 120, self._is_whole, 0.2)

    def _is_whole(self):
        leader = self.leader()
        if leader is None or len(self.replicas()) != 2:
            return False
        try:
            return leader.session.rows("SELECT count(*) AS number FROM pg_stat_replication WHERE state = 'streaming'") == [(2,)]
        except processes.ProgramError:
            return False

    def switch_over(self, leader, candidate):
        body = json.dumps({"leader": leader.name, "candidate": candidate.name}).encode()
        request = urllib.request.Request(f"http://{leader.address}:8008/switchover", body, method="POST")
        with urllib.request.urlopen(request, timeout=60):
            pass

    def hold_replicas(self, leader):
        """The leader serves on, and its replicas get no more of what it commits: its senders are stopped. Returns their ids."""
        senders = [int(pid) for pid in leader.session.lines("SELECT pid FROM pg_stat_replication")]
        for pid in senders:
            os.kill(pid, signal.SIGSTOP)
        return senders

    def close(self, keep):
        for node in self.nodes:
            node.end()
        if not keep:
            shutil.rmtree(self.folder)

    # How it is made.

    def _make_network(self):
        run("mkdir", "-p", "/run/netns")
        run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "bridge", "type", "bridge")
        run("ip", "addr", "add", f"{NETWORK}.1/24", "dev", "bridge")
        run("ip", "link", "set", "bridge", "up")
        for node in self.nodes:
            node.connect()

    def _make_certificates(self):
        new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        names = ",".join(f"IP:{node.address}" for node in self.nodes)
        authority = ["-CA", "ca.pem", "-CAkey", "ca.key"]
        run(*new, "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem", cwd=self.folder)
        run(*new, *authority, "-subj", "/CN=db", "-addext", f"subjectAltName={names}", "-addext", "basicConstraints=CA:FALSE",
            "-keyout", "server.key", "-out", "server.pem", cwd=self.folder)  # fmt: skip

    def _configure(self, node):
        everyone = f"{NETWORK}.0/24"
        configuration = {
            "scope": "candlewick", "name": node.name,
            "restapi": {"listen": f"{node.address}:8008", "connect_address": f"{node.address}:8008"},
            "etcd3": {"hosts": [f"{each.address}:2379" for each in self.nodes]},
            "bootstrap": {
                # Asynchronous: a leader that is lost takes with it what no replica has.
                "dcs": {"ttl": TTL_SECONDS, "loop_wait": 2, "retry_timeout": 5, "maximum_lag_on_failover": 1 << 30,
                        "postgresql": {"use_pg_rewind": True, "parameters": {"wal_log_hints": "on", "wal_keep_size": "1GB"}}},
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
            },
            "postgresql": {
                "listen": f"{node.address}:5432", "connect_address": f"{node.address}:5432",
                "basebackup": [{"checkpoint": "fast"}], "data_dir": str(node.folder / "data"), "bin_dir": str(postgres.programs()), "pgpass": str(node.folder / "pgpass"),
                "authentication": {key: {"username": name, "password": self.passwords[name]} for key, name in
                                   (("superuser", "postgres"), ("replication", "replicator"))},
                "pg_hba": ["local all all trust", f"hostssl replication replicator {everyone} scram-sha-256",
                           f"hostssl all all {everyone} scram-sha-256"],
                "parameters": {"unix_socket_directories": str(node.folder), "ssl": "on", "shared_buffers": "64MB",
                               "ssl_cert_file": str(self.folder / "server.pem"), "ssl_key_file": str(self.folder / "server.key")},
            },
        }  # fmt: skip
        # JSON is YAML.
        (node.folder / "patroni.yaml").write_text(json.dumps(configuration))

    def _start(self):
        members = ",".join(f"{node.name}=http://{node.address}:2380" for node in self.nodes)
        for node in self.nodes:
            peer, client = f"http://{node.address}:2380", f"http://{node.address}:2379"
            node.start("etcd", "--name", node.name, "--data-dir", node.folder / "etcd", "--initial-cluster", members,
                       "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                       "--listen-client-urls", client, "--advertise-client-urls", client)  # fmt: skip
        for node in self.nodes:
            self.start_patroni(node)
        processes.until("a node leads", 120, self.leader, 0.2)

    @staticmethod
    def start_patroni(node):
        node.start(*PATRONI, node.folder / "patroni.yaml")

    def _make_database(self):
        leader = self.leader()
        admin = postgres.Session(leader.session.uri.replace("/candlewick?", "/postgres?"))
        admin.lines(f"CREATE ROLE candlewick LOGIN PASSWORD '{self.passwords['candlewick']}'")
        admin.lines("CREATE DATABASE candlewick OWNER candlewick")
        self.await_whole()


class Served(postgres.Session):
    """What a client of the cluster sees."""

    def __init__(self, cluster, uri, variables):
        super().__init__(uri, variables)
        self._cluster = cluster

    def fault(self):
        # Asking needs rights that the pipeline's role lacks.
        return self._cluster.leader().session.fault()
