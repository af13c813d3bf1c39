"""How long the ways of a city take: one place to many at once, over its streets or straight.

From each place the times to all nodes are found once (Dijkstra, SciPy) and kept as a column, so
that asking for many units costs a look-up. Where the graph does not reach, the straight line with
the pack's detour is taken, and the answer says so.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from functools import cached_property
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tianmu.city.force.force import Unit
from tianmu.city.force.sending import Sending, Street, UnitKind
from tianmu.city.way.streets import Streets
from tianmu.facts.place import DEGREE_M

KEPT = 64 << 20
"""bytes of columns that are kept"""
STREETS, LINE = "streets", "line"


class Pace(NamedTuple):
    """How something gets about."""

    top_kmh: float | None = None
    """its own highest speed; None: the streets' own"""
    share: float = 1.0
    """of the streets' own speeds"""
    air: bool = False
    """flies straight"""


class Times(NamedTuple):
    seconds: NDArray[np.float64]
    """shape (places, others); infinite where there is no way"""
    streets: NDArray[np.bool_]
    """whether by the streets; False: by the straight line"""


def pace_of(unit: Unit, kind: UnitKind | None) -> Pace:
    """How a unit gets about."""
    if kind is None:
        return Pace(unit.speed_kmh)
    return Pace(unit.speed_kmh, kind.share, kind.moves == "air")


class Travel:
    """Times over the streets of one city. Safe to ask from several threads."""

    def __init__(self, streets: Streets, sending: Sending) -> None:
        self.streets, self._sending = streets, sending
        self.rules = sending.travel
        self._columns: OrderedDict[tuple[Pace, int], NDArray[np.float32]] = OrderedDict()
        self._matrices: dict[Pace, Any] = {}
        self._lock = Lock()

    @cached_property
    def _shrink(self) -> float:
        nodes = self.streets.nodes
        return float(np.cos(np.radians(nodes[:, 1].mean()))) if len(nodes) else 1.0

    def flat(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Degrees as metres east and north, true near the city's middle; shape (n, 2)."""
        found: NDArray[np.float64] = points * np.array([DEGREE_M * self._shrink, DEGREE_M])
        return found

    def degrees(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """``flat`` undone."""
        found: NDArray[np.float64] = points / np.array([DEGREE_M * self._shrink, DEGREE_M])
        return found

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self.flat(self.streets.nodes))

    def snap(self, points: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The nearest node of each point and the metres to it; −1 and infinite without a graph."""
        if not len(self.streets.nodes):
            return np.full(len(points), -1), np.full(len(points), np.inf)
        far, node = self._tree.query(self.flat(points))
        return node.astype(np.int64), far

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """Nodes of each edge, shape (m, 2)."""
        number = self.streets.numbers
        pairs = [(number[edge["a"]], number[edge["b"]]) for edge in self.streets.edges]
        return np.array(pairs, dtype=np.int64).reshape(-1, 2)

    def edge_seconds(self, pace: Pace) -> NDArray[np.float64]:
        """Seconds along each edge: by its length, its speed, its class and the pace."""
        lengths, kmh, junctions = self._pieces
        kmh = kmh * pace.share
        if pace.top_kmh:
            kmh = np.minimum(kmh, pace.top_kmh)
        found: NDArray[np.float64] = lengths / (kmh / 3.6) + junctions
        return found

    @cached_property
    def _pieces(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Of each edge: metres, km/h that its class lets reach, seconds lost at its end."""
        classes = {one.code: one for one in self._sending.street}
        rows = []
        for edge in self.streets.edges:
            street = classes.get(edge["class"], Street(code=""))
            reached = float(edge["speed_kmh"]) * street.share
            rows.append((float(edge["length_m"]), reached, street.junction_s))
        lengths, kmh, junctions = np.array(rows, dtype=np.float64).reshape(-1, 3).T
        return lengths, kmh, junctions

    def _matrix(self, pace: Pace) -> Any:
        from scipy.sparse import coo_array

        if pace not in self._matrices:
            a, b = self.ends[:, 0], self.ends[:, 1]
            low, high = np.minimum(a, b), np.maximum(a, b)
            seconds = self.edge_seconds(pace)
            # of edges between the same nodes the quickest: a sparse array would add them up
            order = np.lexsort((seconds, high, low))
            low, high, seconds = low[order], high[order], seconds[order]
            first = np.ones(len(low), dtype=bool)
            first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
            n = len(self.streets.nodes)
            one = coo_array((seconds[first], (low[first], high[first])), shape=(n, n))
            self._matrices[pace] = one.tocsr()
        return self._matrices[pace]

    def columns(self, nodes: Iterable[int], pace: Pace) -> dict[int, NDArray[np.float32]]:
        """Node → seconds from it to every node, infinite where none leads."""
        from scipy.sparse.csgraph import dijkstra

        with self._lock:
            held = {node: self._columns.get((pace, node)) for node in set(nodes)}
            missing = sorted(node for node, column in held.items() if column is None)
            if missing:
                rows = dijkstra(self._matrix(pace), directed=False, indices=missing)
                for node, row in zip(missing, rows.astype(np.float32), strict=True):
                    held[node] = self._columns[pace, node] = row
                most = max(16, KEPT // (4 * max(1, len(self.streets.nodes))))
                while len(self._columns) > most:
                    self._columns.popitem(last=False)
            return {node: column for node, column in held.items() if column is not None}

    def line_seconds(self, metres: NDArray[np.float64], pace: Pace) -> NDArray[np.float64]:
        """Along the straight line: as it is for who flies, else with the detour."""
        detour = 1.0 if pace.air else self.rules.detour
        return metres * detour / ((pace.top_kmh or self.rules.line_kmh) / 3.6)

    def times(self, places: NDArray[np.float64], others: NDArray[np.float64], pace: Pace) -> Times:
        """From each of ``places`` to each of ``others`` (longitude, latitude; shape (n, 2)).

        By the streets where both lie within ``reach_m`` of a node, a way leads there, and it is
        not the straight line itself that is shorter than the ways to the nodes.
        """
        here, there = self.flat(places), self.flat(others)
        straight = np.hypot(
            here[:, None, 0] - there[None, :, 0], here[:, None, 1] - there[None, :, 1]
        )
        seconds = self.line_seconds(straight, pace)
        by = np.zeros(straight.shape, dtype=np.bool_)
        if pace.air or not len(self.streets.nodes):
            return Times(seconds, by)
        first, out = self.snap(places)
        last, back = self.snap(others)
        near = np.flatnonzero(out <= self.rules.reach_m)
        columns = self.columns((int(first[i]) for i in near), pace)
        off = out[:, None] + back[None, :]
        for i in near:
            way = columns[int(first[i])][last] + off[i] / (self.rules.off_street_kmh / 3.6)
            reached = (
                np.isfinite(way)
                & (back <= self.rules.reach_m)
                & (off[i] < straight[i] * self.rules.detour)
            )
            seconds[i, reached], by[i, reached] = way[reached], True
        return Times(seconds, by)
