"""A receiver of messages and pings on this machine, which answers, refuses, hangs or is gone."""

import contextlib
import json
import socket
import threading
import time


class Receiver:
    """What it got is in `messages` and `pings`: pairs of the time (monotonic, s) and of the message or None.

    manner: a status, or "hang".
    """

    def __init__(self):
        self.manner = 200
        self.messages, self.pings, self.heads = [], [], []
        self.connections = 0
        self._socket = None
        self._waiting = []
        self.port = 0
        self.open()

    def open(self):
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    def close(self):
        """Connections are refused from now on."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def answer(self):
        """Answers again; what hung is cut off."""
        self.manner = 200
        for connection in self._waiting:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._waiting.clear()

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            head, body = _request(connection)
            if self.manner == "hang":
                self._waiting.append(connection)
                connection.recv(1)
                return
            self.heads.append(head)
            if self.manner == 200:
                if head.startswith("GET "):
                    self.pings.append((time.monotonic(), None))
                else:
                    self.messages.append((time.monotonic(), json.loads(body)))
            connection.sendall(f"HTTP/1.1 {self.manner} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())


def _request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, body = data.split(b"\r\n\r\n", 1)
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]):
        body += _some(connection)
    return head.decode(), body


def _some(connection):
    data = connection.recv(65536)
    if not data:
        raise OSError("the sender has gone")
    return data
