"""The gallery of screens takes each of them, and no picture takes another's place."""

from __future__ import annotations

import sys
from pathlib import Path

from tianmu.scenarios.folder.load import find

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs"))
import gallery


def test_each_picture_has_a_name_of_its_own() -> None:
    screens = list(gallery.screens("c1", "a1"))
    names = [one.picture(size, "night", "zh") for one in screens for size in one.sizes]
    assert len(names) == len(set(names)) and "hall-3840x2160-night-zh" in names


def test_its_scenarios_are_there() -> None:
    asked = {one.path for one in gallery.screens("c1", "a1") if one.path.startswith("/scenarios/")}
    known = {f"/scenarios/{one}" for one in find().scenarios}
    assert asked and asked <= known
