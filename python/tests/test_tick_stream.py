"""`ticks` over journals of our own: what lacks, what is damaged, and what the bus loses."""

import os
import struct
import subprocess

import candlewick
import candlewick.journal
import pytest
from rows import START
from stages import LONG, Stage, sealed
from test_extras import segment, tick


@pytest.fixture
def journal(tmp_path):
    folder = tmp_path / "journal" / "ticks"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def market(tmp_path, journal):
    return candlewick.connect(tmp_path / "candlewick.db", runtime=tmp_path)


def put(journal, first, count):
    path = journal / f"{first:020}.journal"
    path.write_bytes(segment(first, count))
    return path


def positions(ticks):
    return [tick.position for tick in ticks]


def stored(market, position=0):
    return positions(market.ticks(from_position=position, follow=False))


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path / "ticks.ipc")
    yield stage
    stage.close()


def live(market, stage):
    """The ticks after the first one, once the stage knows of the subscription."""
    ticks = market.ticks(from_position=1)
    assert next(ticks).position == 1
    stage.expect(b"\1")
    return ticks


def test_a_damaged_record_is_left_out_and_the_next_one_comes(market, journal):
    path = put(journal, 1, 9)
    content = bytearray(path.read_bytes())
    content[64 * 3 + 41] ^= 1
    path.write_bytes(content)
    assert stored(market) == [1, 2, 4, 5, 6, 7, 8, 9]


def test_a_record_at_the_place_of_another_is_left_out(market, journal):
    path = put(journal, 1, 3)
    path.write_bytes(path.read_bytes() + tick(3) + tick(5))
    assert stored(market) == [1, 2, 3, 5]


def test_a_torn_tail_is_the_present_end_until_it_is_whole(market, journal):
    path = put(journal, 1, 3)
    path.write_bytes(path.read_bytes() + tick(4)[:50])
    assert stored(market) == [1, 2, 3]
    path.write_bytes(path.read_bytes() + tick(4)[50:])
    assert stored(market, 4) == [4]


def test_positions_that_a_writer_skipped_between_two_segments_are_no_gap(market, journal):
    put(journal, 1, 3)
    put(journal, 1 << 32, 2)
    assert stored(market, 2) == [2, 3, 1 << 32, (1 << 32) + 1]


def test_a_damaged_header_does_not_matter_but_a_misplaced_file_is_left_out(market, journal):
    path = put(journal, 1, 3)
    path.write_bytes(b"x" * 64 + path.read_bytes()[64:])
    (journal / f"{4:020}.journal").write_bytes(segment(40, 0) + tick(4))
    (journal / f"{5:020}.journal").write_bytes(segment(5, 1)[:40])
    assert stored(market) == [1, 2, 3]


def test_a_later_version_is_named_and_not_read(market, journal):
    (journal / f"{1:020}.journal").write_bytes(sealed(struct.pack("<8sIIQ36x", b"CWJOURNL", 2, 64, 1)) + tick(1))
    with pytest.raises(candlewick.Unreadable, match="has version 2, and this package knows 1"):
        stored(market)


def test_ticks_that_no_file_has_any_more_are_named(market, journal):
    put(journal, 100, 3)
    assert stored(market) == [100, 101, 102]
    with pytest.raises(candlewick.Unreadable, match="positions 50 to 99 are in neither .* from_position=100"):
        stored(market, 50)


def test_ticks_that_are_dropped_while_a_bot_reads_are_named(market, journal):
    first = put(journal, 1, 5_000)
    put(journal, 5_001, 3)
    ticks = market.ticks(from_position=0, follow=False)
    next(ticks)
    first.unlink()
    with pytest.raises(candlewick.Unreadable, match="positions 4097 to 5000"):
        list(ticks)


def test_what_the_bus_loses_comes_out_of_the_journal(market, journal, stage):
    path = put(journal, 1, 1)
    ticks = live(market, stage)
    for position in (1, 2, 3, 8, 9):  # 1 is known, and 4 to 7 are lost.
        stage.socket.send(tick(position))
    found = [next(ticks).position]
    # Only now: until here it was the bus that had them.
    path.write_bytes(segment(1, 9))
    assert found + [next(ticks).position for _ in range(7)] == list(range(2, 10))


def test_a_lost_last_message_comes_after_a_silence(market, journal, stage):
    path = put(journal, 1, 1)
    ticks = live(market, stage)
    path.write_bytes(segment(1, 2))
    assert next(ticks).position == 2


def test_a_damaged_message_counts_as_lost(market, journal, stage):
    path = put(journal, 1, 1)
    ticks = live(market, stage)
    for record in (tick(2), tick(3)[:41] + b"x" + tick(3)[42:], tick(4)):
        stage.socket.send(record)
    found = [next(ticks).bid_units]
    path.write_bytes(segment(1, 4))
    assert found + [next(ticks).bid_units for _ in range(2)] == [1_100_000_002, 1_100_000_003, 1_100_000_004]


