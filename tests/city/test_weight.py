"""``weights.toml``: a scenario's numbers with their ranges, and what a pack sets in their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tianmu.city import brought
from tianmu.city.charter import weight
from tianmu.city.file.reader import PackReader
from tianmu.city.pack import load

OWN = """
[well-water]
basis = "invented"
deep = 3
raised = 2
most = 4
[well-water.sign]
dry = 1.5
wet = -1
[well-water.between]
deep = [1, 10]
raised = "level"
most = [0, 9, 1]
sign = [-6, 6]
"""
NUMBERS = {"deep": 3.0, "raised": 2.0, "most": 4.0, "sign.dry": 1.5, "sign.wet": -1.0}


def read(tmp_path: Path, pack: str, own: str = OWN) -> tuple[dict[str, float], list[str]]:
    folder = tmp_path / brought.OWN / "well_water"
    folder.mkdir(parents=True)
    (folder / weight.FILE).write_text(own)
    if pack:
        (tmp_path / weight.FILE).write_text(pack)
    main = PackReader(tmp_path)
    main.brought = (brought.ScenarioReader(folder, main),)
    return weight.read(main, (1, 2, 3)).get("well-water", {}), [str(one) for one in main.faults]


def test_a_scenario_brings_its_own(tmp_path: Path) -> None:
    assert read(tmp_path, "") == (
        {"deep": 3.0, "raised": 2.0, "most": 4.0, "sign.dry": 1.5, "sign.wet": -1.0},
        [],
    )


def test_the_packs_number_counts(tmp_path: Path) -> None:
    pack = '[well-water]\nbasis = "twelve cases"\nsign = { dry = 2 }\n'
    assert read(tmp_path, pack) == (
        {"deep": 3.0, "raised": 2.0, "most": 4.0, "sign.dry": 2.0, "sign.wet": -1.0},
        [],
    )


@pytest.mark.parametrize(
    ("pack", "line", "what", "remedy"),
    [
        ('[well]\nbasis = "a"\n', 1, "well is no scenario with weights", "use [well-water]"),
        ("[well-water]\ndeep = 4\n", 1, "does not say where its numbers are from", "basis"),
        ('[well-water]\nbasis = "a"\ndeep = 40\n', 3, "deep is 40", "give 1 to 10"),
        ('[well-water]\nbasis = "a"\nraised = 4\n', 3, "raised is 4", "give one of 0, 1, 2, 3"),
        ('[well-water]\nbasis = "a"\nraised = 1.5\n', 3, "raised is 1.5", "one of 0, 1, 2, 3"),
        ('[well-water]\nbasis = "a"\nmost = 2.5\n', 3, "most is 2.5", "0 to 9, a whole number"),
        ('[well-water]\nbasis = "a"\ndeep = "4"\n', 3, "deep is no number", "write 0.5"),
        ('[well-water]\nbasis = "a"\ndeep = nan\n', 3, "deep is nan", "give 1 to 10"),
        (
            '[well-water]\nbasis = "a"\nhigh = 1\n',
            3,
            "high is not known",
            "use one of deep, raised",
        ),
        ('[well-water]\nbasis = "a"\n[well-water.sign]\ndry = -7\n', 4, "sign.dry is -7", "-6 to"),
        ("[well-water\n", 1, "not valid TOML", "mend"),
    ],
)
def test_a_fault_is_told_with_its_line_and_the_scenarios_number_holds(
    tmp_path: Path, pack: str, line: int, what: str, remedy: str
) -> None:
    found, faults = read(tmp_path, pack)
    assert any(
        one.startswith(f"{weight.FILE}:{line}:") and what in one and remedy in one for one in faults
    ), faults
    assert found["deep"] in (3.0, 4.0) and found["sign.dry"] == 1.5


def test_a_level_that_the_city_lacks_is_told_of_the_scenarios_own_file(tmp_path: Path) -> None:
    found, faults = read(tmp_path, "", OWN.replace("raised = 2", "raised = 4"))
    assert "raised" not in found
    assert any("weights.toml:5: raised is 4: give one of 0, 1, 2, 3" in one for one in faults)


def test_a_scenario_without_ranges_or_of_another_name_is_told(tmp_path: Path) -> None:
    _, faults = read(tmp_path, "", OWN.replace("deep = [1, 10]\n", ""))
    assert any("deep has no range" in one for one in faults)
    for place, wrong in enumerate(('["a", 10]', "3", "[1]", "[1, 10, 2]", '"levels"')):
        (tmp_path / str(place)).mkdir()
        own = OWN.replace("deep = [1, 10]", f"deep = {wrong}")
        _, faults = read(tmp_path / str(place), "", own)
        assert any("deep has no range" in one for one in faults), wrong
    (tmp_path / "b").mkdir()
    _, faults = read(tmp_path / "b", "", OWN.replace("well-water", "well"))
    assert any("another scenario than its own" in one for one in faults)


@pytest.mark.parametrize("name", ["liyang", "port_ellery"])
def test_both_cities_have_the_fire_alarms_numbers(name: str) -> None:
    weights = load(name).weights["fire-alarms"]
    assert 0 < weights["prior"] < 0.5 and weights["sign.call"] > 0 > weights["sign.reset"]
