"""Prints the ticks on the bus. Needs pyzmq. Usage: tap.py [ipc://…/ticks.ipc] [EUR_USD]"""
import os, struct, sys
from decimal import Decimal
import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else f"ipc://{os.environ['CANDLEWICK_RUNTIME_DIR']}/ticks.ipc"
socket = zmq.Context().socket(zmq.SUB)
# A prefix of kind and pair. NULs end a name: DE40 is also the beginning of DE40X.
socket.subscribe(b"TICK" + b"".join(name.encode().ljust(12, b"\0") for name in sys.argv[2:3]))
socket.connect(endpoint)
while True:
    record = struct.unpack("<4s12sQqqqqII", socket.recv())
    kind, pair, position, broker_time, receive_time, bid, ask, flags, crc32c = record
    prices = (f"{Decimal(units).scaleb(-9).normalize():f}" for units in (bid, ask))  # exact: units of 1e-9
    print(pair.rstrip(b"\0").decode(), position, broker_time, receive_time, *prices, flags, flush=True)
