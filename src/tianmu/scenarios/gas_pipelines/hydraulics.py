"""Steady pressures and flows of a gas network, for many moments at once.

The equations are those of pandapipes (isothermal gas, Darcy–Weisbach, friction 64/Re + Nikuradse,
heights, compressibility), and the tests hold this against the library and its own reference. It is
written here because a town's network is a tree with few loops: flows then follow from the demands
by adding up, only the flow through each loop is sought by Newton's method, and a week of moments
is reckoned in the time in which a general solver does a hundred of them
(docs/decisions/0241-gas-hydraulics.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tianmu.scenarios.gas_pipelines.network import F64, I64, NORMAL_BAR, NORMAL_K, Network

G, BAR = 9.81, 1e5
AT_ONCE = 512
"""moments that are reckoned together: bounds memory"""
TIGHT = 1e-9
"""bar: pressures change by less than this when it is done"""
LEAST_BAR = 1e-3
"""absolute: lower pressures are none of a gas network"""
MOST_STEPS = 60
MOST_LOOPS = 400


class NoSolution(ValueError):
    """The demand cannot be brought through the network at this pressure."""


@dataclass(frozen=True, eq=False)
class Tree:
    """The network as a tree from its feeds, and the pipes beyond it that close loops."""

    order: I64
    """junctions, each after the one that it hangs from"""
    above: I64
    """junction before it, -1 at a feed"""
    by: I64
    """pipe to it, -1 at a feed"""
    sign: F64
    """of a junction: 1 where its pipe is written towards it"""
    chords: I64
    """pipes that close a loop, or join two feeds"""
    cycle: F64
    """(chords, pipes): 1, -1 or 0; how flow through a chord changes that of each pipe"""


@dataclass(frozen=True, eq=False)
class State:
    """Of each junction and pipe at each moment."""

    pressure: F64
    """(junctions, moments), bar gauge"""
    flow: F64
    """(pipes, moments), kg/s, positive from start to end"""


@lru_cache(maxsize=8)
def tree(network: Network) -> Tree:
    """Breadth first from all feeds. Raises ``NoSolution`` for junctions that no pipe reaches."""
    at_junction: list[list[int]] = [[] for _ in range(network.junctions)]
    ends = list(zip(network.start.tolist(), network.end.tolist(), strict=True))
    for pipe, (start, end) in enumerate(ends):
        at_junction[start].append(pipe)
        at_junction[end].append(pipe)
    above = np.full(network.junctions, -1, np.int64)
    by = np.full(network.junctions, -1, np.int64)
    sign = np.zeros(network.junctions)
    order: list[int] = network.feed_at.tolist()
    seen = set(order)
    used: set[int] = set()
    for junction in order:  # grows while it is read
        for pipe in at_junction[junction]:
            start, end = ends[pipe]
            other = end if start == junction else start
            if other in seen:
                continue
            seen.add(other)
            used.add(pipe)
            above[other], by[other], sign[other] = junction, pipe, 1.0 if start == junction else -1
            order.append(other)
    if len(order) < network.junctions:
        lost = next(one for one in range(network.junctions) if one not in seen)
        raise NoSolution(
            f"junction {network.junction[lost]}: no pipe joins it to a feed: join it, or leave "
            "it out"
        )
    chords = np.array([one for one in range(len(ends)) if one not in used], dtype=np.int64)
    if len(chords) > MOST_LOOPS:
        raise NoSolution(
            f"{len(chords)} loops: more than {MOST_LOOPS}: split the network at valves"
        )
    cycle = np.zeros((len(chords), len(ends)))
    for row, chord in enumerate(chords):
        cycle[row, chord] = 1.0
        # what the chord takes at its start comes down the tree; what it gives at its end stays
        for junction, way in ((ends[chord][0], 1.0), (ends[chord][1], -1.0)):
            at = junction
            while by[at] >= 0:
                cycle[row, by[at]] += way * sign[at]
                at = int(above[at])
    return Tree(np.array(order), above, by, sign, chords, cycle)


def solve(network: Network, demand: F64, feed_bar: F64 | None = None) -> State:
    """Steady states for ``demand`` (junctions, moments) in kg/s, with the feeds at ``feed_bar``
    (feeds, moments) in bar gauge, or as the file has them. Raises ``NoSolution``."""
    moments = demand.shape[1]
    feed = network.feed_bar[:, None] if feed_bar is None else feed_bar
    feed = np.broadcast_to(feed, (len(network.feed), moments))
    pressure = np.empty((network.junctions, moments))
    flow = np.empty((len(network.pipe), moments))
    for first in range(0, moments, AT_ONCE):
        part = slice(first, first + AT_ONCE)
        pressure[:, part], flow[:, part] = _solve(network, demand[:, part], feed[:, part])
    return State(pressure, flow)


def ambient(height: F64) -> F64:
    """Pressure of the air in bar at a height in m, as pandapipes takes it."""
    return NORMAL_BAR * np.power(1 - height * 0.0065 / 288.15, 5.255)


def friction(network: Network) -> tuple[F64, F64]:
    """(linear, square): the fall of the squared pressure along each pipe, in bar², is
    compressibility · (linear · m + square · m |m|) for a flow of m kg/s, heights apart."""
    area = np.pi * network.diameter**2 / 4
    scale = NORMAL_BAR / (NORMAL_K * BAR * network.gas.density) / area**2 * network.kelvin
    slender = network.length / network.diameter
    rough = 1 / (2 * np.log10(network.diameter / network.rough) + 1.14) ** 2
    linear = scale * slender * 64 * network.gas.viscosity * area / network.diameter
    return linear, scale * (slender * rough + network.loss)


def squeezed(network: Network, start: F64, end: F64) -> F64:
    """Compressibility at the mean of two absolute pressures along a pipe."""
    mean = 2 / 3 * (start**2 + start * end + end**2) / (start + end)
    return network.gas.offset + network.gas.slope * mean


def _solve(network: Network, demand: F64, feed: F64) -> tuple[F64, F64]:
    known = tree(network)
    linear, square = (one[:, None] for one in friction(network))
    air = ambient(network.height)[:, None]
    rise = (network.height[network.start] - network.height[network.end])[:, None] * G / BAR
    flow = _down(network, known, demand)
    absolute = np.empty_like(demand)
    for row, junction in enumerate(network.feed_at):
        absolute[junction] = feed[row] + air[junction]
    for junction in known.order:
        if known.above[junction] >= 0:
            absolute[junction] = absolute[known.above[junction]]
    for _ in range(MOST_STEPS):
        start, end = absolute[network.start], absolute[network.end]
        squeeze = squeezed(network, start, end)
        weight = _density(network, start, end) * rise * (start + end)
        fall = squeeze * (linear + square * np.abs(flow)) * flow - weight
        before, squared = absolute, _squares(known, absolute, fall)
        # as long as flows are sought, a way may seem to be too narrow that is not
        absolute = np.sqrt(np.maximum(squared, LEAST_BAR**2))
        moved = float(np.abs(absolute - before).max(initial=0.0))
        if len(known.chords):
            chord = known.chords
            off = squared[network.start[chord]] - squared[network.end[chord]] - fall[chord]
            slope = squeeze * (linear + 2 * square * np.abs(flow))
            flow = flow + known.cycle.T @ _through(known.cycle, slope, off)
            moved = max(moved, float(np.abs(off).max()))
        if moved < TIGHT:
            if squared.min(initial=1.0) <= LEAST_BAR**2:
                raise NoSolution(
                    "the demand is more than the network can carry at this pressure: raise the "
                    "feed, or look at the demand"
                )
            return absolute - air, flow
    raise NoSolution("pressures did not settle: look at lengths and diameters of the network")


def _down(network: Network, known: Tree, demand: F64) -> F64:
    """Flows of the tree, chords at rest."""
    below = demand.copy()
    flow = np.zeros((len(network.pipe), demand.shape[1]))
    for junction in known.order[::-1]:
        pipe = known.by[junction]
        if pipe >= 0:
            flow[pipe] = known.sign[junction] * below[junction]
            below[known.above[junction]] += below[junction]
    return flow


def _squares(known: Tree, absolute: F64, fall: F64) -> F64:
    """Squared absolute pressures down the tree from those at the feeds; below 0 where these flows
    are more than it carries."""
    squared = absolute**2
    for junction in known.order:
        pipe = known.by[junction]
        if pipe >= 0:
            squared[junction] = squared[known.above[junction]] - known.sign[junction] * fall[pipe]
    return squared


def _through(cycle: F64, slope: F64, off: F64) -> F64:
    """Newton's step of the flows through the chords, (chords, moments)."""
    matrix = np.einsum("kp,pt,lp->tkl", cycle, slope, cycle, optimize=True)
    step: NDArray[np.float64] = np.linalg.solve(matrix, off.T[:, :, None])[:, :, 0].T
    return step


def _density(network: Network, start: F64, end: F64) -> F64:
    """kg/m³: the mean of both ends."""
    gas = network.gas
    per = gas.density * NORMAL_K / (network.kelvin * NORMAL_BAR)
    return per * (
        start / (gas.offset + gas.slope * start) + end / (gas.offset + gas.slope * end)
    ) / 2  # fmt: skip
