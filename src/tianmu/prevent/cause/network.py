"""Edges that run into each other, places on them, and how long it takes from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
_LEAST_S = 1e-6
"""a way of no length at all would be taken for no way"""
TOGETHER = 16
"""beginnings whose ways are looked for in one call, which holds up every other thread"""


@dataclass(frozen=True)
class Spot:
    """A place on a network."""

    edge: int
    share: float
    """of the edge's length that lies beyond it, from 1 (its beginning) to 0 (its end)"""


@dataclass(frozen=True, eq=False)
class Network:
    """Edges from ``start`` to ``end`` (numbers of nodes), shape (edges,) each."""

    start: I64
    end: I64
    metres: F64
    seconds: F64
    """from the beginning of each to its end, as fast as what travels usually goes"""
    both: bool = False
    """it travels either way along an edge"""

    def between(self, spots: Sequence[Spot]) -> tuple[F64, F64]:
        """(seconds, metres) from each of ``spots`` to each other by the quickest way, shape
        (spots, spots); infinite where none leads there, 0 on the diagonal."""
        n = len(spots)
        if not n:
            return np.zeros((0, 0)), np.zeros((0, 0))
        edge = np.array([one.edge for one in spots], np.int64)
        share = np.array([one.share for one in spots])
        seconds, metres = self._ways(edge, share)
        same = edge[:, None] == edge[None, :]
        # on one edge the way between them is shorter than any around
        lead = share[:, None] - share[None, :]
        along = np.abs(lead) if self.both else np.where(lead >= 0, lead, np.inf)
        direct = same & np.isfinite(along)
        times = np.where(direct, along, 0.0)
        seconds = np.where(direct, times * self.seconds[edge][:, None], seconds)
        metres = np.where(direct, times * self.metres[edge][:, None], metres)
        np.fill_diagonal(seconds, 0.0)
        np.fill_diagonal(metres, 0.0)
        return seconds, metres

    def _ways(self, edge: I64, share: F64) -> tuple[F64, F64]:
        """By nodes: out of one's edge, over the network, into the other's."""
        out, into = self.seconds[edge] * share, self.seconds[edge] * (1 - share)
        far_out, far_into = self.metres[edge] * share, self.metres[edge] * (1 - share)
        leave = [(self.end[edge], out, far_out)]
        reach = [(self.start[edge], into, far_into)]
        if self.both:
            leave.append((self.start[edge], into, far_into))
            reach.append((self.end[edge], out, far_out))
        seconds = np.full((len(edge), len(edge)), np.inf)
        metres = seconds.copy()
        goals = np.unique(np.concatenate([other for other, _, _ in reach]))
        for node, first, far in leave:
            unique, row = np.unique(node, return_inverse=True)
            time, length = self._from(unique, goals)
            for other, last, far_last in reach:
                to = np.searchsorted(goals, other)
                whole = first[:, None] + time[row][:, to] + last[None, :]
                further = far[:, None] + length[row][:, to] + far_last[None, :]
                better = whole < seconds
                seconds[better], metres[better] = whole[better], further[better]
        return seconds, metres

    def _from(self, nodes: I64, goals: I64) -> tuple[F64, F64]:
        """(seconds, metres) from each of ``nodes`` to each of ``goals``, by the quickest way."""
        from scipy.sparse.csgraph import dijkstra  # hub starts without it

        time = np.empty((len(nodes), len(goals)))
        length = np.empty_like(time)
        for first in range(0, len(nodes), TOGETHER):
            part = slice(first, first + TOGETHER)
            reached, before = dijkstra(
                self._graph, directed=not self.both, indices=nodes[part], return_predecessors=True
            )
            far = np.where(np.isfinite(reached), self._along(before), np.inf)
            time[part], length[part] = reached[:, goals], far[:, goals]
        return time, length

    def _along(self, before: NDArray[np.int32]) -> F64:
        """Metres to every node from where its way begins: ``before`` names of each the node before
        it, less than 0 where there is none. Each round looks twice as far back as the last."""
        nodes = before.shape[1]
        here = np.broadcast_to(np.arange(nodes), before.shape)
        back = np.where(before >= 0, before, here)
        metres = np.zeros(before.shape)
        has = before >= 0
        metres[has] = self._lengths_of(back[has], here[has])
        while True:
            further = np.take_along_axis(back, back, 1)
            if (further == back).all():
                return metres
            metres += np.take_along_axis(metres, back, 1)
            back = further

    @cached_property
    def _pairs(self) -> tuple[I64, I64, I64]:
        """Of edges between the same nodes the quickest: (from, to, edge)."""
        a, b = self.start, self.end
        if self.both:
            a, b = np.minimum(a, b), np.maximum(a, b)
        order = np.lexsort((self.seconds, b, a))
        first = np.ones(len(order), np.bool_)
        first[1:] = (np.diff(a[order]) != 0) | (np.diff(b[order]) != 0)
        kept = order[first]
        return a[kept], b[kept], kept

    def _lengths_of(self, one: I64, other: I64) -> F64:
        """Metres of the edge from ``one`` to ``other``, which is there."""
        a, b, kept = self._pairs
        if self.both:
            one, other = np.minimum(one, other), np.maximum(one, other)
        nodes = self._graph.shape[0]
        found: F64 = self.metres[kept[np.searchsorted(a * nodes + b, one * nodes + other)]]
        return found

    @cached_property
    def _graph(self) -> Any:
        from scipy.sparse import csr_array

        a, b, kept = self._pairs
        nodes = int(max(self.start.max(), self.end.max())) + 1 if len(self.start) else 0
        return csr_array((np.maximum(self.seconds[kept], _LEAST_S), (a, b)), shape=(nodes, nodes))
