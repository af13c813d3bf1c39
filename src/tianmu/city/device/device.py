"""Device kinds: what the city senses with, each with its properties, rhythm, owner and rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from tianmu.city.device.anomaly import Anomaly, check_kind, check_property
from tianmu.city.file.document import Document, Key
from tianmu.city.file.reader import PackReader
from tianmu.city.matter.matter import Matter
from tianmu.city.people.department import REMIT, Department
from tianmu.facts.text import Text

FILE = "kinds.toml"
RULE_TYPES = ("threshold", "rate", "silence", "state", "expression", "judged")
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
    anomaly: bool = False
    """whether its values are learnt, and one that is unusual for its own datastream alarms"""
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
    anomaly: Anomaly = Anomaly()
    """how anomalies of its properties alarm, of those that say ``anomaly``"""


class _KindTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A ``[[kind]]`` as it stands in the file: properties are a list there."""

    code: str
    name: Text = msgspec.field(default_factory=dict)
    category: str = ""
    lane: Literal["life", "main"] = "main"
    heartbeat_s: float | None = None
    department: str = ""
    per_thousand: float = 0.0
    icon: str = ""
    basis: str = ""
    periods: tuple[str, ...] = ()
    anomaly: Anomaly | None = None
    property: list[Property] = msgspec.field(default_factory=list)
    rule: list[dict[str, Any]] = msgspec.field(default_factory=list)


_HEAD = {*_KindTable.__struct_fields__} - {"code", "property", "rule"}


@dataclass(frozen=True)
class _Part:
    """What one file says of a kind: the pack's, or that of a scenario."""

    source: PackReader
    document: Document
    index: int
    table: _KindTable
    given: tuple[str, ...]
    """keys of the table that it says itself"""

    def fault(self, what: str, remedy: str, *at: Key) -> None:
        self.source.fault(FILE, self.document.line("kind", self.index, *at), what, remedy)

    def against(self, other: PackReader, same: bool, what: str, *at: Key) -> None:
        """A fault where another scenario says ``what`` otherwise; what the pack says counts."""
        if other.scenario and not same:
            what = f"{what} is said otherwise by the scenario {other.scenario}"
            self.fault(what, f"say it alike ({other.folder / FILE}) or rename it", *at)


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
    parts: dict[str, list[_Part]] = {}
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
            table = source.build(document, ("kind", index), value, _KindTable)
            if table is None:
                continue
            part = _Part(source, document, index, table, tuple(value))
            before = parts.setdefault(table.code, [])
            if any(one.source is source for one in before) or not _NAME.fullmatch(table.code):
                what = f"code {table.code!r} is taken or no plain word"
                part.fault(what, "use a_z0_9, once", "code")
            before.append(part)
    spoken = {code: text for code, (_, text) in periods.items()}
    rules = _Rules(matters, levels, parts)
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
    parts: list[_Part],
    departments: Mapping[str, Department],
    categories: set[str],
    periods: Mapping[str, Text],
    rules: _Rules,
) -> DeviceKind:
    """One kind of all that is said of it, the pack's first."""
    said_by = {key: part for part in reversed(parts) for key in part.given}
    """key of the head → the first part that has it"""
    heads = {key: getattr(part.table, key) for key, part in said_by.items() if key in _HEAD}
    head = msgspec.structs.replace(parts[0].table, **heads)
    first = parts[0]
    owner, by = head.department, said_by.get("department", first)
    scenario = by.source.scenario
    if owner.startswith(REMIT):
        remit = owner.removeprefix(REMIT)
        owner = next((code for code, one in departments.items() if remit in one.remits), "")
        wrong = not owner and not scenario
    else:
        wrong = bool(owner) and (owner not in departments or bool(scenario))
    if wrong:
        remedy = "say remit:<what it is there for>" if scenario else "see departments.csv"
        by.fault(f"{head.department} is no department", remedy, "department")
    if head.category not in categories:
        by = said_by.get("category", first)
        by.fault(f"no category {head.category!r}", "add it under [category]", "category")
    for period in head.periods:
        if period not in periods:
            what = f"no period {period!r}"
            said_by["periods"].fault(what, "add it under [period]", "periods")
    properties: dict[str, Property] = {}
    said: dict[str, PackReader] = {}
    for part in parts:
        table = part.table
        if part is said_by.get("name", first) or "name" in part.given:
            part.source.words(part.document, ("kind", part.index, "name"), table.name)
        for key in _HEAD.intersection(part.given):
            same = getattr(table, key) == heads[key]
            part.against(said_by[key].source, same, f"kind {table.code}, {key},", key)
        for place, one in enumerate(table.property):
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
                part.against(said[one.code], same, f"{table.code}.{one.code}", *where)
            else:
                properties[one.code], said[one.code] = one, part.source
    if not properties:
        first.fault(f"{head.code} has no property", "add at least one property")
    if head.anomaly is not None:
        check_kind(head.anomaly, properties, rules.matters, said_by["anomaly"].fault)
    properties |= _over_periods(properties, {p: periods.get(p, {}) for p in head.periods})
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


