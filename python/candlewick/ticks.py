"""Ticks out of the archive, then the journal, then the bus, without a seam: each position once, in order.

Subscribe first, replay, then drop what is not newer. The journal is the truth: a record is in it before it goes out,
and so whatever the bus lost is read there.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

from .archive import Archive, Batch
from .errors import Unreadable
from .forex_database import _Bus, _is_valid
from .journal import RECORD, Journal, Record
from .records import Tick

# After such a silence the journal is asked: the last message may be lost.
_SILENCE_SECONDS = 1
# `until` has passed when the stream is so much further: a tick may come late.
_LATE_NANOSECONDS = 10_000_000_000


class TickStream:
    """The ticks of one collector from a position on; of one pair, or of all.

    Times are the broker's, in nanoseconds; `since` is the first that is wanted, `until` the first that is not.
    """

    def __init__(
        self, archive: Archive, journal: Journal, pair: str | None, since: int | None, until: int | None
    ) -> None:
        self.archive, self.journal = archive, journal
        self.pair, self.since, self.until = pair, since, until
        self._topic = None if pair is None else pair.encode().ljust(12, b"\0")
        self._next = 1
        # Whether the beginning may be later than asked for.
        self._may_jump = True
        self._is_over = False

    def begin(self, position: int | None) -> None:
        """At a position (0: the oldest), else at `since`, else now."""
        if position is not None:
            self._next, self._may_jump = max(1, position), position <= 1
        elif self.since is None:
            self._next = self.journal.end()
        else:
            self._next = self.journal.position_at(self.since) or self._archived_since(self.since) or 1

    def _archived_since(self, since: int) -> int | None:
        return next((batch.first for batch in self.archive.batches() if batch.last_nanoseconds >= since), None)

    def stored(self) -> Iterator[Tick]:
        """Those of archive and journal, up to the present end."""
        while not self._is_over:
            records = self.journal.read(self._next)
            if records is None:
                if not (yield from self._before_the_journal()):
                    return
            elif records:
                yield from self._take(records)
            else:
                return

    def live(self, bus: _Bus) -> Iterator[Tick]:
        """The same, and then as they come. The subscription must be to all topics: only so a gap shows."""
        while not self._is_over:
            yield from self.stored()
            while not self._is_over and bus.wait(_SILENCE_SECONDS):
                messages = (each for each in bus.take() if _is_valid(each, b"", RECORD.size))
                records = [Record._make(RECORD.unpack(each)) for each in messages]
                news = [record for record in records if record.position >= self._next]
                contiguous = [record for place, record in enumerate(news, self._next) if record.position == place]
                yield from self._take(contiguous)
                if len(contiguous) < len(news):
                    break

    def _take(self, records: Iterable[Record]) -> Iterator[Tick]:
        for record in records:
            # First: the caller may go away during the yield.
            self._next, self._may_jump = record.position + 1, False
            time = record.broker_nanoseconds
            if self.until is not None and time >= self.until + _LATE_NANOSECONDS and record.kind != b"FEED":
                self._is_over = True
                return
            if record.kind == b"TICK" and self._topic in (None, record.pair) and self._is_wanted(time):
                yield record.tick()

    def _is_wanted(self, time: int) -> bool:
        return (self.since is None or time >= self.since) and (self.until is None or time < self.until)

    def _before_the_journal(self) -> Generator[Tick, None, bool]:
        """Those of the archive's next batch, else a step to the journal's beginning. False: there is neither."""
        # First: what is dropped later is in the manifest by then.
        beginning = self.journal.first()
        batches = self.archive.batches()
        batch = next((batch for batch in batches if batch.last >= self._next), None)
        self._step(batch.first if batch else beginning, batches)
        if batch is None:
            return beginning is not None
        if self.until is not None and batch.first_nanoseconds >= self.until + _LATE_NANOSECONDS:
            self._is_over = True
            return True
        for tick in self.archive.ticks(batch, self.pair, self.since):
            if tick.position >= self._next and self._is_wanted(tick.broker_nanoseconds):
                self._next, self._may_jump = tick.position + 1, False
                yield tick
        self._next, self._may_jump = batch.last + 1, False
        return True

    def _step(self, position: int | None, batches: list[Batch]) -> None:
        """Goes on at a later position, if those between were never given or need not be there."""
        if position is None or position <= self._next:
            return
        # Positions between two segments are skipped ones.
        if not self._may_jump and all(batch.last + 1 != self._next for batch in batches):
            raise Unreadable(
                f"the ticks of the positions {self._next} to {position - 1} are in neither journal nor archive any"
                f" more: go on with from_position={position}"
            )
        self._next = position
