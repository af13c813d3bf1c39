"""Default rules of kinds, as far as a pack's own words go; ``prevent.rule`` knows the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tianmu.city.device.part import FILE, Part
from tianmu.city.device.property import Property
from tianmu.city.file.document import Document, Key
from tianmu.city.file.reader import PackReader
from tianmu.city.matter.matter import Matter

_NEEDS: dict[str, tuple[str, ...]] = {
    "threshold": ("property", "direction"),
    "rate": ("property", "direction", "limit", "window_s"),
    "silence": (),
    "state": ("property", "match"),
    "expression": ("expression",),
    "judged": ("property",),
}
"""the types of rule, and what each cannot do without"""
_TYPES = tuple(_NEEDS)
_DIRECTIONS = ("high", "low", "outside", "rise", "fall", "either")


class Rules:
    """The default rules of all kinds: each code once."""

    def __init__(
        self, matters: Mapping[str, Matter], levels: set[str], parts: Mapping[str, list[Part]]
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

    def of(self, parts: list[Part], properties: Mapping[str, Property]) -> Iterator[dict[str, Any]]:
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
    if kind not in _TYPES:
        fault("type", f"unknown type {kind!r}", f"use one of {', '.join(_TYPES)}")
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
    # no levels at all: the profile is faulty, which is told where it is
    if levels and rule.get("severity") and str(rule["severity"]) not in levels:
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
