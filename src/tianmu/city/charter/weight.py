"""By what numbers a scenario weighs what it sees: ``weights.toml``.

The scenario's own file has every number and between what each may lie (``[0, 50]``; with a third
number 1 a whole one, and ``"level"`` is a level of the city or 0); the pack's has those that the
city sets otherwise. Both name the scenario first: ``[fire-alarms]``, ``[fire-alarms.sign]``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tianmu.city.file.document import Document, Key
from tianmu.city.file.reader import PackReader

FILE = "weights.toml"
BETWEEN, BASIS = "between", "basis"
LEVEL = "level"
"""what stands for a range where a number is a level of the city's profile, or 0 for none"""

Weights = Mapping[str, float]
"""``prior``, ``sign.call`` … → the number"""


@dataclass(frozen=True)
class _Ranges:
    """Between what each number of a scenario may lie, by its own name or that of its table."""

    said: Mapping[str, Any]
    levels: tuple[int, ...]

    def known(self, key: str) -> bool:
        told = self._of(key)
        if not isinstance(told, list):
            return bool(told == LEVEL)
        return len(told) in (2, 3) and all(map(_is_number, told)) and told[2:] in ([], [1])

    def refuse(self, key: str, value: float) -> str:
        """What to give instead; empty where ``value`` may be."""
        told = self._of(key)
        if told == LEVEL:
            allowed = (0, *self.levels)
            if value in allowed or not self.levels:  # a city without a profile is told that
                return ""
            return f"give one of {', '.join(map(str, allowed))}"
        low, high, *step = told
        if low <= value <= high and (not step or value == int(value)):
            return ""
        return f"give {low:g} to {high:g}{', a whole number' if step else ''}"

    def _of(self, key: str) -> Any:
        return self.said.get(key, self.said.get(key.partition(".")[0]))


def read(reader: PackReader, levels: Collection[int]) -> dict[str, dict[str, float]]:
    """Scenario → its weights, with what the pack sets in their place. ``levels``: numbers of those
    that the city has."""
    found: dict[str, dict[str, float]] = {}
    ranges: dict[str, _Ranges] = {}
    for one in reader.brought:
        document = one.toml(FILE, required=False)
        if document is None:
            continue
        said = document.data.get(one.scenario)
        if not isinstance(said, dict) or set(document.data) != {one.scenario}:
            one.fault(FILE, 1, "names another scenario than its own", f"write [{one.scenario}]")
            continue
        told = said.get(BETWEEN)
        between = _Ranges(told if isinstance(told, dict) else {}, tuple(sorted(levels)))
        ranges[one.scenario] = between
        own = found[one.scenario] = {}
        for key, value, path in _numbers(one, document, one.scenario, said):
            if not between.known(key):
                what = f"{key} has no range"
                remedy = f"say its least and most in [{one.scenario}.{BETWEEN}]"
                one.fault(FILE, document.line(*path), what, remedy)
            elif _fits(one, document, path, key, value, between):
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
            elif _fits(reader, document, path, key, value, ranges[scenario]):
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


def _is_number(told: object) -> bool:
    return isinstance(told, int | float) and not isinstance(told, bool)


def _fits(
    reader: PackReader,
    document: Document,
    path: tuple[Key, ...],
    key: str,
    value: float,
    between: _Ranges,
) -> bool:
    remedy = between.refuse(key, value)
    if remedy:
        reader.fault(FILE, document.line(*path), f"{key} is {value:g}", remedy)
    return not remedy
