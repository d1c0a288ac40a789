"""Reads the segments of the ticks stream's journal. Standard library only. Source: docs/formats.md § 3."""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from .checksums import are_whole
from .errors import Unreadable
from .records import Tick

_HEADER = struct.Struct("<8sIIQ36xI")
RECORD = struct.Struct("<4s12sQqqqqII")
"""Of 64 bytes: the fields of `Record`."""
_VERSION = 1
# Of one read: 256 KiB.
_MOST_RECORDS = 4_096


class Record(NamedTuple):
    """A record of 64 bytes: a tick, a clock or an event. Source: docs/formats.md § 1."""

    kind: bytes
    pair: bytes
    """Padded with NUL, as it is stored."""
    position: int
    broker_nanoseconds: int
    receive_nanoseconds: int
    first: int
    second: int
    flags: int
    checksum: int

    def tick(self) -> Tick:
        name = self.pair.rstrip(b"\0").decode("ascii", "replace")
        return Tick(self.position, name, *self[3:8])


class Journal:
    """The segments in a folder, which a writer may lengthen and drop meanwhile. Reading needs no lock."""

    def __init__(self, folder: Path):
        self.folder = folder

    def first(self) -> int | None:
        """The oldest position; None without a segment."""
        segments = self._segments()
        return segments[0][0] if segments else None

    def end(self) -> int:
        """The position behind the last record."""
        for first, path in reversed(self._segments()):
            size = path.stat().st_size
            return first + max(0, size - _HEADER.size) // RECORD.size
        return 1

    def read(self, position: int) -> list[Record] | None:
        """The next records from a position on, some thousands at most; none at the present end.

        None if the journal begins after the position, or has no segment. Damaged records are left out.
        """
        segments = self._segments()
        begin = bisect_right(segments, position, key=lambda segment: segment[0]) - 1
        if begin < 0:
            return None
        try:
            for first, path in segments[begin:]:
                if records := self._records(path, first, max(position, first)):
                    return records
        except FileNotFoundError:  # Dropped since it was listed.
            return self.read(position)
        return []

    def position_at(self, nanoseconds: int) -> int | None:
        """The first position of the last segment that begins at this broker's time or before; None without one."""
        found = None
        for first, path in self._segments():
            try:
                records = self._records(path, first, first)
            except FileNotFoundError:
                continue
            # An event may have no time.
            time = next((each.broker_nanoseconds for each in records if each.broker_nanoseconds > 0), None)
            if time is not None and time <= nanoseconds:
                found = first
        return found

    def _segments(self) -> list[tuple[int, Path]]:
        """First positions and files, in order."""
        try:
            names = [path for path in self.folder.iterdir() if re.fullmatch(r"[0-9]{20}\.journal", path.name)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise Unreadable(f"the journal {self.folder} cannot be read: {error.strerror}") from None
        return sorted((int(path.stem), path) for path in names if 0 < int(path.stem) < 1 << 62)

    def _records(self, path: Path, first: int, position: int) -> list[Record]:
        """The next records of a segment that count, from a position on; none at its end."""
        try:
            with path.open("rb", buffering=0) as file:
                if not _is_in_place(file, path, first):
                    return []
                file.seek(_HEADER.size + (position - first) * RECORD.size)
                while data := file.read(_MOST_RECORDS * RECORD.size):
                    data = data[: len(data) // RECORD.size * RECORD.size]
                    if records := list(_valid(data, position)):
                        return records
                    if not data:
                        break
                    position += len(data) // RECORD.size
                return []
        except (FileNotFoundError, Unreadable):
            raise
        except OSError as error:
            raise Unreadable(f"the segment {path} cannot be read: {error.strerror}") from None


def _is_in_place(file: BinaryIO, path: Path, first: int) -> bool:
    """Whether a segment's header agrees with its name; a damaged one does not matter, a short one is being made."""
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return False
    magic, version, size, position, _ = _HEADER.unpack(header)
    if magic != b"CWJOURNL" or not are_whole(header, _HEADER.size):
        return True
    if version > _VERSION:
        raise Unreadable(f"the segment {path} has version {version}, and this package knows {_VERSION}: update it")
    return bool(size == RECORD.size and position == first)


def _valid(data: bytes, position: int) -> Iterator[Record]:
    """The records whose checksum matches and whose position is that of their place."""
    all_are_whole = are_whole(data, RECORD.size)
    for number, fields in enumerate(RECORD.iter_unpack(data)):
        if fields[2] == position + number:
            at = number * RECORD.size
            if all_are_whole or are_whole(data[at : at + RECORD.size], RECORD.size):
                yield Record._make(fields)
