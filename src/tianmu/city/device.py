"""Device kinds: what the city senses with, each with its properties, rhythm, owner and rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from tianmu.city.department import Department
from tianmu.city.document import Document, Key
from tianmu.city.matter import Matter
from tianmu.city.reader import PackReader
from tianmu.facts.text import Text

FILE = "kinds.toml"
RULE_TYPES = ("threshold", "rate", "silence", "state", "expression")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class ValueModel(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a seeded value moves: a mean, a day's swing, and noise, in the property's unit."""

    mean: float
    spread: float = 0.0
    """standard deviation of the mean from device to device"""
    daily: float = 0.0
    """half the difference between the day's peak and its low"""
    peak_hour: float = 14.0
    """local hour of the peak"""
    noise: float = 0.0
    """standard deviation from one reading to the next"""
    period_s: float = 300.0
    """usual time between readings"""


class Property(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    code: str
    name: Text
    unit: str = ""
    """as shown; empty for counts, states and ratios"""
    low: float | None = None
    """values below are implausible: they get quality *uncertain*"""
    high: float | None = None
    step: float | None = None
    """the sensor's resolution"""
    states: dict[str, Text] = msgspec.field(default_factory=dict)
    """for states: number (or ``bitN``) → what it means"""
    model: ValueModel | None = None


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


class _KindTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A ``[[kind]]`` as it stands in the file: properties are a list there."""

    code: str
    name: Text
    category: str
    lane: Literal["life", "main"] = "main"
    heartbeat_s: float | None = None
    department: str = ""
    per_thousand: float = 0.0
    icon: str = ""
    basis: str = ""
    periods: tuple[str, ...] = ()
    property: list[Property] = msgspec.field(default_factory=list)
    rule: list[dict[str, Any]] = msgspec.field(default_factory=list)


def read(
    reader: PackReader,
    departments: Mapping[str, Department],
    matters: Mapping[str, Matter],
    levels: set[str],
) -> tuple[dict[str, DeviceKind], dict[str, Text]]:
    """Kinds by code, and categories' names.

    Faults for unknown owners, doubled properties and rules that cannot hold.
    """
    document = reader.toml(FILE)
    if document is None:
        return {}, {}
    reader.only(document, "kind", "category", "period")
    categories = document.data.get("category", {})
    periods = document.data.get("period", {})
    for table_name, named in (("category", categories), ("period", periods)):
        for code, text in named.items():
            reader.words(document, (table_name, code), text)
    found: dict[str, DeviceKind] = {}
    rules: set[str] = set()
    for index, value in enumerate(document.data.get("kind", [])):
        path: tuple[Key, ...] = ("kind", index)
        table = reader.build(document, path, value, _KindTable)
        if table is None:
            continue

        def fault(what: str, remedy: str, *at: Key, path: tuple[Key, ...] = path) -> None:
            reader.fault(FILE, document.line(*path, *at), what, remedy)

        if table.code in found or not _NAME.fullmatch(table.code):
            fault(f"code {table.code!r} is taken or no plain word", "use a_z0_9, once", "code")
        if table.department and table.department not in departments:
            fault(f"{table.department} is no department", "see departments.csv", "department")
        if table.category not in categories:
            fault(f"no category {table.category!r}", "add it under [category]", "category")
        if not table.property:
            fault(f"{table.code} has no property", "add at least one property")
        reader.words(document, (*path, "name"), table.name)
        properties: dict[str, Property] = {}
        for place, one in enumerate(table.property):
            where: tuple[Key, ...] = ("property", place)
            if one.code in properties:
                fault(f"two properties are called {one.code}", "rename one", *where)
            if one.low is not None and one.high is not None and one.low >= one.high:
                fault(f"{one.code}: low {one.low:g} is not below high {one.high:g}", "swap", *where)
            reader.words(document, (*path, *where, "name"), one.name)
            properties[one.code] = one
        for period in table.periods:
            if period not in periods:
                fault(f"no period {period!r}", "add it under [period]", "periods")
        properties |= _over_periods(properties, {p: periods.get(p, {}) for p in table.periods})
        made = []
        for place, rule in enumerate(table.rule):
            where = (*path, "rule", place)
            whole = {"kind": table.code, **rule}
            _check_rule(reader, document, where, whole, properties, matters, levels, rules)
            made.append(whole)
        found[table.code] = DeviceKind(
            code=table.code,
            name=table.name,
            category=table.category,
            lane=table.lane,
            properties=properties,
            heartbeat_s=table.heartbeat_s,
            department=table.department,
            rules=tuple(made),
            per_thousand=table.per_thousand,
            icon=table.icon or table.category,
            basis=table.basis,
            periods=table.periods,
        )
    if not found and not reader.faults:
        reader.fault(FILE, 1, "no device kind", "add at least one [[kind]]")
    return found, dict(categories)


def _over_periods(
    properties: Mapping[str, Property], periods: Mapping[str, Text]
) -> dict[str, Property]:
    """What is measured, once more for each period; states have no mean. They carry no value
    model: a seeded city sends single readings only."""
    return {
        f"{one.code}.{period}": msgspec.structs.replace(
            one,
            code=f"{one.code}.{period}",
            name={language: f"{word} · {name.get(language, period)}"
                  for language, word in one.name.items()},
            model=None,
        )
        for period, name in periods.items()
        for one in properties.values()
        if not one.states
    }  # fmt: skip


_NEEDS: dict[str, tuple[str, ...]] = {
    "threshold": ("property", "direction"),
    "rate": ("property", "direction", "limit", "window_s"),
    "silence": (),
    "state": ("property", "match"),
    "expression": ("expression",),
}
"""What each type of rule cannot do without; ``prevent.rule`` knows the rest."""
_DIRECTIONS = ("high", "low", "outside", "rise", "fall", "either")


def _check_rule(
    reader: PackReader,
    document: Document,
    where: tuple[Key, ...],
    rule: dict[str, Any],
    properties: Mapping[str, Property],
    matters: Mapping[str, Matter],
    levels: set[str],
    known: set[str],
) -> None:
    code = str(rule.get("code", ""))

    def fault(key: str, what: str, remedy: str) -> None:
        reader.fault(FILE, document.line(*where, key), f"rule {code}: {what}", remedy)

    if not code or code in known:
        fault("code", "has no code, or one that another rule has", "give it a code of its own")
    known.add(code)
    kind = rule.get("type")
    if kind not in RULE_TYPES:
        fault("type", f"unknown type {kind!r}", f"use one of {', '.join(RULE_TYPES)}")
        return
    for key in _NEEDS[kind]:
        if key not in rule:
            fault(key, f"a {kind} rule needs {key!r}", "add it; see docs/pack.md")
    if "property" in rule and rule["property"] not in properties:
        fault(
            "property",
            f"{rule['property']!r} is no property of the kind",
            f"use one of {', '.join(properties)}",
        )
    if rule.get("direction", "high") not in _DIRECTIONS:
        what = f"unknown direction {rule['direction']!r}"
        fault("direction", what, f"use one of {', '.join(_DIRECTIONS)}")
    if rule.get("priority") not in (1, 2, 3, 4):
        fault("priority", f"priority {rule.get('priority')!r}", "use 1 (highest) to 4")
    if rule.get("severity") and rule["severity"] not in levels:
        fault(
            "severity",
            f"{rule['severity']!r} is no level of the profile",
            f"use one of {', '.join(sorted(levels))}",
        )
    if rule.get("matter") and rule["matter"] not in matters:
        fault("matter", f"{rule['matter']!r} is no matter", "use a key of matters.csv")
    if not isinstance(rule.get("name"), dict):
        fault("name", "has no name", 'give name = { en = "…" } in the pack\'s languages')
    else:
        reader.words(document, (*where, "name"), rule["name"])
    if kind == "expression":
        words = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", str(rule.get("expression", ""))))
        unknown = words - set(properties) - {"and", "or", "not", "abs", "min", "max"}
        if unknown:
            fault(
                "expression",
                f"{', '.join(sorted(unknown))} is no property of the kind",
                f"use {', '.join(properties)}, and/or/not and arithmetic",
            )
