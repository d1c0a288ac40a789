"""`ForexDatabase` on PostgreSQL: who may connect, lost connections, replicas, failover."""

import gc
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

import postgres
import postgres_case
import processes
from forex_database import ForexDatabase
from postgres_case import LONG, add_candle, candlewick_postgres, needs_psycopg, psycopg
from rows import FIVE, START, moment


@needs_psycopg
class ConnectionTest(postgres_case.ServerTest):
    def test_a_query_is_repeated_once_over_a_new_connection(self):
        self.add(START)
        self.assertEqual(self.db.get_candle_count("EUR_USD", "5"), 1)
        self.end_sessions()
        self.assertEqual(self.db.get_candle_count("EUR_USD", "5"), 1)

    def test_a_server_that_is_not_there_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            db = ForexDatabase(f"postgresql:///candles?host={folder}")
            with self.assertRaisesRegex(ConnectionError, f"^database .*{folder} cannot be opened: .*No such file"):
                db.get_candles("EUR_USD", "5")

    def test_what_may_not_be_read_is_named(self):
        self.writer.execute("CREATE ROLE stranger LOGIN")
        self.addCleanup(self.server.sql, "DROP ROLE stranger")
        db = ForexDatabase(self.server.uri(self.database, user="stranger"))
        with self.assertRaisesRegex(OSError, "cannot be read: permission denied for table candle"):
            db.get_candles("EUR_USD", "5")

    def test_its_connection_cannot_write(self):
        with self.assertRaisesRegex(OSError, "cannot execute DELETE in a read-only transaction"):
            self.db._rows("DELETE FROM candle")

    def test_statements_are_prepared_and_walk_the_key(self):
        for index in range(50):
            self.add(START + index * FIVE)
        self.db.get_candles("EUR_USD", "5", 20)
        connection = vars(candlewick_postgres._kept)[self.url].connection
        prepared = [row[0] for row in connection.execute("SELECT statement FROM pg_prepared_statements").fetchall()]
        self.assertEqual(len([text for text in prepared if "LIMIT $" in text]), 1, prepared)
        self.writer.execute("SET enable_seqscan = off")
        query = f"SELECT timestamp {self.db._store.series} ORDER BY timestamp DESC LIMIT 20".replace("?", "%s")
        plan = "\n".join(row[0] for row in self.writer.execute(f"EXPLAIN {query}", ("EUR_USD", "5")).fetchall())
        self.assertRegex(plan, "Index Scan Backward using candle_2026_05_pkey")
        self.assertNotIn("Sort", plan)

    def test_one_object_serves_many_threads(self):
        for index in range(50):
            self.add(START + index * FIVE)
        failures = []

        def read():
            try:
                for _ in range(20):
                    assert len(self.db.get_candles("EUR_USD", "5", 50)) == 50
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        self.assertEqual(failures, [])
        # Each had its own, which ended with it.
        gc.collect()
        processes.until("the threads' sessions have ended", LONG, lambda: self.sessions() == 0)

    def test_it_may_be_used_after_a_fork(self):
        self.add(START)
        self.assertEqual(self.db.get_candle_count("EUR_USD", "5"), 1)
        process = self.db._rows("SELECT pg_backend_pid()")
        child = os.fork()
        if child == 0:
            own = self.db._rows("SELECT pg_backend_pid()") != process
            os._exit(self.db.get_candle_count("EUR_USD", "5") if own else 0)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 1)
        self.assertEqual(self.db._rows("SELECT pg_backend_pid()"), process)

    def test_it_can_be_handed_to_another_process(self):
        self.add(START)
        self.db.get_candles("EUR_USD", "5")
        self.assertEqual(pickle.loads(pickle.dumps(self.db)).get_candle_count("EUR_USD", "5"), 1)

    def test_a_program_that_reads_ends_without_a_word(self):
        self.add(START)
        code = f"from forex_database import ForexDatabase; print(ForexDatabase({self.url!r}).get_candle_count('EUR_USD', 5))"
        answer = subprocess.run(
            [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=LONG
        )
        self.assertEqual((answer.stdout, answer.stderr), ("1\n", ""))


@needs_psycopg
class PasswordTest(postgres_case.ServerTest):
    def setUp(self):
        super().setUp()
        self.server.sql("CREATE ROLE locked LOGIN PASSWORD 'hunter2'; GRANT pg_read_all_data TO locked")
        self.addCleanup(self.server.sql, "DROP ROLE locked")
        self.db = ForexDatabase(self.server.uri(self.database, user="locked"))
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def count(self, **variables):
        with mock.patch.dict(os.environ, {"HOME": self.folder.name, **variables}):
            return self.db.get_candle_count("EUR_USD", "5")

    def test_it_comes_from_the_environment(self):
        self.assertEqual(self.count(PGPASSWORD="hunter2"), 0)

    def test_it_comes_from_a_credential(self):
        (Path(self.folder.name) / "PGPASSWORD").write_text("hunter2\n")
        self.assertEqual(self.count(CREDENTIALS_DIRECTORY=self.folder.name), 0)

    def test_it_comes_from_the_file_of_passwords(self):
        path = Path(self.folder.name) / "passwords"
        path.write_text("*:*:*:locked:hunter2\n")
        path.chmod(0o600)
        self.assertEqual(self.count(PGPASSFILE=str(path)), 0)

    def test_one_that_lacks_is_asked_for(self):
        with self.assertRaisesRegex(PermissionError, "wants a password: give it in the file that PGPASSFILE names"):
            self.count()

    def test_a_wrong_one_is_refused_and_not_shown(self):
        with self.assertRaisesRegex(ConnectionError, "password authentication failed") as caught:
            self.count(PGPASSWORD="hunter3")
        self.assertNotIn("hunter3", str(caught.exception))


@needs_psycopg
class AddressTest(unittest.TestCase):
    """The cases of Tests/4-Stores/StoreTests/PostgresAddressTests.swift. None connects."""

    def address(self, url, **variables):
        with mock.patch.dict(os.environ, {"HOME": "/nonexistent", **variables}, clear=True):
            return ForexDatabase(url)._store.parameters

    def test_a_server_on_this_machine_needs_no_tls(self):
        for url in [
            "postgresql:///candles", "postgresql://candlewick@/candles?host=/run/postgresql", "postgresql://localhost/c",
            "postgresql://127.0.0.1:5433/c", "postgresql://[::1]/c", "postgres://localhost,127.0.0.2/c",
        ]:  # fmt: skip
            with self.subTest(url):
                self.assertNotIn("sslmode", self.address(url))

    def test_another_machine_is_spoken_to_by_verified_tls_only(self):
        for url in [
            "postgresql://db.example/c", "postgresql://localhost,db.example/c", "postgresql:///c?hostaddr=192.0.2.7",
            "postgresql://127.0.0.1.example/c", "postgresql:///c?service=main",
        ]:  # fmt: skip
            address = self.address(url)
            self.assertEqual((address["sslmode"], address["gssencmode"]), ("verify-full", "disable"))
            self.assertEqual(address["sslrootcert"], "/etc/ssl/certs/ca-certificates.crt")
            for weaker in ("disable", "prefer", "require", "verify-ca"):
                with self.subTest(url, weaker=weaker), self.assertRaisesRegex(
                    ValueError, f"sslmode={weaker}: a server on another machine needs sslmode=verify-full, the default"
                ):
                    self.address(f"{url}{'&' if '?' in url else '?'}sslmode={weaker}")

    def test_hosts_of_the_variables_of_libpq_count(self):
        self.assertEqual(self.address("postgresql:///c", PGHOST="db.example")["sslmode"], "verify-full")
        self.assertEqual(self.address("postgresql:///c", PGSERVICE="main")["sslmode"], "verify-full")
        self.assertNotIn("sslmode", self.address("postgresql://localhost/c", PGHOST="db.example"))

    def test_certificates_that_the_user_names_are_taken(self):
        given = self.address("postgresql://db.example/c?sslrootcert=/etc/own.pem")
        self.assertEqual(given["sslrootcert"], "/etc/own.pem")
        self.assertNotIn("sslrootcert", self.address("postgresql://db.example/c", PGSSLROOTCERT="/etc/own.pem"))

    def test_a_password_in_the_url_is_refused_and_not_shown(self):
        for url in [
            "postgresql://me:hunter2@db.example/c", "postgresql://me@db.example/c?password=hunter2",
            "postgresql://me@db.example/c?pass%77ord=hunter2", "postgresql://me@db.example/c?sslpassword=hunter2",
        ]:  # fmt: skip
            with self.subTest(url), self.assertRaisesRegex(ValueError, "^CANDLEWICK_DATABASE holds a password") as caught:
                self.address(url)
            self.assertNotIn("hunter2", str(caught.exception))

    def test_the_words_are_those_of_the_stages(self):
        swift = (Path(__file__).resolve().parents[2] / "Sources/3-Machine/Host/Paths.swift").read_text()
        self.assertIn(candlewick_postgres._PASSWORD_REFUSAL, " ".join(swift.replace("\\\n", "").split()))

    def test_what_libpq_cannot_read_is_refused_without_being_quoted(self):
        with self.assertRaisesRegex(ValueError, "cannot be read as a URI of libpq") as caught:
            self.address("postgresql://me:hunter2%zz@[db/c")
        self.assertNotIn("hunter2", str(caught.exception))

    def test_each_host_gets_its_turn(self):
        def attempts(url, **variables):
            with mock.patch.dict(os.environ, variables):
                given = candlewick_postgres._attempts(self.address(url))
                return [(each.get("host"), each.get("port"), each["target_session_attrs"]) for each in given]

        self.assertEqual(attempts("postgresql:///c"), [(None, None, "any")])
        self.assertEqual(attempts("postgresql://a:1,b:2/c"), [("a", "1", "any"), ("b", "2", "any")])
        self.assertEqual(attempts("postgresql:///c", PGHOST="a,b", PGPORT="7"), [("a", "7", "any"), ("b", "7", "any")])
        self.assertEqual(attempts("postgresql://a,b/c?target_session_attrs=prefer-standby"), [
            ("a", None, "standby"), ("b", None, "standby"), ("a", None, "any"), ("b", None, "any"),
        ])  # fmt: skip

    def test_the_url_decides_what_kind_of_database_it_is(self):
        self.assertEqual(ForexDatabase("postgresql:///c").db_type, "postgresql")
        self.assertEqual(ForexDatabase("postgresql:///c", db_type="postgresql").db_type, "postgresql")
        with mock.patch.dict(os.environ, CANDLEWICK_DATABASE="postgresql:///c"):
            self.assertEqual(ForexDatabase().db_path, "postgresql:///c")
        with self.assertRaisesRegex(ValueError, "candles.db is not the URL of a PostgreSQL server"):
            ForexDatabase("candles.db", db_type="postgresql")


class MissingTest(unittest.TestCase):
    def test_it_says_which_package_lacks(self):
        with mock.patch.dict(sys.modules, {"psycopg": None}):
            sys.modules.pop("candlewick_postgres", None)
            with self.assertRaisesRegex(ImportError, "`apt-get install python3-psycopg`, or `pip install 'psycopg"):
                ForexDatabase("postgresql:///candles")

    def test_it_says_which_file_lacks(self):
        with mock.patch.dict(sys.modules, {"candlewick_postgres": None}):
            with self.assertRaisesRegex(ImportError, "put python/candlewick_postgres.py of Candlewick beside the bot"):
                ForexDatabase("postgresql:///candles")

    def test_sqlite_needs_neither(self):
        with mock.patch.dict(sys.modules, {"psycopg": None, "candlewick_postgres": None}):
            self.assertEqual(ForexDatabase("/nonexistent/candles.db").get_candle_count("EUR_USD", "5"), 0)


@needs_psycopg
class ClusterTest(unittest.TestCase):
    """Servers of its own: a replica, a failover, TLS."""

    def setUp(self):
        vars(candlewick_postgres._kept).clear()
        self.folder = postgres.new_folder()
        self.addCleanup(self.folder.rmdir)

    def make(self, *settings, tcp=False):
        server = postgres.Server(self.folder / "leader", *postgres.SMALL, *settings, tcp=tcp)
        self.addCleanup(server.remove)
        server.make().start()
        template = postgres.Server(os.environ["CHECK_POSTGRES"])
        server.sql("CREATE DATABASE candles")
        server.sql(template.schema("empty"), "candles")
        self.writer = psycopg.connect(server.uri("candles"), autocommit=True)
        self.addCleanup(self.writer.close)
        return server

    def follow(self, leader):
        replica = leader.replica(self.folder / "replica").start()
        self.addCleanup(replica.remove)
        return replica

    def test_a_replica_is_asked_again_and_again(self):
        leader = self.make()
        db = ForexDatabase(self.follow(leader).uri("candles"))
        add_candle(self.writer, START)
        self.assertEqual(db.wait_for_candle("EUR_USD", "5", timeout=LONG, after=0)["time"], moment(START))
        timer = threading.Timer(0.3, add_candle, (self.writer, START + FIVE))
        timer.start()
        self.addCleanup(timer.join)
        self.assertEqual(db.wait_for_candle("EUR_USD", "5", timeout=LONG, after=START)["time"], moment(START + FIVE))
        self.assertEqual(len(db.get_candles("EUR_USD", "5")), 2)

    def test_a_standby_is_preferred_if_it_is_wanted(self):
        leader = self.make()
        replica = self.follow(leader)
        hosts = f"{leader.folder},{replica.folder}"
        url = f"postgresql://candlewick@/candles?host={hosts}&target_session_attrs="
        self.assertEqual(ForexDatabase(url + "prefer-standby")._rows("SELECT pg_is_in_recovery()"), [(True,)])
        self.assertEqual(ForexDatabase(url + "primary")._rows("SELECT pg_is_in_recovery()"), [(False,)])
        replica.stop()
        self.assertEqual(ForexDatabase(url + "prefer-standby&port=5432")._rows("SELECT pg_is_in_recovery()"), [(False,)])

    def test_after_a_failover_the_next_host_answers(self):
        leader = self.make()
        replica = self.follow(leader)
        add_candle(self.writer, START)
        where = self.writer.execute("SELECT pg_current_wal_lsn()").fetchone()[0]
        arrived = f"SELECT pg_last_wal_replay_lsn() >= '{where}'"
        processes.until("the replica has the candle", LONG, lambda: replica.sql(arrived) == ["t"])
        db = ForexDatabase(f"postgresql://candlewick@/candles?host={leader.folder},{replica.folder}")
        self.assertEqual(db.get_latest_timestamp("EUR_USD", "5"), START)
        leader.stop(signal.SIGQUIT)
        replica.promote()
        self.assertEqual(db.get_latest_timestamp("EUR_USD", "5"), START)
        with psycopg.connect(replica.uri("candles"), autocommit=True) as writer:
            add_candle(writer, START + FIVE)
        self.assertEqual(db.wait_for_candle("EUR_USD", "5", timeout=LONG, after=START)["time"], moment(START + FIVE))

    def test_a_host_that_does_not_answer_costs_its_time_only(self):
        leader = self.make()
        with socket.socket(socket.AF_UNIX) as silent:
            (self.folder / "silent").mkdir()
            self.addCleanup((self.folder / "silent").rmdir)
            path = self.folder / "silent" / ".s.PGSQL.5432"
            silent.bind(str(path))
            self.addCleanup(path.unlink)
            silent.listen()
            hosts = f"{self.folder}/silent,{leader.folder}"
            db = ForexDatabase(f"postgresql://candlewick@/candles?host={hosts}&connect_timeout=2")
            self.assertEqual(db.get_candle_count("EUR_USD", "5"), 0)

    def test_another_machine_must_prove_its_name(self):
        ca = self.make_certificate()
        files = {name: str(self.folder / "certificates" / name) for name in ("server.pem", "server.key")}
        leader = self.make(
            "ssl=on", f"ssl_cert_file={files['server.pem']}", f"ssl_key_file={files['server.key']}", tcp=True
        )
        # Not a name of this machine; its address is given, so that nobody is asked for it.
        url = f"postgresql://candlewick@{{}}:{leader.port}/candles?hostaddr=127.0.0.1"
        db = ForexDatabase(url.format("db.example") + f"&sslrootcert={ca}")
        self.assertEqual(db._rows("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), [(True,)])
        for name, parameters, why in [
            ("other.example", f"&sslrootcert={ca}", "does not match host name"),
            ("db.example", "", "certificate verify failed"),
        ]:  # fmt: skip
            with self.subTest(name), self.assertRaisesRegex(ConnectionError, why):
                ForexDatabase(url.format(name) + parameters).get_candle_count("EUR_USD", "5")

    def make_certificate(self):
        """Of db.example, signed by itself."""
        folder = self.folder / "certificates"
        folder.mkdir()
        self.addCleanup(shutil.rmtree, folder)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=db.example", "-addext", "subjectAltName=DNS:db.example",
             "-keyout", folder / "server.key", "-out", folder / "server.pem"],
            check=True, capture_output=True, timeout=LONG,
        )  # fmt: skip
        postgres.give(folder / "server.key")
        return folder / "server.pem"
