"""Rules judged one observation at a time, slowly and obviously: what the kernel must agree with.

Shares the rules' structs and nothing else with the code it judges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from tianmu.prevent.rule.rule import AnyRule, Expression, Rate, Silence, State, Threshold

S = 1_000_000
BAD, MAINTENANCE, TEST = 2, 3, 4


@dataclass
class Reading:
    value: float
    time: int
    received: int
    quality: int
    sequence: int


@dataclass
class Condition:
    """One rule on one datastream."""

    rule: AnyRule
    device: int
    property: str
    limits: dict[str, Any]
    holding: bool = False  # what the value says, after the deadband
    active: bool = False  # after the delays
    since: int = 0  # when ``holding`` last changed while ``active`` did not follow yet
    test: bool = False
    older: tuple[int, float] | None = None
    newer: tuple[int, float] | None = None

    def limit(self, name: str) -> float:
        return self.limits.get(name, getattr(self.rule, name, None))


@dataclass
class City:
    """Devices (lists of properties) of kinds, with their divisions from small to large."""

    rules: list[AnyRule]
    devices: list[tuple[str, list[str], list[str]]]
    heartbeats: dict[str, float]
    ahead: int
    now: dict[tuple[int, str], Reading] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    found: list[tuple[Any, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.conditions: list[Condition] = []
        for device, (kind, properties, divisions) in enumerate(self.devices):
            for rule in self.rules:
                home = self.home(rule, kind, properties, f"d{device}")
                if home is None:
                    continue
                limits: dict[str, Any] = {}
                for division in reversed(divisions):  # the smaller one wins
                    for override in rule.overrides:
                        if override.division == division:
                            limits = given(override)
                for override in rule.overrides:
                    if override.device == f"d{device}":
                        limits = given(override)
                self.conditions.append(Condition(rule, device, home, limits))

    def home(self, rule: AnyRule, kind: str, properties: list[str], device: str) -> str | None:
        if device not in rule.devices if rule.devices else rule.kind != kind:
            return None
        if isinstance(rule, Expression):
            named = [p for p in sorted(set(properties)) if p in rule.expression]
            wanted = rule.property or (min(named, key=rule.expression.index) if named else "")
            return wanted if wanted in properties else None
        if isinstance(rule, Silence) and not rule.property:
            if rule.limit is None and kind not in self.heartbeats and not rule.overrides:
                return None
            return properties[0]
        return rule.property if rule.property in properties else None

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def observe(self, device: int, name: str, r: Reading) -> None:
        before = self.now.get((device, name))
        if before is not None:
            if (r.time, r.sequence) == (before.time, before.sequence):
                return self.count("duplicate")
            # its clock was ahead by more than 2 s and was set since: it tells of a time when we
            # had heard the one before already
            ahead = before.time - before.received
            back = ahead > 2 * S and before.received < r.time <= r.received + 2 * S
            if (r.time, r.sequence) < (before.time, before.sequence) and not (
                back and r.time < before.time
            ):
                return self.count("late")
        if r.time > r.received + self.ahead:
            return self.count("ahead")
        self.now[device, name] = r
        if r.quality == BAD or math.isnan(r.value):
            return None
        for c in self.conditions:
            if c.device != device or isinstance(c.rule, Silence):
                continue
            if isinstance(c.rule, Expression):
                if name in c.rule.expression:
                    self.express(c, r)
            elif c.property == name:
                holds = judge(c, r, before)
                if holds is not None:
                    self.settle(c, holds, r.quality in (MAINTENANCE, TEST), r.time, r.time)
        return None

    def express(self, c: Condition, r: Reading) -> None:
        assert isinstance(c.rule, Expression)
        values: dict[str, float | None] = {}
        test = False
        for name in self.devices[c.device][1]:
            known = self.now.get((c.device, name))
            if known is None or known.quality == BAD or math.isnan(known.value):
                continue
            if name not in c.rule.expression:
                continue
            if c.rule.max_age_s and r.time - known.time > c.rule.max_age_s * S:
                continue
            values[name] = known.value
            test = test or known.quality in (MAINTENANCE, TEST)
        truth = TRUTHS[c.rule.expression](values)
        if truth is not None:
            self.settle(c, truth, test, r.received, r.time)

    def settle(self, c: Condition, holds: bool, test: bool, clock: int, time: int) -> None:
        if holds != c.holding:
            c.holding, c.since = holds, clock
        elif c.holding != c.active:
            c.since = min(c.since, clock)
        if c.holding != c.active:
            delay = c.rule.on_delay_s if c.holding else c.rule.off_delay_s
            if clock - c.since >= delay * S:
                c.active = c.holding
                if c.active:
                    c.test = test
                self.tell(c, "raise" if c.active else "return", time)
        elif c.active and c.test and not test:
            c.test = False
            self.tell(c, "promote", time)

    def tell(self, c: Condition, what: str, time: int) -> None:
        if not isinstance(c.rule, Expression | Silence):
            self.found.append((c.device, c.property, c.rule.code, what, c.test, time))
        else:
            self.found.append((c.device, c.property, c.rule.code, what, c.test, None))

    def sweep(self, now: int) -> None:
        for c in self.conditions:
            if isinstance(c.rule, Silence):
                limit = c.limit("limit")
                if limit is None:
                    limit = self.heartbeats.get(self.devices[c.device][0])
                if limit is None:
                    continue
                heard = [
                    r.received
                    for (device, name), r in self.now.items()
                    if device == c.device and c.rule.property in ("", name)
                ]
                if heard:
                    self.settle(c, now - max(heard) > limit * S, False, now, now)
        for c in self.conditions:
            if c.holding == c.active or isinstance(c.rule, Silence):
                continue
            last = self.now.get((c.device, c.property))
            clock = now
            if not isinstance(c.rule, Expression):
                assert last is not None
                clock = last.time + max(now - last.received, 0)
            c.since = min(c.since, clock)
            delay = c.rule.on_delay_s if c.holding else c.rule.off_delay_s
            if clock - c.since >= delay * S:
                c.active = c.holding
                if c.active:
                    c.test = last is not None and last.quality in (MAINTENANCE, TEST)
                self.tell(c, "raise" if c.active else "return", last.time if last else 0)


def given(override: Any) -> dict[str, Any]:
    return {
        name: getattr(override, name)
        for name in ("limit", "low", "high", "deadband")
        if getattr(override, name) is not None
    }


def judge(c: Condition, r: Reading, before: Reading | None) -> bool | None:
    v = r.value
    rule = c.rule
    if isinstance(rule, Threshold):
        slack = c.limit("deadband") if c.holding else 0.0
        if rule.direction == "high":
            return v >= c.limit("limit") - slack
        if rule.direction == "low":
            return v <= c.limit("limit") + slack
        return v < c.limit("low") + slack or v > c.limit("high") - slack
    if isinstance(rule, State):
        if rule.match == "equal":
            return v == c.limit("limit")
        if rule.match == "unequal":
            return v != c.limit("limit")
        if rule.match == "changed":
            return None if before is None else v != before.value
        if not 0 <= v <= 2**53:
            return None
        bits = int(v) & (rule.mask or 0)
        return {"any": bits != 0, "all": bits == rule.mask, "none": bits == 0}[rule.match]
    assert isinstance(rule, Rate)
    change = rate(c, rule, r)
    if change is None:
        return None
    slack = c.limit("deadband") if c.holding else 0.0
    return change >= c.limit("limit") - slack


def rate(c: Condition, rule: Rate, r: Reading) -> float | None:
    window = round(rule.window_s * S)
    if c.newer is None or c.older is None or c.newer[0] > r.time:
        c.older = c.newer = (r.time, r.value)
        return None
    changes = []
    for reference, is_newer in ((c.older, False), (c.newer, True)):
        age = r.time - reference[0]
        if (age > window and not is_newer) or (rule.relative and reference[1] == 0):
            continue
        change = r.value - reference[1]
        if rule.relative:
            change /= abs(reference[1])
        if age > window:
            change *= window / age
        changes.append({"rise": change, "fall": -change, "either": abs(change)}[rule.direction])
    if 2 * (r.time - c.newer[0]) >= window:
        c.older, c.newer = c.newer, (r.time, r.value)
    return max(changes) if changes else None


def both(a: bool | None, b: bool | None) -> bool | None:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def above(values: dict[str, float | None], name: str, limit: float) -> bool | None:
    value = values.get(name)
    return None if value is None else value > limit


TRUTHS = {
    "p > 5 and q > 5": lambda v: both(above(v, "p", 5), above(v, "q", 5)),
    "not (q > 3 and p > 3)": lambda v: (
        None if (t := both(above(v, "q", 3), above(v, "p", 3))) is None else not t
    ),
    "p - q * 2 > 1": lambda v: None if "p" not in v or "q" not in v else v["p"] - v["q"] * 2 > 1,
}
