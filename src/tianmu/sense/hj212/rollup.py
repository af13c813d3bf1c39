"""Marks of records whose logger gives none (HJ/T 212-2005), from the marks of their values.

HJ 212-2017: a record of waste water is abnormal where one value of its interval is; one of flue
gas is normal where at least three quarters of its values are.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from tianmu.facts.batch import GOOD, UNCERTAIN

MINUTES, HOURS = 128, 32
"""how far back values are remembered, by minute and by hour: a day with its late records"""

FLUE_GAS = frozenset({"31", "51"})
NORMAL_SHARE = 0.75
"""of flue gas values that makes a record normal"""

LENGTHS = {"minute": 10, "hour": 60, "day": 1440}
"""minutes of a record; a minute record's is what the logger was told, ten by the standard"""


class _Tally:
    """Normal and abnormal values by minute and by hour, in rings."""

    def __init__(self) -> None:
        self.counts: NDArray[np.uint16] = np.zeros((MINUTES + HOURS, 2), dtype=np.uint16)
        self.number: NDArray[np.int64] = np.full(MINUTES + HOURS, -1, dtype=np.int64)

    def add(self, minute: int, normal: bool) -> None:
        for slot, number in (
            (minute % MINUTES, minute),
            (MINUTES + minute // 60 % HOURS, minute // 60),
        ):
            if number < self.number[slot]:
                continue  # so late that its slot has been taken
            if number > self.number[slot]:
                self.number[slot] = number
                self.counts[slot] = 0
            self.counts[slot, 0 if normal else 1] += 1

    def total(self, first: int, minutes: int) -> tuple[int, int]:
        """(normal, abnormal) from minute ``first`` on; whole hours beyond two hours."""
        if minutes <= MINUTES - 8:
            base, ring, first_number, count = 0, MINUTES, first, minutes
        else:
            base, ring, first_number, count = MINUTES, HOURS, first // 60, minutes // 60
        numbers = np.arange(first_number, first_number + count)
        slots = base + numbers % ring
        found = self.counts[slots[self.number[slots] == numbers]]
        return int(found[:, 0].sum()), int(found[:, 1].sum())


class RollUp:
    """Tallies of the stations that send records without marks; others cost nothing."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._stations: OrderedDict[str, dict[str, _Tally]] = OrderedDict()

    def watches(self, mn: str) -> bool:
        """Whether this station has sent a record without marks."""
        return mn in self._stations

    def note(self, mn: str, code: str, at: int, quality: int) -> None:
        """A real-time value of a watched station, ``at`` µs."""
        tallies = self._stations.get(mn)
        if tallies is not None:
            tally = tallies.get(code)
            if tally is None:
                tally = tallies[code] = _Tally()
            tally.add(at // 60_000_000, quality == GOOD)

    def judge(
        self, mn: str, system: str, code: str, start: int, period: str, minutes: int | None = None
    ) -> int:
        """Quality of a record without a mark that begins at ``start`` (µs); GOOD where nothing is
        known of its values. From here on the station is watched."""
        tallies = self._stations.setdefault(mn, {})
        if len(self._stations) > self._most:
            self._stations.popitem(last=False)
        tally = tallies.get(code)
        if tally is None:
            return GOOD
        length = minutes if period == "minute" and minutes else LENGTHS[period]
        normal, abnormal = tally.total(start // 60_000_000, length)
        if system in FLUE_GAS:
            return GOOD if normal >= NORMAL_SHARE * (normal + abnormal) else UNCERTAIN
        return UNCERTAIN if abnormal else GOOD
