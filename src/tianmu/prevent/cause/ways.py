"""A city's rivers, streets and laid networks, and where on them a device stands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from tianmu.city.city import City
from tianmu.city.place.network import Along
from tianmu.city.place.place import distances
from tianmu.prevent.cause.judge import Fit
from tianmu.prevent.cause.network import F64, Network, Spot


class Line(Protocol):
    """A network with where on it things stand, and how what goes wrong travels along it."""

    @property
    def along(self) -> Along: ...
    @property
    def fit(self) -> Fit: ...
    @property
    def network(self) -> Network: ...
    def spot(
        self, names: Collection[str], longitude: float | None, latitude: float | None
    ) -> Spot | None:
        """Where a device stands, by what it is called or where it is; None: on none of it."""


@dataclass(frozen=True, eq=False)
class Laid:
    """A network whose nodes have places: pipes, cables. What stands ``within_m`` of a node stands
    on it."""

    along: Along
    network: Network
    nodes: F64
    """longitude and latitude, shape (nodes, 2)"""

    @property
    def fit(self) -> Fit:
        return fit_of(self.along)

    def spot(
        self, names: Collection[str], longitude: float | None, latitude: float | None
    ) -> Spot | None:
        if longitude is None or latitude is None or not len(self.nodes):
            return None
        far = distances(longitude, latitude, self.nodes)
        node = int(np.argmin(far))
        edge = self._at_node.get(node)
        if edge is None or float(far[node]) > self.along.within_m:
            return None
        return Spot(edge, 1.0 if int(self.network.start[edge]) == node else 0.0)

    @cached_property
    def _at_node(self) -> dict[int, int]:
        """Node → an edge that begins or ends there."""
        found = {int(node): at for at, node in enumerate(self.network.end)}
        return found | {int(node): at for at, node in enumerate(self.network.start)}


def fit_of(along: Along) -> Fit:
    return Fit(along.faster, along.slower, along.slack_min * 60)


@dataclass(frozen=True, eq=False)
class Ways:
    """One network of a city's pack, made when first asked for."""

    city: City
    along: Along

    @property
    def fit(self) -> Fit:
        return fit_of(self.along)

    @cached_property
    def network(self) -> Network:
        return self._rivers() if self.along.ways == "rivers" else self._streets()

    def spot(
        self, names: Collection[str], longitude: float | None, latitude: float | None
    ) -> Spot | None:
        """Where a device stands: of rivers by the line of ``water_stations.csv`` with one of its
        ``names``, of streets by the nearest node; None where it stands on none of it."""
        if self.along.ways == "rivers":
            return self._on_a_reach(names)
        return self._laid.spot(names, longitude, latitude)

    @cached_property
    def _laid(self) -> Laid:
        return Laid(self.along, self.network, self.city.streets.nodes)

    def _on_a_reach(self, names: Collection[str]) -> Spot | None:
        known = self.city.waters.stations_by_name
        station = next((known[name] for name in names if name in known), None)
        edge = self._edges.get(station.reach) if station is not None else None
        if station is None or edge is None:
            return None
        metres = float(self.network.metres[edge])
        share = min((station.km or 0.0) * 1000 / metres, 1.0) if metres else 0.0
        return Spot(edge, share)

    @cached_property
    def _edges(self) -> dict[str, int]:
        return {code: at for at, code in enumerate(self.city.waters.reaches)}

    def _rivers(self) -> Network:
        reaches = list(self.city.waters.reaches.values())
        numbers: dict[str, int] = {}
        ends = [
            [numbers.setdefault(node, len(numbers)) for node in (one.start, one.end)]
            for one in reaches
        ]
        pairs = np.array(ends, np.int64).reshape(-1, 2)
        metres = np.array([one.length_km * 1000 for one in reaches], np.float64)
        speeds = self.along.speed_m_s
        speed = np.array([speeds[min(one.order, len(speeds)) - 1] for one in reaches], np.float64)
        return Network(pairs[:, 0], pairs[:, 1], metres, metres / speed)

    def _streets(self) -> Network:
        streets = self.city.streets
        number = streets.numbers
        pairs = np.array(
            [(number[edge["a"]], number[edge["b"]]) for edge in streets.edges], np.int64
        ).reshape(-1, 2)
        metres = np.array([float(edge["length_m"]) for edge in streets.edges], np.float64)
        return Network(
            pairs[:, 0], pairs[:, 1], metres, metres / self.along.speed_m_s[0], both=True
        )