class _Rules:
    """The default rules of all kinds: each code once."""

    def __init__(
        self, matters: Mapping[str, Matter], levels: set[str], parts: Mapping[str, list[_Part]]
    ) -> None:
        self.matters, self._levels = matters, levels
        self._packs = {
            str(rule.get("code", ""))
            for of in parts.values()
            for part in of
            if not part.source.scenario
            for rule in part.table.rule
        }
        self._made: dict[str, tuple[PackReader, dict[str, Any]]] = {}

    def of(
        self, parts: list[_Part], properties: Mapping[str, Property]
    ) -> Iterator[dict[str, Any]]:
        """The rules of one kind, those of the pack first."""
        for part in parts:
            source, document = part.source, part.document
            for place, rule in enumerate(part.table.rule):
                where: tuple[Key, ...] = ("rule", place)
                whole = {"kind": part.table.code, **rule}
                code = str(rule.get("code", ""))
                if source.scenario and code in self._packs:
                    continue
                before, said = self._made.get(code, (source, {}))
                if before is not source:
                    part.against(before, whole == said, f"rule {code}", *where)
                    continue
                at = ("kind", part.index, *where)
                _check_rule(
                    source, document, at, whole, properties, self.matters, self._levels,
                    set(self._made),
                )  # fmt: skip
                self._made[code] = source, whole
                yield whole


def _over_periods(
    properties: Mapping[str, Property], periods: Mapping[str, Text]
) -> dict[str, Property]:
    """What is measured, once more for each period; states have no mean. They carry no value
    model: a seeded city sends single readings only. What is unusual shows in the single readings
    first."""
    return {
        f"{one.code}.{period}": msgspec.structs.replace(
            one,
            code=f"{one.code}.{period}",
            name={language: f"{word} · {name.get(language, period)}"
                  for language, word in one.name.items()},
            model=None,
            anomaly=False,
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
    "judged": ("property",),
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

    if not isinstance(rule.get("code"), str) or not code or code in known:
        fault("code", "has no code, or one that another rule has", "give it a code of its own")
    kind = rule.get("type")
    if kind not in RULE_TYPES:
        fault("type", f"unknown type {kind!r}", f"use one of {', '.join(RULE_TYPES)}")
        return
    for key in _NEEDS[kind]:
        if key not in rule:
            fault(key, f"a {kind} rule needs {key!r}", "add it; see docs/pack.md")
    if "property" in rule and str(rule["property"]) not in properties:
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
    if rule.get("severity") and str(rule["severity"]) not in levels:
        fault(
            "severity",
            f"{rule['severity']!r} is no level of the profile",
            f"use one of {', '.join(sorted(levels))}",
        )
    if rule.get("matter") and str(rule["matter"]) not in matters:
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
