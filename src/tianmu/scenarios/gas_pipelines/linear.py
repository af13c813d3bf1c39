"""How flows and pressures answer a small demand anywhere, at one state of the network.

The network is linearised at the state (its Jacobian is a weighted Laplacian), so one factorisation
answers for every place at once, loops and several feeds with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array
from scipy.sparse.linalg import splu

from tianmu.scenarios.gas_pipelines.hydraulics import State, ambient, friction, squeezed
from tianmu.scenarios.gas_pipelines.network import F64, I64, Network


def answers(network: Network, state: State, flow: I64, pressure: I64) -> F64:
    """(feeds, then pipes of ``flow``, then junctions of ``pressure``; junctions): by how much
    inflow, flow (kg/s) and pressure (bar) change for each kg/s taken at a junction. ``state`` is
    of one moment."""
    linear, square = friction(network)
    absolute = state.pressure[:, 0] + ambient(network.height)
    start, end = absolute[network.start], absolute[network.end]
    run = state.flow[:, 0]
    # of the equation P_start - P_end = fall, in squared pressures; that the weight of the gas
    # changes with its pressure is left out: some thousandths
    per = 1 / (squeezed(network, start, end) * (linear + 2 * square * np.abs(run)))
    free = np.ones(network.junctions, np.bool_)
    free[network.feed_at] = False
    place = np.cumsum(free) - 1
    laplacian = _laplacian(network, per, free, place)
    # what is asked for, as what each answer is of the squared pressures of the free junctions
    asked = np.zeros((len(network.feed) + len(flow) + len(pressure), int(free.sum())))
    for row, feed in enumerate(network.feed_at):
        for ends, others in ((network.start, network.end), (network.end, network.start)):
            beside = np.flatnonzero(ends == feed)
            inner = others[beside]
            np.add.at(asked[row], place[inner[free[inner]]], -per[beside][free[inner]])
    for row, pipe in enumerate(flow, len(network.feed)):
        for junction, way in ((network.start[pipe], 1.0), (network.end[pipe], -1.0)):
            if free[junction]:
                asked[row, place[junction]] += way * per[pipe]
    for row, junction in enumerate(pressure, len(network.feed) + len(flow)):
        if free[junction]:
            asked[row, place[junction]] = 1 / (2 * absolute[junction])
    # symmetric: the answer at one place to a demand at all others is one solution
    found = np.zeros((len(asked), network.junctions))
    found[:, free] = -splu(laplacian).solve(asked.T).T
    for row, feed in enumerate(network.feed_at):
        found[row, feed] = 1.0
    return found


def _laplacian(network: Network, per: F64, free: NDArray[np.bool_], place: I64) -> csc_array:
    rows, columns, values = [], [], []
    for ends, others in ((network.start, network.end), (network.end, network.start)):
        kept = free[ends]
        rows.append(place[ends[kept]])
        columns.append(place[ends[kept]])
        values.append(per[kept])
        both = kept & free[others]
        rows.append(place[ends[both]])
        columns.append(place[others[both]])
        values.append(-per[both])
    size = int(free.sum())
    return coo_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (size, size)
    ).tocsc()
