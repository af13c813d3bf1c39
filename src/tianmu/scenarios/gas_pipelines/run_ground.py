"""``isolation``, ``permits``, ``lel``: what a closure cuts off, digs near pipes, levels of gas."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
import pyarrow as pa

from tianmu.scenarios.contract import BadInput, BadParameter, Column, Model, Parameter, remark
from tianmu.scenarios.gas_pipelines.given import NETWORK, PLACE, network_of, places
from tianmu.scenarios.gas_pipelines.isolation import isolate
from tianmu.scenarios.gas_pipelines.layout import placed_valves
from tianmu.scenarios.gas_pipelines.permits import BadArea, Ground, area
from tianmu.scenarios.gas_pipelines.trial import read_valves, trial
from tianmu.scenarios.reading import column, numbers, texts
from tianmu.scenarios.settings import settings_of


class LelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    first: float
    second: float
    basis: str


def run_isolation(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    network = network_of(parameters)
    if parameters["valves"]:
        try:
            valves = read_valves(parameters["valves"], network)
        except (OSError, BadInput) as error:
            raise BadParameter("valves", str(error), "mend it") from error
    else:
        own = trial()
        valves = placed_valves(network, own.valve_share, own.seed)
        remark(f"{len(valves)} valves placed by seed {own.seed}: not a town's")
    rows = []
    for pipe in places(table, "pipe", network.pipe, "pipe").tolist():
        found = isolate(network, valves, pipe)
        closed = [] if found.valves is None else [valves[one] for one in found.valves]
        rows.append(
            {
                "valves": None if found.valves is None else len(closed),
                "close": " ".join(
                    f"{network.pipe[one.pipe]}@{network.junction[one.junction]}" for one in closed
                ),
                "consumers": len(found.consumers),
                "length_m": found.length,
            }
        )
    return pa.table(
        {
            "valves": pa.array([one["valves"] for one in rows], pa.int64()),
            "close": pa.array([one["close"] for one in rows], pa.string()),
            "consumers": pa.array([one["consumers"] for one in rows], pa.int64()),
            "length_m": pa.array([one["length_m"] for one in rows], pa.float64()),
        }
    )


def run_permits(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    network = network_of(parameters)
    ground = Ground(network)
    found = []
    for row, text in enumerate(texts(table, "area"), 1):
        try:
            found.append(ground.near(area(text)))
        except BadArea as error:
            raise BadInput(row, "area", str(error), "write POLYGON((119.4 31.4, …))") from error
    return pa.table(
        {
            "zone": pa.array([one.zone for one in found], pa.string()),
            "distance_m": column([one.metres for one in found]),
            "nearest_pipe": pa.array([int(network.pipe[one.pipe]) for one in found], pa.int64()),
            "pipes": pa.array(
                [" ".join(str(network.pipe[pipe]) for pipe in one.pipes) for one in found],
                pa.string(),
            ),
        }
    )


def run_lel(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    own = msgspec.convert(settings_of(__file__)["lel"], LelSettings)
    value = numbers(table, "methane_lel", low=-5, high=200, required=False)
    level = (value >= own.first).astype(np.int64) + (value >= own.second)
    return pa.table({"level": pa.array(level, pa.int64(), mask=~np.isfinite(value))})


ISOLATION = Model(
    "isolation",
    "the fewest valves that part a pipe from every feed, and the households that are cut off",
    (Column("pipe", "", "number of a pipe, as the network's file calls it"),),
    (),
    (
        Column("valves", "", "how many are to be closed; empty: no valves part it from the feeds"),
        Column("close", "", "which: pipe@junction, at the end of the pipe at that junction"),
        Column("consumers", "", "that get no gas then"),
        Column("length_m", "m", "of pipe without gas"),
    ),
    (
        NETWORK, PLACE,
        Parameter("valves", "a CSV file with pipe,junction of each; else placed by seed", ""),
    ),
    run_isolation,
)  # fmt: skip
PERMITS = Model(
    "permits",
    "how permits to dig lie to the pipes",
    (Column("area", "", "WKT of the dig, longitude and latitude"),),
    (),
    (
        Column("zone", "", "protected, controlled or clear"),
        Column("distance_m", "m", "to the outside of the nearest pipe"),
        Column("nearest_pipe", "", "its number"),
        Column("pipes", "", "all in the controlled range, the nearest first"),
    ),
    (NETWORK, PLACE),
    run_permits,
)
LEL = Model(
    "lel",
    "levels of alarm of a methane detector",
    (Column("methane_lel", "%LEL", "what it reads; empty where it says nothing"),),
    (),
    (Column("level", "", "0 none, 1 first, 2 second; empty: not known"),),
    (),
    run_lel,
)
