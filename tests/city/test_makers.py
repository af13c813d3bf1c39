"""What is made for want of free data is made by rule: the files are what the makers make."""

from __future__ import annotations

import csv
import json
import tomllib

import msgspec
import pytest

from tianmu.city import pack
from tianmu.city.makers import approximate, gabriel, people

PACKS = ("liyang", "port_ellery")


@pytest.mark.parametrize("name", PACKS)
def test_roster_and_units_are_as_made(name: str) -> None:
    city = pack.load(name)
    text = (city.folder / people.FILE).read_text(encoding="utf-8")
    plan = msgspec.convert(tomllib.loads(text), people.People)
    for file, made in (
        ("roster.csv", people.roster(city, plan)),
        ("units.csv", people.units(city, plan)),
    ):
        with (city.folder / file).open(encoding="utf-8", newline="") as lines:
            kept = list(csv.reader(lines))[1:]
        assert kept == [[str(cell) for cell in row] for row in made]


@pytest.mark.parametrize("name", PACKS)
def test_grids_are_as_made(name: str) -> None:
    city = pack.load(name)
    text = (city.folder / approximate.FILE).read_text(encoding="utf-8")
    plan = msgspec.convert(tomllib.loads(text), approximate.Plan)
    kept = json.loads((city.folder / "grids.geojson").read_text(encoding="utf-8"))["features"]
    made = approximate.grid_areas(city, plan)
    assert [one["properties"] for one in kept] == [one["properties"] for one in made]
    general = [one for one in made if one["properties"]["kind"] == "general"]
    assert len(general) == plan.general and len(made) == plan.general + plan.dedicated


@pytest.mark.parametrize("name", PACKS)
def test_streets_are_as_made(name: str) -> None:
    city = pack.load(name)
    nodes = gabriel.nodes_of(city)
    edges = {(nodes[a].id, nodes[b].id, kind) for a, b, kind in gabriel.edges_of(city, nodes)}
    assert edges == {(e["a"], e["b"], e["class"]) for e in city.streets.edges}
