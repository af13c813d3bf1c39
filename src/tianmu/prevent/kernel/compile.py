"""Rules and devices into flat tables that the kernel runs over; done once per rule set.

Devices that are alike (kind, properties in order, the same limits by division) share a *layout*;
each place in a layout has a *program*: the operations on the datastream that stands there. So
1.56 M devices need some hundred programs, and a device with limits of its own gets its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tianmu.prevent.kernel import program as tables
from tianmu.prevent.kernel.fleet import Array, Fleet, layouts
from tianmu.prevent.rule.expression import parse
from tianmu.prevent.rule.rule import (
    AnyRule,
    Expression,
    Judged,
    Override,
    Rate,
    Silence,
    State,
    Threshold,
)

_DIRECTION = {
    "high": tables.HIGH,
    "low": tables.LOW,
    "outside": tables.OUTSIDE,
    "rise": tables.RISE,
    "fall": tables.FALL,
    "either": tables.EITHER,
}
_MATCH = {
    "any": tables.ANY,
    "all": tables.ALL,
    "none": tables.NONE,
    "equal": tables.EQUAL,
    "unequal": tables.UNEQUAL,
    "changed": tables.CHANGED,
}
_RATES = (tables.RISE, tables.FALL, tables.EITHER)


@dataclass
class Operation:
    """One rule on one place of a layout; ``tables.Programs`` says what the numbers mean."""

    rule: int
    kind: int
    a: float = 0.0
    b: float = 0.0
    c: float = 0.0
    mask: int = 0
    on: int = 0
    off: int = 0
    state: int = 0
    tick: int = -1
    owner: int = 0
    home: int = -1
    code: tuple[Sequence[int], Sequence[float]] | None = None

    @property
    def ticks(self) -> int:
        if self.kind in _RATES:
            return 5
        return 1 if self.on or self.off else 0

    @property
    def limit(self) -> float | None:
        """What the value is compared with, for people to read."""
        if self.kind == tables.SILENCE:
            return self.mask / 1e6
        if self.kind in (tables.OUTSIDE, tables.CHANGED, tables.EXPRESSION):
            return None
        if self.kind in (tables.ANY, tables.ALL, tables.NONE):
            return float(self.mask)
        return self.a


@dataclass
class Program:
    """The operations of one place: on observations, and of the sweep for silence."""

    observed: list[Operation] = field(default_factory=list)
    silent: list[Operation] = field(default_factory=list)
    states: int = 0
    ticks: int = 0


class Compiled:
    """Rules over a fleet. ``program`` (by datastream), ``base`` and ``tick`` tell each slot.

    ``parents`` maps a division's code to the one above it; ``heartbeats`` a kind to its heart-beat
    in seconds.
    """

    def __init__(
        self,
        rules: Sequence[AnyRule],
        *,
        parents: Mapping[str, str] | None = None,
        heartbeats: Mapping[str, float] | None = None,
    ) -> None:
        self.rules = tuple(rules)
        self._parents = dict(parents or {})
        self._heartbeats = dict(heartbeats or {})
        self._active = [(i, rule) for i, rule in enumerate(self.rules) if rule.enabled]
        self._groups: dict[tuple[Any, ...], int] = {}
        self._layouts: dict[tuple[Any, ...], int] = {}
        self._programs: list[Program] = []
        self._operations: list[Operation] = []
        self.programs: tables.Programs = _tables([], [])
        self.silent: Array = np.zeros(0, np.bool_)
        self.widest = 1
        self._by_code: dict[tuple[int, str], int] = {}
        self.depths = _depths(self.rules)
        """rule code → how many rules stand above it that suppress it; empty where none does"""

    def assign(self, fleet: Fleet, start: int) -> tuple[Array, Array, Array]:
        """Programs of the datastreams of the devices from ``start`` on, and how many states and
        ticks each needs; new programs are added to the tables."""
        group = self._group(fleet, start)
        before = len(self._programs)
        number, words = layouts(fleet, start, group)
        places = np.array([self._layout(fleet, word) for word in words], np.int64)
        if len(self._programs) != before or not before:
            self._write_tables()
        bounds = fleet.first[start:].astype(np.int64)
        width = bounds[1:] - bounds[:-1]
        first = bounds[:-1]
        offset = np.arange(int(width.sum())) - np.repeat(
            first - (first[0] if len(first) else 0), width
        )
        program = np.repeat(places[number] if len(words) else number, width) + offset
        states = np.array([p.states for p in self._programs], np.int64)
        ticks = np.array([p.ticks for p in self._programs], np.int64)
        return program, states[program], ticks[program]

    def operation(self, number: int) -> Operation:
        return self._operations[number]

    def rule_of(self, number: int) -> AnyRule:
        """The rule of an operation."""
        return self.rules[self._operations[number].rule]

    def find(self, program: int, code: str) -> int | None:
        """The operation by which ``program`` owns rule ``code``."""
        return self._by_code.get((program, code))

    def owned(self, program: int) -> dict[str, int]:
        """Rule code → operation, of those whose state the program owns."""
        p = self._programs[program]
        return {self.rules[o.rule].code: o.home for o in (*p.observed, *p.silent) if o.owner == 0}

    def _group(self, fleet: Fleet, start: int) -> Array:
        """By device: which overrides hold. Devices named by a rule stand each for themselves."""
        by_division = np.zeros(max(len(fleet.divisions), 1), np.int64)
        named_divisions = {
            o.division for _, rule in self._active for o in rule.overrides if o.division
        }
        for i, division in enumerate(fleet.divisions):
            chain = self._chain(division)
            hit = tuple(code for code in chain if code in named_divisions)
            by_division[i] = self._groups.setdefault(("division", hit), len(self._groups))
        group = by_division[fleet.division[start:]]
        named = {d for _, rule in self._active for d in rule.devices}
        named |= {o.device for _, rule in self._active for o in rule.overrides if o.device}
        for device in sorted(named):
            index = fleet.find(device)
            if index is not None and index >= start:
                chain = self._chain(fleet.divisions[int(fleet.division[index])])
                hit = tuple(code for code in chain if code in named_divisions)
                key = ("device", hit, device)
                group[index - start] = self._groups.setdefault(key, len(self._groups))
        return group

    def _chain(self, division: str) -> list[str]:
        """A division and those above it, the smallest first."""
        chain: list[str] = []
        while division and division not in chain:
            chain.append(division)
            division = self._parents.get(division, "")
        return chain

    def _layout(self, fleet: Fleet, word: tuple[int, ...]) -> int:
        """Number of the first program of a layout."""
        kind = fleet.kinds[word[0]]
        properties = tuple(fleet.properties[p] for p in word[2:])
        key = (kind, word[1], *properties)
        if key in self._layouts:
            return self._layouts[key]
        group = next(k for k, n in self._groups.items() if n == word[1])
        divisions: tuple[str, ...] = group[1]
        device: str = group[2] if group[0] == "device" else ""
        programs = [Program() for _ in properties]
        for number, rule in self._active:
            if device in rule.devices if rule.devices else rule.kind == kind:
                self._place(programs, number, rule, kind, properties, divisions, device)
        first = len(self._programs)
        self._layouts[key] = first
        self._programs += programs
        return first

    def _place(
        self,
        programs: list[Program],
        number: int,
        rule: AnyRule,
        kind: str,
        properties: tuple[str, ...],
        divisions: tuple[str, ...],
        device: str,
    ) -> None:
        """Put ``rule`` where it belongs in a layout; nowhere if the layout lacks its property."""
        override = _override(rule, divisions, device)
        delays: dict[str, Any] = {
            "on": round(rule.on_delay_s * 1e6),
            "off": round(rule.off_delay_s * 1e6),
        }
        if isinstance(rule, Expression):
            code = parse(rule.expression)
            anchor = rule.property or next((p for p in code.properties if p in properties), "")
            if anchor not in properties:
                return
            home = properties.index(anchor)
            arguments = [
                float(properties.index(code.properties[int(x)]))
                if op == 1 and code.properties[int(x)] in properties
                else (-1.0 if op == 1 else x)
                for op, x in zip(code.ops, code.args, strict=True)
            ]
            owner = Operation(
                number,
                tables.EXPRESSION,
                b=float(home),
                mask=round(rule.max_age_s * 1e6),
                code=(code.ops, arguments),
                **delays,
            )
            self._own(programs[home], owner, programs[home].observed)
            for place, name in enumerate(properties):
                if name in code.properties and place != home:
                    guest = Operation(
                        number,
                        tables.EXPRESSION,
                        b=float(place),
                        mask=owner.mask,
                        code=owner.code,
                        owner=home - place,
                        home=owner.home,
                        **delays,
                    )
                    self._operations.append(guest)
                    programs[place].observed.append(guest)
            return
        if isinstance(rule, Silence):
            seconds = override.limit if override and override.limit is not None else rule.limit
            if seconds is None:
                seconds = self._heartbeats.get(kind)
            if seconds is None or not properties:
                return
            if rule.property and rule.property not in properties:
                return
            place = properties.index(rule.property) if rule.property else 0
            span = 1 if rule.property else len(properties)
            operation = Operation(
                number, tables.SILENCE, b=float(span), mask=round(seconds * 1e6), **delays
            )
            self._own(programs[place], operation, programs[place].silent)
            return
        if isinstance(rule, Judged) or rule.property not in properties:
            return
        program = programs[properties.index(rule.property)]
        self._own(program, _plain(number, rule, override, delays), program.observed)

    def _own(self, program: Program, operation: Operation, to: list[Operation]) -> None:
        operation.state = program.states
        program.states += 1
        if operation.ticks:
            operation.tick = program.ticks
            program.ticks += operation.ticks
        # the number it will have: tables are written in program order, see ``_write_tables``
        operation.home = len(self._operations)
        self._operations.append(operation)
        to.append(operation)

    def _write_tables(self) -> None:
        """Tables in program order; operations are renumbered by it, once and for all per program
        (programs are only ever added at the end)."""
        ordered: list[Operation] = []
        bounds: list[tuple[int, int]] = []
        for program in self._programs:
            start = len(ordered)
            ordered += program.observed
            bounds.append((start, len(ordered)))
            ordered += program.silent
        place = {id(o): i for i, o in enumerate(ordered)}
        homes = [place[id(self._operations[o.home])] for o in ordered]
        for operation, home in zip(ordered, homes, strict=True):
            operation.home = home
        self._operations = ordered
        self.programs = _tables(ordered, bounds)
        self.silent = np.array([bool(p.silent) for p in self._programs], np.bool_)
        self.widest = 1 + max((len(p.observed) + len(p.silent) for p in self._programs), default=0)
        self._by_code = {
            (number, self.rules[o.rule].code): o.home
            for number, p in enumerate(self._programs)
            for o in (*p.observed, *p.silent)
            if o.owner == 0
        }


def _depths(rules: Sequence[AnyRule]) -> dict[str, int]:
    above = {rule.code: rule.suppressed_by for rule in rules if rule.suppressed_by}
    depths = dict.fromkeys(above, 0)
    for _ in above:  # a chain is no longer than there are rules; a circle ends here
        for code, others in above.items():
            depths[code] = 1 + max(depths.get(other, 0) for other in others)
    return depths


def _override(rule: AnyRule, divisions: tuple[str, ...], device: str) -> Override | None:
    """The override that goes first: the device's, then that of the smallest division."""
    for override in rule.overrides:
        if override.device and override.device == device:
            return override
    for division in divisions:
        for override in rule.overrides:
            if override.division == division:
                return override
    return None


