"""Titles: what an alarm says of its value."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tianmu.city.device.property import Property
from tianmu.facts.registry import Device
from tianmu.prevent.alarm.subject import rounded, words
from tianmu.prevent.rule.reading import read

PRESSURE = Property("pressure", {"en": "Pressure"}, unit="MPa", step=0.001)
CITY: Any = SimpleNamespace(kinds={}, divisions={})
DROP: dict[str, Any] = {
    "type": "rate", "code": "drop", "name": {"en": "Pressure drop"}, "kind": "gauge",
    "property": "pressure", "direction": "fall", "limit": 0.1, "window_s": 600, "priority": 2,
}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "step", "shown"),
    [
        (0.231275, 0.001, "0.231"),
        (3.4999, 0.1, "3.5"),
        (3.0, 0.01, "3"),
        (-0.0001, 0.001, "0"),
        (1234567.26, 0.1, "1234567.3"),
        (1260.0, 100.0, "1260"),
        (1.375, 0.25, "1.38"),
        (0.0123456, None, "0.01235"),
        (98765.4, None, "98765"),
        (0.0, None, "0"),
        (None, 0.1, "–"),
        (float("inf"), None, "–"),
    ],
)
def test_a_value_is_told_as_finely_as_it_is_measured(
    value: float | None, step: float | None, shown: str
) -> None:
    assert f"{rounded(value, step)}" == shown


def title(value: float, **more: Any) -> str:
    [rule], faults = read([{**DROP, **more}])
    assert not faults
    unit = "" if more.get("relative") else "MPa"
    return words(
        rule, Device(device="g", kind="gauge", properties=("pressure",)), "pressure", PRESSURE,
        CITY, value=value, limit=0.1, unit=unit,
    )["en"]  # fmt: skip


def test_a_title_has_no_figures_that_nobody_measured() -> None:
    assert title(0.231275) == "Pressure drop: 0.231 MPa"
    assert title(0.231275, relative=True) == "Pressure drop: 0.2313", "a share is no pressure"
    assert title(0.5, text={"en": "{value} of {limit}, {value:.2f}"}) == "0.5 of 0.1, 0.50"
