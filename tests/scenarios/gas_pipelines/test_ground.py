"""Fewest valves against trying all sets; digs against distances; levels of gas alarms."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tianmu.facts.place import DEGREE_M
from tianmu.scenarios.contract import BadInput, BadParameter
from tianmu.scenarios.gas_pipelines.isolation import isolate
from tianmu.scenarios.gas_pipelines.layout import Valve, placed_valves
from tianmu.scenarios.gas_pipelines.model import MODELS
from tianmu.scenarios.gas_pipelines.network import SHIPPED, Network, moved, read
from tianmu.scenarios.gas_pipelines.permits import Ground, area, ranges
from tianmu.scenarios.run import parameters_of, run_model

HERE = Path(__file__).parent
BY_NAME = {one.name: one for one in MODELS}


def run(name: str, given: list[str], **columns: list[str]) -> dict[str, list[object]]:
    model = BY_NAME[name]
    return run_model(model, pa.table(columns), parameters_of(model, given)).to_pydict()


def fed(network: Network, valves: tuple[Valve, ...], closed: set[int], pipe: int) -> set[int]:
    """Junctions that gas reaches, and -1 if it reaches the middle of ``pipe``: walked."""
    shut = {(valves[one].pipe, valves[one].junction) for one in closed}
    todo, seen = list(network.feed_at.tolist()), set(network.feed_at.tolist())
    while todo:
        at = todo.pop()
        for one in range(len(network.pipe)):
            start, end = int(network.start[one]), int(network.end[one])
            if at not in (start, end) or (one, at) in shut:
                continue
            if one == pipe:
                seen.add(-1)
            other = end if at == start else start
            if (one, other) not in shut and other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


@pytest.mark.parametrize("name", ["parallel", "square", "h_net"])
def test_no_smaller_set_of_valves_does_it(name: str) -> None:
    network = read(HERE / f"stanet_{name}.json")
    draw = np.random.default_rng(3)
    all_ends = [
        Valve(pipe, int(ends[pipe]))
        for pipe in range(len(network.pipe))
        for ends in (network.start, network.end)
    ]
    for _ in range(4):
        chosen = draw.permutation(len(all_ends))[:6]
        valves = tuple(all_ends[one] for one in chosen)
        for pipe in range(len(network.pipe)):
            able = [
                set(one)
                for size in range(len(valves) + 1)
                for one in itertools.combinations(range(len(valves)), size)
                if -1 not in fed(network, valves, set(one), pipe)
            ]
            found = isolate(network, valves, pipe)
            if not able:
                assert found.valves is None
                continue
            assert found.valves is not None
            fewest = [one for one in able if len(one) == len(able[0])]
            assert set(found.valves) in fewest
            cut = {
                frozenset(one): sum(
                    int(at) not in fed(network, valves, one, pipe) for at in network.sink_at
                )
                for one in fewest
            }
            assert len(found.consumers) == min(cut.values()) == cut[frozenset(found.valves)]


def test_a_branch_of_a_town_is_shut_and_the_rest_is_not() -> None:
    network = read(SHIPPED)
    valves = placed_valves(network, 0.35, 1)
    at_feed = int(np.flatnonzero(network.start == network.feed_at[0])[0])
    assert isolate(network, (), at_feed).valves is None
    for pipe in (at_feed, int(np.flatnonzero(~network.house)[-1])):
        found = isolate(network, valves, pipe)
        assert found.valves is not None and 1 <= len(found.valves) <= 2
        assert 0 < len(found.consumers) < len(network.sink)
        assert 0 < found.length < network.length.sum()


def test_digs_are_as_far_from_the_pipes_as_they_are() -> None:
    network = moved(read(SHIPPED), 119.48, 31.42)
    ground, own = Ground(network), ranges()
    # north of the northernmost junction there is nothing: distances are the offset from it
    top = int(np.argmax(network.latitude))
    x, y = float(network.longitude[top]), float(network.latitude[top])
    radius = max(network.diameter[(network.start == top) | (network.end == top)]) / 2
    for metres, zone in ((0.2, "protected"), (3.0, "controlled"), (40.0, "clear")):
        away = (metres + radius) / DEGREE_M
        near = ground.near(area(f"POINT({x} {y + away})"))
        assert near.metres == pytest.approx(metres, abs=0.01)
        assert near.zone == zone
        assert (near.pipe in near.pipes) == (metres <= own.controlled)
    with pytest.raises(BadInput, match="longitude first"):
        run("permits", [], area=["POINT(31.4 119.4)"])
    with pytest.raises(BadInput, match=r"row 2, column area: .* is no WKT"):
        run("permits", [], area=["POINT(119 31)", "there"])


def test_levels_are_those_of_the_standard() -> None:
    found = run("lel", [], methane_lel=["0", "24.9", "25", "49", "50", "100", ""])
    assert found["level"] == [0, 0, 1, 1, 2, 2, None]


def test_valves_of_a_file(tmp_path: Path) -> None:
    network = read(SHIPPED)
    file = tmp_path / "valves.csv"
    pipe = int(network.pipe[0])
    start = int(network.junction[network.start[0]])
    file.write_text(f"pipe,junction\n{pipe},{start}\n")
    found = run("isolation", [f"valves={file}"], pipe=[str(pipe)])
    assert found["valves"] == [1] and found["close"] == [f"{pipe}@{start}"]
    file.write_text(f"pipe,junction\n{pipe},{start}\n{pipe},999999\n")
    with pytest.raises(BadParameter, match=r"row 2, column pipe: no such pipe ends"):
        run("isolation", [f"valves={file}"], pipe=[str(pipe)])
    with pytest.raises(BadInput, match="row 1, column pipe: the network has no pipe 99999999"):
        run("isolation", [], pipe=["99999999"])