def test_other_pairs_are_left_out_of_journal_bus_and_archive(market, journal, stage, tmp_path):
    path = put(journal, 1, 1)
    path.write_bytes(path.read_bytes() + tick(2, b"USD_JPY") + tick(3))
    ticks = market.ticks("EUR_USD", from_position=0)
    assert [next(ticks).position for _ in range(2)] == [1, 3]
    stage.expect(b"\1")
    for record in (tick(4, b"EUR_USDX"), tick(5)):
        stage.socket.send(record)
    assert next(ticks).position == 5
    put(journal, 4, 0)
    archive(tmp_path, journal)
    assert positions(market.ticks("EUR_USD", from_position=0, follow=False)) == [1, 3]


def test_archived_ticks_come_in_the_order_of_their_positions_over_days_and_pairs(market, journal, tmp_path):
    path = put(journal, 1, 1)
    # Late ticks around midnight, and one whose time is odd, which the archive keeps among the events.
    days = [0, 1, 0, 1, 1, 0, -30_000]
    records = [tick(2 + place, (b"USD_JPY", b"EUR_USD")[place % 2], day * 86_400) for place, day in enumerate(days)]
    path.write_bytes(path.read_bytes() + b"".join(records))
    written = list(market.ticks(from_position=0, follow=False))
    put(journal, 9, 2)
    archive(tmp_path, journal)
    assert list(market.ticks(from_position=0, follow=False))[:-2] == written
    assert stored(market, 5) == [5, 6, 7, 8, 9, 10]
    assert positions(market.ticks("USD_JPY", since=written[1].time, until=written[2].time, follow=False)) == [2, 4]


def archive(state, journal):
    """Archives the closed segments and drops them."""
    environment = {"CANDLEWICK_STATE_DIR": str(state), "CANDLEWICK_RUNTIME_DIR": str(state), "PATH": os.environ["PATH"]}
    command = [f"{os.environ['CHECK_BIN']}/candlewick", "archive", "run"]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=LONG)
    for path in sorted(journal.glob("*.journal"))[:-1]:
        path.unlink()


def test_a_segment_that_is_dropped_while_it_is_opened_is_no_end(market, journal, monkeypatch):
    dropped = put(journal, 1, 3)
    put(journal, 4, 3)
    listed = candlewick.journal.Journal._segments
    stale = [listed(candlewick.journal.Journal(journal))]
    dropped.unlink()
    monkeypatch.setattr("candlewick.journal.Journal._segments", lambda self: stale.pop() if stale else listed(self))
    with pytest.raises(candlewick.Unreadable, match="positions 2 to 3"):
        stored(market, 2)


def test_an_empty_journal_has_no_ticks_and_a_folder_without_one_is_named(market, tmp_path):
    assert stored(market) == []
    with pytest.raises(candlewick.Unreadable, match="neither a journal of ticks nor an archive"):
        candlewick.connect(tmp_path / "elsewhere" / "candlewick.db").ticks(follow=False)
    with pytest.raises(candlewick.InvalidArgument, match="leave one out"):
        market.ticks(from_position=0, since=candlewick.Tick(1, "EUR_USD", START, 0, 0, 0, 0).time)


def test_a_segment_that_begins_with_an_event_without_time_is_not_taken_for_an_old_one(market, journal):
    put(journal, 1, 5)
    event = sealed(struct.pack("<4s12sQqqqqI", b"FEED", b"", 6, 0, 0, 0, 0, 1))
    (journal / f"{6:020}.journal").write_bytes(segment(6, 0) + event + tick(7))
    since = candlewick.Tick(1, "EUR_USD", START * 1_000_000_000, 0, 0, 0, 0).time
    assert positions(market.ticks(since=since, follow=False)) == [1, 2, 3, 4, 5, 7]


def test_the_folders_of_an_installation_count_if_no_variable_names_others(monkeypatch, tmp_path):
    names = ("STATE_DIR", "DATABASE", "RUNTIME_DIR")
    for name in (*(f"CANDLEWICK_{name}" for name in names), "STATE_DIRECTORY", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("candlewick.forex_database._CONFIGURATION", str(tmp_path))
    market = candlewick.connect()
    assert (str(market.state), market.database.db_path) == ("/var/lib/candlewick", "/var/lib/candlewick/candlewick.db")
    assert market.database.runtime == "/run/candlewick"
    (tmp_path / "environment").write_text("# CANDLEWICK_DATABASE=no\nCANDLEWICK_DATABASE='/srv/candles.db' \n")
    assert candlewick.connect().database.db_path == "/srv/candles.db"
    monkeypatch.setenv("CANDLEWICK_STATE_DIR", "/var/lib/candlewick")
    assert candlewick.connect().database.runtime == "/run/candlewick"
    monkeypatch.setenv("CANDLEWICK_STATE_DIR", "/elsewhere")
    assert str(candlewick.connect().state) == "/elsewhere"
    assert candlewick.connect().database.runtime.startswith("/tmp/")
    monkeypatch.delenv("CANDLEWICK_STATE_DIR")
    monkeypatch.setattr("candlewick.forex_database._CONFIGURATION", str(tmp_path / "none"))
    assert str(candlewick.connect().state).endswith("/.local/state/candlewick")
