"""Things that happen in a day of recorded truth: where, when, and how many at once.

Drawn from the pack's day of truth (``truth.toml``, as plain data) and a seed; nothing of what
merges the signals is known here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tianmu.rehearse.truth.fleet import scatter
from tianmu.rehearse.truth.incident import METRES

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Thing:
    """One real-world problem. ``at`` is s since the day's beginning; ``over`` when it is over."""

    number: int
    story: dict[str, Any]
    at: float
    over: float
    longitude: float
    latitude: float
    division: str
    """the town it lies in"""
    again_of: int = -1
    """the thing that happened here before, -1 none"""


class Things:
    """Draws what happens. ``truth`` and ``seeding`` are the pack's, as plain data; ``towns`` is
    GeoJSON with a ``division`` for each feature."""

    def __init__(
        self,
        truth: dict[str, Any],
        seeding: dict[str, Any],
        towns: dict[str, Any],
        random: np.random.Generator,
    ) -> None:
        self._truth, self._random = truth, random
        self._weights, self._towns = seeding["weights"], towns
        self._stories: list[dict[str, Any]] = truth["story"]
        share = np.array([one["share"] for one in self._stories], dtype=float)
        self._share = share / share.sum()
        self._count = 0

    def signals_of_one(self) -> float:
        """How many signals a thing has on average."""
        each = np.array([_signals(one) for one in self._stories])
        return float(each @ self._share)

    def draw(self, hours: float) -> list[Thing]:
        """What happens in so many hours, in the order of its beginning."""
        truth, random = self._truth, self._random
        # a twin, a stranger and a second time are things of their own
        more = 1 + truth["twin"] + truth["stranger"] + truth["again"]
        count = int(truth["signals_per_hour"] * hours / self.signals_of_one() / more)
        x, y, towns = scatter(self._weights, self._towns, count, random)
        at = random.uniform(0, hours * 3600, count)
        which = random.choice(len(self._stories), count, p=self._share)
        twin, stranger, again = random.random((count, 3)).T
        found: list[Thing] = []
        for i in range(count):
            story = self._stories[int(which[i])]
            spot = (float(x[i]), float(y[i]), towns[i])
            first = self._one(story, float(at[i]), spot)
            found.append(first)
            if twin[i] < truth["twin"]:
                found.append(self._twin(first))
            if stranger[i] < truth["stranger"]:
                found.append(self._stranger(first))
            if again[i] < truth["again"]:
                later = first.over + self._between(truth["again_min"]) * MINUTE_S
                found.append(self._one(story, later, spot, again_of=first.number))
        found.sort(key=lambda one: (one.at, one.number))
        return found

    def _between(self, low_high: Any) -> float:
        return float(self._random.uniform(low_high[0], low_high[1]))

    def _one(
        self,
        story: dict[str, Any],
        at: float,
        spot: tuple[float, float, str],
        *,
        again_of: int = -1,
    ) -> Thing:
        last = max((told["after_s"][1] for told in _tellers(story)), default=0.0)
        lasts = self._between(story["lasts_min"]) * MINUTE_S
        over = at + max(lasts, last + self._between(self._truth["wait_min"]) * MINUTE_S)
        number, self._count = self._count, self._count + 1
        return Thing(number, story, at, over, *spot, again_of=again_of)

    def _twin(self, first: Thing) -> Thing:
        """Another of the same kind not far from it, at about the same time."""
        spot = self.beside(first, self._between(first.story["apart_m"]))
        at = first.at + self._between((-600, 600))
        return self._one(first.story, max(0.0, at), (*spot, first.division))

    def _stranger(self, first: Thing) -> Thing:
        """Something else on the very spot."""
        story = first.story
        while story["matter"] == first.story["matter"]:
            story = self._stories[int(self._random.choice(len(self._stories), p=self._share))]
        spot = self.beside(first, self._between((0, 30)))
        at = first.at + self._between((-600, 600))
        return self._one(story, max(0.0, at), (*spot, first.division))

    def beside(self, thing: Thing, far: float) -> tuple[float, float]:
        """A point ``far`` metres from the thing, in any direction."""
        angle = self._between((0, 2 * math.pi))
        east, north = far * math.cos(angle), far * math.sin(angle)
        return moved(thing.longitude, thing.latitude, east, north)

    def around(self, thing: Thing, within: float) -> tuple[float, float]:
        """A point within so many metres of the thing, evenly."""
        return self.beside(thing, within * math.sqrt(float(self._random.random())))


def moved(longitude: float, latitude: float, east: float, north: float) -> tuple[float, float]:
    """A point so many metres to the east and north."""
    stretch = math.cos(math.radians(latitude))
    return longitude + east / (METRES * stretch), latitude + north / METRES


def _tellers(story: dict[str, Any]) -> list[dict[str, Any]]:
    return [*story["alarms"], *story["told"]]


def _signals(story: dict[str, Any]) -> float:
    """Signals that a story has on average."""
    found = 0.0
    for one in _tellers(story):
        middle = (one["number"][0] + one["number"][1]) / 2
        found += middle / (1 - one.get("chatter", 0.0))
    return found
