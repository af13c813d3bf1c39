"""Hazards that the city keeps a ledger of: the pack's ``hazards.toml``. Kinds, and by grade how
long putting right may take and how often it is looked at. All figures are defaults, to be set by
the city."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from tianmu.city.calendar.limit import Limit
from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader
from tianmu.city.matter.matter import Matter
from tianmu.facts.text import Text

FILE = "hazards.toml"
GRADES = ("major", "general")


class HazardGrade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    """one of ``GRADES``"""
    name: Text
    within: Limit
    """by when it is to be put right"""
    check: Limit
    """from one look at it to the next, as long as it stands"""
    basis: str = ""


class HazardKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    name: Text
    matter: str = ""
    """key of a matter, or its code without the edition: whoever answers for that answers for the
    hazard; empty: whoever enters it names the department"""
    basis: str = ""


@dataclass(frozen=True)
class Hazards:
    grades: Mapping[str, HazardGrade] = field(default_factory=dict)
    kinds: Mapping[str, HazardKind] = field(default_factory=dict)
    """none: the city keeps no ledger"""


def read(reader: PackReader, matters: Mapping[str, Matter]) -> Hazards:
    """The pack's ``hazards.toml``; without one, a city that keeps no ledger."""
    if not (reader.folder / FILE).is_file():
        return Hazards()
    document = reader.toml(FILE)
    if document is None:
        return Hazards()
    reader.only(document, "grade", "kind")
    grades = {one.code: one for _, one in reader.tables(document, "grade", HazardGrade)}
    kinds = [one for _, one in reader.tables(document, "kind", HazardKind)]
    by_code = {key.rpartition(":")[2]: key for key in matters} | {key: key for key in matters}
    for index, one in enumerate(grades.values()):
        _check_grade(reader, document, index, one)
    for code in GRADES:
        if code not in grades:
            reader.fault(FILE, 0, f"no [[grade]] is {code}", "add it: a hazard may need it")
    found: dict[str, HazardKind] = {}
    for index, kind in enumerate(kinds):
        where = ("kind", index)
        reader.words(document, (*where, "name"), kind.name)
        if kind.code in found:
            line = document.line(*where)
            reader.fault(FILE, line, f"kind {kind.code} stands here twice", "rename one of them")
        if kind.matter and kind.matter not in by_code:
            line = document.line(*where, "matter")
            what = f"kind {kind.code}: no matter is {kind.matter!r}"
            reader.fault(FILE, line, what, "use one of matters.csv, or leave it out")
        key = by_code.get(kind.matter, "")
        found[kind.code] = msgspec.structs.replace(kind, matter=key)
    return Hazards(grades=grades, kinds=found)


def _check_grade(reader: PackReader, document: Document, index: int, one: HazardGrade) -> None:
    where = ("grade", index)
    reader.words(document, (*where, "name"), one.name)
    if one.code not in GRADES:
        line = document.line(*where, "code")
        reader.fault(FILE, line, f"no grade is {one.code!r}", f"use {' or '.join(GRADES)}")
    for key in ("within", "check"):
        if not getattr(one, key).value > 0:
            line = document.line(*where, key)
            reader.fault(FILE, line, f"{key} of grade {one.code} is 0", "give a time above 0")
