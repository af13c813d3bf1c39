"""Matters: kinds of problems, keyed by the edition of the catalogue they come from.

A key is ``<edition>:<kind>:<code>``. Codes alone say nothing: editions of the same standard give
one code to different things. A matter may have several filing standards, each with its own
limit; the conditions that choose among them are the city's to set, and the shortest is the
default.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

import msgspec

from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.city.file.reader import PackReader, Row
from tianmu.facts.text import Text

MATTERS, STANDARDS, RELATIONS = "matters.csv", "filing_standards.csv", "relations.csv"
AND, MERE = "&", "~"
"""between the parts of a synonym; before one that only names something"""


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
    mere: tuple[str, ...] = ()
    """those of them that only name something: no matter unless something is wrong with it"""
    level: int | None = None
    """response level number it has unless something makes it more or less"""
    radius_m: float
    """two signals of it nearer than this may be one problem"""
    window_min: float
    """and nearer in time than this"""
    told_min: float = 0.0
    """so long after somebody told of a problem others still do; 0: not known"""
    told_for_min: float = 0.0
    """so long after a problem was first told of others still do; 0: not known"""
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
    """Matters by key, with their filing standards and relations.

    A scenario's come in an edition of its own, which is added to ``editions``; where the pack has
    a matter of that code already, or says that one of its own stands for it, that is taken.
    """
    rows = list(_rows(reader, editions))
    keys = {key for _, key, _ in rows}
    standards = _standards(reader, keys)
    related = _relations(reader, keys)
    found: dict[str, Matter] = {}
    for source, key, row in rows:
        level = source.number(MATTERS, row, "level", low=1, high=5)
        said = _synonyms(source, row)
        found[key] = Matter(
            key=key,
            edition=row["edition"],
            code=row["code"],
            name=row.text("name", source.languages),
            kind=row["kind"],
            class_code=row["class_code"],
            class_name=row.text("class_name", source.languages),
            standards=tuple(standards.get(key, ())),
            related=tuple(related.get(key, {})),
            related_m={one: far for one, far in related.get(key, {}).items() if far is not None},
            synonyms=tuple(word.removeprefix(MERE) for word in said),
            mere=tuple(word[len(MERE) :] for word in said if word.startswith(MERE)),
            level=None if level is None else int(level),
            radius_m=source.number(MATTERS, row, "radius_m", low=0, default=radius_m) or 0,
            window_min=source.number(MATTERS, row, "window_min", low=0, default=window_min) or 0,
            told_min=source.number(MATTERS, row, "told_min", low=0, default=0) or 0,
            told_for_min=source.number(MATTERS, row, "told_for_min", low=0, default=0) or 0,
            basis=row["basis"],
        )
    return found


def _synonyms(reader: PackReader, row: Row) -> list[str]:
    """As they stand in the row; a fault for each that would never be heard, and for each double."""
    found: list[str] = []
    for word in filter(None, row["synonyms"].split("|")):
        parts = [_letters(part) for part in word.removeprefix(MERE).split(AND)]
        if not all(parts) or sum(map(len, parts)) < 2:
            what = f"synonym {word!r}: it has less than two letters, or a part none"
            reader.fault(MATTERS, row.line, what, "write more of what people say, or leave it out")
        elif MERE in word[1:] or (word.startswith(MERE) and AND in word):
            what = f"synonym {word!r}: {MERE} stands before a whole word that only names something"
            reader.fault(MATTERS, row.line, what, f"leave {MERE} or {AND} out")
        elif word.removeprefix(MERE) in (one.removeprefix(MERE) for one in found):
            reader.fault(MATTERS, row.line, f"synonym {word!r} stands there twice", "keep one")
        found.append(word)
    return found


def _letters(word: str) -> str:
    return "".join(sign for sign in word if sign.isalnum())


def _rows(
    reader: PackReader, editions: dict[str, Edition]
) -> Iterator[tuple[PackReader, str, Row]]:
    """The matters that the city has: (whose, key, row), the pack's first."""
    lines: dict[str, int] = {}
    own: dict[str, str] = {}
    """code of a matter, or key or code that one stands for → key of the pack's"""
    names = {one.scenario: one.name for one in reader.brought}
    for source in reader.sources:
        for row in source.csv(
            MATTERS,
            ("edition", "kind", "code", "class_code"),
            optional=(
                "synonyms",
                "level",
                "radius_m",
                "window_min",
                "told_min",
                "told_for_min",
                "stands_for",
                "basis",
            ),
            texts=("name", "class_name"),
        ):
            key = _key(row)
            if source.scenario:
                if row["edition"] != source.scenario:
                    what = f"{key}: a scenario's matters are of an edition of its own"
                    source.fault(MATTERS, row.line, what, f"write {source.scenario} as edition")
                    continue
                there = own.get(key) or own.get(row["code"])
                if there is not None:
                    source.stands_for[key] = there
                    continue
            if key in lines:
                what = f"{key} stands on line {lines[key]} too"
                source.fault(MATTERS, row.line, what, "keep one")
                continue
            if row["edition"] not in editions and row["edition"] in names:
                editions[row["edition"]] = Edition(row["edition"], names[row["edition"]]())
            if row["edition"] not in editions:
                source.fault(
                    MATTERS,
                    row.line,
                    f"{key}: edition {row['edition']!r} is not in city.toml",
                    "add an [[edition]] or correct the name",
                )
            if not source.said(row.text("name", source.languages)) or not row["code"]:
                what = f"{key} has no code or no name"
                source.fault(MATTERS, row.line, what, "give both")
            lines[key] = row.line
            source.note(MATTERS, key, row.line)
            if not source.scenario:
                other = (word.strip() for word in row["stands_for"].split("|") if word.strip())
                own = dict.fromkeys((key, row["code"], *other), key) | own
            yield source, key, row


def _key(row: Row) -> str:
    return f"{row['edition']}:{row['kind']}:{row['code']}"


def _standards(reader: PackReader, keys: set[str]) -> dict[str, list[FilingStandard]]:
    """By matter; where both the pack and a scenario say them, the pack's."""
    found: dict[str, list[FilingStandard]] = {}
    for source in reader.sources:
        said = _standards_of(source)
        for key, standards in said.items():
            if key not in keys and key not in source.stands_for:
                what = f"{len(standards)} filing standard(s) of {key}, which is no matter"
                line = source.line_of(STANDARDS, key)
                source.fault(STANDARDS, line, what, f"add it to {MATTERS} or correct the key")
        found = said | found
    return found


def _standards_of(reader: PackReader) -> dict[str, list[FilingStandard]]:
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


def _relations(reader: PackReader, keys: set[str]) -> dict[str, dict[str, float | None]]:
    """Both directions of each pair, with how near they must be where the relation says so."""
    found: dict[str, dict[str, float | None]] = {}
    optional = ("radius_m", "why", "basis")
    for source in reader.sources:
        for row in source.csv(RELATIONS, ("a", "b"), optional=optional, required=False):
            radius = source.number(RELATIONS, row, "radius_m", low=0)
            a, b = source.here(row["a"]), source.here(row["b"])
            if a == b and source.scenario:
                continue  # one matter of the pack stands for both
            for one, other in ((a, b), (b, a)):
                if one not in keys:
                    what = f"{one} is related to something but is no matter"
                    remedy = f"add it to {MATTERS} or correct the key"
                    source.fault(RELATIONS, row.line, what, remedy)
                pairs = found.setdefault(one, {})
                if source.scenario:
                    pairs.setdefault(other, radius)
                else:
                    pairs[other] = radius
    return found
