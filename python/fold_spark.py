"""Makes candles from the archive of ticks on Apache Spark, for `candlewick verify --against`. Needs PySpark and Java 17.

    spark-submit fold_spark.py --archive s3a://ticks/archive --timeframes 5m,15m,1h,4h --output candles.csv
    python3 fold_spark.py --archive /var/lib/candlewick/archive --since 2026-05-11 --output candles.parquet

All arithmetic is of integers, in units of 1e-9. The rules are those of docs/architecture.md § Candles. A fold of ticks
alone knows nothing of blind time, lost updates, revisions, times that the broker took back (`clock set back`), and of
ticks that came later than `late_reach_minutes`: docs/archive.md § Fold it on a cluster.
"""

from __future__ import annotations

import argparse
import datetime
import math
from decimal import Decimal
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as f

_UNITS = {"m": 1, "h": 60, "d": 1_440}
_MINUTE = 60_000_000_000
_LATEST = 7_258_118_400_000_000_000  # 2200
_ORDER_MARGIN = 10_000_000_000
_SIDES, _PARTS = ("bid", "ask", "mid"), ("open", "high", "low", "close")
# Flags: docs/formats.md § 1.1.
_SNAPSHOT, _DUPLICATE, _BID_MISSING, _ASK_MISSING = 1, 4, 8, 16


def minutes(text: str) -> list[int]:
    """`5m,1h` as minutes; a number alone is minutes too. Each divides a day."""
    found = [int(part.rstrip("mhd")) * _UNITS.get(part[-1], 1) for part in text.split(",")]
    for number in found:
        if number < 1 or 1_440 % number:
            raise argparse.ArgumentTypeError(f"{number} minutes do not divide a day")
    return sorted(set(found))


def session(name: str = "candlewick fold") -> SparkSession:
    """A session that reads nanoseconds: Spark's own times end at microseconds."""
    builder = SparkSession.builder.appName(name)
    return builder.config("spark.sql.legacy.parquet.nanosAsLong", "true").getOrCreate()


def ticks(
    spark: SparkSession, archive: str, since: datetime.date, until: datetime.date, pairs: list[str]
) -> DataFrame:
    """The ticks that may count, with NULL for a side that a tick does not bring.

    A snapshot is judged by the ticks before it, so a week before the first day comes too, and a day behind the last.
    """
    flags, time = f.col("flags"), f.col("broker_time")
    date = f.col("date").cast("date")
    wanted = (date >= f.lit(since - datetime.timedelta(7))) & (date <= f.lit(until))
    if pairs:
        wanted &= f.col("pair").isin(pairs)
    neither = _BID_MISSING | _ASK_MISSING
    counts = (flags.bitwiseAND(_DUPLICATE) == 0) & (flags.bitwiseAND(neither) != neither)
    found = spark.read.parquet(f"{archive}/ticks").where(wanted & counts & time.between(0, _LATEST - 1))
    return found.select(
        "pair", date.alias("date"), "position", time.alias("time"), _moment(time, f.col("position")).alias("moment"),
        f.when(flags.bitwiseAND(_BID_MISSING) == 0, f.col("bid")).alias("bid"),
        f.when(flags.bitwiseAND(_ASK_MISSING) == 0, f.col("ask")).alias("ask"),
        (flags.bitwiseAND(_SNAPSHOT) != 0).alias("is_snapshot"),
    )  # fmt: skip


def _moment(time: Column, position: Column) -> Column:
    """Orders ticks by time, then by position: one number of 38 digits, which Spark aggregates without sorting."""
    return (time.cast("decimal(19,0)") * f.lit(str(10**19)).cast("decimal(20,0)") + position).cast("decimal(38,0)")


def repeats(ticks: DataFrame) -> DataFrame:
    """The positions of snapshots that only repeat the pair's last counted tick or are older: LastTick.covers.

    A snapshot that counts is never older than the last tick. So from a tick that is no snapshot on, the last one that
    counted, or one equal to it, is that of the greatest `moment`. Only ticks near snapshots are put in order: those of
    the same 65,536 positions, and of other such blocks the last tick.
    """
    ticks = ticks.withColumn("block", f.shiftright("position", 16))
    blocks = f.broadcast(ticks.where("is_snapshot").select("pair", "block").distinct())
    row = f.struct("position", "moment", "time", "bid", "ask", "is_snapshot")
    rest = ticks.where("not is_snapshot").join(f.broadcast(blocks.select("pair").distinct()), "pair", "left_semi")
    last = rest.groupBy("pair", "block").agg(f.max_by(row, "position").alias("row"))
    near = ticks.join(blocks, ["pair", "block"], "left_semi").select("pair", row.alias("row"))
    near = near.unionByName(last.join(blocks, ["pair", "block"], "left_anti").select("pair", "row"))
    near = near.select("pair", "row.*")
    order = Window.partitionBy("pair").orderBy("position")
    chained = near.withColumn("chain", f.count(f.when(~f.col("is_snapshot"), 1)).over(order))
    before = Window.partitionBy("pair", "chain").orderBy("position").rowsBetween(Window.unboundedPreceding, -1)
    compared = chained.withColumn("last", f.max_by(f.struct("time", "bid", "ask"), "moment").over(before))
    is_same = f.col("last.bid").eqNullSafe(f.col("bid")) & f.col("last.ask").eqNullSafe(f.col("ask"))
    is_covered = (f.col("last.time") > f.col("time")) | ((f.col("last.time") == f.col("time")) & is_same)
    return compared.where(f.col("is_snapshot") & is_covered).select("position")


