"""The quality of the water now, from the latest figures of stations."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tianmu.city import pack
from tianmu.city.city import City
from tianmu.scenarios.water_ecology.present import present
from tianmu.scenarios.world import Devices

LIYANG = pack.load("liyang")


@dataclass
class Stations:
    """A world of stations with these ids and figures, as ``World`` answers."""

    figures: dict[str, list[float]]
    ids: list[str]
    city: City = LIYANG
    now: int = 1_800_000_000_000_000
    asked: list[int] = field(default_factory=list)

    @property
    def registry(self) -> Any:
        return SimpleNamespace(
            device=lambda at: SimpleNamespace(device=self.ids[at], name=f"station {at}"),
            division=[0] * len(self.ids), divisions=["320481"],
            department=[0] * len(self.ids), departments=["water"],
        )  # fmt: skip

    def devices(self, kind: str, most: int) -> Devices:
        assert kind in self.city.kinds
        count = len(self.ids)
        return Devices(
            np.arange(count), np.full(count, 119.5), np.full(count, 31.4), ("seeded",), 0
        )

    def streams(self, devices: Devices, code: str) -> str:
        return code

    def newest(self, code: str, within: int) -> np.ndarray:
        return np.array(self.figures.get(code, [np.nan] * len(self.ids)), np.float64)


def test_stations_are_judged_and_sources_named() -> None:
    nan = np.nan
    world = Stations(
        {"w01009": [8, 8, 8, 8, nan], "w21003": [0.4, 0.1, 3.0, 0.1, nan],
         "w21011": [0.05, 0.06, 0.5, 0.05, nan], "w01001": [7, 7, 7, 99, nan]},
        ["sensor-1", "cnemc-xishan", "trial-3", "sensor-2", "sensor-3"],
    )  # fmt: skip
    found = present(world)
    assert [shape.value for shape in found.shapes] == [2.0, 4.0, 6.0, 2.0, None]
    # Ⅱ; phosphorus of a lake Ⅳ; worse than Ⅴ; Ⅱ, for a pH of 99 is the instrument's
    assert [shape.degree for shape in found.shapes] == [1, 3, 5, 1, 0]
    lake = found.shapes[1].label
    assert lake is not None and lake["zh"].startswith("西山 · Ⅳ · 总磷")
    assert "no figure within" in (found.shapes[4].label or {})["en"]
    bad = found.shapes[2].label
    assert bad is not None and (
        "worse than Ⅴ · Ammonia nitrogen, Total phosphorus · may" in bad["en"]
    )
    [listed] = found.tables
    assert [line.degree for line in listed.lines] == [5, 3]  # the worst first
    assert [cell["en"] for cell in listed.lines[1].cells[1:4]] == ["Ⅳ", "Ⅲ", "Total phosphorus"]
    outlets = LIYANG.waters.outlets.values()
    assert sum(f"{one.name['zh']}、" in f"{bad['zh']}、" for one in outlets) >= 1
    assert found.degree == 4  # of four stations half are at Ⅲ or better, a quarter worse than Ⅴ
    told = "4 stations: 2 of class Ⅲ or better, 1 worse than class Ⅴ, 2 within target"
    assert found.why[0]["en"] == told
    assert [figure.value for figure in found.figures] == [5.0, 4.0, 50.0, 25.0]
    assert [note["en"].split()[0] for note in found.notes] == ["3", "1"]
    ring = found.shapes[0].ring
    assert ring[0] == pytest.approx(ring[-1]) and len(ring) == 9


def test_what_lies_below_a_bad_station_hangs_under_it() -> None:
    """Northeast Creek, of trial-3, flows into New Hope Creek above trial-2, and that to trial-1."""
    world = Stations({"w21003": [3.0, 3.0, 3.0, 0.1]}, ["trial-1", "trial-2", "trial-3", "trial-4"])
    first, second, third, fine = (shape.label or {} for shape in present(world).shapes)
    below = "below Trial section 3 (Northeast Creek), which is bad too"
    assert first["en"].endswith(below) and second["en"].endswith(below)
    assert "below" not in third["en"] and "may come from" in third["en"]
    assert fine["en"].endswith("Ⅰ · Ammonia nitrogen")


def test_nothing_to_judge_is_said() -> None:
    none = present(Stations({}, []))
    assert none.degree == 0 and "no surface water station" in none.why[0]["en"]
    silent = present(Stations({}, ["a", "b"]))
    assert silent.degree == 0 and "within 8 hours" in silent.why[0]["en"]
