"""A bot: waits for candles on `stored`, reads the row of each from the database, and notes when it had it.

Usage: reader.py FOLDER SECONDS, where FOLDER is the pipeline's state and runtime folder. Prints one JSON object: `read`,
a list of [the message in hexadecimal, nanoseconds since 1970 when the row was read, whether it was there].
"""

import ctypes
import json
import sqlite3
import struct
import sys
import time

CANDLE_BYTES = 192
SUB, SUBSCRIBE, RECEIVE_MOST, RECEIVE_TIMEOUT = 2, 6, 24, 27  # zmq.h
ROW = "SELECT revision FROM candles_full WHERE pair = ? AND timeframe = ? AND timestamp = ?"


class Stored:
    """The socket `stored`, by libzmq itself: the bot needs no package."""

    def __init__(self, endpoint):
        self.zmq = ctypes.CDLL("libzmq.so.5", use_errno=True)
        self.zmq.zmq_ctx_new.restype = self.zmq.zmq_socket.restype = ctypes.c_void_p
        self.socket = ctypes.c_void_p(self.zmq.zmq_socket(ctypes.c_void_p(self.zmq.zmq_ctx_new()), SUB))
        self.buffer = ctypes.create_string_buffer(CANDLE_BYTES)
        self._set(RECEIVE_MOST, struct.pack("i", 65_536))
        self._set(RECEIVE_TIMEOUT, struct.pack("i", 100))
        self._set(SUBSCRIBE, b"CNDL")
        if self.zmq.zmq_connect(self.socket, endpoint.encode()) != 0:
            raise OSError(ctypes.get_errno(), f"cannot connect to {endpoint}")

    def _set(self, option, value):
        if self.zmq.zmq_setsockopt(self.socket, option, value, ctypes.c_size_t(len(value))) != 0:
            raise OSError(ctypes.get_errno(), f"zmq_setsockopt {option}")

    def next(self):
        """The next message; None if none comes within 100 ms."""
        size = self.zmq.zmq_recv(self.socket, self.buffer, ctypes.c_size_t(CANDLE_BYTES), 0)
        return self.buffer.raw if size == CANDLE_BYTES else None


def main(folder, seconds):
    stored = Stored(f"ipc://{folder}/stored.ipc")
    database = sqlite3.connect(f"file:{folder}/candlewick.db?mode=ro", uri=True, isolation_level=None)
    read = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        message = stored.next()
        if message is None:
            continue
        pair = message[4:16].rstrip(b"\0").decode()
        (start, timeframe), (revision,) = struct.unpack_from("<qI", message, 24), struct.unpack_from("<H", message, 166)
        row = database.execute(ROW, (pair, str(timeframe // 60), start // 1_000_000_000)).fetchone()
        read.append([message, time.time_ns(), row is not None and row[0] >= revision])
    print(json.dumps({"read": [[message.hex(), moment, is_there] for message, moment, is_there in read]}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
