"""A network of rivers: reaches that flow into each other, and how long water takes along them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

_LEAST_H = 1e-9
"""a way of no length at all would be taken for no way"""


@dataclass(frozen=True)
class Network:
    """Reaches, all arrays of shape (reaches,)."""

    ids: list[str]
    start: NDArray[np.str_]
    """the node where each begins"""
    end: NDArray[np.str_]
    """the node where it ends, downstream"""
    length_km: NDArray[np.float64]
    hours: NDArray[np.float64]
    """that water takes from its beginning to its end"""

    @cached_property
    def place(self) -> dict[str, int]:
        """Reach → place in the arrays."""
        return {name: at for at, name in enumerate(self.ids)}

    @cached_property
    def above(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs (reach, a reach that flows into it)."""
        order = np.argsort(self.end, kind="stable")
        ends = self.end[order]
        first = np.searchsorted(ends, self.start, "left")
        count = np.searchsorted(ends, self.start, "right") - first
        lower = np.repeat(np.arange(len(self.ids)), count)
        offset = np.arange(len(lower)) - np.repeat(np.cumsum(count) - count, count)
        return lower, order[np.repeat(first, count) + offset]


@dataclass(frozen=True)
class Upstream:
    """The way from the lower end of each reach down to a place; shape (reaches,)."""

    reach: int
    """on which the place lies"""
    km_above_end: float
    """how far above the end of that reach"""
    hours: NDArray[np.float64]
    """inf for what does not flow there; on the place's own reach 0"""
    km: NDArray[np.float64]
    """along the quickest way"""


def upstream(network: Network, reach: str, km_above_end: float = 0.0) -> Upstream:
    """Everything that flows to a place ``km_above_end`` of ``reach``. KeyError for no such reach.

    Where water divides, the quickest way counts.
    """
    own = network.place[reach]
    lower, higher = network.above
    length = np.where(lower == own, network.length_km[own] - km_above_end, network.length_km[lower])
    hours = network.hours[lower] * length / np.maximum(network.length_km[lower], _LEAST_H)
    size = len(network.ids)
    ways = csr_array((np.maximum(hours, _LEAST_H), (lower, higher)), shape=(size, size))
    found, before = dijkstra(ways, indices=own, return_predecessors=True)
    km = np.full(size, np.inf)
    km[own] = 0.0
    first = network.length_km[own] - km_above_end
    for at in np.argsort(found, kind="stable"):
        if np.isinf(found[at]):
            break
        if at != own:
            last = before[at]
            km[at] = km[last] + (first if last == own else network.length_km[last])
    return Upstream(own, km_above_end, found, km)


def first_causes(network: Network, places: Sequence[tuple[str, float]]) -> list[int]:
    """For each place (reach, km above its end) the one of them farthest upstream of it by travel
    time, by number; itself where none of the others lies upstream. KeyError for no such reach."""
    reach = np.array([network.place[name] for name, _ in places], np.int64)
    above = np.array([km for _, km in places], np.float64)
    pace = network.hours[reach] / np.maximum(network.length_km[reach], _LEAST_H)
    found = []
    for at, (name, km) in enumerate(places):
        way = upstream(network, name, km)
        hours = np.where(reach == way.reach, (above - km) * pace, way.hours[reach] + above * pace)
        hours[~np.isfinite(hours) | (hours <= 0)] = 0.0
        found.append(int(np.argmax(hours)) if hours.max() > 0 else at)
    return found


def build(
    ids: list[str],
    start: list[str],
    end: list[str],
    length_km: NDArray[np.float64],
    order: NDArray[np.int64],
    speed: Callable[[NDArray[np.int64]], NDArray[np.float64]],
) -> Network:
    """A network whose water flows at ``speed`` (stream orders → m/s)."""
    hours = length_km * 1000.0 / speed(order) / 3600.0
    return Network(ids, np.array(start), np.array(end), length_km, hours)