def fold(ticks: DataFrame, timeframes: list[int]) -> DataFrame:
    """Candles of ticks that count, prices in units of 1e-9.

    First those of the longest time that divides all timeframes, then the timeframes of these, so that each tick is
    taken once.
    """
    base = math.gcd(*timeframes)
    # Exact: prices have at most 8 decimals, so that a sum of two is even.
    taken = ticks.withColumn("mid", f.expr("(bid + ask) div 2")).withColumn("start", _start("time", f.lit(base)))
    sides = [column for side in _SIDES for column in _of_ticks(side)]
    inverted = f.count(f.when(f.col("ask") < f.col("bid"), 1)).alias("inverted_ticks")
    small = taken.groupBy("pair", "start").agg(*sides, f.count("*").alias("tick_count"), inverted)
    each = small.withColumn("minutes", f.explode(f.array(*map(f.lit, timeframes))))
    each = each.withColumn("start", _start("start", f.col("minutes")))
    sides = [column for side in _SIDES for column in _of_candles(side)]
    sums = [f.sum(name).alias(name) for name in ("tick_count", "inverted_ticks")]
    return each.groupBy("pair", "minutes", "start").agg(*sides, *sums)


def _start(time: str, minutes: Column) -> Column:
    return f.col(time) - f.col(time) % (minutes.cast("long") * _MINUTE)


def _of_ticks(side: str) -> list[Column]:
    moment = f.when(f.col(side).isNotNull(), f.col("moment"))
    return [
        f.min_by(side, moment).alias(f"{side}_open"), f.max(side).alias(f"{side}_high"),
        f.min(side).alias(f"{side}_low"), f.max_by(side, moment).alias(f"{side}_close"),
        f.min(moment).alias(f"{side}_first"), f.max(moment).alias(f"{side}_last"),
    ]  # fmt: skip


def _of_candles(side: str) -> list[Column]:
    return [
        f.min_by(f"{side}_open", f"{side}_first").alias(f"{side}_open"),
        f.max(f"{side}_high").alias(f"{side}_high"), f.min(f"{side}_low").alias(f"{side}_low"),
        f.max_by(f"{side}_close", f"{side}_last").alias(f"{side}_close"),
    ]  # fmt: skip


def candles(
    spark: SparkSession, archive: str, timeframes: list[int], since: datetime.date, until: datetime.date,
    pairs: list[str],
) -> DataFrame:  # fmt: skip
    """The columns of docs/archive.md § Fold it on a cluster, by pair, timeframe and time."""
    found = ticks(spark, archive, since, until, pairs)
    wanted = found.where((f.col("date") >= f.lit(since)) & (f.col("date") < f.lit(until)))
    if not found.where("is_snapshot").isEmpty():
        wanted = wanted.join(repeats(found), "position", "left_anti")
    clocks = spark.read.parquet(f"{archive}/feed").where("kind = 'CLCK'")
    newest = clocks.agg(f.max("broker_time")).first()[0]
    # Ticks may follow that belong to an interval which ended less than ten seconds before.
    end = f.col("start") + f.col("minutes").cast("long") * _MINUTE
    unit = f.lit("0.000000001").cast("decimal(10,9)")
    prices = [f"{side}_{part}" for side in _SIDES for part in _PARTS]
    folded = fold(wanted, timeframes).orderBy("pair", "minutes", "start")
    return folded.select(
        "pair", f.col("minutes").cast("string").alias("timeframe"), f.expr("start div 1000000000").alias("timestamp"),
        *[(f.col(name).cast("decimal(19,0)") * unit).cast("decimal(19,9)").alias(name) for name in prices],
        "tick_count", "inverted_ticks", (end + _ORDER_MARGIN <= f.lit(newest)).cast("int").alias("ended"),
    )  # fmt: skip


def write(candles: DataFrame, output: str) -> None:
    """One file if the output's name ends with .csv, else a folder of Parquet files."""
    path = Path(output)
    if path.suffix == ".csv":
        with path.open("w") as file:
            file.write(",".join(candles.columns) + "\n")
            for row in candles.toLocalIterator(prefetchPartitions=True):
                file.write(",".join(map(_text, row)) + "\n")
    else:
        candles.write.mode("overwrite").parquet(output)


def _text(value: object) -> str:
    """Without an exponent."""
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    day = datetime.date.fromisoformat
    parser.add_argument("--archive", required=True, help="the folder that holds `ticks` and `feed`, or its URL")
    parser.add_argument("--timeframes", type=minutes, default="5m,15m", help="default: 5m,15m")
    parser.add_argument("--since", type=day, default=datetime.date(1971, 1, 1), help="the first day, UTC; default: all")
    parser.add_argument("--until", type=day, default=datetime.date(2200, 1, 1), help="the day after the last one")
    parser.add_argument("--pairs", default="", help="such as EUR_USD,USD_JPY; default: all")
    parser.add_argument("--output", required=True, help="a file whose name ends with .csv, else a folder of Parquet files")
    options = parser.parse_args()
    spark = session()
    pairs = [pair for pair in options.pairs.split(",") if pair]
    write(candles(spark, options.archive, options.timeframes, options.since, options.until, pairs), options.output)
    spark.stop()


if __name__ == "__main__":
    main()
