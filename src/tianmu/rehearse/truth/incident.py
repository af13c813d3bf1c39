"""Incidents of a seeded city: what happens, which devices show it, who tells of it.

What truly happened is written down (``truth.jsonl``) before any signal of it is sent, so that what
the city missed can be counted afterwards.
"""

from __future__ import annotations

import heapq
import itertools
import math
import uuid
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tianmu.rehearse.truth.fleet import Fleet, scatter

METRES = 111_320.0
"""of one degree of latitude"""


@dataclass(frozen=True)
class Effect:
    """What one datastream shows instead of its usual value, from ``start`` to ``end`` (s)."""

    datastream: int
    shape: str
    value: float
    start: float
    end: float
    over_s: float
    incident: str = ""

    def at(self, now: float, usual: float) -> float | None:
        """The value at ``now``; None where it is silent."""
        if self.shape == "silent":
            return None
        if self.shape == "bits":
            return float(int(usual) | int(self.value))
        if self.shape == "ramp" and self.over_s > 0:
            share = min(1.0, max(0.0, (now - self.start) / self.over_s))
            return usual + (self.value - usual) * share
        return self.value


@dataclass(frozen=True)
class Telling:
    """A person who tells of it."""

    at: float
    channel: str
    matter: str
    longitude: float
    latitude: float
    division: str
    incident: str = ""
    """what it is about; empty: nothing that the feed wrote down"""


@dataclass
class Happening:
    """One incident that truly happens (or a false start that looks like one)."""

    incident: str
    code: str
    matter: str
    truth: bool
    void: bool
    at: float
    longitude: float
    latitude: float
    division: str
    effects: list[Effect] = field(default_factory=list)
    tellings: list[Telling] = field(default_factory=list)

    def record(self, fleet: Fleet) -> dict[str, Any]:
        """What the file of truth says of it."""
        return {
            "incident": self.incident,
            "code": self.code,
            "matter": self.matter,
            "truth": self.truth,
            "void": self.void,
            "at": self.at,
            "longitude": self.longitude,
            "latitude": self.latitude,
            "division": self.division,
            "devices": sorted({fleet.device(int(fleet.owner[e.datastream])) for e in self.effects}),
            "reports": len(self.tellings),
        }


LASTS_S = (600.0, 1800.0)
"""how long devices go on showing it, from … to"""


