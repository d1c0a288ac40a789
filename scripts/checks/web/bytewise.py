"""A server that compares its token byte by byte and stops at the first difference: what timings must be able to see.

bytewise.py TOKEN: prints its port, and answers requests with Authorization: Bearer by 401 or 200.
"""

import socket
import sys


def is_equal(given, known):
    if len(given) != len(known):
        return False
    for one, other in zip(given, known):
        if one != other:
            return False
    return True


def main():
    token = sys.argv[1].encode()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client:
            while head := client.recv(65_536):
                given = head.split(b"Bearer ", 1)[1].split(b"\r\n", 1)[0]
                status = b"200 OK" if is_equal(given, token) else b"401 Unauthorized"
                client.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")


if __name__ == "__main__":
    main()
