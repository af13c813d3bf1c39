"""The zones into which flow loggers part a network: where a leak is told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tianmu.scenarios.gas_pipelines.hydraulics import tree
from tianmu.scenarios.gas_pipelines.layout import Layout
from tianmu.scenarios.gas_pipelines.network import F64, I64, Network


@dataclass(frozen=True, eq=False)
class Zones:
    of: I64
    """zone of each junction"""
    middle: I64
    """the junction of each zone that is least far from its pipes"""

    def device(self, network: Network, zone: int) -> str:
        return f"gas-zone-{network.junction[self.middle[zone]]}"


def zones(network: Network, layout: Layout) -> Zones:
    """A logger in a pipe begins a zone below it; above all of them is one more for each feed. In a
    loop the zone is that of the tree."""
    known = tree(network)
    cut = set(layout.flow.tolist())
    top = np.empty(network.junctions, np.int64)
    for junction in known.order:
        pipe = int(known.by[junction])
        top[junction] = junction if pipe < 0 or pipe in cut else top[known.above[junction]]
    heads, of = np.unique(top, return_inverse=True)
    weight = np.zeros(network.junctions)
    for ends in (network.start, network.end):
        np.add.at(weight, ends, network.length / 2)
    return Zones(of, np.array([_middle(network, of == zone, weight) for zone in range(len(heads))]))


def _middle(network: Network, inside: np.ndarray, weight: F64) -> int:
    x, y = network.metres()
    own = np.flatnonzero(inside)
    total = weight[own].sum()
    east, north = (float((one[own] * weight[own]).sum() / total) for one in (x, y))
    return int(own[np.argmin(np.hypot(x[own] - east, y[own] - north))])
