"""Properties: what a device of a kind measures, and how a seeded value of it moves."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tianmu.facts.text import Text


class ValueModel(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a seeded value moves: a mean, a day's swing, and noise, in the property's unit."""

    mean: float
    spread: float = 0.0
    """standard deviation of the mean from device to device"""
    daily: float = 0.0
    """half the difference between the day's peak and its low"""
    peak_hour: float = 14.0
    """local hour of the peak"""
    noise: float = 0.0
    """standard deviation from one reading to the next"""
    period_s: float = 300.0
    """usual time between readings"""


class Property(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    code: str
    name: Text
    unit: str = ""
    """as shown; empty for counts, states and ratios"""
    low: float | None = None
    """values below are implausible: they get quality *uncertain*"""
    high: float | None = None
    step: float | None = None
    """the sensor's resolution"""
    states: dict[str, Text] = msgspec.field(default_factory=dict)
    """for states: number (or ``bitN``) → what it means"""
    anomaly: bool = False
    """whether its values are learnt, and one that is unusual for its own datastream alarms"""
    model: ValueModel | None = None


def over_periods(
    properties: Mapping[str, Property], periods: Mapping[str, Text]
) -> dict[str, Property]:
    """What is measured, once more for each period; states have no mean. They carry no value
    model: a seeded city sends single readings only. What is unusual shows in the single readings
    first."""
    return {
        f"{one.code}.{period}": msgspec.structs.replace(
            one,
            code=f"{one.code}.{period}",
            name={language: f"{word} · {name.get(language, period)}"
                  for language, word in one.name.items()},
            model=None,
            anomaly=False,
        )
        for period, name in periods.items()
        for one in properties.values()
        if not one.states
    }  # fmt: skip
