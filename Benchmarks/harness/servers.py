"""PostgreSQL for the measurements: one server for all of them, started at its first use, gone at the end."""

import atexit
import itertools

import pipeline
import postgres
import processes
import programs

PAIRS = [f"{a}_{b}" for a, b in itertools.combinations("EUR GBP AUD NZD USD CAD CHF JPY".split(), 2)]
PRICES = [f"{side}_{price}" for side in ("bid", "ask", "mid") for price in ("open", "high", "low", "close")]
CANDLE = f"""candle (
    instrument_id, timeframe, open_time, {", ".join(PRICES)}, tick_count, inverted_ticks, first_tick_time, last_tick_time,
    blind_ms, lost, complete, flags, source, rank, revision, input_position, publish_time, created_at, collector_id)"""
"""The table with its columns, for INSERT."""


def candle(random, n):
    """The columns' values, as SQL: of the n-th candle of a row of the tables instrument and timeframe.

    random: an expression that gives another whole number under a million each time.
    """
    prices = ", ".join([f"1100000000 + {random}"] * len(PRICES))
    return f"id, seconds, 1600000200 + {n} * seconds, {prices}, 300, 0, 0, 0, 0, 0, 1, 0, 1, 5, 1, {n}, 0, 0, 1"


class Servers:
    def __init__(self):
        self.server = None
        self.numbers = itertools.count()

    def session(self):
        if self.server is None:
            try:
                self.server = postgres.Server.fresh("shared_buffers=512MB", "max_wal_size=4GB")
            except processes.ProgramError as error:
                raise programs.LeftOut(str(error)) from None
            atexit.register(self.server.remove)
        return self.server.session()

    def fresh(self, make):
        """A subject that is a program on an empty database."""
        def measure():
            name, session = f"fresh{next(self.numbers)}", self.session()
            session.lines(f"CREATE DATABASE {name}")
            try:
                return programs.run(make(session.uri.replace("/candlewick?", f"/{name}?")))
            finally:
                session.lines(f"DROP DATABASE {name} WITH (FORCE)")
        return measure

    def filled(self, make, rows):
        """A subject that is a program on a database with so many rows."""
        def measure():
            session = self.session()
            if not session.rows("SELECT 1 AS one FROM pg_class WHERE relname = 'candle'"):
                make_served(session, rows)
            return programs.run(make(session.uri))
        return measure


def make_served(session, rows):
    """The rows of `make_database`, in tables that the real store-writer makes."""
    with pipeline.running(["--speed", "1"], stages=["store-writer"], database=session.uri) as made:
        made.close()
    session.lines(f"""
        INSERT INTO instrument (name) SELECT unnest('{{{",".join(PAIRS)}}}'::text[]);
        INSERT INTO timeframe VALUES (300, '5'), (900, '15');
        DO $$ DECLARE month timestamp := '2020-09-01'; BEGIN
            WHILE extract(epoch FROM month) < 1600000200 + {rows // 56 * 900} LOOP
                EXECUTE format('CREATE TABLE candle_%s PARTITION OF candle FOR VALUES FROM (%s) TO (%s)',
                    to_char(month, 'YYYY_MM'), extract(epoch FROM month)::bigint,
                    extract(epoch FROM month + interval '1 month')::bigint);
                month := month + interval '1 month';
            END LOOP;
        END $$;
        INSERT INTO {CANDLE}
        SELECT {candle("(random() * 1000000)::bigint", "n")}
        FROM instrument, timeframe, generate_series(0, {rows // 56 - 1}) n ORDER BY 1, 2, 3""", seconds=900)
    session.lines("VACUUM ANALYZE", seconds=900)
