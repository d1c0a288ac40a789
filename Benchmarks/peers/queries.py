"""What the query peers share: arguments, the order of the queries, and their timing."""

import json
import time

import common
import make_usual

WARM_UP = 100


def arguments(text):
    parser = common.parser(text)
    parser.add_argument("database", help="made by make_usual.py")
    parser.add_argument("count", type=int)
    return parser.parse_args()


def measure(query, count):
    """Calls query(pair, timeframe), which gives rows, for the series in turns; prints the nanoseconds of each call."""
    series, taken = make_usual.SERIES, []
    for number in range(WARM_UP + count):
        pair, timeframe = series[number * 7919 % len(series)]
        began = time.perf_counter_ns()
        rows = query(pair, timeframe)
        taken.append(time.perf_counter_ns() - began)
        if len(rows) != 200:
            raise SystemExit(f"{len(rows)} candles of {pair} {timeframe} instead of 200")
    print(json.dumps({"nanoseconds": taken[WARM_UP:]}))
