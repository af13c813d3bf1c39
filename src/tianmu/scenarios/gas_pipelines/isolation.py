"""The fewest valves that part a pipe from every feed, and what they cut off.

A minimum cut between the feeds and the pipe, valves counting one each and everything else being
uncuttable; of several with as few valves, the one nearest to the pipe, which cuts off no household
that another would not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, maximum_flow

from tianmu.scenarios.gas_pipelines.layout import Valve
from tianmu.scenarios.gas_pipelines.network import I64, Network

_NEVER = 1_000_000
"""capacity of what is no valve"""


@dataclass(frozen=True, eq=False)
class Isolated:
    valves: tuple[int, ...] | None
    """places in the list of valves; ``None``: no valves part it from the feeds"""
    consumers: I64
    """places in the list of consumers that are cut off"""
    length: float
    """m of pipe without gas"""


def isolate(network: Network, valves: tuple[Valve, ...], pipe: int) -> Isolated:
    """Shut off the pipe at this place in the arrays."""
    graph = _Graph(network, valves)
    leak = graph.middle(pipe)
    capacity = graph.matrix(graph.capacity)
    cut = maximum_flow(capacity, graph.source, leak)
    if cut.flow_value >= _NEVER:
        return Isolated(None, np.arange(len(network.sink)), float(network.length.sum()))
    left = (capacity - cut.flow).tocsr()
    left.data[left.data < 0] = 0
    left.eliminate_zeros()
    # what can still reach the leak lies on its side of the cut
    beyond = np.zeros(graph.nodes, np.bool_)
    beyond[breadth_first_order(left.T.tocsr(), leak, return_predecessors=False)] = True
    closed = [
        one for one, (start, end) in enumerate(graph.valve_edges) if beyond[start] != beyond[end]
    ]
    return Isolated(tuple(closed), *graph.without(closed))


class _Graph:
    """Junctions, a node in the middle of each pipe, one behind each valve, and one before all
    feeds."""

    def __init__(self, network: Network, valves: tuple[Valve, ...]) -> None:
        self.network = network
        self.pipes = len(network.pipe)
        self.first_middle = network.junctions
        self.first_valve = self.first_middle + self.pipes
        self.source = self.first_valve + len(valves)
        self.nodes = self.source + 1
        reached = {(one.pipe, one.junction): self.first_valve + at for at, one in enumerate(valves)}
        self.valve_edges = [(one.junction, self.first_valve + at) for at, one in enumerate(valves)]
        edges = list(self.valve_edges)
        edges += [
            (reached.get((pipe, junction), junction), self.middle(pipe))
            for pipe in range(self.pipes)
            for junction in (int(network.start[pipe]), int(network.end[pipe]))
        ]
        edges.extend((self.source, int(one)) for one in network.feed_at)
        self.edges = np.array(edges)
        self.capacity = np.full(len(edges), _NEVER, np.int32)
        self.capacity[: len(valves)] = 1

    def middle(self, pipe: int) -> int:
        return self.first_middle + pipe

    def matrix(self, capacity: NDArray[np.int32]) -> csr_array:
        start, end = self.edges.T
        both = (np.concatenate([start, end]), np.concatenate([end, start]))
        whole = coo_array((np.concatenate([capacity, capacity]), both), (self.nodes, self.nodes))
        return whole.tocsr().astype(np.int32)

    def without(self, closed: list[int]) -> tuple[I64, float]:
        """(consumers that no feed reaches, m of pipe that none does)."""
        open_ = np.ones(len(self.edges), np.bool_)
        open_[closed] = False
        start, end = self.edges[open_].T
        ones = np.ones(len(start), np.int8)
        graph = coo_array((ones, (start, end)), (self.nodes, self.nodes))
        _, part = connected_components(graph, directed=False)
        dark = part != part[self.source]
        network = self.network
        middle = dark[self.first_middle : self.first_valve]
        return np.flatnonzero(dark[network.sink_at]), float(network.length[middle].sum())
