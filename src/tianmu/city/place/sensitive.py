"""Sensitive places: schools, hospitals, water sources… near which a case is graver."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from tianmu.city.file.reader import PackReader
from tianmu.facts.place import DEGREE_M
from tianmu.facts.text import Text

FILE = "sensitive_places.csv"
_SQUARE = 0.02
"""degrees: side of the squares places are looked up by"""


class SensitivePlace(msgspec.Struct, frozen=True, kw_only=True):
    label: str
    """what it is, as rules name it: ``school``, ``hospital``, ``water_source``…"""
    name: Text
    longitude: float
    latitude: float
    radius_m: float
    """what lies nearer than this is at the place"""
    basis: str = ""


class SensitivePlaces:
    """All of a city's, looked up by point."""

    def __init__(self, given: Iterable[SensitivePlace] = ()) -> None:
        self.given = tuple(given)
        self._squares: dict[tuple[int, int], list[SensitivePlace]] = {}
        for one in self.given:
            north = one.radius_m / DEGREE_M
            east = north / max(0.1, math.cos(math.radians(one.latitude)))
            for x in range(_square(one.longitude - east), _square(one.longitude + east) + 1):
                for y in range(_square(one.latitude - north), _square(one.latitude + north) + 1):
                    self._squares.setdefault((x, y), []).append(one)

    def at(self, longitude: float | None, latitude: float | None) -> tuple[SensitivePlace, ...]:
        """Those that the point lies at; none where there is no point."""
        if longitude is None or latitude is None:
            return ()
        near = self._squares.get((_square(longitude), _square(latitude)))
        if near is None:
            return ()
        shrink = math.cos(math.radians(latitude))
        return tuple(
            one
            for one in near
            if math.hypot((one.longitude - longitude) * shrink, one.latitude - latitude) * DEGREE_M
            <= one.radius_m
        )


def _square(degrees: float) -> int:
    return math.floor(degrees / _SQUARE)


def read(reader: PackReader, labels: Iterable[str]) -> SensitivePlaces:
    """The pack's sensitive places; faults for points that are none and for ``labels`` of rules
    that no place has."""
    found: list[SensitivePlace] = []
    for row in reader.csv(
        FILE,
        ("label", "lon", "lat", "radius_m"),
        optional=("basis",),
        texts=("name",),
        required=False,
    ):
        lon = reader.number(FILE, row, "lon", low=-180, high=180)
        lat = reader.number(FILE, row, "lat", low=-90, high=90)
        radius = reader.number(FILE, row, "radius_m", low=1, high=20_000)
        if lon is None or lat is None or radius is None:
            what = f"{row['label'] or 'a place'} lacks lon, lat or radius_m"
            reader.fault(FILE, row.line, what, "give degrees and metres")
            continue
        found.append(
            SensitivePlace(
                label=row["label"],
                name=row.text("name", reader.languages),
                longitude=lon,
                latitude=lat,
                radius_m=radius,
                basis=row["basis"],
            )
        )
    known = {one.label for one in found}
    for label in sorted(set(labels) - known):
        what = f"rules of grading.toml wait for a place labelled {label}, and there is none"
        reader.fault(FILE, 1, what, "list such places, or take the label out of the rule")
    return SensitivePlaces(found)
