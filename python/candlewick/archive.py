"""Reads the ticks of the archive. Needs pyarrow. Source: docs/formats.md § 10."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

from .errors import Unreadable, missing
from .records import Tick

# Rows that are decoded at once, of each file.
_ROWS = 8_192
_COLUMNS = {
    "ticks": ["position", "broker_time", "receive_time", "bid", "ask", "flags"],
    "feed": ["position", "broker_time", "receive_time", "detail_1", "detail_2", "flags", "kind", "pair"],
}


class Batch:
    """Segments that were archived together: a line of the manifest."""

    def __init__(self, line: dict[str, Any]):
        self.first: int = line["firstPosition"]
        self.last: int = line["lastPosition"]
        self.first_nanoseconds: int = line["firstTime"]
        self.last_nanoseconds: int = line["lastTime"]
        self.files: list[dict[str, Any]] = line["files"]


class Archive:
    """The ticks of an archive's folder, which `candlewick archive run` may lengthen meanwhile."""

    def __init__(self, folder: Path):
        self.folder = folder

    def batches(self) -> list[Batch]:
        """In the order of their positions; none without an archive."""
        manifest = self.folder / "manifest" / "ticks.jsonl"
        try:
            # The last piece is empty, or a line that is being written.
            lines = manifest.read_bytes().split(b"\n")[:-1]
            return [Batch(json.loads(line)) for line in lines]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise Unreadable(f"the archive's manifest {manifest} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError):
            raise Unreadable(f"the archive's manifest {manifest} is damaged: see `candlewick archive check`") from None

    def ticks(self, batch: Batch, pair: str | None, since: int | None) -> Iterator[Tick]:
        """Those of a pair, or of all, in the order of their positions; without files that end before `since` (ns)."""
        files = [
            file["path"]
            for file in batch.files
            if (file["path"].startswith("feed/") or pair is None or f"/pair={pair}/" in file["path"])
            and (since is None or file["lastTime"] >= since)
        ]
        # Each file is in order, but the days of a batch overlap.
        found = heapq.merge(*map(self._rows, files), key=attrgetter("position"))
        return found if pair is None else (tick for tick in found if tick.pair == pair)

    def _rows(self, path: str) -> Iterator[Tick]:
        """The ticks of a file."""
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise missing("ticks of the archive", "pyarrow", "pyarrow") from None
        stream, *folders, _ = path.split("/")
        try:
            with pyarrow.parquet.ParquetFile(self.folder / path, page_checksum_verification=True) as file:
                for part in file.iter_batches(_ROWS, columns=_COLUMNS[stream]):
                    if stream == "ticks":
                        yield from _ticks(part, folders[-1].removeprefix("pair="))
                    else:
                        yield from _feed_ticks(part)
        except (OSError, pyarrow.ArrowException) as error:
            reason = str(error).splitlines()[0]
            raise Unreadable(f"the archive's file {self.folder / path} cannot be read: {reason}") from None


def _integers(part: Any, names: list[str]) -> list[list[int]]:
    return [part.column(name).cast("int64").to_pylist() for name in names]


def _ticks(part: Any, pair: str) -> Iterator[Tick]:
    for position, broker, receive, bid, ask, flags in zip(*_integers(part, _COLUMNS["ticks"]), strict=True):
        yield Tick(position, pair, broker, receive, bid, ask, flags & 0xFFFF_FFFF)


def _feed_ticks(part: Any) -> Iterator[Tick]:
    """The ticks of odd times and names, which lie among clocks and events."""
    *names, kind, pair = _COLUMNS["feed"]
    texts = (part.column(name).to_pylist() for name in (kind, pair))
    for position, broker, receive, bid, ask, flags, kind, pair in zip(*_integers(part, names), *texts, strict=True):
        if kind == "TICK":
            yield Tick(position, _name(pair), broker, receive, bid, ask, flags & 0xFFFF_FFFF)


def _name(pair: str) -> str:
    if not pair.startswith("0x"):
        return pair
    return bytes.fromhex(pair[2:]).rstrip(b"\0").decode("ascii", "replace")
