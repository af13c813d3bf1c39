"""What has been learnt of the datastreams of a city, in shared memory: works writes, hub reads."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.prevent.anomaly import older
from tianmu.prevent.anomaly.band import ready, usual
from tianmu.prevent.anomaly.layout import EXACT, LASTING, OPEN, SMALL, TOLD
from tianmu.store.live.snapshot import Frozen, load
from tianmu.store.shared import Shared

log = logging.getLogger("tianmu.prevent")

NAME = "anomaly"
"""of the tables in memory, and of the series of snapshots"""
TABLES = {"exact": ("<f8", EXACT), "small": ("<f4", SMALL), "row": ("<u4", 1)}
"""``row`` (by datastream) is one more than the datastream's row in the others; 0: none yet"""


class Learnt:
    """Rows are given out as datastreams first speak: what is silent, or not watched, costs four
    bytes."""

    def __init__(self, data: Path) -> None:
        """For the process that learns; empty."""
        self._data = Path(data)
        self._shared = Shared(self._data, NAME, TABLES)
        self.rows = 0
        """given out"""
        self.refused = 0
        """datastreams for which there was no room, counted each time they speak"""
        self._full: set[str] = set()
        """tables of which it was said that they cannot grow"""

    # the tables

    @property
    def exact(self) -> NDArray[np.float64]:
        return self._shared["exact"]

    @property
    def small(self) -> NDArray[np.float32]:
        return self._shared["small"]

    @property
    def row(self) -> NDArray[np.uint32]:
        return self._shared["row"][:, 0]

    @property
    def nbytes(self) -> int:
        return sum(self._shared[table].nbytes for table in TABLES)

    def row_of(self, datastream: int) -> int:
        """-1 where nothing of it has been learnt."""
        return int(self.row[datastream]) - 1 if datastream < len(self.row) else -1

    def give(self, datastream: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Rows of these datastreams, new ones where they speak for the first time; -1 where there
        was no room."""
        if not len(datastream):
            return np.zeros(0, np.int64)
        have = self._grown("row", int(datastream.max()) + 1)
        if have <= int(datastream.max()):
            found = np.full(len(datastream), -1, np.int64)
            able = datastream < have
            self.refused += int((~able).sum())
            found[able] = self.give(datastream[able])
            return found
        rows = self.row[datastream].astype(np.int64) - 1
        fresh = np.flatnonzero(rows < 0)
        if not len(fresh):
            return rows
        names, first = np.unique(datastream[fresh], return_index=True)
        names = names[np.argsort(first)]  # as they spoke: a replay gives the same rows
        more = self._room(len(names))
        if more < len(names):
            self.refused += len(names) - more
            names = names[:more]
        self.row[names] = np.arange(self.rows, self.rows + more, dtype=np.uint32) + 1
        self.rows += more
        given: NDArray[np.int64] = self.row[datastream].astype(np.int64) - 1
        return given

    def _room(self, wanted: int) -> int:
        """How many more rows there are, having grown if that is possible."""
        rows = [self._grown(table, self.rows + wanted) for table in ("exact", "small")]
        return min(wanted, min(rows) - self.rows)

    def _grown(self, table: str, rows: int) -> int:
        """Rows that a table has, having grown if that is possible. Said once: whatever speaks asks
        for room again, many times a second."""
        try:
            self._shared.grow(table, rows)
        except OSError as error:
            if table not in self._full:
                self._full.add(table)
                log.warning("anomaly detection learns no more datastreams: %s", error)
        return len(self._shared[table])

    # what stands

    def holds(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these rows have an alarm that goes on."""
        small = self.small
        found: NDArray[np.bool_] = (
            (small[rows, OPEN] > 0) | (small[rows, LASTING] > 0) | (small[rows, TOLD] == 1)
        )
        return found

    def agree(self, told: NDArray[np.int64]) -> None:
        """After a replay: what was told is what stands; an alarm that only the replay found (the
        threshold is another by now) is not one."""
        other = np.ones(self.rows, np.bool_)
        other[told] = False
        quiet = np.flatnonzero(other)
        self.small[quiet, OPEN] = 0
        self.small[quiet, LASTING] = 0

    # snapshots

    def save(self, positions: dict[str, int]) -> None:
        """Write what has been learnt up to ``positions``; from the tables as they are, so that a
        whole city needs no second copy of them. Raises ``OSError`` where the disk is full."""
        used = slice(0, self.rows)
        columns: dict[str, NDArray[Any]] = {
            "exact": self.exact[used],
            "small": self.small[used],
            "row": self._shared["row"],
        }
        Frozen(self._data, positions, {}, columns, NAME).write()

    def load(self, committed: dict[str, int], clock: float = 0.0) -> dict[str, int]:
        """Take over the newest snapshot; the positions it stands at, none where there is none that
        can be used. ``clock``: as for ``kernel.step``, for what was learnt by UTC."""
        found = load(self._data, NAME, self._place)
        ahead = [] if found is None else [
            topic for topic, p in found.positions.items() if p > committed.get(topic, 0)
        ]  # fmt: skip
        if found is None or ahead:
            for table in TABLES:  # what was read of one that is not whole
                self._shared[table][:] = 0
            if ahead:
                log.warning("what was learnt before is ahead of what was committed on %s", ahead)
            return {}
        self.rows = len(found.columns["exact"])
        width = found.columns["small"].shape[1]
        if width in older.FORMER:
            older.take_over(self.small, self.rows, width, clock)
            log.info("what an earlier release had learnt is taken over")
        return found.positions

    def _place(self, table: str, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        """Where a column of a snapshot is read to: straight into the tables, so that a whole city
        needs no second copy. Raises ``ValueError`` where it is of another release."""
        wanted, numbers = TABLES[table]
        former = table == "small" and len(shape) == 2 and shape[1] in older.FORMER
        if np.dtype(dtype) != np.dtype(wanted) or not (former or shape[1:] == (numbers,)):
            raise ValueError(f"{table} of {dtype} and {shape[1:]}: of another release")
        rows = older.rows_for(shape[0], shape[1]) if former else shape[0]
        self._shared.grow(table, rows)
        held: NDArray[Any] = self._shared[table]
        if former:
            return older.room(held, shape[0], shape[1])
        held[shape[0] :] = 0
        return held[: shape[0]]

    def close(self) -> None:
        self._shared.close()


class Glance:
    """What hub sees of it. Raises ``NotThere`` where nobody learns yet."""

    def __init__(self, data: Path) -> None:
        self._shared = Shared.open_readonly(data, NAME, TABLES)

    def band(
        self, datastream: int, at: int, clock: float = 0.0
    ) -> tuple[float, float, float] | None:
        """(expected, low, high) of a usual value at ``at`` (µs), ``clock`` as it was learnt by; nan
        each while there is too little to judge by; None where it is not learnt."""
        row = self._shared["row"]
        if datastream >= len(row) or not row[datastream, 0]:
            return None
        place = int(row[datastream, 0]) - 1
        exact, small = self._shared["exact"], self._shared["small"]
        nothing = float("nan"), float("nan"), float("nan")
        if place >= min(len(exact), len(small)):
            return nothing
        exactly, roughly = np.array(exact[place]), np.array(small[place])
        if not ready(roughly):
            return nothing
        middle, half = usual(exactly, roughly, at / 1e6, clock)
        return float(middle), float(middle - half), float(middle + half)

    def close(self) -> None:
        self._shared.close()
