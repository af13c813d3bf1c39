"""Steady states against pandapipes 0.16, and against the STANET results that it is tested by."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tianmu.scenarios.contract import BadInput
from tianmu.scenarios.gas_pipelines import library
from tianmu.scenarios.gas_pipelines.hydraulics import (
    NoSolution,
    State,
    ambient,
    friction,
    solve,
    squeezed,
    tree,
)
from tianmu.scenarios.gas_pipelines.linear import answers
from tianmu.scenarios.gas_pipelines.network import SHIPPED, BadNetwork, Network, read
from tianmu.scenarios.gas_pipelines.run_state import HYDRAULICS
from tianmu.scenarios.gas_pipelines.simulate import inflows
from tianmu.scenarios.run import parameters_of, run_model

HERE = Path(__file__).parent
TOWN = "schutterwald"
STANET = ("parallel", "square", "two_pipes", "t_cross1", "h_net", "pipe_1")


def usual(network: Network, *times: float) -> np.ndarray:
    one = np.zeros(network.junctions)
    np.add.at(one, network.sink_at, network.usual)
    return one[:, None] * np.array(times)


def reference(name: str, factor: str, what: str) -> dict[int, float]:
    with (HERE / "pandapipes_0_16.csv").open(encoding="utf-8", newline="") as text:
        return {
            int(row["number"]): float(row["value"])
            for row in csv.DictReader(text)
            if (row["network"], row["factor"], row["what"]) == (name, factor, what)
        }


def compare(network: Network, state: State, moment: int, name: str, factor: str) -> None:
    for what, known, values, near in (
        ("pressure_bar", network.junction, state.pressure, 2e-8),
        ("flow_kg_s", network.pipe, state.flow, 2e-9),
    ):
        expected = reference(name, factor, what)
        assert expected
        place = {int(number): at for at, number in enumerate(known)}
        for number, value in expected.items():
            assert values[place[number], moment] == pytest.approx(value, abs=near), (what, number)


def test_the_whole_town_as_the_library_has_it() -> None:
    network = read(SHIPPED)
    factors = ("0.2", "1", "5")
    state = solve(network, usual(network, *(float(one) for one in factors)))
    for moment, factor in enumerate(factors):
        compare(network, state, moment, TOWN, factor)


@pytest.mark.parametrize("name", STANET)
def test_loops_and_two_feeds_as_the_library_has_them(name: str) -> None:
    network = read(HERE / f"stanet_{name}.json")
    compare(network, solve(network, usual(network, 1.0)), 0, f"stanet_{name}", "")


@pytest.mark.parametrize("name", STANET)
def test_pressures_are_those_of_stanet(name: str) -> None:
    """The bound is the library's own, of its own comparison."""
    file = HERE / f"stanet_{name}.json"
    network = read(file)
    table = json.loads(json.loads(file.read_text())["_object"]["junction"]["_object"])
    stanet = [row[table["columns"].index("p_stanet")] for row in table["data"]]
    pressure = solve(network, usual(network, 1.0)).pressure[:, 0]
    told = [at for at, value in enumerate(stanet) if value is not None]
    assert told
    for at in told:
        assert abs(1 - pressure[at] / stanet[at]) < 1e-4 or abs(pressure[at] - stanet[at]) < 1e-4


@pytest.mark.skipif(
    importlib.util.find_spec("pandapipes") is None, reason="the extra 'gas' is not installed"
)
def test_the_library_itself_says_the_same() -> None:
    network = read(SHIPPED)
    demand = usual(network, 2.0)
    feed = network.feed_bar[:, None]
    own, its = solve(network, demand, feed), library.solve(SHIPPED, network, demand, feed)
    assert np.abs(own.pressure - its.pressure).max() < 2e-8
    assert np.abs(own.flow - its.flow).max() < 2e-9


@pytest.mark.parametrize("name", ["square", "h_net", "parallel"])
def test_answers_are_what_a_small_demand_does(name: str) -> None:
    network = read(HERE / f"stanet_{name}.json")
    demand = usual(network, 1.0)
    demand[:] = np.maximum(demand, 1e-3)
    state = solve(network, demand)
    flow, pressure = np.arange(len(network.pipe)), np.arange(network.junctions)
    told = answers(network, state, flow, pressure)
    step = 1e-4
    for junction in range(network.junctions):
        more, less = demand.copy(), demand.copy()
        more[junction] += step
        less[junction] -= step
        up, down = solve(network, more), solve(network, less)
        change = np.concatenate(
            [inflows(network, up.flow, more) - inflows(network, down.flow, less),
             up.flow - down.flow, up.pressure - down.pressure]
        )[:, 0] / (2 * step)  # fmt: skip
        assert told[:, junction] == pytest.approx(change, rel=4e-3, abs=3e-3)


