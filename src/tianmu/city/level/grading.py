"""Grading: from what is known of a case to its response level, with the reasons in words.

A case starts at its matter's own level (or the pack's default) and takes the highest level that
any rule gives. Rules name level *numbers* (1 highest), so they hold under every profile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from functools import cached_property

import msgspec

from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader
from tianmu.city.matter.matter import Matter, matches
from tianmu.facts.text import Text

FILE = "grading.toml"
COUNTED = (
    "signals",
    "devices",
    "departments",
    "dead",
    "injured",
    "trapped",
    "loss",
    "area_ha",
    "pace",
    "spread_m",
    "failed",
)
"""what ``*_from`` of a condition counts"""


class Condition(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, dict=True
):
    """Holds when everything given in it holds. ``*_from`` means at least so many."""

    matters: tuple[str, ...] = ()
    """patterns, one of which must fit"""
    priority: int | None = None
    """the worst alarm has this priority or a higher one (1 highest)"""
    signals_from: int | None = None
    """alarms and reports that tell of it"""
    devices_from: int | None = None
    departments_from: int | None = None
    dead_from: int | None = None
    injured_from: int | None = None
    """seriously injured"""
    loss_from: float | None = None
    """direct loss in the city's currency"""
    area_ha_from: float | None = None
    trapped_from: int | None = None
    words: tuple[str, ...] = ()
    """one of them stands in what people told"""
    urgency: tuple[str, ...] = ()
    """one of them is the urgency of a report"""
    place: tuple[str, ...] = ()
    """one of them is a label of the place (``school``, ``hospital``, ``reservoir``…)"""
    divisions: tuple[str, ...] = ()
    months: tuple[int, ...] = ()
    """sensitive months, 1…12"""
    hours: tuple[int, int] | None = None
    """sensitive hours of the day, from (inclusive) to (exclusive), may wrap"""
    periods: tuple[str, ...] = ()
    """codes of sensitive periods, one of which holds today"""
    pace_from: float | None = None
    """the trend: signals of late, each counting half after 30 minutes"""
    spread_m_from: float | None = None
    """metres from the case's place to its farthest signal"""
    failed_from: int | None = None
    """limits that ran out so that it had to rise"""

    @cached_property
    def least(self) -> tuple[tuple[str, float], ...]:
        """(what is counted in ``Known``, how many of it there have to be)."""
        counted = ((name, getattr(self, f"{name}_from")) for name in COUNTED)
        return tuple((name, need) for name, need in counted if need is not None)

    @property
    def timed(self) -> bool:
        """Whether it holds at some times only."""
        return bool(self.months or self.periods or self.hours is not None)

    def in_time(self, month: int, hour: int, periods: Collection[str]) -> bool:
        """Whether month and hour (below 0: not known) of the wall clock and the ``periods`` of its
        day are as it says."""
        if self.periods and not set(self.periods) & set(periods):
            return False
        if self.months and month not in self.months:
            return False
        if self.hours is None:
            return True
        start, end = self.hours
        if start < end:
            return start <= hour < end
        return hour >= start or 0 <= hour < end


