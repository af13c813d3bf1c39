"""What a scenario judged, as a condition of an alarm: its rule, its words, its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tianmu.facts.verdict import Verdict
from tianmu.prevent.occurrence import Alarm
from tianmu.prevent.rule import Judged
from tianmu.prevent.subject import Devices, describe

if TYPE_CHECKING:
    from tianmu.city.city import City


def condition(
    rule: Judged,
    devices: Devices,
    city: City,
    verdict: Verdict | None,
    at: int,
    datastream: int = 0,
) -> Alarm:
    """The condition as ``verdict`` tells it; without one that of ``datastream``, which a person
    shelves in advance."""
    if verdict is None:
        return describe(
            rule, datastream, devices, city, value=None, limit=None, at=at, observed_at=at
        )
    alarm = describe(
        rule,
        verdict.datastream,
        devices,
        city,
        value=verdict.value,
        limit=verdict.limit,
        at=at,
        observed_at=verdict.observed_at,
    )
    if verdict.text and not rule.text:
        alarm.text = dict(verdict.text)
    place = verdict.place
    if place is not None and place.longitude is not None and place.latitude is not None:
        inside = place.division or city.places.division_at(place.longitude, place.latitude)
        alarm = msgspec.structs.replace(
            alarm, longitude=place.longitude, latitude=place.latitude, precision=place.precision,
            address=place.address, division=inside or alarm.division,
        )  # fmt: skip
    return alarm
