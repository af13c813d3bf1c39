"""The drawn plan of trial buildings: the rooms that the played panels speak of."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from PIL import Image

from tianmu.city.pack import load
from tianmu.rehearse.panel import script as panel_script
from tianmu.scenarios.fire_alarms.seeding import HIGH, PLAN, WIDE, drawn, plan, write


def test_every_part_of_a_played_panel_has_its_room(tmp_path: Path) -> None:
    shown = drawn()
    floors, rooms = range(1, shown.floors + 1), range(1, shown.rooms + 1)
    rooms_shown = {f"{floor}F-{floor}{room:02}" for floor in floors for room in rooms}
    named = {one.description for one in panel_script.building(random.Random(1))}
    assert named == rooms_shown | set(shown.below.parts)
    with Image.open(write(tmp_path)) as image:
        assert image.size == (WIDE, HIGH) and image.format == "PNG"


@pytest.mark.parametrize("name", ["liyang", "port_ellery"])
def test_trial_buildings_have_the_plan_that_the_script_writes(name: str) -> None:
    city = load(name)
    assert city.buildings and {one.plan for one in city.buildings.values()} == {PLAN}
    with Image.open(city.folder / PLAN) as image:
        assert image.size == (WIDE, HIGH)
        assert image.convert("RGB").tobytes() == plan(drawn()).convert("RGB").tobytes()
