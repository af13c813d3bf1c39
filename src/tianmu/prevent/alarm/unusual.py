"""What anomaly detection found, as a condition of an alarm: its rule, its words, what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tianmu.facts.finding import RULE, Finding
from tianmu.facts.text import Text, say
from tianmu.prevent.alarm.occurrence import Alarm
from tianmu.prevent.alarm.subject import Devices, describe, resolution, rounded
from tianmu.prevent.rule.rule import Rule
from tianmu.prevent.words import phrase, template

if TYPE_CHECKING:
    from tianmu.city.city import City

_WORDS = {
    "above": "anomaly_above",
    "below": "anomaly_below",
    "drifts up": "anomaly_up",
    "drifts down": "anomaly_down",
    "stuck": "anomaly_stuck",
}
MOST = 1_000_000_000
"""odds are told no longer than this: so rare a thing nobody has counted"""


def rule(kind: str, city: City) -> Rule:
    """By which anomalies of devices of ``kind`` alarm: what the pack says of the kind."""
    known = city.kinds.get(kind)
    priority = known.anomaly.priority if known is not None else 4
    matter = known.anomaly.matter if known is not None else ""
    return Rule(code=RULE, name=phrase("anomaly"), kind=kind, priority=priority, matter=matter)


def condition(
    devices: Devices, city: City, datastream: int, at: int, finding: Finding | None = None
) -> Alarm:
    """The condition of a datastream, as ``finding`` tells it; without one, what a person shelves
    in advance."""
    kind = devices.device(int(devices.device_of(datastream))).kind
    by = rule(kind, city)
    if finding is None:
        return describe(
            by, datastream, devices, city, value=None, limit=None, at=at, observed_at=at
        )
    alarm = describe(
        by,
        datastream,
        devices,
        city,
        value=finding.value,
        limit=_crossed(finding),
        at=at,
        observed_at=finding.observed_at,
    )
    return msgspec.structs.replace(alarm, text=_text(alarm, datastream, devices, city, finding))


def data(finding: Finding) -> dict[str, float | int | str | None]:
    """What the alarm's event says besides."""
    return {
        "expected": finding.expected,
        "low": finding.low,
        "high": finding.high,
        "chance": finding.chance,
        "why": finding.why,
        "since": finding.since,
    }


def _crossed(finding: Finding) -> float | None:
    """The edge of the band that the value lies beyond."""
    value, low, high = finding.value, finding.low, finding.high
    if value is None or low is None or high is None or low <= value <= high:
        return None
    return high if value > high else low


def _text(alarm: Alarm, datastream: int, devices: Devices, city: City, finding: Finding) -> Text:
    key = _WORDS.get(finding.why, "anomaly")
    known = city.kinds.get(alarm.device_kind)
    code = devices.property_of(datastream)
    described = known.properties.get(code) if known is not None else None
    odds = f"{round(1 / finding.chance):,}" if finding.chance > 1 / MOST else f"{MOST:,}+"
    numbers = {
        name: rounded(number, resolution(described))
        for name, number in (
            ("value", finding.value),
            ("expected", finding.expected),
            ("low", finding.low),
            ("high", finding.high),
        )
    }
    told: Text = {}
    for language, words in template(key).items():
        name = say(described.name, language) if described is not None else code
        filled = words.format(property=name, unit=alarm.unit, odds=odds, **numbers)
        told[language] = " ".join(filled.split())
    return told
