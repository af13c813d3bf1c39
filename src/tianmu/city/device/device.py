"""Device kinds: what the city senses with, each with its properties, rhythm, owner and rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from tianmu.city.device.anomaly import Anomaly, check_kind, check_property
from tianmu.city.device.part import FILE, HEAD, KindTable, Part
from tianmu.city.device.property import Property, over_periods
from tianmu.city.device.rule import Rules
from tianmu.city.file.document import Document, Key
from tianmu.city.file.reader import PackReader
from tianmu.city.matter.matter import Matter
from tianmu.city.people.department import REMIT, Department
from tianmu.facts.text import Text

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class DeviceKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    name: Text
    category: str
    """group on the map and in lists"""
    lane: Literal["life", "main"]
    """``life``: its observations go before all others"""
    properties: dict[str, Property]
    heartbeat_s: float | None = None
    """silent for longer, it alarms; None: it speaks only when something happens"""
    department: str = ""
    """code of the department that owns such devices by default"""
    rules: tuple[dict[str, Any], ...] = ()
    """default rules: see docs/pack.md"""
    per_thousand: float = 0.0
    """share when a city is seeded"""
    icon: str = ""
    basis: str = ""
    periods: tuple[str, ...] = ()
    """aggregates that its devices send of what they measure: ``properties`` has each property
    without ``states`` again as ``<code>.<period>``"""
    anomaly: Anomaly = Anomaly()
    """how anomalies of its properties alarm, of those that say ``anomaly``"""


def read(
    reader: PackReader,
    departments: Mapping[str, Department],
    matters: Mapping[str, Matter],
    levels: set[str],
) -> tuple[dict[str, DeviceKind], dict[str, Text]]:
    """Kinds by code, and categories' names.

    A scenario adds kinds, and properties and rules to kinds; of what has one code the pack's
    counts. Faults for unknown owners, doubled properties and rules that cannot hold.
    """
    categories: dict[str, tuple[PackReader, Text]] = {}
    periods: dict[str, tuple[PackReader, Text]] = {}
    parts: dict[str, list[Part]] = {}
    for source in reader.sources:
        document = source.toml(FILE)
        if document is None:
            if source is reader:
                return {}, {}
            continue
        source.only(document, "kind", "category", "period")
        _names(source, document, "category", categories)
        _names(source, document, "period", periods)
        for index, value in enumerate(document.data.get("kind", [])):
            table = source.build(document, ("kind", index), value, KindTable)
            if table is None:
                continue
            part = Part(source, document, index, table, tuple(value))
            before = parts.setdefault(table.code, [])
            if any(one.source is source for one in before) or not _NAME.fullmatch(table.code):
                what = f"code {table.code!r} is taken or no plain word"
                part.fault(what, "use a_z0_9, once", "code")
            before.append(part)
    spoken = {code: text for code, (_, text) in periods.items()}
    rules = Rules(matters, levels, parts)
    found = {
        code: _joined(of, departments, set(categories), spoken, rules) for code, of in parts.items()
    }
    if not found and not reader.faults:
        reader.fault(FILE, 1, "no device kind", "add at least one [[kind]]")
    return found, {code: text for code, (_, text) in categories.items()}


def _names(
    source: PackReader, document: Document, table: str, found: dict[str, tuple[PackReader, Text]]
) -> None:
    """Categories or periods of one file, added to those before."""
    built = source.build(document, (table,), document.data.get(table, {}), dict[str, Text])
    for code, text in (built or {}).items():
        source.words(document, (table, code), text)
        before, said = found.setdefault(code, (source, text))
        if before.scenario and said != text:
            what = f"{table} {code} is called otherwise by the scenario {before.scenario}"
            source.fault(FILE, document.line(table, code), what, "call it alike, or rename it")


def _joined(
    parts: list[Part],
    departments: Mapping[str, Department],
    categories: set[str],
    periods: Mapping[str, Text],
    rules: Rules,
) -> DeviceKind:
    """One kind of all that is said of it, the pack's first."""
    said_by = {key: part for part in reversed(parts) for key in part.given}
    """key of the head → the first part that has it"""
    heads = {key: getattr(part.table, key) for key, part in said_by.items() if key in HEAD}
    head = msgspec.structs.replace(parts[0].table, **heads)
    first = parts[0]
    owner = _owner(head.department, said_by.get("department", first), departments)
    if head.category not in categories:
        by = said_by.get("category", first)
        by.fault(f"no category {head.category!r}", "add it under [category]", "category")
    for period in head.periods:
        if period not in periods:
            what = f"no period {period!r}"
            said_by["periods"].fault(what, "add it under [period]", "periods")
    for part in parts:
        if part is said_by.get("name", first) or "name" in part.given:
            part.source.words(part.document, ("kind", part.index, "name"), part.table.name)
        for key in HEAD.intersection(part.given):
            same = getattr(part.table, key) == heads[key]
            part.against(said_by[key].source, same, f"kind {part.table.code}, {key},", key)
    properties = _properties(parts)
    if not properties:
        first.fault(f"{head.code} has no property", "add at least one property")
    if head.anomaly is not None:
        check_kind(head.anomaly, properties, rules.matters, said_by["anomaly"].fault)
    properties |= over_periods(properties, {p: periods.get(p, {}) for p in head.periods})
    return DeviceKind(
        code=head.code,
        name=head.name,
        category=head.category,
        lane=head.lane,
        properties=properties,
        heartbeat_s=head.heartbeat_s,
        department=owner,
        rules=tuple(rules.of(parts, properties)),
        per_thousand=head.per_thousand,
        icon=head.icon or head.category,
        basis=head.basis,
        periods=head.periods,
        anomaly=head.anomaly or Anomaly(),
    )


def _owner(told: str, by: Part, departments: Mapping[str, Department]) -> str:
    """Code of the department that is meant; a scenario, which knows none, says it by its remit."""
    scenario = by.source.scenario
    if told.startswith(REMIT):
        remit = told.removeprefix(REMIT)
        owner = next((code for code, one in departments.items() if remit in one.remits), "")
        wrong = not owner and not scenario
    else:
        owner = told
        wrong = bool(owner) and (owner not in departments or bool(scenario))
    if wrong:
        remedy = "say remit:<what it is there for>" if scenario else "see departments.csv"
        by.fault(f"{told} is no department", remedy, "department")
    return owner


def _properties(parts: list[Part]) -> dict[str, Property]:
    """The properties of one kind, those of the pack first; of one code the first counts."""
    properties: dict[str, Property] = {}
    said: dict[str, PackReader] = {}
    for part in parts:
        for place, one in enumerate(part.table.property):
            where: tuple[Key, ...] = ("property", place)
            part.source.words(part.document, ("kind", part.index, *where, "name"), one.name)
            if one.low is not None and one.high is not None and one.low >= one.high:
                what = f"{one.code}: low {one.low:g} is not below high {one.high:g}"
                part.fault(what, "swap", *where)
            check_property(one, lambda *what, p=part, at=where: p.fault(*what, *at, "anomaly"))
            if said.get(one.code) is part.source:
                part.fault(f"two properties are called {one.code}", "rename one", *where)
            elif one.code in said:
                same = one == properties[one.code]
                part.against(said[one.code], same, f"{part.table.code}.{one.code}", *where)
            else:
                properties[one.code], said[one.code] = one, part.source
    return properties
