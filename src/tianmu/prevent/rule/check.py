"""Whether rules make sense: each for itself, as a set, and in the words of the city."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Sequence
from typing import Any

from tianmu.prevent.rule.expression import ExpressionError, parse
from tianmu.prevent.rule.rule import (
    PLACEHOLDERS,
    AnyRule,
    Expression,
    Judged,
    Rate,
    Silence,
    State,
    Threshold,
)
from tianmu.prevent.rule.vocabulary import Fault, Vocabulary

_NUMBER_FORMAT = re.compile(r"[+,]?(\.\d{1,2})?[defg%]?")


def check(rules: Sequence[AnyRule], vocabulary: Vocabulary | None = None) -> list[Fault]:
    """Everything that is wrong with ``rules``, in the words of the city where they are given."""
    faults = _check_set(rules)
    for rule in rules:
        faults += _check(rule)
        if vocabulary is not None:
            faults += _check_words(rule, vocabulary)
    return faults


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
    if isinstance(rule, Judged):
        delays = rule.on_delay_s or rule.off_delay_s
        need(not delays, "on_delay_s", "a judge says itself how long it waits", "leave delays out")
        need(not rule.overrides, "overrides", "a judge has no limits to override", "leave them out")
    elif isinstance(rule, Threshold):
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
