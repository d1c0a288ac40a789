"""The usual table behind FastAPI and uvicorn, as people serve candles to their bots: GET /candles/EUR_USD/5?count=200.

Prints `READY port=N` when it serves. SIGTERM ends it.
"""

import socket
import sqlite3

import common
import make_usual

QUERY = make_usual.LAST.format("?").replace("LIMIT 200", "LIMIT ?")
NAMES = ("time", "open", "high", "low", "close", "volume")


def main():
    parser = common.parser(__doc__)
    parser.add_argument("database", help="made by make_usual.py")
    arguments = parser.parse_args()
    fastapi, uvicorn = common.need("fastapi"), common.need("uvicorn")
    database = sqlite3.connect(f"file:{arguments.database}?mode=ro", uri=True)
    application = fastapi.FastAPI()

    # On the event loop: handing such a short query to a thread takes longer than the query.
    @application.get("/candles/{pair}/{timeframe}")
    async def candles(pair: str, timeframe: str, count: int = 200):
        rows = database.execute(QUERY, (pair, timeframe, count)).fetchall()
        return {"pair": pair, "timeframe": timeframe, "candles": [dict(zip(NAMES, row)) for row in reversed(rows)]}

    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(f"READY port={listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(application, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
