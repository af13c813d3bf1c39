"""A limit that a forecast says will be passed, as a condition of an alarm: rule and words."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from tianmu.facts.finding import Foretold, foretold_rule
from tianmu.facts.text import Text, say
from tianmu.prevent.alarm.occurrence import Alarm
from tianmu.prevent.alarm.subject import Devices, Number, describe, resolution, rounded
from tianmu.prevent.rule.rule import Rule
from tianmu.prevent.words import phrase, template

if TYPE_CHECKING:
    from tianmu.city.city import City

REASONS = {
    "turned": "the newest forecast says otherwise",
    "passed": "the limit is passed",
    "over": "no newer forecast was made",
}
"""why it ended, as the alarm's transition says it"""


def condition(devices: Devices, city: City, told: Foretold, now: int) -> Alarm:
    """The condition that ``told`` tells of."""
    kind = devices.device(int(devices.device_of(told.datastream))).kind
    rule = Rule(
        code=foretold_rule(told.scenario, told.code),
        name=phrase("foretold"),
        kind=kind,
        priority=told.priority,
    )
    alarm = describe(
        rule,
        told.datastream,
        devices,
        city,
        value=told.value,
        limit=told.limit,
        at=now,
        observed_at=told.origin,
    )
    return msgspec.structs.replace(alarm, text=_text(alarm, devices, city, told))


def data(told: Foretold) -> dict[str, float | int | str | None]:
    """What the alarm's event says besides."""
    return {
        "scenario": told.scenario,
        "forecast": told.code,
        "origin": told.origin,
        "passes_at": told.passes_at,
        "until": told.until,
        "chance": told.chance,
        "expected": told.value,
        "limit": told.limit,
    }


def _text(alarm: Alarm, devices: Devices, city: City, told: Foretold) -> Text:
    known = city.kinds.get(alarm.device_kind)
    code = devices.property_of(told.datastream)
    described = known.properties.get(code) if known is not None else None
    at = datetime.fromtimestamp(told.passes_at / 1e6, UTC).astimezone(ZoneInfo(city.time_zone))
    words: Text = {}
    for language, text in template("foretold_above" if told.high else "foretold_below").items():
        filled = text.format(
            property=say(described.name, language) if described is not None else code,
            value=rounded(told.value, resolution(described)),
            limit=Number(math.nan if told.limit is None else told.limit),
            unit=alarm.unit,
            chance=f"{told.chance:.2f}",
            at=f"{at:%H:%M}",
            day=f"{at:%m-%d}",
        )
        words[language] = " ".join(filled.split())
    return words