class Period(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sensitive span of the year."""

    code: str
    name: Text
    first: str
    """``MM-DD``, the day included"""
    last: str
    """``MM-DD``, the day included; before ``first`` it lies in the next year"""
    basis: str = ""

    def holds(self, day: str) -> bool:
        """Whether the day ``MM-DD`` lies in it."""
        if self.first <= self.last:
            return self.first <= day <= self.last
        return day >= self.first or day <= self.last


class GradingRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    name: Text
    """the reason as shown"""
    when: Condition
    level: int | None = None
    """gives this level number"""
    rise: int = 0
    """or raises what the others give by so many"""
    basis: str = ""


class Grading(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    default: int
    rules: tuple[GradingRule, ...]
    periods: tuple[Period, ...] = ()

    @cached_property
    def counted(self) -> tuple[tuple[str, float], ...]:
        """(what is counted of a case's signals, how many of it a rule waits for)."""
        stirs = ("signals", "devices", "pace", "spread_m")
        return tuple({one for rule in self.rules for one in rule.when.least if one[0] in stirs})

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Words that rules wait for."""
        return tuple({word for rule in self.rules for word in rule.when.words})

    @cached_property
    def urgencies(self) -> frozenset[str]:
        """Urgencies that rules wait for."""
        return frozenset(one for rule in self.rules for one in rule.when.urgency)

    @cached_property
    def places(self) -> bool:
        """Whether a rule waits for a place."""
        return any(rule.when.place for rule in self.rules)

    @cached_property
    def divided(self) -> bool:
        """Whether a rule waits for a division."""
        return any(rule.when.divisions for rule in self.rules)

    @cached_property
    def timed(self) -> tuple[GradingRule, ...]:
        """Rules that hold at some times only."""
        return tuple(rule for rule in self.rules if rule.when.timed)

    @cached_property
    def _of(self) -> dict[str, tuple[GradingRule, ...]]:
        return {}

    def rules_of(self, matter: str) -> tuple[GradingRule, ...]:
        """Rules that may hold of a matter; remembered: each signal of a storm may ask."""
        found = self._of.get(matter)
        if found is None:
            found = self._of[matter] = tuple(
                rule
                for rule in self.rules
                if not rule.when.matters or any(matches(one, matter) for one in rule.when.matters)
            )
        return found

    def periods_of(self, day: str) -> tuple[str, ...]:
        """Codes of the sensitive periods of a day ``MM-DD``."""
        return tuple(one.code for one in self.periods if one.holds(day)) if self.periods else ()


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a case when it is graded."""

    matter: str = ""
    suggested: int | None = None
    """level number that a rule or a person suggested"""
    priority: int | None = None
    signals: int = 1
    devices: int = 0
    departments: int = 1
    dead: int = 0
    injured: int = 0
    trapped: int = 0
    loss: float = 0.0
    area_ha: float = 0.0
    text: str = ""
    urgencies: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    divisions: tuple[str, ...] = ()
    """the case's division and those around it"""
    month: int = 0
    hour: int = -1
    periods: tuple[str, ...] = ()
    """codes of the sensitive periods of today"""
    pace: float = 0.0
    spread_m: float = 0.0
    failed: int = 0


class Grade(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    reasons: tuple[GradingRule, ...]
    """rules that made it so, weightiest first; empty: the matter's own level or the default"""


def grade(grading: Grading, matters: Mapping[str, Matter], known: Known) -> Grade:
    """The level number of a case (1 highest … 5) and why."""
    matter = matters.get(known.matter)
    base = grading.default if matter is None or matter.level is None else matter.level
    if known.suggested is not None:
        base = min(base, known.suggested)
    hold = [rule for rule in grading.rules_of(known.matter) if _holds(rule.when, known)]
    given = [rule for rule in hold if rule.level is not None and rule.level < base]
    level = min((rule.level for rule in given if rule.level is not None), default=base)
    rises = [rule for rule in hold if rule.rise]
    level = max(1, level - max((rule.rise for rule in rises), default=0))
    reasons = sorted(given, key=lambda rule: rule.level or 0) + rises
    return Grade(number=min(level, 5), reasons=tuple(reasons))


def _holds(when: Condition, known: Known) -> bool:
    """Whether all but the matter, which ``rules_of`` has looked at, is as the rule says."""
    for name, need in when.least:
        if getattr(known, name) < need:
            return False
    if when.priority is not None and (known.priority is None or known.priority > when.priority):
        return False
    if when.words and not any(word in known.text for word in when.words):
        return False
    if when.urgency and not set(when.urgency) & set(known.urgencies):
        return False
    if when.place and not set(when.place) & set(known.labels):
        return False
    if when.divisions and not set(when.divisions) & set(known.divisions):
        return False
    return when.in_time(known.month, known.hour, known.periods)


def read(
    reader: PackReader, matters: Mapping[str, Matter], divisions: Mapping[str, object]
) -> Grading:
    """The pack's grading; faults for rules that say nothing or name what is not there."""
    document = reader.toml(FILE)
    if document is None:
        return Grading(default=5, rules=())
    reader.only(document, "default", "rule", "period")
    periods = _periods(reader, document)
    named = {one.code for one in periods}
    default = document.data.get("default", 0)
    if not isinstance(default, int) or not 1 <= default <= 5:
        reader.fault(FILE, document.line("default"), "no default level", "set default = 1 … 5")
        default = 5
    found: list[GradingRule] = []
    for index, value in enumerate(document.data.get("rule", [])):
        path = ("rule", index)
        rule = reader.build(document, path, value, GradingRule)
        if rule is None:
            continue
        line = document.line(*path)
        if any(rule.code == other.code for other in found):
            what = f"two rules are called {rule.code}"
            reader.fault(FILE, line, what, "name each differently")
        if (rule.level is None) == (rule.rise == 0):
            what = f"rule {rule.code} gives neither or both of level and rise"
            where = document.line(*path, "level" if rule.level is not None else "rise")
            reader.fault(FILE, where, what, "give exactly one")
        if rule.level is not None and not 1 <= rule.level <= 5:
            what = f"rule {rule.code} gives level {rule.level}"
            reader.fault(FILE, document.line(*path, "level"), what, "use 1 (highest) … 5")
        if rule.when == Condition():
            what = f"rule {rule.code} always holds"
            reader.fault(FILE, line, what, "say when it holds")
        for place, pattern in enumerate(rule.when.matters):
            if not any(matches(pattern, key) for key in matters):
                what = f"rule {rule.code}: no matter fits {pattern!r}"
                where = document.line(*path, "when", "matters", place)
                reader.fault(FILE, where, what, "use a key of matters.csv, * for any signs")
        for code in rule.when.periods:
            if code not in named:
                what = f"rule {rule.code}: there is no period {code}"
                where = document.line(*path, "when", "periods")
                reader.fault(FILE, where, what, "use the code of a [[period]] of this file")
        for code in rule.when.divisions:
            if code not in divisions:
                what = f"rule {rule.code}: {code} is no division"
                reader.fault(FILE, line, what, "use a code of divisions.csv")
        reader.words(document, (*path, "name"), rule.name)
        found.append(rule)
    return Grading(default=default, rules=tuple(found), periods=periods)


def _periods(reader: PackReader, document: Document) -> tuple[Period, ...]:
    found: list[Period] = []
    for index, value in enumerate(document.data.get("period", [])):
        path = ("period", index)
        period = reader.build(document, path, value, Period)
        if period is None:
            continue
        if any(period.code == one.code for one in found):
            what = f"two periods are called {period.code}"
            reader.fault(FILE, document.line(*path, "code"), what, "name each differently")
        for key in ("first", "last"):
            if not _is_day(getattr(period, key)):
                what = f"period {period.code}: {key} is no day"
                reader.fault(FILE, document.line(*path, key), what, 'use "MM-DD", such as "04-05"')
        reader.words(document, (*path, "name"), period.name)
        found.append(period)
    return tuple(found)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(f"2024-{text}")  # a leap year: 29 February is a day
    except ValueError:
        return False
    return len(text) == len("MM-DD")
