"""The questions of figures.py to Spark, in rows of its table: spark_figures.py ARCHIVE FIRST LAST ROUNDS"""

from __future__ import annotations

import datetime
import statistics
import sys
import time
from collections.abc import Callable

import fold_spark
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

ALL = datetime.date(1971, 1, 1), datetime.date(2200, 1, 1)


def timed(work: Callable[[], object]) -> tuple[float, object]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def fold(spark: SparkSession, archive: str) -> int:
    ticks = fold_spark.ticks(spark, archive, *ALL, [])
    return fold_spark.fold(ticks, [5, 15, 60, 240]).where("minutes = 5").agg(f.sum("tick_count")).first()[0]


def main() -> None:
    archive, first, last, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    started, spark = timed(lambda: fold_spark.session("candlewick figures"))
    spark.sparkContext.setLogLevel("ERROR")
    totals = [f.count("*"), f.min("bid"), f.max("ask"), f.sum(f.col("bid") + f.col("ask"))]

    def question() -> tuple[int, ...]:
        ticks = spark.read.parquet(f"{archive}/ticks")
        return tuple(ticks.where(f"pair = 'EUR_USD' AND date >= '{first}' AND date < '{last}'").agg(*totals).first())

    cold, row = timed(question)
    warm = statistics.median(timed(question)[0] for _ in range(rounds))
    print(f"| PySpark, two threads, when it runs | {warm * 1000:.0f} ms | {row[0]:,} |")
    print(f"| PySpark, its start and first answer | {started + cold:.1f} s | |")
    spark.stop()
    for threads in (1, 2):
        builder = SparkSession.builder.master(f"local[{threads}]")
        spark = builder.config("spark.sql.legacy.parquet.nanosAsLong", "true").getOrCreate()
        spark.sparkContext.setLogLevel("ERROR")
        seconds, ticks = timed(lambda: fold(spark, archive))
        print(f"| fold, PySpark, {threads} threads | {seconds:.1f} s | {ticks / seconds:,.0f} ticks/s |", flush=True)
        spark.stop()


if __name__ == "__main__":
    main()
