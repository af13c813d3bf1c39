"""Rules as data: what is a condition on a device, how it is judged, what alarm it makes.

A rule set is a list of mappings (from the city pack, or from ``RulesPublished``). ``load`` turns
it into frozen structs and says everything that is wrong with it at once, by rule and field.
The schema is told in ``docs/rules.md``. Terms follow IEC 62682 (alarm set point, deadband,
on-delay, off-delay, suppression by design, shelving).
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeAlias

import msgspec

from tianmu.facts.text import Text
from tianmu.prevent.expression import ExpressionError, parse

PLACEHOLDERS = frozenset(
    {"name", "device", "kind", "property", "value", "limit", "unit", "place", "division", "state"}
)
"""What a text template may name in braces, optionally with a number format (``{value:.1f}``)."""
_NUMBER_FORMAT = re.compile(r"[+,]?(\.\d{1,2})?[defg%]?")


class Override(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Other limits of one rule for one division (and all below it) or one device.

    A device's override goes before its division's, a smaller division's before a larger one's.
    """

    division: str = ""
    device: str = ""
    limit: float | None = None
    low: float | None = None
    high: float | None = None
    deadband: float | None = None
    basis: str = ""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """What all rules share."""

    code: str
    """unique in the set; with the datastream it is the alarm's identity"""
    name: Text
    kind: str = ""
    """device kind it holds for; or else ``devices``"""
    devices: tuple[str, ...] = ()
    property: str = ""
    """the property judged; the alarm is that of the device's datastream of this property"""
    priority: int
    """1 highest … 4 lowest"""
    severity: str = ""
    """name of a response level of the pack's profile that it suggests, or empty"""
    matter: str = ""
    """key of the matter it tells of, or empty"""
    latching: bool = False
    """stays until somebody resets it, also when the condition is gone"""
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    shelvable: bool = True
    shelve_limit_s: float = 0.0
    """longest shelving; 0: the operating position's default"""
    suppressed_by: tuple[str, ...] = ()
    """codes of rules: while one of them holds on the same device, this one is suppressed by
    design"""
    text: Text = {}
    """templates by language; see ``PLACEHOLDERS``; empty: the name and the value"""
    overrides: tuple[Override, ...] = ()
    enabled: bool = True
    basis: str = ""
    """where the figures come from"""


class Threshold(Rule, frozen=True, kw_only=True, tag="threshold"):
    """``high``: holds at or above ``limit``, until below ``limit - deadband``. ``low``: at or
    below, until above ``limit + deadband``. ``outside``: below ``low`` or above ``high``, until
    back inside by ``deadband``."""

    direction: Literal["high", "low", "outside"]
    limit: float | None = None
    low: float | None = None
    high: float | None = None
    deadband: float = 0.0


class Rate(Rule, frozen=True, kw_only=True, tag="rate"):
    """Holds when the value changes by ``limit`` or more within ``window_s``.

    Two reference samples slide along, half a window apart: a change within half a window is always
    seen, one that took longer than the window never. Where samples come further apart than the
    window, the mean change per window between two of them is judged. ``relative``: the change as a
    share of the reference's absolute value (0.1 = 10 %).
    """

    direction: Literal["rise", "fall", "either"]
    limit: float
    window_s: float
    relative: bool = False
    deadband: float = 0.0


class Silence(Rule, frozen=True, kw_only=True, tag="silence"):
    """Holds when nothing has been received for ``limit`` seconds (the kind's heart-beat where not
    given). Without a ``property`` any observation of the device counts, and the alarm is that of
    its first datastream. What has never spoken is not silent: it is counted as never seen."""

    limit: float | None = None


class State(Rule, frozen=True, kw_only=True, tag="state"):
    """On an integer state: ``any``/``all``/``none`` of the bits of ``mask`` are set; ``equal`` or
    ``unequal`` to ``limit``; ``changed`` since the observation before."""

    match: Literal["any", "all", "none", "equal", "unequal", "changed"]
    mask: int | None = None
    limit: float | None = None


class Expression(Rule, frozen=True, kw_only=True, tag="expression"):
    """Holds when ``expression`` over the device's properties is true (see ``expression``).

    Unknown (never observed, BAD, or older than ``max_age_s`` against the newest) is carried by
    three-valued logic; an unknown result leaves the condition as it was. ``property`` says whose
    datastream carries the alarm; the first one named where it is empty.
    """

    expression: str
    max_age_s: float = 0.0


