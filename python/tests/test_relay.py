"""`relay.Relay` against the real candlewick-relay, with a journal and a socket of our own in the place of a stage."""

import contextlib
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import processes
from stages import sealed

try:
    import relay
    import zmq
except ImportError:
    zmq = None

HEADER = struct.Struct("<8sIIQ36x")


def tick(position):
    bid = 1_100_000_000 + position
    return sealed(struct.pack("<4s12sQqqqqI", b"TICK", b"EUR_USD", position, position, position, bid, 0, 0))


@unittest.skipIf(zmq is None, "pyzmq is not installed")
class RelayTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="candlewick-relay.")
        cls.addClassCleanup(cls.folder.cleanup)
        pipeline = processes.Pipeline(cls.folder.name, os.environ["CHECK_BIN"], "relay: {listen: '127.0.0.1:0'}\n")
        cls.addClassCleanup(pipeline.kill_everything)
        cls.pipeline = pipeline
        pipeline.runtime.mkdir()
        pipeline.journal("ticks").mkdir(parents=True)
        cls.written = []
        # The journal begins late: what is before was dropped by age.
        cls.first = 101
        cls.segment = pipeline.journal("ticks") / f"{cls.first:020}.journal"
        cls.segment.write_bytes(sealed(HEADER.pack(b"CWJOURNL", 1, 64, cls.first)))
        cls.context = zmq.Context()
        cls.addClassCleanup(cls.context.destroy, linger=0)
        cls.sockets = {name: cls.context.socket(zmq.PUB) for name in ("ticks", "stored")}
        for name, publisher in cls.sockets.items():
            publisher.bind(f"ipc://{pipeline.runtime}/{name}.ipc")
        cls.keys("new", "--server")
        for name in ("bot", "stranger"):
            cls.keys("new", name)
        folder = pipeline.state / "keys"
        cls.keys("allow", str(folder / "bot.key_public"), "bot")
        cls.server, cls.bot = folder / "server.key_public", folder / "bot.key_secret"
        cls.address = pipeline.start("candlewick-relay").ready()["live"].removeprefix("tcp://")
        cls.put(2_500, live=False)

    @classmethod
    def keys(cls, *words):
        command = [cls.pipeline.binaries / "candlewick", "keys", *words]
        subprocess.run(command, env=cls.pipeline.environment, check=True, stdout=subprocess.DEVNULL)

    @classmethod
    def put(cls, count, live=True):
        """Appends records, then publishes those that the bus shall not lose."""
        records = [tick(cls.first + len(cls.written) + number) for number in range(count)]
        with cls.segment.open("ab") as file:
            file.write(b"".join(records))
        cls.written += records
        for record in records if live else []:
            cls.sockets["ticks"].send(record)

    def client(self, stream="ticks", start=None, **other):
        keys = {"server_key": self.server, "secret_key": self.bot, "address": self.address} | other
        client = relay.Relay(stream=stream, start=start, **keys)
        self.addCleanup(client.close)
        return client

    def expect(self, client, first, count, live=True):
        """Writes on until the client has so many, and shows that they are those of the journal."""
        seen = []
        while len(seen) < count:
            self.put(7, live)
            seen += client.take(0.05)
        begin = first - self.first
        self.assertEqual(seen, self.written[begin : begin + len(seen)])

    def test_the_journal_goes_over_into_live_without_a_seam(self):
        client = self.client(start=0)
        self.expect(client, self.first, len(self.written) + 500)
        self.assertEqual(client.missing, 0)

    def test_a_client_begins_at_a_position(self):
        self.expect(self.client(start=self.first + 1_700), self.first + 1_700, 300)

    def test_a_client_begins_now(self):
        self.expect(self.client(), self.first + len(self.written), 300)

    def test_what_the_bus_lost_comes_out_of_the_journal(self):
        client = self.client()
        first = self.first + len(self.written)
        self.expect(client, first, 50)
        self.put(3_000, live=False)
        seen = []
        while len(seen) < 3_000:
            self.put(1)
            seen += client.take(0.05)
        known = {struct.unpack_from("<Q", record, 16)[0] for record in seen}
        self.assertEqual(len(known), len(seen))
        self.assertEqual(max(known) - min(known) + 1, len(seen))

    def test_a_lost_last_message_comes_after_a_silence(self):
        self.expect(self.client(), self.first + len(self.written), 30, live=False)

    def test_what_no_journal_has_any_more_is_counted(self):
        client = self.client(start=1)
        self.expect(client, self.first, 300)
        self.assertEqual(client.missing, self.first - 1)

    def test_stored_comes_from_now_on(self):
        client = self.client("stored")
        seen = []
        while not seen:
            self.sockets["stored"].send(b"CNDLEUR_USD")
            seen = client.take(0.05)
        self.assertEqual(seen[0], b"CNDLEUR_USD")

    def test_a_removed_key_is_a_permission_error_where_no_journal_is_asked(self):
        folder = self.pipeline.state / "keys"
        self.keys("new", "guest")
        self.keys("allow", str(folder / "guest.key_public"), "guest")
        client = self.client("stored", secret_key=folder / "guest.key_secret")
        self.keys("remove", "guest")
        with self.assertRaisesRegex(PermissionError, "candlewick keys allow"):
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                client.take(0.05)

    @unittest.skipUnless(socket.has_ipv6, "there is no IPv6")
    def test_an_address_of_ipv6_is_connected_to(self):
        try:
            listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
        except OSError as error:
            self.skipTest(f"there is no IPv6: {error}")

        def turn_away():
            with contextlib.suppress(OSError):
                while True:
                    listener.accept()[0].close()

        thread = threading.Thread(target=turn_away)
        thread.start()
        try:
            with self.assertRaisesRegex(ConnectionError, "another key"):
                self.client(address=f"[::1]:{listener.getsockname()[1] - 1}")
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            listener.close()

    def test_an_answer_that_leads_to_no_later_position_is_refused(self):
        client = self.client(start=self.first)
        client._ask = lambda position: ((b"GONE", 64, client.stream, position, position), b"")
        with self.assertRaisesRegex(ConnectionError, "not valid"):
            client.take()

    def test_an_unknown_key_is_a_permission_error(self):
        with self.assertRaisesRegex(PermissionError, "candlewick keys allow"):
            self.client(secret_key=self.pipeline.state / "keys/stranger.key_secret")

    def test_another_server_key_is_a_connection_error(self):
        with self.assertRaisesRegex(ConnectionError, "another key"):
            self.client(server_key=self.pipeline.state / "keys/stranger.key_public")

    def test_what_is_no_request_is_answered_by_a_sentence(self):
        client = self.client()
        good = struct.pack("<4s4x8sQ", b"READ", b"ticks", 1)
        others = [good.replace(b"ticks\0", name) for name in (b"ticke\0", b"stored")]
        for request in (b"", b"READ", good + b"\0", *others):
            client._requests.send(request)
            self.assertTrue(client._requests.poll(20_000))
            answer = client._requests.recv()
            self.assertEqual(answer[:4], b"FAIL")
            self.assertIn(b"a request is READ", answer[32:])
        client._requests.send_multipart([good, b"more"])
        self.assertIn(b"one part", client._requests.recv())

    def test_a_flood_of_requests_is_answered_in_part_and_ends_nothing(self):
        client = self.client()
        for _ in range(5_000):
            client._requests.send(struct.pack("<4s4x8sQ", b"READ", b"ticks", self.first))
        self.assertTrue(client._requests.poll(20_000))
        self.expect(self.client(start=0), self.first, 100)
