"""pyzmq: messages of 64 bytes, one a record, over the endpoint. Start one sender and one receiver.

The sender waits for the receiver, and while it is slow, so that nothing is lost. The receiver's seconds run from the
first message to the last.
"""

import time

import common

parser = common.parser(__doc__)
parser.add_argument("role", choices=["send", "receive"])
parser.add_argument("endpoint", help="such as ipc:///tmp/peer.ipc")
parser.add_argument("count", type=int)
arguments = parser.parse_args()
zmq = common.need("zmq")

TOPIC = b"TICK"
MESSAGE = b"TICKEUR_USD".ljust(64, b"\0")
QUEUE = 65_536


def send(context):
    socket = context.socket(zmq.XPUB)
    socket.setsockopt(zmq.XPUB_NODROP, 1)
    socket.setsockopt(zmq.SNDHWM, QUEUE)
    socket.bind(arguments.endpoint)
    socket.recv()  # The subscription.
    began = time.perf_counter()
    for _ in range(arguments.count):
        socket.send(MESSAGE)
    return socket, time.perf_counter() - began


def receive(context):
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, QUEUE)
    socket.setsockopt(zmq.SUBSCRIBE, TOPIC)
    socket.connect(arguments.endpoint)
    socket.recv()
    began = time.perf_counter()
    for _ in range(arguments.count - 1):
        socket.recv()
    return socket, time.perf_counter() - began


with zmq.Context() as context:
    socket, seconds = {"send": send, "receive": receive}[arguments.role](context)
    socket.close()
common.report(arguments.count, seconds)
