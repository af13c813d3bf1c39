"""A batch of observations against what has been learnt: what begins to be unusual, what ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tianmu.facts.batch import UNCERTAIN
from tianmu.prevent.anomaly.bank import REASONS
from tianmu.prevent.anomaly.kernel import LATE, STRICTEST, judge
from tianmu.prevent.anomaly.layout import LAST, STRICT, TIME
from tianmu.prevent.anomaly.learnt import Learnt
from tianmu.prevent.anomaly.policy import STRICTER
from tianmu.prevent.anomaly.watched import NOT, Watched
from tianmu.prevent.kernel.program import Columns

AHEAD = 3_600_000_000
"""µs: a time that lies farther after its arrival is not believed (as in watch)"""


@dataclass(frozen=True)
class Begun:
    """Values of a datastream are unusual from this one on."""

    datastream: int
    time: int
    value: float
    expected: float | None
    half: float
    """half the width of what is usual about ``expected``"""
    chance: float
    why: str
    worse: bool = False
    """they were before, and this one is far more so"""


@dataclass(frozen=True)
class Ended:
    datastream: int
    time: int
    value: float


@dataclass
class Judge:
    """``standing`` holds the datastreams whose alarm goes on, as it was told."""

    learnt: Learnt
    watched: Watched
    standing: set[int] = field(default_factory=set)
    by_kind: list[int] = field(default_factory=list)
    """datastreams that are learnt, by number of their kind"""
    counts: dict[str, int] = field(default_factory=dict)
    """``learnt``, ``late``, ``ahead``, ``bad``, ``no_room``: observations"""

    def count_kinds(self) -> None:
        """Count ``by_kind`` anew."""
        group = self.watched.group
        spoken = np.flatnonzero(self.learnt.row[: len(group)])
        kinds = group[spoken]
        counted = np.bincount(kinds[kinds != NOT], minlength=len(self.watched.kinds))
        self.by_kind = [int(n) for n in counted]

    def run(
        self,
        columns: Columns,
        per_week: Mapping[int, float],
        *,
        clock: float = 0.0,
        tell: bool = True,
    ) -> list[Begun | Ended]:
        """Judge and learn, in order. ``per_week``: kind's number → alarms a week of one datastream
        that its threshold is reckoned from; ``clock``: seconds by which the place's is ahead of
        UTC."""
        rows = self._believed(columns)
        learnt = self.learnt
        before = learnt.rows
        place = learnt.give(columns.datastream[rows])
        if learnt.rows != before:
            self.count_kinds()
        has = place >= 0
        self._count("no_room", int(len(has) - has.sum()))
        rows, place = rows[has], place[has]
        n = len(rows)
        if not n:
            return []
        rate = np.array([per_week[g] for g in range(len(self.watched.kinds))])
        time, value = columns.time[rows], columns.value[rows]
        score, expected, half = np.empty(n), np.empty(n), np.empty(n)
        alarm, why = np.empty(n, np.uint8), np.empty(n, np.uint8)
        judge(
            learnt.exact, learnt.small, place, time, value,
            rate[self.watched.group[columns.datastream[rows]]], clock, True,
            score, alarm, expected, why, half,
        )  # fmt: skip
        late = int((why == LATE).sum())
        self._count("late", late)
        self._count("learnt", n - late)
        if not tell:
            return []
        found: list[Begun | Ended] = []
        for i in np.flatnonzero(alarm):
            datastream = int(columns.datastream[rows[i]])
            worse = datastream in self.standing
            self.standing.add(datastream)
            middle = float(expected[i])
            found.append(
                Begun(
                    datastream=datastream,
                    time=int(time[i]),
                    value=float(value[i]),
                    expected=middle if np.isfinite(middle) else None,
                    half=float(half[i]),
                    chance=float(1 - score[i]),
                    why=REASONS[why[i]],
                    worse=worse,
                )
            )
        return found + self._ended()

    def _believed(self, columns: Columns) -> NDArray[np.int64]:
        """Rows that are watched and can be learnt from."""
        group = self.watched.group
        known = columns.datastream < len(group)
        kind = np.full(len(known), NOT, np.int16)
        kind[known] = group[columns.datastream[known]]
        watched = kind != NOT
        bad = watched & ((columns.quality > UNCERTAIN) | ~np.isfinite(columns.value))
        ahead = watched & (columns.time > columns.received + AHEAD)
        self._count("bad", int(bad.sum()))
        self._count("ahead", int((ahead & ~bad).sum()))
        return np.flatnonzero(watched & ~bad & ~ahead)

    def _ended(self) -> list[Begun | Ended]:
        """Those that stand and hold no more."""
        if not self.standing:
            return []
        names = np.array(sorted(self.standing), np.int64)
        place = self.learnt.row[names].astype(np.int64) - 1
        over = names[~self.learnt.holds(place)]
        ended: list[Begun | Ended] = []
        for datastream in over:
            self.standing.discard(int(datastream))
            exact = self.learnt.exact[self.learnt.row_of(int(datastream))]
            ended.append(
                Ended(int(datastream), round(float(exact[TIME]) * 1e6), float(exact[LAST]))
            )
        return ended

    def move(self, datastream: int, by: int) -> None:
        """What people said of a datastream's alarm: ``by`` 1 makes the next less easy, -1 easier,
        for as long as an alarm of its own does."""
        row = self.learnt.row_of(datastream)
        if row >= 0:
            strict = float(self.learnt.small[row, STRICT]) + by * STRICTER
            self.learnt.small[row, STRICT] = min(max(strict, 0.0), STRICTEST)

    def _count(self, name: str, n: int) -> None:
        if n:
            self.counts[name] = self.counts.get(name, 0) + n