@pytest.mark.parametrize("name", ["square", "parallel"])
def test_a_loop_carries_what_none_of_its_ways_does_alone(name: str) -> None:
    """The flows of the first step, all by one way, are more than that carries; those of the last
    are not."""
    network = read(HERE / f"stanet_{name}.json")
    chords = tree(network).chords
    fields = ("pipe", "start", "end", "length", "diameter", "rough", "loss", "house")
    cut = {one: np.delete(getattr(network, one), chords) for one in fields}
    alone = dataclasses.replace(network, **cut)
    times = 1.0
    with pytest.raises(NoSolution, match="more than the network can carry"):
        while times < 1e4:
            solve(alone, usual(alone, times))
            times *= 1.02
    demand = usual(network, times)
    state = solve(network, demand)
    assert inflows(network, state.flow, demand).sum() == pytest.approx(demand.sum())
    absolute = (state.pressure + ambient(network.height)[:, None])[:, 0]
    start, end = absolute[network.start], absolute[network.end]
    linear, square = friction(network)
    flow = state.flow[:, 0]
    fall = squeezed(network, start, end) * (linear + square * np.abs(flow)) * flow
    level = network.height[network.start] == network.height[network.end]
    assert len(chords) and np.abs(start**2 - end**2 - fall)[level].max() < 1e-6
    with pytest.raises(NoSolution, match="more than the network can carry"):
        solve(network, 100 * demand)


def test_what_cannot_be_reckoned_is_refused_by_name() -> None:
    with pytest.raises(BadNetwork, match=r"2 valve: only pipes"):
        read(HERE / "stanet_two_valves.json")
    with pytest.raises(NoSolution, match="more than the network can carry"):
        network = read(SHIPPED)
        solve(network, usual(network, 60.0))


def test_a_row_without_its_time_is_no_state_of_its_own() -> None:
    parameters = parameters_of(HYDRAULICS, [])
    rows = pa.table({"junction": [1, 2], "timestamp": ["2024-01-01", ""], "demand_m3h": [5, 5]})
    with pytest.raises(BadInput, match="row 2, column timestamp: no time, where other rows have"):
        run_model(HYDRAULICS, rows, parameters)
    without = run_model(HYDRAULICS, rows.drop(["timestamp"]), parameters)
    none = rows.set_column(1, "timestamp", pa.array(["", ""]))
    assert run_model(HYDRAULICS, none, parameters)["pressure_kpa"] == without["pressure_kpa"]


def test_times_are_compared_as_times() -> None:
    """However they are written: a state of its own would bring the usual demand of the file."""
    parameters = parameters_of(HYDRAULICS, [])
    rows = pa.table({"junction": [1, 2, 2], "demand_m3h": [500, 400, 300]})

    def made(*told: str) -> pa.Table:
        return run_model(HYDRAULICS, rows.append_column("timestamp", pa.array(told)), parameters)

    plain = made("2024-01-01 08:00:00", "2024-01-01 08:00:00", "2024-01-01 09:00:00")
    mixed = made("2024-01-01 08:00", "2024-01-01T08:00:00", "2024-01-01 09:00")
    assert mixed["pressure_kpa"] == plain["pressure_kpa"]
    zones = made("2024-01-01T08:00:00+08:00", "2024-01-01T00:00:00Z", "2024-01-01T09:00:00+08:00")
    assert zones["pressure_kpa"] == plain["pressure_kpa"]
    with pytest.raises(BadInput, match="row 2, column timestamp: 'noon' is no time: write it like"):
        made("2024-01-01 08:00", "noon", "2024-01-01 09:00")
    with pytest.raises(BadInput, match="row 3, column demand_m3h: junction 2 has two demands"):
        made("2024-01-01 08:00", "2024-01-01 08:00", "2024-01-01 08:00:00")


@pytest.mark.parametrize(
    ("name", "cell", "says"),
    [
        ("demand_m3h", "1e400", "row 2, column demand_m3h: 1e400 is no finite number: correct it"),
        ("measured_kpa", "-inf", "row 2, column measured_kpa: -inf is no finite number"),
        ("demand_m3h", "-5", "row 2, column demand_m3h: -5 would be gas that comes in here: write"),
    ],
)
def test_a_number_that_cannot_be_is_not_taken_as_another(name: str, cell: str, says: str) -> None:
    rows = pa.table({"junction": ["1", "2", "3"], name: ["5", cell, ""]})
    with pytest.raises(BadInput, match=says):
        run_model(HYDRAULICS, rows, parameters_of(HYDRAULICS, []))
