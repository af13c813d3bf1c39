"""What stands in the street now."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from tianmu.city import pack
from tianmu.city.city import City
from tianmu.scenarios.model_street.present import present
from tianmu.scenarios.world import Devices

LIYANG = pack.load("liyang")
DAY = 86_400_000_000


@dataclass
class Street:
    """A world of two cameras at which so much stands, as ``World`` answers; told a month ago, for
    what stands is told only when it changes."""

    folder: Path
    standing: dict[str, list[float]] = field(default_factory=dict)
    cameras: int = 2
    left_out: int = 0
    city: City = LIYANG
    now: int = 1_800_000_000_000_000

    @property
    def registry(self) -> Any:
        return SimpleNamespace(device=lambda at: SimpleNamespace(device=f"c{at}", name=f"Eye {at}"))

    def devices(self, kind: str, most: int) -> Devices:
        assert kind == "street_camera"
        place = np.full(self.cameras, 119.5), np.full(self.cameras, 31.4)
        return Devices(np.arange(self.cameras), *place, ("seeded",), self.left_out)

    def streams(self, devices: Devices, code: str) -> str:
        return code

    def last(self, code: str) -> tuple[np.ndarray, np.ndarray]:
        told = np.array(self.standing.get(code, [np.nan] * self.cameras), np.float64)
        return told, np.full(self.cameras, self.now - 30 * DAY)


def street(*given: Any, **named: Any) -> Any:
    """It stands for a whole ``World``, of which the present reads no more."""
    return Street(*given, **named)


def test_a_street_without_cameras_tells_nothing(tmp_path: Path) -> None:
    found = present(street(tmp_path, cameras=0))
    assert found.degree == 0 and "No camera" in found.why[0]["en"]


def test_cameras_that_told_nothing_yet_are_no_calm_street(tmp_path: Path) -> None:
    found = present(street(tmp_path))
    assert found.degree == 0 and "No camera has told anything yet" in found.why[0]["en"]
    assert [one.value for one in found.figures] == [2.0, None, None]
    one = present(street(tmp_path, {"crowd": [0.0, np.nan]}))
    assert [shape.degree for shape in one.shapes] == [1, 0]
    assert one.shapes[1].label == {"zh": "Eye 1：尚未上报", "en": "Eye 1: nothing told yet"}


def test_calm_something_busy_urgent(tmp_path: Path) -> None:
    nan = np.nan

    def degree(**standing: list[float]) -> int:
        return present(street(tmp_path, standing)).degree

    assert degree(crowd=[0.0, nan]) == 1
    assert degree(off_store_operation=[1, nan]) == 2
    assert degree(off_store_operation=[6, 3], plate_read=[1, nan]) == 3
    assert degree(off_store_operation=[1, 0], road_ponding=[0, 1]) == 4


def test_cameras_at_which_something_stands_are_on_the_map(tmp_path: Path) -> None:
    standing: dict[str, list[float]] = {"garbage_exposed": [2, 0], "off_store_operation": [1, 0]}
    found = present(street(tmp_path, standing, left_out=3))
    shape, calm = found.shapes
    assert (calm.degree, calm.value, calm.label["en"]) == (1, 0.0, "Eye 1: nothing seen")
    assert shape.label is not None
    assert shape.label["en"] == "Eye 0: Trading outside the shop 1, Exposed rubbish 2"
    assert (shape.kind, shape.degree, shape.value) == ("camera", 2, 3.0)
    figures = {one.name["en"]: one.value for one in found.figures}
    assert figures["Cameras with recognition"] == 5 and figures["Exposed rubbish"] == 2
    told = {one.name["en"]: one.says for one in found.figures if one.says}
    assert "open alarms are also those of what is gone" in told["Still there"]["en"]
    assert "活动告警还包括已经消失" in told["Still there"]["zh"]
    assert "Still there: Exposed rubbish 2, Trading" in found.why[0]["en"]
    notes = [one["en"] for one in found.notes]
    assert "240 shop fronts are known" in notes
    assert "240 of the fronts are made from a seed and are no real shops" in notes
    assert any(one.startswith("3 cameras") for one in notes)


def test_files_that_cannot_be_used_are_told_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "shop_fronts.csv").write_text("code\n", encoding="utf-8")
    (tmp_path / "recognition.toml").write_text("[nothing]\n", encoding="utf-8")
    notes = [one["en"] for one in present(street(tmp_path)).notes]
    assert sum(one.startswith("A file cannot be used:") for one in notes) == 2
    assert any("recognition.toml:1: nothing is no kind of event" in one for one in notes)
