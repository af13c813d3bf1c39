"""An invented roster, units and resources for a city that has not given its own.

``python -m tianmu.city.makers.people PACK`` writes ``roster.csv``, ``units.csv``, ``resources.csv``
from ``people.toml``: names by seed, phone numbers that nobody has. Each row says that it is
invented.
"""

from __future__ import annotations

import csv
import sys
import tomllib
from collections.abc import Iterator

import msgspec
import numpy as np

from tianmu.city.city import City
from tianmu.city.pack import load
from tianmu.city.people.department import Department
from tianmu.facts.place import DEGREE_M
from tianmu.facts.text import Text, say

FILE = "people.toml"


class DutyPattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who keeps which duty."""

    who: str
    """``centre:N``, ``department``, ``unit``, or a department's code"""
    post: str
    days: str = "daily"
    start: str = "00:00"
    end: str = "24:00"
    rotation: int = 1
    """so many persons take turns, a day each"""
    order: int = 1


class UnitPattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str
    name: Text
    """``{division}`` the division's name, ``{n}`` a number"""
    department: str
    """a code, or ``centre:N``"""
    tier: int
    """one set in each division of this tier"""
    number: int = 1
    speed_kmh: float | None = None


class ResourcePattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str
    name: Text
    """``{division}`` the division's name, ``{n}`` a number"""
    department: str = ""
    """a code, ``centre:N``, or nobody"""
    tier: int
    """some in each division of this tier whose place is known"""
    number: int = 1
    spread_m: float = 600.0
    holds: Text = {}
    phone: bool = False


class People(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    seed: int
    family: tuple[str, ...]
    given: tuple[str, ...]
    whole: str
    """``{family}`` and ``{given}`` in the country's order"""
    phone: str
    """``{n}`` a number; must be one that nobody can have"""
    basis: str
    duty: tuple[DutyPattern, ...]
    unit: tuple[UnitPattern, ...] = ()
    resource: tuple[ResourcePattern, ...] = ()


def departments(city: City, who: str) -> list[Department]:
    """The departments a pattern means."""
    if who.startswith("centre:"):
        tier = int(who.removeprefix("centre:"))
        return [
            one
            for one in city.departments.values()
            if one.kind == "centre" and city.divisions[one.division].tier == tier
        ]
    if who in ("department", "unit"):
        return [one for one in city.departments.values() if one.kind == who]
    return [city.departments[who]]


def roster(city: City, people: People) -> Iterator[list[object]]:
    """Rows of roster.csv below the head line."""
    rng = np.random.default_rng(people.seed)
    accounts: dict[str, int] = {}
    phone = 0
    for duty in people.duty:
        for one in departments(city, duty.who):
            for turn in range(duty.rotation):
                phone += 1
                number = accounts[one.code] = accounts.get(one.code, 0) + 1
                name = people.whole.format(
                    family=people.family[int(rng.integers(len(people.family)))],
                    given=people.given[int(rng.integers(len(people.given)))],
                )
                yield [
                    f"{one.code}-{number}",
                    name,
                    people.phone.format(n=phone),
                    one.code,
                    one.division,
                    duty.post,
                    duty.days,
                    duty.start,
                    duty.end,
                    duty.rotation if duty.rotation > 1 else "",
                    turn if duty.rotation > 1 else "",
                    duty.order,
                    people.basis,
                ]


def units(city: City, people: People) -> Iterator[list[object]]:
    """Rows of units.csv below the head line; bases lie near the division's known place."""
    rng = np.random.default_rng(people.seed + 1)
    for pattern in people.unit:
        for code, division in city.divisions.items():
            if division.tier != pattern.tier:
                continue
            owner = city.duties.resolve(pattern.department, code)
            for n in range(1, pattern.number + 1):
                place = city.places.place_of(code)
                east, north = rng.normal(0, 0.006, 2)
                lon = (place.longitude or 0) + east if place else 0
                lat = (place.latitude or 0) + north if place else 0
                if not place or not city.places.division_at(lon, lat):
                    lon, lat = (place.longitude, place.latitude) if place else (0, 0)
                names = [
                    pattern.name.get(language, "").format(
                        division=say(division.name, language), n=n
                    )
                    for language in city.languages
                ]
                yield [
                    f"{pattern.kind}-{code}-{n}",
                    *names,
                    pattern.kind,
                    owner,
                    code,
                    f"{lon:.6f}",
                    f"{lat:.6f}",
                    pattern.speed_kmh or "",
                    people.basis,
                ]


def resources(city: City, people: People) -> Iterator[list[object]]:
    """Rows of resources.csv below the head line; they lie around the division's known place."""
    rng = np.random.default_rng(people.seed + 2)
    # beyond the numbers that the roster gives away
    phone = sum(1 for _ in roster(city, people))
    for pattern in people.resource:
        for code, division in city.divisions.items():
            place = city.places.place_of(code)
            if division.tier != pattern.tier or not place or place.longitude is None:
                continue
            for n in range(1, pattern.number + 1):
                east, north = rng.normal(0, pattern.spread_m / DEGREE_M, 2)
                lon, lat = place.longitude + east, (place.latitude or 0) + north
                if not city.places.division_at(lon, lat):
                    lon, lat = place.longitude, place.latitude or 0
                phone += pattern.phone
                yield [
                    f"{pattern.kind}-{code}-{n}",
                    *(
                        pattern.name.get(language, "").format(
                            division=say(division.name, language), n=n
                        )
                        for language in city.languages
                    ),
                    pattern.kind,
                    code,
                    city.duties.resolve(pattern.department, code) if pattern.department else "",
                    f"{lon:.6f}",
                    f"{lat:.6f}",
                    say(pattern.holds, city.languages[0]) if pattern.holds else "",
                    people.phone.format(n=phone) if pattern.phone else "",
                    people.basis,
                ]


def main(pack: str) -> None:
    """Write the files of a pack."""
    city = load(pack)
    people = msgspec.convert(
        tomllib.loads((city.folder / FILE).read_text(encoding="utf-8")), People
    )
    head = "account,name,phone,department,division,post,days,from,to,cycle,offset,order,basis"
    with (city.folder / "roster.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(head.split(","))
        out.writerows(roster(city, people))
    spoken = [f"name_{language}" for language in city.languages]
    with (city.folder / "units.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(
            ["code", *spoken, "kind", "department", "division", "lon", "lat", "speed_kmh", "basis"]
        )
        out.writerows(units(city, people))
    with (city.folder / "resources.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        rest = ["kind", "division", "department", "lon", "lat", "holds", "phone", "basis"]
        out.writerow(["code", *spoken, *rest])
        out.writerows(resources(city, people))


if __name__ == "__main__":
    main(sys.argv[1])
