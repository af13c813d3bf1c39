"""Danger over hills: colder and damper further up, and only where there is wood."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from tianmu.city import pack
from tianmu.city.city import City
from tianmu.city.file.fault import PackFaulty
from tianmu.scenarios.forest_fire import present as fire
from tianmu.scenarios.forest_fire.grid import squares
from tianmu.scenarios.forest_fire.relief import Bands, Lapse, heights, lifted
from tianmu.scenarios.forest_fire.weather import days_of

from .test_present import CITY, Town

LAPSE = Lapse(temp=6.5, dew=1.8, band_m=100.0, most=12, basis="")
WEST, SOUTH, EAST, NORTH = CITY.bbox


def hilly(folder: Path, *, wooded_from: float = WEST) -> City:
    """Liyang on a slope: 0 m in the west, 800 m in the east, bare west of ``wooded_from``."""
    shutil.copytree(CITY.folder, folder)
    lines = ["lon,lat,height_m,wooded"]
    for lon in np.linspace(WEST, EAST, 41):
        height = 800 * (lon - WEST) / (EAST - WEST)
        lines += [
            f"{lon:.5f},{lat:.5f},{height:.1f},{int(lon >= wooded_from)}"
            for lat in np.linspace(SOUTH, NORTH, 31)
        ]
    (folder / "terrain.csv").write_text("\n".join(lines) + "\n")
    return pack.load(str(folder))


@pytest.fixture(scope="module")
def slope(tmp_path_factory: pytest.TempPathFactory) -> City:
    return hilly(tmp_path_factory.mktemp("packs") / "slope")


def test_a_kilometre_further_up_is_colder_and_damper(slope: City, tmp_path: Path) -> None:
    days = days_of(Town(tmp_path, city=slope), fire.WEATHER)
    own, _ = slope.terrain.at(days.stations.longitude, days.stations.latitude)
    up = lifted(days, slope.terrain, float(own[0]) + 1000, LAPSE)
    assert (days.temp - up.temp)[0] == pytest.approx(np.full(days.temp.shape[1], 6.5))
    # 24 °C at 30 %: dew point 5.3 °C; a kilometre up 17.5 °C with a dew point of 3.5 °C: 39 %
    warm, dry = 24.0, 30.0
    dew = 243.04 * (math.log(dry / 100) + 17.625 * warm / (243.04 + warm))
    dew /= 17.625 - math.log(dry / 100) - 17.625 * warm / (243.04 + warm)
    assert dew == pytest.approx(5.3, abs=0.1)
    at = int(np.argmin(np.abs(days.highest[0] - warm)))
    assert days.lowest[0, at] == pytest.approx(dry, abs=0.5)
    assert up.lowest[0, at] == pytest.approx(39.3, abs=1.0)
    same = lifted(days, slope.terrain, float(own[0]), LAPSE)
    assert same.lowest[0] == pytest.approx(days.lowest[0])
    assert lifted(days, slope.terrain, math.nan, LAPSE) is days


def test_a_square_between_two_heights_has_what_lies_between(slope: City) -> None:
    grid = squares(slope.places.outline, 5.0, slope.terrain)
    at = heights(slope.terrain, grid, LAPSE)
    assert at[0] == grid.height.min() and at[-1] == grid.height.max() and len(at) <= 12
    bands = Bands(np.array([WEST]), np.array([SOUTH]), at, grid)
    found = bands.over([np.array([height]) for height in at])
    assert found == pytest.approx(grid.height)


def test_the_hill_is_in_less_danger_than_the_plain(slope: City, tmp_path: Path) -> None:
    flat = fire.present(Town(tmp_path))
    hills = fire.present(Town(tmp_path, city=slope))
    level = [one.value for one in flat.shapes if one.kind == "cell"]
    cells = [one for one in hills.shapes if one.kind == "cell"]
    assert len(cells) == len(level), "all is wooded"
    west = [one.value or 0 for one in cells if one.ring[0][0] < WEST + 0.2 * (EAST - WEST)]
    east = [one.value or 0 for one in cells if one.ring[0][0] > WEST + 0.8 * (EAST - WEST)]
    assert np.mean(west) > np.mean(east)
    assert np.ptp([one or 0 for one in level]) < 0.5, "without heights both stations tell the same"
    told = " ".join(note["en"] for note in hills.notes)
    assert "height of each square" in told and "neither terrain" not in told
    assert "neither terrain" in " ".join(note["en"] for note in flat.notes)
    assert all(one.degree for one in hills.ahead)


def test_only_wood_burns(tmp_path: Path) -> None:
    middle = (WEST + EAST) / 2
    city = hilly(tmp_path / "half", wooded_from=middle)
    cells = fire.present(Town(tmp_path, city=city)).shapes
    assert cells and min(one.ring[1][0] for one in cells) > middle - 0.02
    bare = hilly(tmp_path / "bare", wooded_from=EAST + 1)
    found = fire.present(Town(tmp_path, city=bare))
    assert (found.degree, found.shapes) == (0, ()) and "no wood" in found.why[0]["en"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("119.4,31.4,,1", "no place or no height"),
        ("119.4,31.4,12,perhaps", "neither 1 nor 0"),
        ("119.4,91,12,1", "91"),
        ("119.4,31.4,high,1", "high"),
    ],
)
def test_terrain_that_cannot_be_read_is_told(tmp_path: Path, row: str, told: str) -> None:
    folder = tmp_path / "pack"
    shutil.copytree(CITY.folder, folder)
    (folder / "terrain.csv").write_text(f"lon,lat,height_m,wooded\n{row}\n")
    with pytest.raises(PackFaulty) as error:
        pack.load(str(folder))
    assert "terrain.csv:2" in str(error.value) and told in str(error.value)
