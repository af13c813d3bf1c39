"""What tells as one in a day with recorded truth, and what it says of a thing of each story.

A *voice* is the reports of one number, or the alarms of devices that hang together in one thing (of
a device that hangs on nothing, its own). Of a thing of some story several voices say together how
many have told by each part of the story, between which times it began and where it lies: a sum of
their words, times and points, whatever their order. Points are weighed as if people and devices
stood around the middle of a thing as a normal law says; the day's own draws are even within a
circle of the same spread.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from benchmarks.merge_knower import SLACK_S, Knower, Spec
from tianmu.city.city import City
from tianmu.facts.alarm import AlarmEvent
from tianmu.facts.place import Place
from tianmu.facts.report import Report
from tianmu.manage.signals.heard import from_device, from_person
from tianmu.manage.signals.vocabulary import Vocabulary
from tianmu.rehearse.truth.incident import METRES

NEIGHBOURS = 60
"""voices around a point by which it is told how crowded it is there"""
REACH = 4.5
"""standard deviations beyond which no two are told of one thing"""
LOG_CIRCLE = math.log(2 * math.pi)


@dataclass(frozen=True, slots=True)
class Fit:
    """What voices say of a thing if it is of one story."""

    counts: tuple[int, ...]
    """of each part of the story: its alarms, then who tells of it"""
    low: float
    high: float
    """s since the day's beginning, between which it began"""
    log: float
    """log of how likely each is told so, by itself"""
    weight: float = 0.0
    """sum of the points' weights, 1/m²; 0 where there is none"""
    east: float = 0.0
    north: float = 0.0
    square: float = 0.0
    """weighted sums of the points and of their squares, m from the city's middle"""
    crowd: float = 0.0
    """sum over the points of the log of the share of all things in a square metre there"""
    points: int = 0

    def __add__(self, other: Fit) -> Fit:
        return Fit(
            tuple(map(int.__add__, self.counts, other.counts)),
            max(self.low, other.low),
            min(self.high, other.high),
            self.log + other.log,
            self.weight + other.weight,
            self.east + other.east,
            self.north + other.north,
            self.square + other.square,
            self.crowd + other.crowd,
            self.points + other.points,
        )

    def where(self) -> float:
        """log of how likely the points are together; of one alone, how crowded it is there."""
        if not self.weight:
            return 0.0
        off = self.square - (self.east**2 + self.north**2) / self.weight
        return LOG_CIRCLE - math.log(self.weight) - max(off, 0.0) / 2 + self.crowd / self.points


@dataclass(slots=True)
class Voice:
    """What tells as one."""

    signals: list[str]
    town: str
    """where it says it is; empty for devices without a place"""
    point: tuple[float, float] | None
    """m to the east and north of the city's middle"""
    fits: dict[int, Fit]
    """by the place of a story in the day's rules: only those that it may be of"""
    names: NDArray[np.float64] | None = None
    """how often each spot is named"""
    labels: tuple[tuple[str, str], ...] = ()
    """what the devices hang on"""
    beside: list[int] = field(default_factory=list)
    """voices that may be of one thing with it"""


