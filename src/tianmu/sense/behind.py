"""How far the readers of ordinary observations are behind, in seconds, by what they committed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tianmu.facts.topic import OBSERVATION
from tianmu.store.journal.contract import Purged
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.purge import positions

READERS = ("watch", "history")


class Behind:
    """Looks from outside; a reader that has no file yet is not behind."""

    def __init__(self, data: Path, now: Callable[[], int]) -> None:
        self._data, self._now = data, now
        self._journal = SqliteJournal(data)

    def look(self) -> dict[str, float]:
        """Reader → age (s) of the oldest entry that it has not read; 0 where it has read all."""
        read = positions(self._data)
        return {name: self._one(read.get((name, OBSERVATION.name))) for name in READERS}

    def _one(self, position: int | None) -> float:
        if position is None:
            return 0.0
        try:
            entries = self._journal.read(OBSERVATION.name, position, entries=1)
        except Purged:
            return 0.0
        return max(0.0, (self._now() - entries[0].at) / 1_000_000) if entries else 0.0

    def close(self) -> None:
        self._journal.close()
