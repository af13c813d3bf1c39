"""Signals around one spot of a small town, and an index of cases that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tianmu.city.charter.tuning import Powers, Tuning
from tianmu.city.matter.matter import Matter
from tianmu.facts.place import Place
from tianmu.manage.signals.anchor import Anchor, widen
from tianmu.manage.signals.open_cases import OpenCases
from tianmu.manage.signals.signal import Signal

from .town import FIRE, LAT, LON, METRE, MONDAY, town

CITY = town()


EAST = METRE * 1.5557


PRECISIONS = (None, 0.0, 10.0, 50.0, 51.0, 120.0, 400.0)
"""metres: none said, exact, vague, and more than may widen a radius"""


def place(east: float = 0.0, north: float = 0.0, **more: Any) -> Place:
    return Place(longitude=LON + east * EAST, latitude=LAT + north * METRE, division="11", **more)


def signal(matter: str = FIRE, east: float = 0.0, **more: Any) -> Signal:
    fields: dict[str, Any] = {
        "kind": "alarm",
        "id": "s",
        "at": MONDAY,
        "matters": ((matter, 1.0),) if matter else (),
        "place": place(east),
        **more,
    }
    return Signal(**fields)


def index(
    *cases: tuple[str, Signal],
    matters: Mapping[str, Matter] | None = None,
    again: Powers | None = None,
) -> OpenCases:
    found = OpenCases(matters or CITY.matters, LAT, Tuning(), again=again)
    for case, first in cases:
        anchor = Anchor(
            case=case,
            probe=first.probe,
            place=first.place,
            matter=first.matter,
            last_at=first.at,
            first_at=first.at,
        )
        widen(anchor, first)
        found.put(anchor)
        found.know(case, first.identity)
    return found
