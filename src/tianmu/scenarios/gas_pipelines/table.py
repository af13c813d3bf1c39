"""Readings of a network as a table: a row for each time, a column for each instrument.

``inflow_<feed>``, ``flow_<pipe>`` and ``meter_<consumer>`` in m³/h (0 °C, 1.01325 bar; a flow is
positive from the pipe's start to its end), ``pressure_<junction>`` in kPa gauge; the numbers are
those of the network's file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from tianmu.scenarios.clock import times
from tianmu.scenarios.contract import BadInput, remark
from tianmu.scenarios.gas_pipelines.layout import Layout
from tianmu.scenarios.gas_pipelines.network import F64, I64, Network
from tianmu.scenarios.gas_pipelines.simulate import Readings
from tianmu.scenarios.gas_pipelines.trial import MEASURES, layout_of
from tianmu.scenarios.reading import numbers, texts

KPA = 100.0
MOST_GAPS = 50
"""times as many moments as rows: a wider gap is a fault of the times"""


@dataclass(frozen=True, eq=False)
class Table:
    """Readings on an even grid of time, nan where a row is missing."""

    layout: Layout
    readings: Readings
    every_min: float
    row: I64
    """moment of each row of the file"""


def read(table: pa.Table, network: Network) -> Table:
    """Raises ``BadInput``."""
    known = _columns(table, network)
    if not len(table):
        raise BadInput(0, "", "there are no rows", "give at least a few hours of readings")
    row, every = _moments(table)
    layout = layout_of(network, known)

    def held(measures: str, wanted: I64) -> F64:
        found = np.full((len(wanted), int(row[-1]) + 1), np.nan)
        for at, number in enumerate(wanted):
            name = f"{measures}_{number}"
            if name in known:
                found[at, row] = numbers(table, name, low=-1e6, high=1e6, required=False)
        return found

    readings = Readings(
        network.kg_s(held("inflow", network.feed)),
        network.kg_s(held("flow", network.pipe[layout.flow])),
        held("pressure", network.junction[layout.pressure]) / KPA,
        network.kg_s(_not_back(held("meter", network.sink), network)),
    )
    return Table(layout, readings, every, row)


def _not_back(meter: F64, network: Network) -> F64:
    """What consumers take, where a meter's noise about nothing is none of it."""
    below = meter < 0
    if below.any():
        first = network.sink[int(np.argmax(below.any(axis=1)))]
        remark(
            f"{int(below.sum())} readings of meters are below 0, the first of meter_{first}: they "
            "are taken as 0, as nobody feeds gas back through a meter"
        )
    found: F64 = np.maximum(meter, 0.0)
    return found


def write(
    network: Network, layout: Layout, readings: Readings, start: datetime, every_min: float
) -> pa.Table:
    """The readings as a table that ``read`` takes."""
    times = [
        (start + timedelta(minutes=every_min * at)).isoformat(sep=" ")
        for at in range(readings.inflow.shape[1])
    ]
    columns: dict[str, pa.Array] = {"timestamp": pa.array(times)}
    metered = np.flatnonzero(layout.metered)
    for measures, known, values in (
        ("inflow", network.feed, network.m3h(readings.inflow)),
        ("flow", network.pipe[layout.flow], network.m3h(readings.flow)),
        ("pressure", network.junction[layout.pressure], readings.pressure * KPA),
        ("meter", network.sink[metered], network.m3h(readings.meter[metered])),
    ):
        for number, value in zip(known, values, strict=True):
            columns[f"{measures}_{number}"] = pa.array(np.round(value, 5))
    return pa.table(columns)


def _columns(table: pa.Table, network: Network) -> dict[str, tuple[str, int]]:
    numbers_of = {"inflow": network.feed, "flow": network.pipe, "pressure": network.junction,
                  "meter": network.sink}  # fmt: skip
    known: dict[str, tuple[str, int]] = {}
    for name in table.column_names:
        measures, _, number = name.partition("_")
        if measures not in MEASURES or not number.isdigit():
            continue
        if not (numbers_of[measures] == int(number)).any():
            raise BadInput(0, name, f"the network has no {number} to measure", "look in its file")
        known[name] = (measures, int(number))
    for feed in network.feed:
        if f"inflow_{feed}" not in known:
            raise BadInput(
                0, f"inflow_{feed}", "there is no such column",
                f"add what comes in at feed {feed}, in m³/h",
            )  # fmt: skip
    return known


def _moments(table: pa.Table) -> tuple[I64, float]:
    """Moment of each row on an even grid, and minutes between two of them."""
    at = times(table, "timestamp")
    late = np.flatnonzero(np.diff(at) <= 0)
    if len(late):
        row = int(late[0]) + 1
        raise BadInput(
            row + 1, "timestamp",
            f"{texts(table, 'timestamp')[row]} does not come after the row before", "sort the rows",
        )  # fmt: skip
    minutes = (at - at[0]) / 60e6
    if len(minutes) < 2:
        return np.zeros(len(minutes), np.int64), 5.0
    every = float(np.median(np.diff(minutes)))
    place = minutes / every
    even = np.round(place).astype(np.int64)
    wrong = np.flatnonzero((np.abs(place - even) > 0.3) | (np.diff(even, prepend=-1) < 1))
    if len(wrong):
        raise BadInput(
            int(wrong[0]) + 1, "timestamp", f"is not a multiple of {every:g} min from the first",
            "give readings at even times; rows may be missing",
        )  # fmt: skip
    if even[-1] + 1 > MOST_GAPS * len(even):
        raise BadInput(0, "timestamp", "most of the times are missing", "give a shorter span")
    return even, every
