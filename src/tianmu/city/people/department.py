"""Departments, linked units and the centres that command at each tier."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from tianmu.city.file.reader import PackReader
from tianmu.city.place.division import Division, Tier
from tianmu.facts.text import Text, say

FILE = "departments.csv"


class DepartmentKind(StrEnum):
    DEPARTMENT = "department"
    """a department of the government"""
    UNIT = "unit"
    """a linked unit that is none: power, water, gas, telecoms…"""
    CENTRE = "centre"
    """a centre that commands at one tier of one division"""


class Department(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    kind: DepartmentKind
    division: str
    """code of the division it answers for"""
    parent: str = ""
    """code of the department above it, or empty"""
    phone: str = ""
    remits: tuple[str, ...] = ()
    """what it is there for, in plain words (``fire``, ``gas``…), by which a scenario names it"""
    basis: str = ""


REMIT = "remit:"
"""``remit:gas`` means the department whose remit gas is, the one of the smallest division first"""


def read(
    reader: PackReader, divisions: dict[str, Division], tiers: dict[int, Tier]
) -> dict[str, Department]:
    """Departments by code, each division's centre included; faults for unknown kinds, divisions
    and parents."""
    found: dict[str, Department] = {}
    lines: dict[str, int] = {}
    kinds = ", ".join(DepartmentKind)
    for row in reader.csv(
        FILE,
        ("code", "kind", "division"),
        optional=("parent", "phone", "remits", "basis"),
        texts=("name",),
    ):
        code = row["code"]
        if not code or code in found:
            what = f"{code} stands on line {lines[code]} too" if code else "no code"
            reader.fault(FILE, row.line, what, "give each department one code of its own")
            continue
        if row["kind"] not in set(DepartmentKind):
            reader.fault(
                FILE, row.line, f"{code} is of unknown kind {row['kind']!r}", f"use one of {kinds}"
            )
            continue
        if row["division"] not in divisions:
            reader.fault(
                FILE,
                row.line,
                f"{code} answers for {row['division'] or '(nothing)'}, which is no division",
                "use a code of divisions.csv",
            )
        name = row.text("name", reader.languages)
        if not name:
            reader.fault(FILE, row.line, f"{code} has no name", "name it in one language at least")
        found[code] = Department(
            code=code,
            name=name,
            kind=DepartmentKind(row["kind"]),
            division=row["division"],
            parent=row["parent"],
            phone=row["phone"],
            remits=tuple(word for one in row["remits"].split("|") if (word := one.strip())),
            basis=row["basis"],
        )
        lines[code] = row.line
    for code, department in found.items():
        if department.parent and department.parent not in found:
            reader.fault(
                FILE,
                lines[code],
                f"{code} stands under {department.parent}, which is not there",
                "use a code of this file or leave the cell empty",
            )
    _add_centres(found, divisions, tiers)
    return found


def _add_centres(
    found: dict[str, Department], divisions: dict[str, Division], tiers: dict[int, Tier]
) -> None:
    """The centre of each division whose tier has centres, unless the pack lists it itself; named
    after the tier's ``centre`` and placed under the centre of the division around it."""
    there = centres(found)
    for code, division in sorted(divisions.items(), key=lambda pair: pair[1].tier):
        tier = tiers.get(division.tier)
        if code in there or tier is None or not tier.centre:
            continue
        above = there.get(division.parent)
        centre = Department(
            code=f"centre-{code}",
            name={
                language: words.replace("{name}", say(division.name, language))
                for language, words in tier.centre.items()
            },
            kind=DepartmentKind.CENTRE,
            division=code,
            parent=above.code if above else "",
            basis=tier.basis,
        )
        found[centre.code] = there[code] = centre


def centres(departments: dict[str, Department]) -> dict[str, Department]:
    """The commanding centre of each division that has one, by division code."""
    return {
        department.division: department
        for department in departments.values()
        if department.kind is DepartmentKind.CENTRE
    }


def remits(departments: Mapping[str, Department]) -> dict[tuple[str, str], str]:
    """(remit, division) → the department, the first of the file where several have it there."""
    found: dict[tuple[str, str], str] = {}
    for code, department in departments.items():
        for remit in department.remits:
            found.setdefault((remit, department.division), code)
    return found
