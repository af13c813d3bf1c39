"""Up the river: ways, travel times, likeness of profiles, ranks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tianmu.city import pack
from tianmu.scenarios.contract import BadInput, BadParameter
from tianmu.scenarios.run import parameters_of
from tianmu.scenarios.water_ecology import seeding
from tianmu.scenarios.water_ecology.model import MODELS
from tianmu.scenarios.water_ecology.network import build, first_causes, upstream
from tianmu.scenarios.water_ecology.run_trace import network_of, trace_station

MODEL = next(one for one in MODELS if one.name == "trace")
NHD = """COMID,GNIS_NAME,LENGTHKM,StreamOrde,FromNode,ToNode
low,Main,10,2,2.0,3.0
left,Left,20,1,0.0,2.0
right,Right,5,1,1.0,2.0
far,Elsewhere,5,1,7.0,8.0
"""


@pytest.fixture
def network(tmp_path: Path) -> Path:
    file = tmp_path / "reaches.csv"
    file.write_text(NHD)
    return file


def run(columns: dict[str, list[str]], *said: str) -> dict[str, list[object]]:
    made = MODEL.run(pa.table(columns), parameters_of(MODEL, said))
    assert made.column_names == [one.name for one in MODEL.gives]
    return made.to_pydict()


def test_ways_are_as_long_as_the_reaches(network: Path) -> None:
    sources = {"reach": ["left", "right", "low", "low", "far"], "km": ["4", "", "6", "1", "2"],
               "氨氮(mg/L)": ["20"] * 5, "总磷(mg/L)": ["2"] * 5}  # fmt: skip
    made = run(sources, f"network={network}", "station=low", "km=2",
               "profile=氨氮=2.2,总磷=0.26")  # fmt: skip
    # from 2 km above the end of low: 8 km of it, then 4; half of right; 4 on low; below; no way
    assert made["travel_km"] == [12.0, 10.5, 4.0, None, None]
    slow, quick = 1 / (0.15 * 3.6), 1 / (0.2 * 3.6)  # h/km, by scenario.toml
    assert made["travel_h"][:3] == pytest.approx(
        [8 * quick + 4 * slow, 8 * quick + 2.5 * slow, 4 * quick], abs=1e-4
    )
    assert made["travel_h_least"][0] == pytest.approx(made["travel_h"][0] / 2, abs=1e-4)
    assert made["rank"] == [3, 2, 1, None, None]
    assert made["likeness"][:3] == pytest.approx([1, 1, 1], abs=0.01)


def test_what_is_unlike_stands_behind_what_is_like(network: Path) -> None:
    sources = {"reach": ["right", "left", "right"], "氨氮(mg/L)": ["0.3", "60", ""],
               "总磷(mg/L)": ["9", "1", ""], "高锰酸盐指数(mg/L)": ["5", "90", "20"]}  # fmt: skip
    made = run(sources, f"network={network}", "station=low",
               "profile=NH3-N=3.2,TP=0.1,CODMn=7.5")  # fmt: skip
    assert made["rank"] == [3, 1, 2]  # nearer, but phosphorus alone; then one known item only
    assert made["likeness"][1] > 0.8 > 0.2 > made["likeness"][0]
    assert made["likeness"][2] is None and made["likeness_items"] == [3, 3, 1]


def test_the_way_of_divided_water_is_the_quicker_one() -> None:
    """a–b by 1 km or by 10 km; above, c."""
    network = build(["short", "long", "top"], ["b", "b", "c"], ["a", "a", "b"],
                    np.array([1.0, 10.0, 2.0]), np.array([1, 1, 1]),
                    lambda order: np.full(len(order), 1.0))  # fmt: skip
    found = upstream(network, "short")
    assert found.km.tolist() == [0.0, np.inf, 1.0]
    assert found.hours[2] == pytest.approx(1000 / 3600)


def test_the_first_cause_is_the_bad_place_farthest_upstream(network: Path) -> None:
    rivers = network_of(seeding.flowlines(network))
    places = [("low", 2.0), ("left", 4.0), ("low", 6.0), ("right", 1.0), ("far", 0.0)]
    # 4 km up left takes longer than 1 km up right; on low, the higher one is not below the lower
    assert first_causes(rivers, places) == [1, 1, 1, 3, 4]
    assert first_causes(rivers, places[::2]) == [1, 1, 2]


def test_the_packs_network_flows_to_one_end() -> None:
    for name in ("liyang", "port_ellery"):
        waters = pack.load(name).waters
        network = network_of(list(waters.reaches.values()))
        end = waters.stations_by_name["trial-1" if name == "liyang" else "river-1"]
        found = upstream(network, end.reach)
        assert np.isfinite(found.hours).all()  # all 746 reaches come together there
        profile = waters.outlets["livestock_farm-1"].profile
        seen = {item: value * 0.05 for item, value in profile.items()}
        ranked = [code for code, _, _ in trace_station(waters, end.code, seen)]
        assert len(ranked) == len(waters.outlets) and "livestock_farm-1" in ranked[:10]


def test_outlets_are_drawn_by_seed_and_marked_so(network: Path) -> None:
    reaches = seeding.flowlines(network)
    wanted = seeding.settings().seeding
    rows = seeding.outlets(reaches, wanted, 1)
    assert rows == seeding.outlets(reaches, wanted, 1) != seeding.outlets(reaches, wanted, 2)
    assert len(rows) == wanted.outlets and len({row["code"] for row in rows}) == len(rows)
    assert all("invented" in row["basis"] for row in rows)


def test_faults_say_what_is_wanted(network: Path, tmp_path: Path) -> None:
    good = {"reach": ["left"], "COD(mg/L)": ["80"]}
    said = (f"network={network}", "station=low", "profile=COD=30")
    assert run(good, *said)["rank"] == [1]
    for change, what in [
        ((said[0], said[1]), "parameter profile: is needed"),
        ((said[0], said[2]), "nothing is no reach"),
        ((said[1], said[2]), "parameter network: is needed"),
        ((*said[:2], "profile=COD"), "'COD' is no item=figure"),
        ((*said, "km=11"), "lies beyond the reach's beginning"),
        ((f"network={tmp_path / 'none.csv'}", *said[1:]), "No such file"),
    ]:
        with pytest.raises(BadParameter, match=what):
            run(good, *change)
    with pytest.raises(
        BadInput, match="row 1, column reach: reach 'nowhere' is not in the network"
    ):
        run(good | {"reach": ["nowhere"]}, *said)
    with pytest.raises(BadInput, match="no column is an item"):
        run({"reach": ["left"]}, *said)
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n")
    with pytest.raises(BadParameter, match="give columns COMID"):
        run(good, f"network={bad}", *said[1:])
