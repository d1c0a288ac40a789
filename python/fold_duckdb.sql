-- Candles of any timeframe from the archive of ticks, by DuckDB 2.0 or later (earlier versions cut nanoseconds off).
-- python/fold_duckdb.py sets these variables, reads this file and writes the candles into a file:
--
--   archive  the archive's folder
--   minutes  the timeframes, such as [5, 15, 60, 240]
--   since    the first day (UTC), until: the day after the last one
--   pairs    such as ['EUR_USD']; an empty list: all
--
-- Makes the views `ticks`, `repeats` and `folded`. All arithmetic is of integers, in units of 1e-9. The rules are those
-- of docs/architecture.md § Candles; what a fold of ticks alone cannot know: docs/archive.md § Fold it on a cluster.

-- A side that a tick does not bring is NULL. `moment` orders ticks by time, then by position.
-- A snapshot is judged by the ticks before it, so a week before the first day is read too, and a day behind the last.
CREATE OR REPLACE TEMP VIEW ticks AS
SELECT
    pair, date, position, epoch_ns(broker_time) AS time, epoch_ns(broker_time)::HUGEINT << 63 | position AS moment,
    CASE WHEN flags & 8 = 0 THEN bid END AS bid,
    CASE WHEN flags & 16 = 0 THEN ask END AS ask,
    flags & 1 = 1 AS is_snapshot
FROM read_parquet(
    getvariable('archive') || '/ticks/date=*/pair=*/*.parquet',
    hive_partitioning = true, hive_types = {date: DATE, pair: VARCHAR})
WHERE
    date >= getvariable('since') - 7 AND date <= getvariable('until')
    AND (len(getvariable('pairs')) = 0 OR list_contains(getvariable('pairs'), pair))
    -- Not a duplicate, and not without both sides; not before 1970 or after 2200.
    AND flags & 4 = 0 AND flags & 24 <> 24
    AND epoch_ns(broker_time) BETWEEN 0 AND 7258118399999999999;

-- Snapshots that only repeat the pair's last counted tick or are older: the rule of LastTick.covers. A snapshot that
-- counts is never older than the last tick. So from a tick that is no snapshot on, the last one that counted, or one
-- equal to it, is that of the greatest `moment`. Only ticks near snapshots are put in order: those of the same 65,536
-- positions, and of other such blocks the last tick.
CREATE OR REPLACE TEMP VIEW repeats AS
WITH blocks AS (
    SELECT DISTINCT pair, position >> 16 AS block FROM ticks WHERE is_snapshot
),
near AS (
    SELECT ticks.* FROM ticks JOIN blocks USING (pair) WHERE position >> 16 = block
    UNION ALL
    SELECT unnest(last) FROM (
        SELECT pair, position >> 16 AS block, max_by(ticks, position) AS last
        FROM ticks WHERE NOT is_snapshot AND pair IN (SELECT pair FROM blocks) GROUP BY ALL
    ) ANTI JOIN blocks USING (pair, block)
),
chained AS (
    SELECT *, count(*) FILTER (NOT is_snapshot) OVER (PARTITION BY pair ORDER BY position) AS chain FROM near
),
compared AS (
    SELECT *, max_by(chained, moment) OVER (
        PARTITION BY pair, chain ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS last
    FROM chained
)
SELECT position FROM compared
WHERE is_snapshot AND (
    last.time > time
    OR last.time = time AND last.bid IS NOT DISTINCT FROM bid AND last.ask IS NOT DISTINCT FROM ask);

-- `ended` is 1 if the archive goes on for ten seconds after the interval; otherwise ticks may follow that belong to it.
CREATE OR REPLACE TEMP VIEW folded AS
WITH clock AS (
    SELECT epoch_ns(max(broker_time)) AS newest
    FROM read_parquet(getvariable('archive') || '/feed/date=*/*.parquet') WHERE kind = 'CLCK'
),
counted AS (
    -- Exact: prices have at most 8 decimals, so that a sum of two is even.
    SELECT *, (bid + ask) // 2 AS mid FROM ticks ANTI JOIN repeats USING (position)
    WHERE date >= getvariable('since') AND date < getvariable('until')
),
candle AS (
    SELECT
        pair, minutes, time - time % (minutes * 60_000_000_000) AS start,
        min_by(bid, moment) AS bid_open, max(bid) AS bid_high, min(bid) AS bid_low, max_by(bid, moment) AS bid_close,
        min_by(ask, moment) AS ask_open, max(ask) AS ask_high, min(ask) AS ask_low, max_by(ask, moment) AS ask_close,
        min_by(mid, moment) AS mid_open, max(mid) AS mid_high, min(mid) AS mid_low, max_by(mid, moment) AS mid_close,
        count(*) AS tick_count, count(*) FILTER (ask < bid) AS inverted_ticks
    FROM counted, (SELECT unnest(getvariable('minutes'))::BIGINT AS minutes)
    GROUP BY ALL
)
SELECT
    pair, minutes::VARCHAR AS timeframe, start // 1_000_000_000 AS timestamp,
    COLUMNS('(bid|ask|mid)_.*')::DECIMAL(19, 0) * 0.000000001::DECIMAL(10, 9),
    tick_count, inverted_ticks, (start + minutes * 60_000_000_000 + 10_000_000_000 <= newest)::INTEGER AS ended
FROM candle, clock;