AnyRule: TypeAlias = Threshold | Rate | Silence | State | Expression


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with a rule set."""

    rule: str
    field: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"rule {self.rule}: {self.field}: {self.what}: {self.remedy}"


class RuleError(ValueError):
    """A rule set that cannot be used, with everything that is wrong in ``faults``."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = tuple(faults)


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True):
    """What the city knows, for rules to be checked against; ``None``: not checked."""

    properties: Mapping[str, frozenset[str]] | None = None
    """device kind → its properties"""
    heartbeats: Mapping[str, float] = {}
    """device kind → heart-beat in seconds, where it has one"""
    matters: frozenset[str] | None = None
    severities: frozenset[str] | None = None
    divisions: frozenset[str] | None = None


def load(data: Iterable[Mapping[str, Any]], vocabulary: Vocabulary | None = None) -> list[AnyRule]:
    """The rules in ``data``, in order. Raises ``RuleError`` naming every fault."""
    rules, faults = read(data, vocabulary)
    if faults:
        raise RuleError(faults)
    return rules


def read(
    data: Iterable[Mapping[str, Any]], vocabulary: Vocabulary | None = None
) -> tuple[list[AnyRule], list[Fault]]:
    """The rules that can be read and all faults, for a page that shows both."""
    rules: list[AnyRule] = []
    faults: list[Fault] = []
    for number, item in enumerate(data, 1):
        given = item.get("code") if isinstance(item, Mapping) else None
        name = given if isinstance(given, str) and given else f"number {number}"
        try:
            rules.append(msgspec.convert(item, AnyRule, strict=False))
        except msgspec.ValidationError as error:
            what, _, path = str(error).partition(" - at `$")
            field = path.rstrip("`").lstrip(".") or "rule"
            faults.append(Fault(name, field, what, "see docs/rules.md"))
    faults += _check_set(rules)
    for rule in rules:
        faults += _check(rule)
        if vocabulary is not None:
            faults += _check_words(rule, vocabulary)
    return rules, faults


def dump(rules: Iterable[AnyRule]) -> list[dict[str, Any]]:
    """The rules as plain data again: ``load(dump(r)) == r``."""
    return [_slim(msgspec.to_builtins(rule), rule) for rule in rules]


@cache
def _defaults(sort: type[AnyRule]) -> dict[str, Any]:
    return {
        field.encode_name: field.default
        for field in msgspec.structs.fields(sort)
        if field.default is not msgspec.NODEFAULT
    }


def _slim(data: dict[str, Any], rule: AnyRule) -> dict[str, Any]:
    defaults = _defaults(type(rule))
    empty: tuple[Any, ...] = ((), [], {})
    return {
        key: value
        for key, value in data.items()
        if not (key in defaults and value == defaults[key]) and value not in empty
    }


def _check_set(rules: Sequence[AnyRule]) -> list[Fault]:
    faults = []
    seen: dict[str, AnyRule] = {}
    for rule in rules:
        if rule.code in seen:
            faults.append(Fault(rule.code, "code", "is used twice", "give each rule its own code"))
        seen[rule.code] = rule
    for rule in rules:
        for code in rule.suppressed_by:
            other = seen.get(code)
            if other is None:
                faults.append(
                    Fault(rule.code, "suppressed_by", f"no rule {code!r} in the set", "name one")
                )
            elif rule.code == code or rule.code in other.suppressed_by:
                faults.append(
                    Fault(
                        rule.code,
                        "suppressed_by",
                        f"{rule.code} and {code} suppress each other",
                        "let only one of them suppress",
                    )
                )
            elif rule.kind and other.kind and rule.kind != other.kind:
                faults.append(
                    Fault(
                        rule.code,
                        "suppressed_by",
                        f"{code} is a rule of kind {other.kind}, this one of {rule.kind}",
                        "suppression is between rules of the same device",
                    )
                )
    return faults


