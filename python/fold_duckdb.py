"""Makes candles from the archive of ticks by DuckDB (fold_duckdb.sql), for `candlewick verify --against`. Needs duckdb.

    python3 fold_duckdb.py --archive /var/lib/candlewick/archive --timeframes 5m,15m,1h,4h --output candles.csv
    candlewick verify --against candles.csv

The output's columns are those of docs/archive.md § Fold it on a cluster.
"""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

import duckdb

_UNITS = {"m": 1, "h": 60, "d": 1_440}


def minutes(text: str) -> list[int]:
    """`5m,1h` as minutes; a number alone is minutes too. Each divides a day."""
    found = [int(part.rstrip("mhd")) * _UNITS.get(part[-1], 1) for part in text.split(",")]
    for number in found:
        if number < 1 or 1_440 % number:
            raise argparse.ArgumentTypeError(f"{number} minutes do not divide a day")
    return sorted(set(found))


def fold(
    archive: Path, timeframes: list[int], since: datetime.date, until: datetime.date, pairs: list[str]
) -> duckdb.DuckDBPyConnection:
    """A connection whose view `folded` gives the candles."""
    connection = duckdb.connect()
    variables = {"archive": str(archive), "minutes": timeframes, "since": since, "until": until, "pairs": pairs}
    for name, value in variables.items():
        connection.execute(f"SET VARIABLE {name} = {'?::VARCHAR[]' if name == 'pairs' else '?'}", [value])
    connection.execute(Path(__file__).with_suffix(".sql").read_text())
    return connection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    day = datetime.date.fromisoformat
    parser.add_argument("--archive", type=Path, required=True, help="the folder that holds `ticks` and `feed`")
    parser.add_argument("--timeframes", type=minutes, default="5m,15m", help="default: 5m,15m")
    parser.add_argument("--since", type=day, default=datetime.date(1970, 1, 1), help="the first day, UTC; default: all")
    parser.add_argument("--until", type=day, default=datetime.date(2200, 1, 1), help="the day after the last one")
    parser.add_argument("--pairs", default="", help="such as EUR_USD,USD_JPY; default: all")
    parser.add_argument("--output", type=Path, required=True, help="a file whose name ends with .csv or .parquet")
    options = parser.parse_args()
    pairs = [pair for pair in options.pairs.split(",") if pair]
    connection = fold(options.archive, options.timeframes, options.since, options.until, pairs)
    connection.execute(
        f"COPY (SELECT * FROM folded ORDER BY pair, timeframe::INTEGER, timestamp) TO '{options.output}'"
        + (" (HEADER)" if options.output.suffix == ".csv" else "")
    )


if __name__ == "__main__":
    main()