class Voices:
    """All of a day. ``town``: signal → the town that it tells of."""

    def __init__(self, knower: Knower, town: dict[str, str]) -> None:
        self.knower, self._town = knower, town
        self.stories = knower.rules["story"]
        self.specs: list[list[Spec]] = [
            [(part, place) for part in ("alarms", "told") for place in range(len(story[part]))]
            for story in self.stories
        ]
        latitude = float(np.mean([one.latitude for one in knower.made.things]))
        longitude = float(np.mean([one.longitude for one in knower.made.things]))
        self._middle = longitude, latitude
        self._metres = METRES * math.cos(math.radians(latitude)), METRES
        self._crowd = self._crowded()
        self.all = [*self._reports(), *self._devices()]
        self._beside()

    # -- where ---------------------------------------------------------------------------------

    def _point(self, place: Place) -> tuple[float, float] | None:
        if place.longitude is None or place.latitude is None:
            return None
        return (
            (place.longitude - self._middle[0]) * self._metres[0],
            (place.latitude - self._middle[1]) * self._metres[1],
        )

    def _crowded(self) -> cKDTree:
        """Where devices stand that told, each counted once."""
        first: dict[str, tuple[float, float]] = {}
        for fact in self.knower.facts.values():
            if isinstance(fact, AlarmEvent) and not self.knower.labels[fact.device]:
                point = self._point(fact.place)
                if point:
                    first.setdefault(fact.device, point)
        return cKDTree(np.array(list(first.values())))

    def _at(self, point: tuple[float, float], variance: float) -> Fit:
        """What one point says, of this many m² around the middle of the thing."""
        tree = self._crowd
        many = min(NEIGHBOURS, tree.n - 1)
        far = float(np.max(tree.query(point, k=many + 1)[0]))
        crowd = math.log(many / tree.n / (math.pi * far * far))
        weight, (x, y) = 1 / variance, point
        log = math.log(weight) - LOG_CIRCLE
        square = weight * (x * x + y * y)
        return Fit((), -math.inf, math.inf, log, weight, weight * x, weight * y, square, crowd, 1)

    # -- what is told --------------------------------------------------------------------------

    def _reports(self) -> list[Voice]:
        found = []
        for reports in self.knower.by_number().values():
            signals = [f"report:{one.report}" for one in reports]
            point = self._point(reports[0].place)
            fits = {}
            for story in range(len(self.stories)):
                fit = self._of_reports(story, reports, point)
                if fit:
                    fits[story] = fit
            names = self.knower.names(reports)
            found.append(Voice(signals, self._town[signals[0]], point, fits, names))
        return found

    def _of_reports(
        self, place: int, reports: list[Report], point: tuple[float, float] | None
    ) -> Fit | None:
        """By the part of the story by which they are likeliest told so."""
        story, best = self.stories[place], None
        for spec in self.knower._specs(story, reports[0]):
            told = self.knower._told(story, spec, reports)
            if not told:
                continue
            fit = self._moment(place, spec, self.knower.at(reports[0]), math.log(told))
            if point:
                where = self._precise(story, spec, reports[0].place)
                if where is None:
                    continue
                often, variance = where
                there = self._at(point, variance)
                fit = _spread(fit, there, math.log(often))
            if best is None or fit.log > best.log:
                best = fit
        return best

    def _precise(self, story: Any, spec: Spec, place: Place) -> tuple[float, float] | None:
        """How often a point is told so precisely, and its variance then, m²."""
        one = story["told"][spec[1]]
        how = self.knower.rules["source"][one["channel"]]
        vague = float(one.get("off_m", 0.0))
        off = max(float(how["off_m"]), vague)
        says = max(float(how["precision_m"]), 2 * vague)
        coarse = float(how.get("coarse", 0.0))
        for times, often in ((1.0, 1 - coarse), (10.0, coarse)):
            if often and math.isclose(place.precision or 0.0, times * says):
                spread = float(story["spread_m"])
                return often, (times * off) ** 2 + spread**2 / 4
        return None

    def _moment(self, story: int, spec: Spec, at: float, log: float) -> Fit:
        """One told by a part of a story at a time, s."""
        low, high = self.stories[story][spec[0]][spec[1]].get("after_s", (0, 0))
        counts = tuple(int(one == spec) for one in self.specs[story])
        log -= math.log(high - low + SLACK_S)
        return Fit(counts, at - high - SLACK_S / 2, at - low + SLACK_S / 2, log)

    def _devices(self) -> list[Voice]:
        groups: dict[Hashable, list[AlarmEvent]] = defaultdict(list)
        for signal, fact in self.knower.facts.items():
            if isinstance(fact, AlarmEvent):
                hangs = self.knower.labels[fact.device] or fact.device
                groups[self.knower.truth[signal], hangs].append(fact)
        return [self._of_devices(alarms) for alarms in groups.values()]

    def _of_devices(self, alarms: list[AlarmEvent]) -> Voice:
        first: dict[str, AlarmEvent] = {}
        for one in sorted(alarms, key=lambda one: one.observed_at):
            first.setdefault(one.device, one)
        firsts = list(first.values())
        off = float(self.knower.rules["source"]["device"]["off_m"])
        fits = {}
        for place, story in enumerate(self.stories):
            specs = self.knower._specs_of_all(story, firsts)
            parts = []
            for spec, alarm in zip(specs, firsts if specs else (), strict=True):
                fit = self._moment(place, spec, self.knower.at(alarm), 0.0)
                point = self._point(alarm.place)
                if point:
                    within = float(story["alarms"][spec[1]]["within_m"])
                    fit = _spread(fit, self._at(point, off**2 + within**2 / 4), 0.0)
                parts.append(fit)
            if parts:
                whole = parts[0]
                for fit in parts[1:]:
                    whole = whole + fit
                if whole.low < whole.high:
                    fits[place] = whole
        placed = [one for one in firsts if one.place.longitude is not None]
        town = self._town[f"alarm:{placed[0].alarm}"] if placed else ""
        signals = [f"alarm:{one.alarm}" for one in alarms]
        point = self._point(placed[0].place) if placed else None
        return Voice(signals, town, point, fits, labels=self.knower.labels[firsts[0].device])

    # -- who may be beside whom ----------------------------------------------------------------

    def _beside(self) -> None:
        near: dict[int, set[int]] = defaultdict(set)
        for story in range(len(self.stories)):
            some = [place for place, one in enumerate(self.all) if story in one.fits]
            some.sort(key=lambda place: self.all[place].fits[story].low)
            if some:
                self._beside_in(story, some, near)
        for place, others in near.items():
            self.all[place].beside = sorted(others)

    def _beside_in(self, story: int, some: list[int], near: dict[int, set[int]]) -> None:
        fits = [self.all[place].fits[story] for place in some]
        lows = np.array([fit.low for fit in fits])
        spots = np.array([self.all[place].point or (math.nan, math.nan) for place in some])
        spreads = np.array([fit.points / fit.weight if fit.weight else math.nan for fit in fits])
        for at, (place, fit) in enumerate(zip(some, fits, strict=True)):
            until = int(np.searchsorted(lows, fit.high))
            off = np.hypot(*(spots[at + 1 : until] - spots[at]).T)
            far = off > REACH * np.sqrt(spreads[at + 1 : until] + spreads[at])
            one = self.all[place]
            for other in np.flatnonzero(~far) + at + 1:  # what has no point is not far
                two = self.all[some[other]]
                if (one.point and two.point) or not (one.town and two.town) or one.town == two.town:
                    near[place].add(some[other])
                    near[some[other]].add(place)