def _plain(
    number: int, rule: Threshold | Rate | State, override: Override | None, delays: dict[str, Any]
) -> Operation:
    def pick(name: str) -> float | None:
        value: float | None = getattr(override, name, None) if override else None
        return value if value is not None else getattr(rule, name)

    if isinstance(rule, State):
        return Operation(
            number, _MATCH[rule.match], a=pick("limit") or 0.0, mask=rule.mask or 0, **delays
        )
    kind = _DIRECTION[rule.direction]
    if isinstance(rule, Rate):
        return Operation(
            number,
            kind,
            a=pick("limit") or 0.0,
            b=float(rule.relative),
            c=pick("deadband") or 0.0,
            mask=round(rule.window_s * 1e6),
            **delays,
        )
    a = pick("low") if kind == tables.OUTSIDE else pick("limit")
    b = pick("high") if kind == tables.OUTSIDE else None
    return Operation(number, kind, a=a or 0.0, b=b or 0.0, c=pick("deadband") or 0.0, **delays)


def _tables(operations: Sequence[Operation], bounds: Sequence[tuple[int, int]]) -> tables.Programs:
    code: list[int] = []
    argument: list[float] = []
    lo, hi = [], []
    for operation in operations:
        lo.append(len(code))
        if operation.code:
            code += operation.code[0]
            argument += operation.code[1]
        hi.append(len(code))

    def column(name: str, dtype: Any) -> Array:
        return np.array([getattr(o, name) for o in operations], dtype)

    return tables.Programs(
        start=np.array([*(s for s, _ in bounds), len(operations)], np.int32),
        middle=np.array([m for _, m in bounds], np.int32),
        kind=column("kind", np.uint8),
        a=column("a", np.float64),
        b=column("b", np.float64),
        c=column("c", np.float64),
        mask=column("mask", np.int64),
        on=column("on", np.int64),
        off=column("off", np.int64),
        state=column("state", np.int32),
        tick=column("tick", np.int32),
        owner=column("owner", np.int32),
        home=column("home", np.int32),
        lo=np.array(lo, np.int32),
        hi=np.array(hi, np.int32),
        code=np.array(code, np.uint8),
        argument=np.array(argument, np.float64),
    )
