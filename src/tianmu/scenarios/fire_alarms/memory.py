"""What became of earlier alarms: a Beta count for each detector, and for each building.

The prior of both is the city's share of real alarms; each alarm whose case was closed adds one to
the real or to the false ones of its detector and of its building. A burst of alarms of one
detector counts once.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from dataclasses import dataclass

from tianmu.scenarios.fire_alarms.event import MINUTE, REAL, Event
from tianmu.scenarios.fire_alarms.figures import Counted, Evidence


@dataclass
class Count:
    real: int = 0
    false: int = 0

    @property
    def known(self) -> int:
        return self.real + self.false


def weight(count: Count, prior: float, counted: Counted) -> float:
    """How much likelier the count makes a real fire: the logarithm of its odds over the prior's."""
    real = prior * counted.strength + count.real
    false = (1 - prior) * counted.strength + count.false
    found = math.log(real / false) - math.log(prior / (1 - prior))
    return max(-counted.most, min(counted.most, found))


class Memory:
    """Give it events in the order of their times; what it answers rests on ends that were known
    by then, so a replay learns nothing from its future."""

    def __init__(self, figures: Evidence) -> None:
        self._figures = figures
        self._own: dict[tuple[str, str], Count] = defaultdict(Count)
        self._building: dict[str, Count] = defaultdict(Count)
        self._coming: list[tuple[int, int, Event]] = []
        self._last: dict[tuple[str, str], int] = {}
        self._number = 0

    def add(self, event: Event) -> None:
        """An alarm; one without an end, or of a burst that has been counted, adds nothing."""
        if not event.verdict:
            return
        key = (event.building, event.detector)
        before = self._last.get(key)
        self._last[key] = event.at
        if before is not None and event.at - before <= self._figures.burst_min * MINUTE:
            return
        self._number += 1
        heapq.heappush(self._coming, (event.settled, self._number, event))

    def learn(self, until: int) -> None:
        """Take in the ends that were known before ``until`` (µs)."""
        while self._coming and self._coming[0][0] <= until:
            _, _, event = heapq.heappop(self._coming)
            for count in (
                self._own[event.building, event.detector], self._building[event.building],
            ):  # fmt: skip
                if event.verdict == REAL:
                    count.real += 1
                else:
                    count.false += 1

    def own(self, event: Event) -> Count:
        return self._own.get((event.building, event.detector), Count())

    def others(self, event: Event) -> Count:
        """Of the building without this detector: nothing is counted twice."""
        whole, own = self._building.get(event.building, Count()), self.own(event)
        return Count(whole.real - own.real, whole.false - own.false)
