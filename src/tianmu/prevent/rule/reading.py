"""Rules out of plain data, checked, and into plain data again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec

from tianmu.prevent.rule.check import check
from tianmu.prevent.rule.rule import AnyRule
from tianmu.prevent.rule.vocabulary import Fault, RuleError, Vocabulary


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
    return rules, faults + check(rules, vocabulary)


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
