"""Where a report is about, as far as it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tianmu.facts.place import Place
from tianmu.facts.report import Report

if TYPE_CHECKING:
    from tianmu.city.city import City


def within(city: City, place: Place) -> Place:
    """A device's place with its division filled in, where only the point is known."""
    if place.division or place.longitude is None or place.latitude is None:
        return place
    division = city.places.division_at(place.longitude, place.latitude)
    return msgspec.structs.replace(place, division=division) if division else place


def located(city: City, report: Report) -> Place:
    """The report's place with its division filled in: by its point, else by the names of divisions
    in its address or its words. A division alone gives no point: it says too little."""
    place = report.place
    if place.division in city.divisions:
        return place
    division = ""
    if place.longitude is not None and place.latitude is not None:
        division = city.places.division_at(place.longitude, place.latitude)
    if not division:
        for words in (place.address, report.title, report.text):
            named = city.places.locate(words) if words else []
            if named:
                division = named[0].division
                break
    return msgspec.structs.replace(place, division=division) if division else place


def sharper(one: Place, other: Place) -> bool:
    """Whether ``one`` says clearly better where it is."""
    if one.longitude is None:
        return not other.division and bool(one.division)
    if other.longitude is None:
        return True
    if other.precision is None:
        return False
    return one.precision is not None and one.precision < 0.5 * other.precision
