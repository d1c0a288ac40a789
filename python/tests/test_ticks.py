"""`ticks` over journals of our own: what lacks, what is damaged, and what the bus loses."""

import struct

import candlewick
import pytest
from rows import START
from stages import Stage, sealed
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


def live(market, stage, position):
    """The ticks, once the stage knows of the subscription."""
    ticks = market.ticks(from_position=position)
    first = next(ticks)
    stage.expect(b"\1")
    return first, ticks


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
    (journal / f"{4:020}.journal").write_bytes(segment(40, 3))
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
    _, ticks = live(market, stage, 1)
    path.write_bytes(segment(1, 9))
    for position in (1, 2, 3, 8, 9):  # 1 is known, and 4 to 7 are lost.
        stage.socket.send(tick(position))
    assert [next(ticks).position for _ in range(8)] == list(range(2, 10))


def test_a_lost_last_message_comes_after_a_silence(market, journal, stage):
    path = put(journal, 1, 1)
    _, ticks = live(market, stage, 1)
    path.write_bytes(segment(1, 2))
    assert next(ticks).position == 2


def test_a_damaged_message_counts_as_lost(market, journal, stage):
    path = put(journal, 1, 1)
    _, ticks = live(market, stage, 1)
    path.write_bytes(segment(1, 3))
    stage.socket.send(tick(2)[:41] + b"x" + tick(2)[42:])
    stage.socket.send(tick(3))
    assert [next(ticks).bid_units for _ in range(2)] == [1_100_000_002, 1_100_000_003]


def test_an_empty_journal_has_no_ticks_and_a_folder_without_one_is_named(market, tmp_path):
    assert stored(market) == []
    with pytest.raises(candlewick.Unreadable, match="neither a journal of ticks nor an archive"):
        candlewick.connect(tmp_path / "elsewhere" / "candlewick.db").ticks(follow=False)
    with pytest.raises(candlewick.InvalidArgument, match="leave one out"):
        market.ticks(from_position=0, since=candlewick.Tick(1, "EUR_USD", START, 0, 0, 0, 0).time)


def test_the_folders_of_an_installation_count_if_no_variable_names_others(monkeypatch, tmp_path):
    names = ("STATE_DIR", "DATABASE", "RUNTIME_DIR")
    for name in (*(f"CANDLEWICK_{name}" for name in names), "STATE_DIRECTORY", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("candlewick.forex_database._CONFIGURATION_FOLDER", str(tmp_path))
    market = candlewick.connect()
    assert (str(market.state), market.database.db_path) == ("/var/lib/candlewick", "/var/lib/candlewick/candlewick.db")
    assert market.database.runtime == "/run/candlewick"
    monkeypatch.setenv("CANDLEWICK_STATE_DIR", "/elsewhere")
    assert str(candlewick.connect().state) == "/elsewhere"
    assert candlewick.connect().database.runtime.startswith("/tmp/")
    monkeypatch.delenv("CANDLEWICK_STATE_DIR")
    monkeypatch.setattr("candlewick.forex_database._CONFIGURATION_FOLDER", str(tmp_path / "none"))
    assert str(candlewick.connect().state).endswith("/.local/state/candlewick")
