"""``leak``: balance and pressure pattern of a network, moment by moment, and where it leaks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from tianmu.scenarios.contract import BadInput, Column, Model, Parameter, progress, remark
from tianmu.scenarios.gas_pipelines import leak, table
from tianmu.scenarios.gas_pipelines.given import NETWORK, PLACE, network_of
from tianmu.scenarios.gas_pipelines.hydraulics import NoSolution
from tianmu.scenarios.gas_pipelines.threshold import over, runs, threshold, weeks
from tianmu.scenarios.reading import column, number_of

LEAST = 0.01
"""false alarms a week: rarer ones are not told apart by the 300 weeks that are drawn for them"""
FEW = 20
"""weeks: more of them take minutes to draw"""


def run_leak(rows: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    network = network_of(parameters)
    given = table.read(rows, network)
    layout = given.layout
    remark(
        f"{len(layout.flow)} flow loggers, {len(layout.pressure)} pressure loggers, "
        f"{int(layout.metered.sum()):,} of {len(network.sink):,} consumers metered, every "
        f"{given.every_min:g} min"
    )
    per_week = number_of(parameters, "per_week", low=LEAST, high=1000)
    drawn = weeks(leak.settings(), per_week)
    remark(
        f"the network is prepared for them, and the threshold drawn from {drawn} weeks without a "
        f"leak: {'that may take minutes' if drawn > FEW else 'that takes some seconds'}"
    )
    try:
        watch = leak.prepare(network, layout, given.every_min)
        compared = leak.compare(watch, given.readings)
    except NoSolution as error:
        raise BadInput(0, "", str(error), "look at the flows, and at the network") from error
    score, lost = leak.scores(watch, compared), leak.balance(watch, compared)
    at_least = threshold(watch, per_week)
    remark(f"an alarm from a score of {at_least:.2f} on, by {drawn} weeks without a leak")
    alarm = runs(score, at_least, over(watch))
    found: dict[str, list[float | None]] = {
        name: [None] * len(rows)
        for name in ("leak_m3h", "junction", "longitude", "latitude", "within_m")
    }
    in_alarm = np.flatnonzero(alarm[given.row])
    for done, row in enumerate(in_alarm.tolist()):
        progress(done, len(in_alarm))
        where = leak.place(watch, compared, int(given.row[row]))
        if where is None:
            continue
        found["leak_m3h"][row] = float(network.m3h(np.array(where.kg_s)))
        found["junction"][row] = float(network.junction[where.junction])
        found["longitude"][row] = float(network.longitude[where.junction])
        found["latitude"][row] = float(network.latitude[where.junction])
        found["within_m"][row] = where.within_m
    junction = pa.array(found.pop("junction"), pa.float64()).cast(pa.int64())
    return pa.table(
        {
            "balance_m3h": column(network.m3h(lost[given.row])),
            "score": column(score[given.row]),
            "alarm": pa.array(alarm[given.row].astype(np.int64)),
            "leak_m3h": column(found["leak_m3h"]), "junction": junction,
            "longitude": column(found["longitude"]), "latitude": column(found["latitude"]),
            "within_m": column(found["within_m"]),
        }
    )  # fmt: skip


LEAK = Model(
    "leak",
    "leaks by balance and pressure pattern, with a place and how sure it is; also needs inflow_N "
    "of each feed",
    (Column("timestamp", "", "even steps; rows may be missing"),),
    (
        Column("inflow_N", "m³/h", "what comes in at feed N of the network (0 °C, 1.01325 bar)"),
        Column("flow_N", "m³/h", "of pipe N, positive from its start to its end"),
        Column("pressure_N", "kPa", "at junction N, gauge"),
        Column("meter_N", "m³/h", "of consumer N; who has no column is taken to do as the others"),
    ),
    (
        Column("balance_m3h", "m³/h", "came in and is not accounted for, on the mean of an hour"),
        Column("score", "", "how much better a leak tells it, in standard deviations"),
        Column("alarm", "", "1: a leak is likely"),
        Column("leak_m3h", "m³/h", "its size"),
        Column("junction", "", "the nearest junction, by its number"),
        Column("longitude", "°", "of it"),
        Column("latitude", "°", "of it"),
        Column("within_m", "m", "the leak lies so near with four fifths of the likelihood"),
    ),
    (
        NETWORK, PLACE,
        Parameter("per_week", "false alarms a week that are tolerable", "1"),
    ),
    run_leak,
)  # fmt: skip
