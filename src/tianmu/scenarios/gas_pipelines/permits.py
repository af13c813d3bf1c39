"""Permits to dig, laid over the pipes: which come near one, and how near."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import msgspec
import numpy as np
import shapely
from shapely.errors import ShapelyError

from tianmu.facts.place import DEGREE_M
from tianmu.scenarios.gas_pipelines.network import Network
from tianmu.scenarios.settings import settings_of


class Ranges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Metres from the outside of a pipe."""

    protected: float
    """nothing may be dug without the operator at the trench"""
    controlled: float
    """a plan of protection has to be agreed"""
    basis: str


def ranges() -> Ranges:
    return msgspec.convert(settings_of(__file__)["permits"], Ranges)


@dataclass(frozen=True)
class Permit:
    code: str
    what: str
    since: date
    until: date
    area: shapely.Geometry
    """longitude, latitude"""


@dataclass(frozen=True)
class Near:
    """How a dig lies to the pipes."""

    metres: float
    """to the nearest pipe, from its outside"""
    pipe: int
    """place in the arrays"""
    pipes: tuple[int, ...]
    """all within the controlled range, the nearest first"""
    zone: str
    """``protected``, ``controlled`` or ``clear``"""


class BadArea(ValueError):
    """An area that is no polygon, line or point."""


def area(text: str) -> shapely.Geometry:
    """WKT in longitude and latitude. Raises ``BadArea``."""
    try:
        found = shapely.from_wkt(text)
    except ShapelyError as error:
        raise BadArea(f"{text[:40]!r} is no WKT: {error}") from error
    west, south, east, north = found.bounds if not found.is_empty else (999.0,) * 4
    if found.is_empty or not found.is_valid:
        raise BadArea("the area is empty or crosses itself")
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise BadArea("longitude and latitude are out of range: write longitude first")
    return found


class Ground:
    """The pipes of a network, to be asked what lies near."""

    def __init__(self, network: Network) -> None:
        self.network, self.own = network, ranges()
        self._scale = DEGREE_M * float(np.cos(np.radians(network.latitude.mean())))
        xy = np.column_stack([network.longitude * self._scale, network.latitude * DEGREE_M])
        lines = np.stack([xy[network.start], xy[network.end]], axis=1)
        self._pipes = shapely.linestrings(lines)
        self._tree = shapely.STRtree(self._pipes)

    def near(self, area: shapely.Geometry) -> Near:
        flat = shapely.transform(area, lambda xy: xy * np.array([self._scale, DEGREE_M]))
        reach = self.own.controlled + float(self.network.diameter.max()) / 2
        found = self._tree.query(flat, predicate="dwithin", distance=reach)
        if not len(found):
            found = self._tree.query_nearest(flat)
        away = shapely.distance(flat, self._pipes[found]) - self.network.diameter[found] / 2
        order = np.argsort(away, kind="stable")
        metres, pipe = max(float(away[order[0]]), 0.0), int(found[order[0]])
        within = order[away[order] <= self.own.controlled]
        return Near(metres, pipe, tuple(int(found[one]) for one in within), self._zone(metres))

    def _zone(self, metres: float) -> str:
        if metres <= self.own.protected:
            return "protected"
        return "controlled" if metres <= self.own.controlled else "clear"
