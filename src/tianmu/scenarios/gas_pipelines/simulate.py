"""A simulated past of a network: true states by the hydraulic model, read with noise, with leaks.

No free record of leaks exists, so whatever is told about finding them rests on this, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tianmu.scenarios.gas_pipelines import demand
from tianmu.scenarios.gas_pipelines.hydraulics import solve
from tianmu.scenarios.gas_pipelines.layout import Layout
from tianmu.scenarios.gas_pipelines.network import F64, Network

NOISE = 0.01
"""standard deviation of every instrument, as a share of what it reads"""
FEED_BAR, FEED_MIN = 0.003, 60.0
"""how the pressure of the feeds wanders: its deviation, and after how long it has forgotten"""
AT_ONCE = 512


@dataclass(frozen=True)
class Leak:
    junction: int
    first: int
    """moment at which it begins"""
    last: int
    """moment before which it ends"""
    share: float
    """of the inflow just before it began"""
    x: float
    y: float
    """where on the pipe it is, metres as ``Network.metres``"""


@dataclass(frozen=True, eq=False)
class Readings:
    """(instruments, moments); nan where one was not read. Flows in kg/s, pressures in bar."""

    inflow: F64
    flow: F64
    pressure: F64
    meter: F64
    """of all consumers; nan of those that are not metered"""


def drawn_leak(
    network: Network, first: int, last: int, share: float, draw: np.random.Generator
) -> Leak:
    """Anywhere on any pipe, by length; taken from the nearer end."""
    pipe = int(draw.choice(len(network.pipe), p=network.length / network.length.sum()))
    part = float(draw.random())
    start, end = int(network.start[pipe]), int(network.end[pipe])
    x, y = network.metres()
    return Leak(
        start if part < 0.5 else end, first, last, share,
        float(x[start] + part * (x[end] - x[start])), float(y[start] + part * (y[end] - y[start])),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Truth:
    """(feeds, pipes, junctions or consumers; moments): what is, whoever measures it."""

    inflow: F64
    flow: F64
    pressure: F64
    taken: F64


def simulate(
    network: Network,
    layout: Layout,
    minutes: F64,
    leaks: tuple[Leak, ...],
    draw: np.random.Generator,
    noise: float = NOISE,
) -> Readings:
    """Readings at ``minutes`` since a midnight, evenly spaced."""
    return measure(happen(network, minutes, leaks, draw), layout, draw, noise)


def measure(
    true: Truth, layout: Layout, draw: np.random.Generator, noise: float = NOISE
) -> Readings:
    """What instruments placed so read of it."""

    def read(what: F64) -> F64:
        return what * (1 + noise * draw.standard_normal(what.shape))

    inflow, flow = read(true.inflow), read(true.flow[layout.flow])
    pressure, meter = read(true.pressure[layout.pressure]), read(true.taken)
    meter[~layout.metered] = np.nan
    return Readings(inflow, flow, pressure, meter)


def happen(
    network: Network, minutes: F64, leaks: tuple[Leak, ...], draw: np.random.Generator
) -> Truth:
    """What is at ``minutes`` since a midnight, evenly spaced, with these leaks."""
    own = demand.settings()
    every = float(minutes[1] - minutes[0]) if len(minutes) > 1 else 5.0
    taken = network.usual[:, None] * demand.course(minutes, own)
    taken = taken * demand.unrest(len(network.sink), len(minutes), every, own, draw)
    whole = np.zeros((network.junctions, len(minutes)))
    np.add.at(whole, network.sink_at, taken)
    total = taken.sum(axis=0)
    for leak in leaks:
        size = leak.share * total[max(leak.first - 1, 0)]
        whole[leak.junction, leak.first : leak.last] += size
    unsteady = FEED_BAR * demand.wander(len(minutes), every, FEED_MIN, draw)
    fed = network.feed_bar[:, None] + unsteady[None, :]
    inflow = np.empty((len(network.feed), len(minutes)))
    flow = np.empty((len(network.pipe), len(minutes)))
    pressure = np.empty((network.junctions, len(minutes)))
    for first in range(0, len(minutes), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        state = solve(network, whole[:, part], fed[:, part])
        inflow[:, part] = inflows(network, state.flow, whole[:, part])
        flow[:, part] = state.flow
        pressure[:, part] = state.pressure
    return Truth(inflow, flow, pressure, taken)


def inflows(network: Network, flow: F64, taken: F64) -> F64:
    """(feeds, moments): what comes in at each feed, kg/s."""
    found = np.zeros((len(network.feed), flow.shape[1]))
    for row, junction in enumerate(network.feed_at):
        found[row] = (
            flow[network.start == junction].sum(axis=0)
            - flow[network.end == junction].sum(axis=0)
            + taken[junction]
        )
    return found
