"""Where a network is measured and where it can be shut: loggers, meters, valves.

A city says it in ``instruments.csv`` and ``valves.csv``; for a trial they are placed by seed, and
are marked so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tianmu.scenarios.gas_pipelines.hydraulics import tree
from tianmu.scenarios.gas_pipelines.network import F64, I64, Network


@dataclass(frozen=True, eq=False)
class Layout:
    """Places in the arrays of the network. Every feed has a flow meter."""

    flow: I64
    """pipes with a flow logger"""
    pressure: I64
    """junctions with a pressure logger"""
    metered: NDArray[np.bool_]
    """of consumers: whose meter is read at a distance"""


@dataclass(frozen=True)
class Valve:
    """In a pipe, at one of its ends."""

    pipe: int
    junction: int


@dataclass(frozen=True)
class Density:
    """How much of a network is measured."""

    flow: int
    pressure: int
    metered: float
    """share of the consumers whose meters are read"""
    large: float = 0.0
    """share of the consumers of which all are read, as companies do: those who take most"""


def mains(network: Network) -> I64:
    """Junctions of pipes that are no house connection."""
    pipes = np.flatnonzero(~network.house)
    return np.unique(np.concatenate([network.start[pipes], network.end[pipes]]))


def placed(network: Network, density: Density, seed: int) -> Layout:
    """Loggers and meters by seed: flow loggers where they part the mains into compact zones, half
    of the places being taken as impossible; pressure loggers far from each other."""
    draw = np.random.default_rng([seed, 1])
    possible = draw.random(len(network.pipe)) < 0.5
    metered = np.zeros(len(network.sink), np.bool_)
    count = round(density.metered * len(network.sink))
    order = draw.permutation(len(network.sink))
    large = order[np.argsort(-network.usual[order], kind="stable")][: _part(network, density.large)]
    rest = order[~np.isin(order, large)]
    metered[np.concatenate([large, rest])[:count]] = True
    return Layout(
        _zones(network, density.flow, possible), _apart(network, density.pressure, draw), metered
    )


def _part(network: Network, share: float) -> int:
    return round(share * len(network.sink))


def placed_valves(network: Network, share: float, seed: int) -> tuple[Valve, ...]:
    """Valves behind each feed, and by seed in a share of the mains that branch off."""
    draw = np.random.default_rng([seed, 2])
    main = np.flatnonzero(~network.house)
    degree = np.bincount(
        np.concatenate([network.start[main], network.end[main]]), minlength=network.junctions
    )
    feeds = set(network.feed_at.tolist())
    found = []
    for pipe in main.tolist():
        for junction in (int(network.start[pipe]), int(network.end[pipe])):
            if junction in feeds or (degree[junction] >= 3 and draw.random() < share):
                found.append(Valve(pipe, junction))
                break
    return tuple(found)


def _zones(network: Network, count: int, possible: NDArray[np.bool_]) -> I64:
    """Pipes whose flow is to be measured: each time the one that lessens most how far the pipes of
    a zone lie from its middle."""
    known = tree(network)
    x, y = network.metres()
    weight = _length_at(network)
    own = np.stack([weight, weight * x, weight * y, weight * (x * x + y * y)])
    cuts: list[int] = []
    usable = possible & ~network.house
    usable[known.chords] = False
    for _ in range(count):
        below = own.copy()
        zone = np.empty(network.junctions, np.int64)
        cut = set(cuts)
        for junction in known.order:
            pipe = known.by[junction]
            top = pipe < 0 or int(pipe) in cut
            zone[junction] = junction if top else zone[known.above[junction]]
        for junction in known.order[::-1]:
            pipe = known.by[junction]
            if pipe >= 0 and int(pipe) not in cut:
                below[:, known.above[junction]] += below[:, junction]
        whole = below[:, zone]
        gain = _spread(whole) - _spread(below) - _spread(whole - below)
        able = (known.by >= 0) & usable[np.maximum(known.by, 0)]
        able &= ~np.isin(known.by, cuts)
        if not able.any():
            break
        cuts.append(int(known.by[np.argmax(np.where(able, gain, -np.inf))]))
    return np.array(sorted(cuts), dtype=np.int64)


def _spread(sums: F64) -> F64:
    """Weighted squares of distances from the middle, of (weight, x, y, squares)."""
    weight = np.maximum(sums[0], 1e-9)
    found: F64 = np.maximum(sums[3] - (sums[1] ** 2 + sums[2] ** 2) / weight, 0)
    return found


def _length_at(network: Network) -> F64:
    """Half of the length of the pipes at each junction."""
    found = np.zeros(network.junctions)
    np.add.at(found, network.start, network.length / 2)
    np.add.at(found, network.end, network.length / 2)
    return found


def _apart(network: Network, count: int, draw: np.random.Generator) -> I64:
    main = mains(network)
    x, y = (one[main] for one in network.metres())
    chosen = [int(draw.integers(len(main)))]
    away = np.full(len(main), np.inf)
    while len(chosen) < min(count, len(main)):
        last = chosen[-1]
        away = np.minimum(away, np.hypot(x - x[last], y - y[last]))
        chosen.append(int(np.argmax(away)))
    return np.sort(main[chosen[:count]])
