"""Watch's commits: what a step found and how far it has read, together or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tianmu.prevent.alarm import table as alarm_table
from tianmu.prevent.alarm.book import Book, Drained
from tianmu.prevent.watch import save
from tianmu.store.records import Records


class _Waiting(msgspec.Struct):
    drained: Drained
    rows: list[tuple[Any, ...]]
    positions: dict[str, int]
    totals: dict[str, int]
    at: int


class Writer:
    """Gathers what is to be written and keeps it until it is on disk."""

    def __init__(self, records: Records, reader: str) -> None:
        self._records, self._reader = records, reader
        self._waiting: _Waiting | None = None
        self._extra: dict[str, int] = {}
        self.counted: dict[str, int] = {}
        """the evaluator's counters as of the latest gathering"""
        self.totals: dict[str, int] = {}
        """counts since the beginning, as on disk"""
        self.committed: dict[str, int] = {}
        self.written_at = 0

    def start(self, topics: Iterable[str], now: int) -> None:
        """Make the tables; read positions and totals."""
        self._records.create(alarm_table.METADATA, room=alarm_table.ROOM)
        self.committed = self._records.transact(
            lambda tx: {topic: tx.position(self._reader, topic) for topic in topics}
        )
        self.totals = self._records.read(alarm_table.totals)
        self.written_at = now

    @property
    def waiting(self) -> bool:
        """Something was gathered and is not on disk yet."""
        return self._waiting is not None

    def count(self, name: str, n: int) -> None:
        """Add to a total that the evaluator does not count."""
        if n:
            self._extra[name] = self._extra.get(name, 0) + n

    def gather(
        self,
        book: Book,
        positions: Mapping[str, int],
        counters: Mapping[str, int],
        now: int,
        *,
        idle: bool,
    ) -> bool:
        """Take over what the book has to be written; positions alone only when ``idle``.

        Returns whether there is something to write.
        """
        moved = dict(positions) != self.committed
        if not book.out and not (moved and idle):
            return False
        drained = book.drain()
        totals = {name: n - self.counted.get(name, 0) for name, n in counters.items()}
        totals |= self._extra
        totals["transitions"] = len(drained.steps)
        totals["refusals"] = len(drained.refusals)
        self.counted, self._extra = dict(counters), {}
        rows = save.rows_of(drained)
        self._waiting = _Waiting(drained, rows, dict(positions), totals, now)
        return True

    def write(self) -> None:
        """Commit what waits. Raises ``DiskFull`` and keeps it where there is no room."""
        waiting = self._waiting
        if waiting is None:
            return

        def write(tx: Any) -> None:
            save.save(tx, waiting.drained, waiting.rows, waiting.at)
            save.add_totals(tx, waiting.totals)
            for topic, position in waiting.positions.items():
                if position != self.committed.get(topic):
                    tx.advance(self._reader, topic, position)

        self._records.transact(write)
        self._waiting = None
        self.committed = waiting.positions
        self.written_at = waiting.at
        for name, n in waiting.totals.items():
            self.totals[name] = self.totals.get(name, 0) + n
