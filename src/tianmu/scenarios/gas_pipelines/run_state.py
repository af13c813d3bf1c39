"""``hydraulics``: what a network should show, and how far it is from what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tianmu.scenarios.clock import times
from tianmu.scenarios.contract import BadInput, BadParameter, Column, Model, Parameter, remark
from tianmu.scenarios.gas_pipelines import library
from tianmu.scenarios.gas_pipelines.given import NETWORK, PLACE, network_of, places
from tianmu.scenarios.gas_pipelines.hydraulics import NoSolution, State, solve, tree
from tianmu.scenarios.gas_pipelines.network import F64, I64, SHIPPED, Network
from tianmu.scenarios.reading import column, number_of, numbers, texts

KPA = 100.0
"""of one bar"""


def run_hydraulics(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    """Rows of one time are one state of the whole network."""
    network = network_of(parameters)
    junction = places(table, "junction", network.junction, "junction")
    moment, states = _moments(table)
    demand = _demand(table, parameters, network, junction, moment)
    state = _state(parameters, network, demand)
    pressure = state.pressure[junction, moment]
    flow = _towards(network, state)[junction, moment]
    measured = _optional(table, "measured_kpa") / KPA
    noise = number_of(parameters, "noise", low=1e-6, high=1)
    off = measured - pressure
    if network.transplanted:
        remark("the network is that of a town abroad, drawn around place")
    remark(
        f"{states} state(s) of {network.junctions:,} junctions, "
        f"{network.m3h(demand.sum(axis=0).mean()):.1f} m³/h taken on the mean"
    )
    return pa.table(
        {
            "pressure_kpa": column(pressure * KPA), "flow_m3h": column(network.m3h(flow)),
            "longitude": column(network.longitude[junction]),
            "latitude": column(network.latitude[junction]),
            "off_kpa": column(off * KPA),
            "off_sigma": column(off / (noise * np.maximum(np.abs(pressure), 1e-9))),
        }
    )  # fmt: skip


def _moments(table: pa.Table) -> tuple[I64, int]:
    """Of each row the moment it belongs to, and how many there are: times are compared as times,
    so that 08:00 and 08:00:00 are one state."""
    if "timestamp" not in table.column_names:
        return np.zeros(len(table), np.int64), 1
    told = texts(table, "timestamp")
    if not any(told):
        return np.zeros(len(table), np.int64), 1
    if "" in told:
        raise BadInput(
            told.index("") + 1, "timestamp", "no time, where other rows have one",
            "fill it in, or leave the row out",
        )  # fmt: skip
    known, at = np.unique(times(table, "timestamp"), return_inverse=True)
    return at.astype(np.int64), len(known)


def _demand(
    table: pa.Table, parameters: Mapping[str, str], network: Network, junction: I64, moment: I64
) -> F64:
    """(junctions, moments) kg/s: as the file of the network has it, times ``factor``, but for the
    rows that say what is taken."""
    factor = number_of(parameters, "factor", low=0, high=100)
    usual = np.zeros(network.junctions)
    np.add.at(usual, network.sink_at, network.usual * factor)
    demand = np.repeat(usual[:, None], int(moment.max(initial=0)) + 1, axis=1)
    taken = network.kg_s(_taken(table))
    told = np.flatnonzero(np.isfinite(taken))
    _once(junction[told] * demand.shape[1] + moment[told], told, network, junction)
    demand[junction[told], moment[told]] = taken[told]
    return demand


def _taken(table: pa.Table) -> F64:
    """m³/h, nan where a row says nothing. Raises ``BadInput``."""
    found = _optional(table, "demand_m3h")
    negative = found < 0
    if negative.any():
        row = int(np.argmax(negative))
        raise BadInput(
            row + 1, "demand_m3h", f"{found[row]:g} would be gas that comes in here",
            "write what is taken as a positive number; what feeds gas in is an ext_grid of the "
            "network's file",
        )  # fmt: skip
    return found


def _once(keys: I64, rows: I64, network: Network, junction: I64) -> None:
    _, first, count = np.unique(keys, return_index=True, return_counts=True)
    twice = np.flatnonzero(count > 1)
    if len(twice):
        again = np.flatnonzero(keys == keys[first[twice[0]]])[1]
        row = int(rows[again])
        raise BadInput(
            row + 1, "demand_m3h",
            f"junction {network.junction[junction[row]]} has two demands at one time",
            "add them up in one row",
        )  # fmt: skip


def _state(parameters: Mapping[str, str], network: Network, demand: F64) -> State:
    feed = np.repeat(network.feed_bar[:, None], demand.shape[1], axis=1)
    if parameters["feed_kpa"]:
        feed[:] = number_of(parameters, "feed_kpa", low=0, high=10_000) / KPA
    try:
        if parameters["solver"] == "own":
            return solve(network, demand, feed)
        file = Path(parameters["network"]).absolute() if parameters["network"] else SHIPPED
        return library.solve(file, network, demand, feed)
    except NoSolution as error:
        raise BadInput(0, "", str(error), "look at demand_m3h, factor and feed_kpa") from error
    except library.NoLibrary as error:
        raise BadParameter("solver", str(error), "say solver=own") from error


def _towards(network: Network, state: State) -> F64:
    """(junctions, moments) kg/s that come to a junction by the pipe it hangs from; of a feed, 0."""
    known = tree(network)
    pipe: NDArray[np.int64] = np.maximum(known.by, 0)
    return np.where(known.by[:, None] >= 0, state.flow[pipe] * known.sign[:, None], 0.0)


def _optional(table: pa.Table, name: str) -> F64:
    if name not in table.column_names:
        return np.full(len(table), np.nan)
    return numbers(table, name, low=-1e6, high=1e6, required=False)


HYDRAULICS = Model(
    "hydraulics",
    "pressures and flows that a gas network should show, beside what was measured",
    (Column("junction", "", "number of a junction, as the network's file calls it"),),
    (
        Column("timestamp", "", "rows of one date and time are one state; without it all are"),
        Column("demand_m3h", "m³/h", "taken at the junction (0 °C, 1.01325 bar); else as the file "
               "of the network says, times factor"),
        Column("measured_kpa", "kPa", "pressure that was measured, gauge"),
    ),
    (
        Column("pressure_kpa", "kPa", "expected pressure, gauge"),
        Column("flow_m3h", "m³/h", "that comes to the junction by the pipe it hangs from"),
        Column("longitude", "°", "of the junction"),
        Column("latitude", "°", "of the junction"),
        Column("off_kpa", "kPa", "measured less expected"),
        Column("off_sigma", "", "the same in standard deviations of the noise"),
    ),
    (
        NETWORK, PLACE,
        Parameter("factor", "times the demand of the network's file", "1"),
        Parameter("feed_kpa", "pressure of all feeds, gauge; else as the file says", ""),
        Parameter("noise", "of an instrument, as a share of what it reads", "0.01"),
        Parameter("solver", "own, or pandapipes where it is installed", "own",
                  ("own", "pandapipes")),
    ),
    run_hydraulics,
)  # fmt: skip
