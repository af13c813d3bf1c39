"""By what numbers a scenario weighs what it sees: ``weights.toml``.

The scenario's own file has every number and between what each may lie; the pack's has those that
the city sets otherwise. Both name the scenario first: ``[fire-alarms]``, ``[fire-alarms.sign]``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tianmu.city.document import Document, Key
from tianmu.city.reader import PackReader

FILE = "weights.toml"
BETWEEN, BASIS = "between", "basis"

Weights = Mapping[str, float]
"""``prior``, ``sign.call`` … → the number"""


def read(reader: PackReader) -> dict[str, dict[str, float]]:
    """Scenario → its weights, with what the pack sets in their place."""
    found: dict[str, dict[str, float]] = {}
    between: dict[str, Mapping[str, Any]] = {}
    for one in reader.brought:
        document = one.toml(FILE, required=False)
        if document is None:
            continue
        said = document.data.get(one.scenario)
        if not isinstance(said, dict) or set(document.data) != {one.scenario}:
            one.fault(FILE, 1, "names another scenario than its own", f"write [{one.scenario}]")
            continue
        told = said.get(BETWEEN)
        between[one.scenario] = told if isinstance(told, dict) else {}
        own = found[one.scenario] = {}
        for key, value, path in _numbers(one, document, one.scenario, said):
            if _between(between[one.scenario], key) is None:
                what = f"{key} has no range"
                remedy = f"say its least and most in [{one.scenario}.{BETWEEN}]"
                one.fault(FILE, document.line(*path), what, remedy)
            elif _fits(one, document, path, key, value, between[one.scenario]):
                own[key] = value
    document = reader.toml(FILE, required=False)
    for scenario, said in (document.data if document is not None else {}).items():
        assert document is not None
        if scenario not in found or not isinstance(said, dict):
            known = ", ".join(f"[{name}]" for name in found)
            line = document.line(scenario)
            reader.fault(FILE, line, f"{scenario} is no scenario with weights", f"use {known}")
            continue
        if not said.get(BASIS):
            what = f"{scenario} does not say where its numbers are from"
            reader.fault(FILE, document.line(scenario), what, f'add {BASIS} = "…"')
        for key, value, path in _numbers(reader, document, scenario, said):
            if key not in found[scenario]:
                remedy = f"use one of {', '.join(found[scenario])}"
                reader.fault(FILE, document.line(*path), f"{key} is not known", remedy)
            elif _fits(reader, document, path, key, value, between[scenario]):
                found[scenario][key] = value
    return found


def _numbers(
    reader: PackReader, document: Document, scenario: str, said: Mapping[str, Any]
) -> Iterator[tuple[str, float, tuple[Key, ...]]]:
    for name, told in said.items():
        if name in (BASIS, BETWEEN):
            continue
        for inner, value in told.items() if isinstance(told, dict) else ((None, told),):
            path = (scenario, name) if inner is None else (scenario, name, inner)
            key = name if inner is None else f"{name}.{inner}"
            if not _is_number(value):
                reader.fault(FILE, document.line(*path), f"{key} is no number", "write 0.5")
                continue
            yield key, float(value), path


def _between(between: Mapping[str, Any], key: str) -> tuple[float, float] | None:
    """The range of a number, by its own name or that of its table."""
    told = between.get(key, between.get(key.partition(".")[0]))
    if not isinstance(told, list) or len(told) != 2 or not all(map(_is_number, told)):
        return None
    return float(told[0]), float(told[1])


def _is_number(told: object) -> bool:
    return isinstance(told, int | float) and not isinstance(told, bool)


def _fits(
    reader: PackReader,
    document: Document,
    path: tuple[Key, ...],
    key: str,
    value: float,
    between: Mapping[str, Any],
) -> bool:
    low, high = _between(between, key) or (-math.inf, math.inf)
    if low <= value <= high:
        return True
    what = f"{key} is {value:g}"
    reader.fault(FILE, document.line(*path), what, f"give {low:g} to {high:g}")
    return False
