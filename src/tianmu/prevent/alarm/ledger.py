"""The open alarms: conditions and deeds in; transitions, and rows to be written, out.

All of it is in memory and deterministic; ``drain`` hands over what has to be written in one
commit. One condition has one open alarm, however many equal signals come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tianmu.facts.alarm import AlarmState
from tianmu.prevent.alarm import alarm as machine
from tianmu.prevent.alarm.book import Book
from tianmu.prevent.alarm.flood import Flood
from tianmu.prevent.alarm.occurrence import Alarm
from tianmu.prevent.alarm.subject import freshen
from tianmu.prevent.alarm.target import Targets
from tianmu.prevent.rule.rule import AnyRule
from tianmu.prevent.words import phrase

S = 1_000_000


class Ledger(Book):
    """Conditions and the clock in, transitions out."""

    def __init__(self, targets: Targets) -> None:
        super().__init__()
        self.targets = targets
        self._floods: dict[str, Flood] = {}
        self._suppressed_by: dict[str, tuple[str, ...]] = {}
        self._suppresses: dict[str, set[str]] = {}
        self._shelve_limits: dict[str, float] = {}

    # what is known

    def use(self, rules: Iterable[AnyRule]) -> None:
        """Suppression by design and limits of shelving are those of ``rules`` from here on."""
        self._suppressed_by, self._suppresses, self._shelve_limits = {}, {}, {}
        for rule in rules:
            self._suppressed_by[rule.code] = rule.suppressed_by
            self._shelve_limits[rule.code] = rule.shelve_limit_s
            for code in rule.suppressed_by:
                self._suppresses.setdefault(code, set()).add(rule.code)

    def load(self, alarms: Iterable[Alarm], annunciated: Iterable[tuple[str, int]]) -> None:
        """Take in what the tables hold: open and recently cleared alarms, and annunciations
        (position, µs) of the flood period."""
        self.take_in(alarms)
        for position, at in annunciated:
            self._flood(position).add(at)
        for alarm in self.open.values():
            if alarm.system and alarm.rule == FLOOD and alarm.condition:
                self._flood(alarm.device.removeprefix(POSITION)).standing = True

    def shelve_limit(self, rule: str) -> float:
        """Seconds: the longest shelving of a rule's alarms."""
        return self._shelve_limits.get(rule) or self.targets.shelve_limit_s

    # conditions

    def rises(
        self,
        anew: Alarm,
        *,
        at: int,
        received: int,
        data: dict[str, Any] | None = None,
        again: bool = False,
    ) -> None:
        """The condition of ``anew`` (as ``subject.describe`` made it) holds. ``again``: it may hold
        already, and what is told of it anew is told of the same alarm."""
        alarm = self.open.get(anew.identity)
        if alarm is None:
            self._begin(anew, at, received, data)
            return
        if anew.test and not alarm.test:
            # a test while a real alarm is still open tells nothing new of it
            alarm.condition = True
            self.keep(alarm)
            return
        if alarm.test and not anew.test and alarm.state not in machine.WITHHELD:
            self._end(alarm, at, "no test any more")
            self._begin(anew, at, received, data)
            return
        alarm.test = anew.test
        if alarm.condition:
            if again:
                freshen(alarm, anew)
                self.record(alarm, machine.WORSEN, alarm.state, at, data=data)
            return
        alarm.condition = True
        freshen(alarm, anew)
        self._count(alarm, received)
        self.keep(alarm)
        if alarm.state in machine.WITHHELD:
            self._suppress_others(alarm, at)
            return
        if alarm.chattering:
            return
        self.go(alarm, machine.RAISE, at, data=data)
        self._chatter(alarm, at)
        self._suppress_others(alarm, at)

    def falls(
        self,
        identity: str,
        *,
        at: int,
        received: int,
        value: float | None = None,
        observed_at: int | None = None,
        reason: str = "",
    ) -> None:
        """The condition does not hold any more."""
        alarm = self.open.get(identity)
        if alarm is None or not alarm.condition:
            return
        alarm.condition = False
        alarm.toggled_at = received
        alarm.returned_at = at
        if value is not None:
            alarm.value = value
        if observed_at is not None:
            alarm.observed_at = observed_at
        self.keep(alarm)
        if not alarm.chattering and alarm.state not in machine.WITHHELD:
            self.go(alarm, machine.RETURN, at, reason=reason)
        self._release_others(alarm, at)

    def _begin(self, anew: Alarm, at: int, received: int, data: dict[str, Any] | None) -> None:
        alarm = self.recent.pop(anew.identity, None)
        window = round(self.targets.chatter_window_s * S)
        again = alarm is not None and alarm.test == anew.test
        if alarm is None or not again or received - alarm.toggled_at > window:
            alarm = anew
            alarm.alarm = self.name(at)
            alarm.count = 0
        else:
            freshen(alarm, anew)
            alarm.cleared_at = alarm.returned_at = alarm.acknowledged_at = None
            alarm.acknowledged_by = alarm.actor = alarm.reason = ""
        alarm.condition = True
        self.index(alarm)
        self._count(alarm, received)
        held = self._holders(alarm)
        if held:
            alarm.held_by = held
            self.go(alarm, machine.SUPPRESS, at, reason=", ".join(held), data=data)
        else:
            self._group(alarm, at)
            self.go(alarm, machine.RAISE, at, data=data)
            self._chatter(alarm, at)
        self._suppress_others(alarm, at)

    def _end(self, alarm: Alarm, at: int, reason: str) -> None:
        """Make an alarm normal at once, whatever waits for it."""
        before, alarm.state = alarm.state, AlarmState.NORMAL
        alarm.condition = alarm.chattering = False
        alarm.returned_at = at
        self.record(alarm, machine.RETURN, before, at, reason=reason)
        self.recent.pop(alarm.identity, None)

    def _count(self, alarm: Alarm, received: int) -> None:
        window = round(self.targets.chatter_window_s * S)
        if alarm.toggled_at and received - alarm.toggled_at > window:
            alarm.count = 0
            alarm.rises = []
        alarm.count += 1
        alarm.toggled_at = received
        keep = self.targets.chatter_rises + 1
        alarm.rises = [r for r in [*alarm.rises, received] if received - r <= window][-keep:]

    # chattering

    def _chatter(self, alarm: Alarm, at: int) -> None:
        if not alarm.chattering and len(alarm.rises) > self.targets.chatter_rises:
            alarm.chattering = True
            self.chattering[alarm.alarm] = alarm
            self.record(alarm, machine.WORSEN, alarm.state, at)

    def _calm(self, now: int) -> None:
        """Chattering ends when the condition has not changed for the length of the window."""
        window = round(self.targets.chatter_window_s * S)
        for alarm in list(self.chattering.values()):
            if now - alarm.toggled_at < window and alarm.open:
                continue
            del self.chattering[alarm.alarm]
            alarm.chattering = False
            alarm.rises = []
            if not alarm.open:
                continue
            self.keep(alarm)
            if not alarm.condition and alarm.state not in machine.WITHHELD:
                self.go(alarm, machine.RETURN, now)

    # suppression by design

    def _holders(self, alarm: Alarm) -> list[str]:
        codes = self._suppressed_by.get(alarm.rule, ())
        others = self.by_device.get(alarm.device, {}).values() if codes else ()
        return sorted({o.rule for o in others if o.condition and o.rule in codes})

    def _suppress_others(self, alarm: Alarm, at: int) -> None:
        for other in self._suppressed(alarm):
            if alarm.rule in other.held_by:
                continue
            if other.state is AlarmState.SUPPRESSED_BY_DESIGN:
                other.held_by = [*other.held_by, alarm.rule]
                self.keep(other)
            elif other.state not in machine.WITHHELD and other.condition:
                other.held_by = [alarm.rule]
                self.go(other, machine.SUPPRESS, at, reason=alarm.rule)

    def _release_others(self, alarm: Alarm, at: int) -> None:
        for other in self._suppressed(alarm):
            if alarm.rule in other.held_by:
                other.held_by = [code for code in other.held_by if code != alarm.rule]
                self.keep(other)
                if not other.held_by and other.state is AlarmState.SUPPRESSED_BY_DESIGN:
                    self.go(other, machine.UNSUPPRESS, at, reason=alarm.rule)

    def _suppressed(self, alarm: Alarm) -> list[Alarm]:
        codes = self._suppresses.get(alarm.rule)
        if not codes:
            return []
        return [o for o in self.by_device.get(alarm.device, {}).values() if o.rule in codes]

    # time

    def tick(self, now: int) -> None:
        """What the clock brings: ends of shelving, of chattering, of floods."""
        for alarm in [a for a in self.shelved.values() if (a.shelved_until or 0) <= now]:
            if alarm.state is AlarmState.SHELVED:
                self.go(alarm, machine.UNSHELVE, now, reason="time limit")
        self._calm(now)
        for position, flood in self._floods.items():
            self._turn(position, flood, now)
        window = round(self.targets.chatter_window_s * S)
        for identity in [i for i, a in self.recent.items() if now - a.toggled_at > window]:
            del self.recent[identity]

    # floods

    def _flood(self, position: str) -> Flood:
        if position not in self._floods:
            self._floods[position] = Flood(self.targets)
        return self._floods[position]

    def _group(self, alarm: Alarm, at: int) -> None:
        """Put an alarm of low priority under the flood that stands at its position."""
        flood = self._floods.get(alarm.department)
        standing = self.open.get(f"{FLOOD}@{POSITION}{alarm.department}")
        low = alarm.priority >= self.targets.grouped_from
        grouped = flood is not None and flood.standing and low and not alarm.system
        alarm.grouped = standing.alarm if grouped and standing is not None else ""

    def annunciated(self, alarm: Alarm, at: int) -> None:
        flood = self._flood(alarm.department)
        flood.add(at)
        self._turn(alarm.department, flood, at)

    def _turn(self, position: str, flood: Flood, now: int) -> None:
        turn = flood.turn(now)
        if turn is True:
            n = flood.count(now)
            self.platform(
                FLOOD,
                POSITION + position,
                True,
                at=now,
                priority=self.targets.flood_priority,
                department=position,
                value=float(n),
                limit=float(self.targets.flood_begins),
                text=phrase("flood", minutes=f"{self.targets.flood_period_s / 60:g}", count=n),
            )
        elif turn is False:
            self.platform(FLOOD, POSITION + position, False, at=now)

    def platform(
        self,
        rule: str,
        device: str,
        holds: bool,
        *,
        at: int,
        priority: int = 3,
        department: str = "",
        value: float | None = None,
        limit: float | None = None,
        text: Mapping[str, str] | None = None,
    ) -> None:
        """A condition of the platform itself begins or ends."""
        identity = f"{rule}@{device}"
        if not holds:
            self.falls(identity, at=at, received=at, value=value)
            return
        anew = Alarm(
            alarm="",
            identity=identity,
            rule=rule,
            device=device,
            priority=priority,
            department=department,
            value=value,
            limit=limit,
            text=dict(text or {}),
            raised_at=at,
            observed_at=at,
            changed_at=at,
            system=True,
        )
        self.rises(anew, at=at, received=at)


FLOOD = "alarm_flood"
"""rule code of the platform's own flood alarms"""
POSITION = "position/"