def _spread(fit: Fit, there: Fit, log: float) -> Fit:
    """One voice with its point."""
    return Fit(
        fit.counts, fit.low, fit.high, fit.log + there.log + log, there.weight,
        there.east, there.north, there.square, there.crowd, 1,
    )  # fmt: skip


def numbers(story: Any, specs: list[Spec]) -> list[tuple[int, int]]:
    """Of each part of a story, how many tell of it at least and at most."""
    found = [story[part][place]["number"] for part, place in specs]
    return [(int(low), int(high)) for low, high in found]


def shares(counts: Counter[str]) -> dict[str, float]:
    """Of each, the log of its share of all."""
    whole = counts.total()
    return {one: math.log(many / whole) for one, many in counts.items()}


def towns(city: City, knower: Knower) -> dict[str, str]:
    """Signal → the division of the second tier that it tells of, as the city reads it."""
    vocabulary = Vocabulary.of(city)
    found = {}
    for signal, fact in knower.facts.items():
        if isinstance(fact, AlarmEvent):
            division = from_device(city, lambda _: {}, fact).place.division
        else:
            division = from_person(city, vocabulary, fact).place.division
        while division and city.divisions[division].parent:
            above = city.divisions[division].parent
            if not city.divisions[above].parent:
                break
            division = above
        found[signal] = division
    return found
