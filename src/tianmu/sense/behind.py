"""How far the readers of ordinary observations are behind, in seconds, by what they committed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pysqlite3 import dbapi2

from tianmu.facts.topic import OBSERVATION
from tianmu.store.journal.contract import Purged
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records

READERS = {"watch": ("watch", "watch"), "history": ("works", "history")}
"""name → file with its read position, and the reader's name in it"""


class Behind:
    """Looks from outside; a reader that has no file yet is not behind."""

    def __init__(self, data: Path, now: Callable[[], int]) -> None:
        self._data, self._now = data, now
        self._journal = SqliteJournal(data)

    def look(self) -> dict[str, float]:
        """Reader → age (s) of the oldest entry that it has not read; 0 where it has read all."""
        return {name: self._one(*where) for name, where in READERS.items()}

    def _one(self, file: str, reader: str) -> float:
        try:
            with Records(self._data / f"{file}.sqlite", readonly=True) as records:
                position = records.positions().get((reader, OBSERVATION.name))
        except FileNotFoundError:
            return 0.0
        except dbapi2.OperationalError as error:
            if "no such table" not in str(error):  # its process is just making it
                raise
            return 0.0
        if position is None:
            return 0.0
        try:
            entries = self._journal.read(OBSERVATION.name, position, entries=1)
        except Purged:
            return 0.0
        return max(0.0, (self._now() - entries[0].at) / 1_000_000) if entries else 0.0

    def close(self) -> None:
        self._journal.close()