class Incidents:
    """Draws happenings by the pack's rates and finds the devices that would see them."""

    def __init__(
        self,
        seeding: dict[str, Any],
        towns: dict[str, Any],
        fleet: Fleet,
        random: np.random.Generator,
        *,
        per_hour: float | None = None,
    ) -> None:
        self._seeding, self._towns, self._fleet, self._random = seeding, towns, fleet, random
        self._specs = [i for i in seeding["incidents"] if i["per_day"] > 0]
        rates = np.array([i["per_day"] for i in self._specs], dtype=float)
        self._share = rates / rates.sum() if len(rates) else rates
        natural = rates.sum() * seeding["population"] / 100_000 / 24
        self.per_hour = natural if per_hour is None else per_hour
        self._trees: dict[str, tuple[cKDTree, NDArray[np.int64]]] = {}
        self._stretch = math.cos(
            math.radians(float(np.mean(fleet.latitude) if len(fleet.latitude) else 0))
        )

    def next_after(self, now: float) -> float:
        """When the next incident begins (s): exponential waits."""
        if not self.per_hour or not self._specs:
            return math.inf
        return now + float(self._random.exponential(3600 / self.per_hour))

    def draw(self, now: float) -> Happening:
        """An incident that begins now."""
        spec = self._specs[int(self._random.choice(len(self._specs), p=self._share))]
        longitude, latitude, division = self._somewhere()
        happening = Happening(
            incident=uuid.UUID(bytes=self._random.bytes(16), version=4).hex,
            code=spec["code"],
            matter=spec["matter"],
            truth=spec.get("truth", True),
            void=spec.get("void", False),
            at=now,
            longitude=longitude,
            latitude=latitude,
            division=division,
        )
        until = now + float(self._random.uniform(*LASTS_S))
        for signal in spec.get("signals", ()):
            self._add_effects(happening, signal, until)
        for told in spec.get("told", ()):
            self._add_tellings(happening, told)
        return happening

    def _somewhere(self) -> tuple[float, float, str]:
        """A place of the city, by the weights: longitude, latitude, division."""
        longitude, latitude, division = scatter(
            self._seeding["weights"], self._towns, 1, self._random
        )
        return float(longitude[0]), float(latitude[0]), division[0]

    def _add_effects(self, happening: Happening, signal: dict[str, Any], until: float) -> None:
        if self._random.random() > signal.get("chance", 1.0):
            return
        wanted = int(self._random.integers(signal["devices"][0], signal["devices"][1] + 1))
        near = self._near(
            signal["kind"], signal["property"], happening, signal.get("within_m", 300.0)
        )
        for datastream in near[:wanted]:
            start = happening.at + float(self._random.uniform(*signal.get("after_s", (0, 0))))
            lasts = signal.get("for_s") or (until - start)
            happening.effects.append(
                Effect(
                    datastream=int(datastream),
                    shape=signal["shape"],
                    value=float(signal.get("value", 0.0)),
                    start=start,
                    end=start + max(1.0, lasts),
                    over_s=float(signal.get("over_s", 0.0)),
                    incident=happening.incident,
                )
            )

    def _near(
        self, kind: str, property_: str, happening: Happening, within_m: float
    ) -> NDArray[np.int64]:
        """Datastreams of a kind's property near the happening, the nearest first."""
        fleet = self._fleet
        if kind not in fleet.kinds:
            return np.empty(0, dtype=np.int64)
        key = f"{kind}/{property_}"
        if key not in self._trees:
            number = fleet.kinds.index(kind)
            which = np.flatnonzero(
                (fleet.kind[fleet.owner] == number)
                & (np.array(fleet.property, dtype=object) == property_)
            )
            owner = fleet.owner[which]
            points = np.column_stack(
                (fleet.longitude[owner] * METRES * self._stretch, fleet.latitude[owner] * METRES)
            )
            self._trees[key] = (cKDTree(points), which) if len(which) else (None, which)
        tree, which = self._trees[key]
        if tree is None:
            return which
        here = (happening.longitude * METRES * self._stretch, happening.latitude * METRES)
        distance, found = tree.query(here, k=min(16, len(which)), distance_upper_bound=within_m)
        near = np.atleast_1d(found)[np.isfinite(np.atleast_1d(distance))]
        return np.asarray(which[near], dtype=np.int64)

    def _add_tellings(self, happening: Happening, told: dict[str, Any]) -> None:
        low, high = told.get("number", (0, 1))
        for _ in range(int(self._random.integers(low, high + 1))):
            off = self._random.normal(0, told.get("offset_m", 40.0), 2) / METRES
            happening.tellings.append(
                Telling(
                    at=happening.at + float(self._random.uniform(*told.get("after_s", (0, 0)))),
                    channel=told["channel"],
                    matter=told.get("matter") or happening.matter,
                    longitude=round(happening.longitude + off[0] / self._stretch, 6),
                    latitude=round(happening.latitude + off[1], 6),
                    division=happening.division,
                    incident=happening.incident,
                )
            )


class Queue:
    """Things that are due at a time, soonest first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Any]] = []
        self._count = itertools.count()

    def put(self, at: float, thing: Any) -> None:
        heapq.heappush(self._heap, (at, next(self._count), thing))

    def due(self, now: float) -> list[Any]:
        found = []
        while self._heap and self._heap[0][0] <= now:
            found.append(heapq.heappop(self._heap)[2])
        return found
