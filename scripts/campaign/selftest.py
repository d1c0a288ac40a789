"""Shows that the referee bites: a good result, spoiled in one way at a time, must be found out each time."""

import argparse
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

import chaos
import journal
import referee
import stages


def spoil(folder, sql):
    with sqlite3.connect(folder / "state/candlewick.db") as connection:
        if connection.execute(sql).rowcount < 1:
            raise SystemExit(f"nothing to spoil: {sql}")
    connection.close()


def spoil_both(folder, sql):
    """In the database and in the replay: only the other rules can find it."""
    spoil(folder, sql)
    spoil(folder / "replay", sql)


def edit(folder, stream, change):
    """Changes the bytes of a journal's first segment."""
    path = journal.segments(folder / "state/journal" / stream)[0]
    data = bytearray(path.read_bytes())
    change(data, (journal.TICK if stream == "ticks" else journal.CANDLE).size)
    path.write_bytes(data)


def flip(data, size):
    data[journal.HEADER.size + 3 * size + 20] ^= 0x10


def tear(data, size):
    data += bytes(size // 2)


def repeat_position(data, size):
    at = journal.HEADER.size + 3 * size
    data[at : at + size] = data[at - size : at]


def change_price(data, size):
    """With a right checksum: the market alone can tell."""
    for at in range(journal.HEADER.size, len(data), size):
        if data[at : at + 4] == b"TICK" and not data[at + 56] & journal.SNAPSHOT:
            data[at + 40] ^= 0x01
            data[at + size - 4 : at + size] = journal.crc32c(data[at : at + size - 4]).to_bytes(4, "little")
            return
    raise SystemExit("no tick to change")


# A hole in the middle, not the first one, which covers the time before the market.
HOLE = "position = (SELECT position FROM feed_event WHERE event = 'blind ended' AND pair IS NULL AND detail > 0 AND until > detail LIMIT 1)"
WHOLE = "(instrument_id, timeframe, open_time) = (SELECT instrument_id, timeframe, open_time FROM candle WHERE complete LIMIT 1)"
BLIND = "(instrument_id, timeframe, open_time) = (SELECT instrument_id, timeframe, open_time FROM candle WHERE blind_ms > 0 ORDER BY open_time DESC LIMIT 1)"

MUTATIONS = {
    "a row is dropped": lambda f: spoil(f, f"DELETE FROM candle WHERE {WHOLE}"),
    "a row is dropped, in the replay too": lambda f: spoil_both(f, f"DELETE FROM candle WHERE {WHOLE}"),
    "a price is changed": lambda f: spoil(f, f"UPDATE candle SET mid_high = mid_high + 5 WHERE {WHOLE}"),
    "a price is changed, in the replay too": lambda f: spoil_both(
        f, f"UPDATE candle SET mid_high = mid_high + 5 WHERE {WHOLE}"),
    "a revision is changed": lambda f: spoil_both(f, f"UPDATE candle SET revision = revision + 1 WHERE {WHOLE}"),
    "a blind candle is shown as whole": lambda f: spoil_both(
        f, f"UPDATE candle SET blind_ms = 0, complete = 1, flags = flags & ~1, rank = 4 WHERE {BLIND}"),
    "a whole candle is shown as partial": lambda f: spoil_both(
        f, f"UPDATE candle SET complete = 0, flags = flags | 1, rank = 1 WHERE {WHOLE}"),
    "a hole is removed": lambda f: spoil_both(f, f"DELETE FROM feed_event WHERE {HOLE}"),
    "a hole begins an hour early": lambda f: spoil_both(
        f, f"UPDATE feed_event SET detail = detail - 3600000000000 WHERE {HOLE}"),
    "a hole is shortened": lambda f: spoil_both(f, f"UPDATE feed_event SET detail = until WHERE {HOLE}"),
    "a byte of the ticks journal is flipped": lambda f: edit(f, "ticks", flip),
    "a byte of the candles journal is flipped": lambda f: edit(f, "candles", flip),
    "a record is torn": lambda f: edit(f, "ticks", tear),
    "a position of the ticks journal comes twice": lambda f: edit(f, "ticks", repeat_position),
    "a position of the candles journal comes twice": lambda f: edit(f, "candles", repeat_position),
    "a tick's price is changed under a right checksum": lambda f: edit(f, "ticks", change_price),
    "the end of the ticks journal is lost": lambda f: edit(f, "ticks", lambda d, size: d.__delitem__(slice(-200 * size, None))),
}  # fmt: skip


def broken(folder, programs):
    return [rule for rule, faults in referee.Referee(folder, programs).judge() if faults]


def main():
    parser = argparse.ArgumentParser(prog="scripts/chaos --self-test", description=__doc__)
    parser.add_argument("--bin", required=True)
    campaign = chaos.Chaos(parser.parse_args(namespace=argparse.Namespace(kills=14, seed=3, mode="all", speed=300)))
    passed = failed = 0
    try:
        campaign.run()
        passed, failed = campaign.verdict()
        good = campaign.campaign.folder
        for name, mutate in MUTATIONS.items():
            with tempfile.TemporaryDirectory(prefix="candlewick-selftest.") as place:
                folder = Path(place) / "spoiled"
                shutil.copytree(good, folder, ignore=shutil.ignore_patterns("run", "*.ipc"))
                mutate(folder)
                rules = broken(folder, campaign.options.bin)
            print(f"{'found ' if rules else 'FAILED'}  {name}: {'; '.join(rules) or 'no rule is broken'}", flush=True)
            passed, failed = passed + bool(rules), failed + (not rules)
    except stages.StageError as error:
        print(f"FAILED  {error}")
        failed += 1
    finally:
        campaign.campaign.close(keep=failed)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
