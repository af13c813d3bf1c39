"""Matters: kinds of problems, keyed by the edition of the catalogue they come from.

A key is ``<edition>:<kind>:<code>``. Codes alone say nothing: editions of the same standard give
one code to different things. A matter may have several filing standards, each with its own
limit; the conditions that choose among them are the city's to set, and the shortest is the
default.
"""

from __future__ import annotations

import fnmatch

import msgspec

from tianmu.city.limit import Limit, LimitUnit
from tianmu.city.reader import PackReader, Row
from tianmu.facts.text import Text

MATTERS, STANDARDS, RELATIONS = "matters.csv", "filing_standards.csv", "relations.csv"


class Edition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A catalogue of matters: a standard in one edition, or the city's own extension."""

    id: str
    name: Text
    standard: str = ""
    """the standard's number and year, or empty for the city's own"""
    basis: str = ""


class FilingStandard(msgspec.Struct, frozen=True, kw_only=True):
    """When a matter is filed and by when it must be closed (立结案标准 ①②…)."""

    number: int
    limit: Limit
    condition: Text = msgspec.field(default_factory=dict)
    """when this one applies; empty where the city has not said"""
    basis: str = ""


class Matter(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    edition: str
    code: str
    name: Text
    kind: str
    """``event``, ``component``, or what else the catalogue has"""
    class_code: str
    class_name: Text
    standards: tuple[FilingStandard, ...] = ()
    related: tuple[str, ...] = ()
    """keys of matters that may be the same problem seen otherwise"""
    related_m: dict[str, float] = msgspec.field(default_factory=dict)
    """how near, where the relation itself says so; 0: only of devices that hang together"""
    synonyms: tuple[str, ...] = ()
    """words by which people tell of it"""
    level: int | None = None
    """response level number it has unless something makes it more or less"""
    radius_m: float
    """two signals of it nearer than this may be one problem"""
    window_min: float
    """and nearer in time than this"""
    basis: str = ""

    @property
    def default(self) -> FilingStandard | None:
        """The filing standard taken unless somebody chooses: the shortest."""
        return min(self.standards, key=_urgency, default=None)


_ROUGH = {
    LimitUnit.MINUTE: 1 / 60,
    LimitUnit.URGENT_HOUR: 1,
    LimitUnit.WORK_HOUR: 3,
    LimitUnit.URGENT_DAY: 24,
    LimitUnit.NATURAL_DAY: 24,
    LimitUnit.WORK_DAY: 24.1,
}
"""About how many natural hours one of each unit takes: only to order limits of unlike units."""


def _urgency(standard: FilingStandard) -> tuple[float, int]:
    return standard.limit.value * _ROUGH[standard.limit.unit], standard.number


def matches(pattern: str, key: str) -> bool:
    """Whether a matter key fits a pattern: a key, or one with ``*`` for any run of signs."""
    return pattern == key or ("*" in pattern and fnmatch.fnmatchcase(key, pattern))


def read(
    reader: PackReader, editions: dict[str, Edition], radius_m: float, window_min: float
) -> dict[str, Matter]:
    """Matters by key, with their filing standards and relations."""
    standards = _standards(reader)
    related = _relations(reader)
    found: dict[str, Matter] = {}
    lines: dict[str, int] = {}
    for row in reader.csv(
        MATTERS,
        ("edition", "kind", "code", "class_code"),
        optional=("synonyms", "level", "radius_m", "window_min", "basis"),
        texts=("name", "class_name"),
    ):
        key = _key(row)
        if key in found:
            reader.fault(MATTERS, row.line, f"{key} stands on line {lines[key]} too", "keep one")
            continue
        if row["edition"] not in editions:
            reader.fault(
                MATTERS,
                row.line,
                f"{key}: edition {row['edition']!r} is not in city.toml",
                "add an [[edition]] or correct the name",
            )
        name = row.text("name", reader.languages)
        if not name or not row["code"]:
            reader.fault(MATTERS, row.line, f"{key} has no code or no name", "give both")
        level = reader.number(MATTERS, row, "level", low=1, high=5)
        found[key] = Matter(
            key=key,
            edition=row["edition"],
            code=row["code"],
            name=name,
            kind=row["kind"],
            class_code=row["class_code"],
            class_name=row.text("class_name", reader.languages),
            standards=tuple(standards.pop(key, ())),
            related=tuple(related.get(key, {})),
            related_m={one: far for one, far in related.get(key, {}).items() if far is not None},
            synonyms=tuple(word for word in row["synonyms"].split("|") if word),
            level=None if level is None else int(level),
            radius_m=reader.number(MATTERS, row, "radius_m", low=0, default=radius_m) or 0,
            window_min=reader.number(MATTERS, row, "window_min", low=0, default=window_min) or 0,
            basis=row["basis"],
        )
        lines[key] = row.line
        reader.note(MATTERS, key, row.line)
    for key, left in standards.items():
        what = f"{len(left)} filing standard(s) of {key}, which is no matter"
        line = reader.line_of(STANDARDS, key)
        reader.fault(STANDARDS, line, what, f"add it to {MATTERS} or correct the key")
    for key in related:
        if key not in found:
            what = f"{key} is related to something but is no matter"
            line = reader.line_of(RELATIONS, key)
            reader.fault(RELATIONS, line, what, f"add it to {MATTERS} or correct the key")
    return found


def _key(row: Row) -> str:
    return f"{row['edition']}:{row['kind']}:{row['code']}"


def _standards(reader: PackReader) -> dict[str, list[FilingStandard]]:
    found: dict[str, list[FilingStandard]] = {}
    units = ", ".join(LimitUnit)
    for row in reader.csv(
        STANDARDS,
        ("matter", "number", "limit_value", "limit_unit"),
        optional=("basis",),
        texts=("condition",),
    ):
        if row["limit_unit"] not in set(LimitUnit):
            what = f"unknown unit {row['limit_unit']!r}"
            reader.fault(STANDARDS, row.line, what, f"use one of {units}")
            continue
        value = reader.number(STANDARDS, row, "limit_value", low=0, high=99_999)
        number = reader.number(STANDARDS, row, "number", low=1)
        if value is None or number is None:
            what = "a filing standard needs a number and a limit"
            reader.fault(STANDARDS, row.line, what, "give both")
            continue
        reader.note(STANDARDS, row["matter"], row.line)
        found.setdefault(row["matter"], []).append(
            FilingStandard(
                number=int(number),
                limit=Limit(value, LimitUnit(row["limit_unit"])),
                condition=row.text("condition", reader.languages),
                basis=row["basis"],
            )
        )
    return found


def _relations(reader: PackReader) -> dict[str, dict[str, float | None]]:
    """Both directions of each pair, with how near they must be where the relation says so."""
    found: dict[str, dict[str, float | None]] = {}
    optional = ("radius_m", "why", "basis")
    for row in reader.csv(RELATIONS, ("a", "b"), optional=optional, required=False):
        radius = reader.number(RELATIONS, row, "radius_m", low=0)
        for one, other in ((row["a"], row["b"]), (row["b"], row["a"])):
            reader.note(RELATIONS, one, row.line)
            found.setdefault(one, {})[other] = radius
    return found
