"""What a scenario judged, as a condition of an alarm: its rule, its words, its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tianmu.facts.verdict import Verdict
from tianmu.prevent.alarm.occurrence import Alarm
from tianmu.prevent.alarm.subject import Devices, describe
from tianmu.prevent.rule.rule import Judged

if TYPE_CHECKING:
    from tianmu.city.city import City


def condition(
    rule: Judged,
    devices: Devices,
    city: City,
    datastream: int,
    at: int,
    verdict: Verdict | None = None,
) -> Alarm:
    """The condition of a datastream, as ``verdict`` tells it; without one, what a person shelves
    in advance."""
    alarm = describe(
        rule,
        datastream,
        devices,
        city,
        value=verdict.value if verdict is not None else None,
        limit=verdict.limit if verdict is not None else None,
        at=at,
        observed_at=verdict.observed_at if verdict is not None else at,
    )
    if verdict is None:
        return alarm
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
