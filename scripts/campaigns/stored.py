"""What a database holds: the rows that the referee judges."""

import contextlib
import sqlite3

import candles
import processes

PRICES = [f"{side}_{price}" for side in ("bid", "ask", "mid") for price in ("open", "high", "low", "close")]
# All but publish_time and created_at, which no two runs share.
FOLDED = [*PRICES, "tick_count", "inverted_ticks", "first_tick_time", "last_tick_time"]
JUDGED = ["blind_ms", "lost", "complete", "flags", "source", "rank", "revision", "input_position"]
# No time is later.
FOREVER = 1 << 62


class File:
    """A database of SQLite's."""

    def __init__(self, path):
        self.uri = f"file:{path}?mode=ro"

    def rows(self, sql):
        try:
            with contextlib.closing(sqlite3.connect(self.uri, uri=True, timeout=10)) as connection:
                return connection.execute(sql).fetchall()
        except sqlite3.OperationalError as error:
            raise processes.ProgramError(f"{self.uri}: {error}: {sql}") from None

    def fault(self):
        """What is wrong with the file; empty if all is right."""
        said = self.rows("PRAGMA integrity_check")[0][0]
        return "" if said == "ok" else said


class Stored:
    """The rows of a database: candles by (pair, timeframe, start), feed events by (position, name)."""

    def __init__(self, database):
        query = f"SELECT i.name, timeframe, open_time, {', '.join(FOLDED + JUDGED)} FROM candle JOIN instrument i ON i.id = instrument_id"
        self.candles = {tuple(row[:3]): row[3:] for row in database.rows(query)}
        query = "SELECT position, time, receive_time, pair, event, detail, until FROM feed_event ORDER BY position, event DESC"
        self.events = {(row[0], row[4]): row[1:] for row in database.rows(query)}
        shown = "SELECT pair, timeframe, timestamp FROM candles"
        self.shown_whole = {(p, int(t) * 60, int(s)) for p, t, s in database.rows(shown)}
        self.fault = database.fault()
        self._own = self._blindness()
        self._holes = {}

    def holes(self, pair=None):
        """Stretches of which nothing is known of the feed or of this pair: final ones, and what is open at the end."""
        if pair not in self._holes:
            self._holes[pair] = candles.Holes(self._own.get(None, []) + self._own.get(pair, []))
        return self._holes[pair]

    def own_holes(self, pair):
        """Of which nothing is known of this pair alone, whatever the feed."""
        return candles.Holes(self._own.get(pair, []))

    @property
    def first_sight(self):
        """When the feed was seen for the first time; None if it never was."""
        return min((e[5] for e in self.events.values() if e[3] == "blind ended" and e[2] is None), default=None)

    def _blindness(self):
        """Stretches of blindness by pair; of None: the whole feed."""
        stretches, since = {}, {}
        for _, _, pair, event, start, end in self.events.values():
            own = stretches.setdefault(pair, [])
            if event == "blind began":
                # After another beginning it closes the former stretch, which has no event of its end.
                if pair in since:
                    own.append((since[pair], start))
                since[pair] = start
            elif event == "blind ended":
                since.pop(pair, None)
                own.append((start, end))
            elif event == "clock set back":
                # What was said of moments from the right time on was said by a wrong clock.
                for name, told in stretches.items():
                    stretches[name] = [(a, min(b, end)) for a, b in told if a < end]
                since = {name: min(moment, end) for name, moment in since.items()}
        for pair, moment in since.items():
            stretches[pair].append((moment, FOREVER))
        return stretches
