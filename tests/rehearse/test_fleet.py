"""A seeded fleet: the same from the same seed, inside its towns, within its value models."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tianmu.city import pack
from tianmu.rehearse.truth.fleet import Fleet, make, scatter
from tianmu.store.registry.table import as_table

from .small import SEEDING, TOWNS

SHAPES = {
    f["properties"]["division"]: shapely.from_geojson(json.dumps(f["geometry"]))
    for f in TOWNS["features"]
    if f["properties"].get("division")
}


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return make(SEEDING, TOWNS, 2_000, 7)


def test_the_same_seed_gives_the_same_devices(fleet: Fleet) -> None:
    again, other = make(SEEDING, TOWNS, 2_000, 7), make(SEEDING, TOWNS, 2_000, 8)
    sources = {True: "life", False: "main"}
    assert fleet.table(sources).equals(again.table(sources))
    assert np.array_equal(fleet.mean, again.mean) and fleet.name == again.name
    assert fleet.device(3) != other.device(3) and not np.array_equal(
        fleet.longitude, other.longitude
    )


@given(st.integers(1, 60), st.integers(0, 2**31))
def test_devices_stand_in_the_towns_they_name(n: int, seed: int) -> None:
    made = make(SEEDING, TOWNS, n, seed)
    assert len(made.kind) == len(made.longitude) == len(made.division) == n
    for x, y, division in zip(made.longitude, made.latitude, made.division, strict=True):
        assert shapely.contains_xy(SHAPES[division], x, y)


def test_shares_and_weights_hold(fleet: Fleet) -> None:
    kinds = np.array(fleet.kinds)[fleet.kind]
    assert set(kinds) == {"smoke", "level"}, "no share, or no value model: none"
    assert np.mean(kinds == "smoke") == pytest.approx(0.6, abs=0.05)
    assert np.mean(np.array(fleet.division) == "north") == pytest.approx(0.75, abs=0.05)


def test_only_what_is_seeded_gets_datastreams(fleet: Fleet) -> None:
    assert set(fleet.property) == {"state", "depth", "battery"}
    table = fleet.table({True: "life", False: "main"})
    for row in table.slice(0, 50).to_pylist() + table.slice(1950).to_pylist():
        assert row["properties"] == (["state"] if row["kind"] == "smoke" else ["depth", "battery"])
        assert row["source"] == ("life" if row["kind"] == "smoke" else "main")
        assert row["department"] in {"fire", "water"} and row["origin"] == "seeded"
    names = [f"{r['device']}/{p}" for r in table.to_pylist() for p in r["properties"]]
    assert names == fleet.name, "the registry counts datastreams in the same order"
    assert [fleet.device(int(i)) for i in fleet.owner] == [n.split("/")[0] for n in fleet.name]


def test_the_registry_takes_the_table(fleet: Fleet) -> None:
    table = as_table(pa, fleet.table({True: "life", False: "main"}), {})
    assert table.num_rows == 2_000


@given(st.floats(0, 2e9), st.integers(-12, 14), st.integers(0, 2**31))
def test_values_keep_to_their_range_and_step(at: float, hours: int, seed: int) -> None:
    made = make(SEEDING, TOWNS, 50, 3)
    which = np.arange(len(made.name))
    values = made.values(which, at, hours * 3600.0, np.random.default_rng(seed))
    assert np.all(values >= made.low) and np.all(values <= made.high)
    stepped = made.step > 0
    steps = values[stepped] / made.step[stepped]
    assert np.allclose(steps, np.round(steps), atol=1e-6)
    assert not np.isnan(values).any()


def test_values_follow_the_day() -> None:
    made = make(SEEDING, TOWNS, 400, 3)
    depth = np.flatnonzero(np.array(made.property) == "depth")
    random = np.random.default_rng(0)
    peak = made.values(depth, 6 * 3600.0, 0.0, random).mean()
    trough = made.values(depth, 18 * 3600.0, 0.0, random).mean()
    east = made.values(depth, 6 * 3600.0, 12 * 3600.0, random).mean()
    assert peak - trough == pytest.approx(1.0, abs=0.1), "twice half the swing"
    assert east == pytest.approx(trough, abs=0.1), "the peak is at the local hour"
    assert made.mean[depth].std() == pytest.approx(0.1, abs=0.03), "devices differ"


def test_a_pack_that_says_too_little_is_told() -> None:
    bare = {**SEEDING, "kinds": [k for k in SEEDING["kinds"] if k["code"] == "mute"]}
    with pytest.raises(ValueError, match="value model"):
        make(bare, TOWNS, 5, 1)


def test_towns_without_weights_are_all_used() -> None:
    _, _, divisions = scatter({}, TOWNS, 200, np.random.default_rng(1))
    assert set(divisions) == set(SHAPES)


@pytest.mark.parametrize("name", ["liyang", "port_ellery"])
def test_the_shipped_packs_can_be_seeded(name: str) -> None:
    city = pack.load(name)
    kinds: list[dict[str, Any]] = []
    for kind in city.kinds.values():
        plain = msgspec.to_builtins(kind)
        plain["properties"] = [msgspec.to_builtins(p) for p in kind.properties.values()]
        kinds.append(plain)
    towns = json.loads(city.places.geojson("towns"))
    made = make({**city.seeding.plain(), "kinds": kinds}, towns, 1_000, 1)
    found = [
        city.places.division_at(float(x), float(y))
        for x, y in zip(made.longitude, made.latitude, strict=True)
    ]
    inside = sum(
        here == told or city.divisions[here].parent == told
        for here, told in zip(found, made.division, strict=True)
    )
    assert inside > 990, "border points apart, the city agrees where they stand"
    assert not any(p.endswith((".minute", ".hour", ".day")) for p in made.property)