def _check(rule: AnyRule) -> list[Fault]:
    faults: list[Fault] = []

    def need(holds: bool, field: str, what: str, remedy: str) -> None:
        if not holds:
            faults.append(Fault(rule.code, field, what, remedy))

    need(bool(rule.code) and "@" not in rule.code, "code", "is empty or has an @", "change it")
    need(any(rule.name.values()), "name", "has no words", "give zh and en")
    need(
        bool(rule.kind) != bool(rule.devices),
        "kind",
        "a rule holds for one kind or for a list of devices, not both or none",
        "give kind or devices",
    )
    need(1 <= rule.priority <= 4, "priority", f"{rule.priority} is not 1…4", "1 is highest")
    for field in ("on_delay_s", "off_delay_s", "shelve_limit_s"):
        seconds = getattr(rule, field)
        need(
            math.isfinite(seconds) and seconds >= 0,
            field,
            f"{seconds} is negative or no number",
            "give seconds, 0 or more",
        )
    for language, template in rule.text.items():
        wrong = template_fault(template)
        need(not wrong, f"text.{language}", wrong, f"use {', '.join(sorted(PLACEHOLDERS))}")
    for number, override in enumerate(rule.overrides):
        need(
            bool(override.division) != bool(override.device),
            f"overrides[{number}]",
            "names both a division and a device, or neither",
            "name one",
        )
    named = [override.division or override.device for override in rule.overrides]
    need(
        len(set(named)) == len(named),
        "overrides",
        "name a division or device twice",
        "keep one of them",
    )
    if isinstance(rule, Silence):
        if rule.limit is not None:
            need(rule.limit > 0, "limit", "is not above 0", "give seconds")
    elif isinstance(rule, Expression):
        try:
            parse(rule.expression)
        except ExpressionError as error:
            need(False, "expression", str(error), "see docs/rules.md")
        need(rule.max_age_s >= 0, "max_age_s", "is negative", "give seconds, 0 for any age")
        need(
            not rule.overrides,
            "overrides",
            "an expression has no limits to override",
            "write a second rule for those devices",
        )
    else:
        need(bool(rule.property), "property", "is missing", "name the property judged")
    if isinstance(rule, Threshold):
        _check_threshold(rule, need)
    elif isinstance(rule, Rate):
        need(rule.limit > 0, "limit", "is not above 0", "give the change; direction has the sign")
        need(rule.window_s > 0, "window_s", "is not above 0", "give seconds")
        need(0 <= rule.deadband < rule.limit, "deadband", "not in 0…limit", "make it smaller")
    elif isinstance(rule, State):
        bits = rule.match in ("any", "all", "none")
        need(
            not bits or (rule.mask is not None and 0 < rule.mask < 1 << 53),
            "mask",
            "is missing or not 1…2^53-1",
            "give the bits to look at",
        )
        need(
            rule.match not in ("equal", "unequal") or rule.limit is not None,
            "limit",
            "is missing",
            "give the value to compare with",
        )
    return faults


def _check_threshold(rule: Threshold, need: Any) -> None:
    need(rule.deadband >= 0, "deadband", "is negative", "give 0 or more")
    cases = [(rule.limit, rule.low, rule.high, rule.deadband, "")]
    cases += [
        (
            rule.limit if o.limit is None else o.limit,
            rule.low if o.low is None else o.low,
            rule.high if o.high is None else o.high,
            rule.deadband if o.deadband is None else o.deadband,
            f"overrides[{i}].",
        )
        for i, o in enumerate(rule.overrides)
    ]
    for limit, low, high, deadband, prefix in cases:
        if rule.direction != "outside":
            need(limit is not None, prefix + "limit", "is missing", "give the set point")
        elif low is None or high is None:
            need(False, prefix + "low", "low and high are needed", "give both")
        else:
            need(low < high, prefix + "low", "is not below high", "exchange them")
            need(
                2 * deadband < high - low,
                prefix + "deadband",
                "leaves no room between low and high",
                "make it smaller than half their distance",
            )


def _check_words(rule: AnyRule, city: Vocabulary) -> list[Fault]:
    faults: list[Fault] = []
    if city.properties is not None and rule.kind:
        known = city.properties.get(rule.kind)
        if known is None:
            faults.append(Fault(rule.code, "kind", f"no kind {rule.kind!r} here", "see the pack"))
        else:
            named = {rule.property} if rule.property else set()
            if isinstance(rule, Expression):
                try:
                    named |= set(parse(rule.expression).properties)
                except ExpressionError:
                    named = set()
            faults += [
                Fault(rule.code, "property", f"kind {rule.kind} has no {p!r}", "see the pack")
                for p in sorted(named - known)
            ]
            if (
                isinstance(rule, Silence)
                and rule.limit is None
                and rule.kind not in city.heartbeats
            ):
                faults.append(
                    Fault(rule.code, "limit", f"kind {rule.kind} has no heart-beat", "give limit")
                )
    if city.matters is not None and rule.matter and rule.matter not in city.matters:
        faults.append(Fault(rule.code, "matter", f"no matter {rule.matter!r}", "see the pack"))
    if city.severities is not None and rule.severity and rule.severity not in city.severities:
        faults.append(
            Fault(rule.code, "severity", f"no level {rule.severity!r}", "see the profile")
        )
    if city.divisions is not None:
        faults += [
            Fault(rule.code, "overrides", f"no division {o.division!r}", "see the pack")
            for o in rule.overrides
            if o.division and o.division not in city.divisions
        ]
    return faults


def template_fault(template: str) -> str:
    """What is wrong with a text template, or nothing: only plain names of ``PLACEHOLDERS``."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        return str(error)
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if name not in PLACEHOLDERS:
            return f"{{{name}}} is not known"
        if conversion or not _NUMBER_FORMAT.fullmatch(spec or ""):
            return f"{{{name}}} may only have a number format such as :.1f"
    return ""
