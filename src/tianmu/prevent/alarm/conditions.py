"""Transitions of conditions, as the kernel finds them, into the ledger of alarms."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.facts.alarm import AlarmState
from tianmu.facts.finding import FORETOLD, Finding, Foretold, foretold_rule
from tianmu.facts.finding import RULE as ANOMALY
from tianmu.facts.verdict import Verdict
from tianmu.prevent.alarm import foretold, judged, unusual
from tianmu.prevent.alarm.ledger import Ledger
from tianmu.prevent.alarm.occurrence import Alarm
from tianmu.prevent.alarm.subject import describe, identity, told
from tianmu.prevent.kernel import program
from tianmu.prevent.kernel.evaluate import Evaluator, Found
from tianmu.prevent.kernel.program import Columns
from tianmu.prevent.rule.rule import Judged, Silence

if TYPE_CHECKING:
    from tianmu.city.city import City
    from tianmu.store.registry import Registry

WITHDRAWN = "rule withdrawn"


class Conditions:
    """What the evaluator finds, told to the ledger. ``in_maintenance``: (device, source, µs)."""

    def __init__(
        self,
        ledger: Ledger,
        evaluator: Evaluator,
        registry: Registry,
        city: City,
        in_maintenance: Callable[[str, str, int], bool],
    ) -> None:
        self._ledger, self._evaluator = ledger, evaluator
        self._registry, self._city, self._in_maintenance = registry, city, in_maintenance
        self._windowed: set[str] = set()
        """identities of alarms that are tests because of a maintenance window"""

    def take(
        self,
        found: Found,
        now: int,
        columns: Columns | None = None,
        side: Callable[[int], Any] = lambda row: None,
    ) -> None:
        """Tell the ledger, in the order of the batch; within one observation what suppresses
        others rises first and returns last."""
        for i in self._order(found):
            row = int(found.row[i])
            datastream, number = int(found.datastream[i]), int(found.operation[i])
            received = int(columns.received[row]) if columns is not None and row >= 0 else now
            value = _value(found.value[i])
            rule = self._evaluator.compiled.rule_of(number)
            if found.kind[i] == program.RETURNED:
                self._ledger.falls(
                    identity(rule.code, self._registry.datastream(datastream)),
                    at=now,
                    received=received,
                    value=value,
                    observed_at=int(found.time[i]),
                )
                continue
            alarm = self._describe(datastream, number, value, now, int(found.time[i]))
            alarm.test = bool(found.test[i])
            if not alarm.test and self._in_maintenance(alarm.device, alarm.source, now):
                alarm.test = True
                self._windowed.add(alarm.identity)
            data = told(side(row))
            self._ledger.rises(alarm, at=now, received=received, data=data)

    def found(self, finding: Finding | Foretold | Verdict, now: int) -> None:
        """What anomaly detection, a forecast, or a scenario's judge tells."""
        if isinstance(finding, Verdict):
            self._verdict(finding, now)
        elif isinstance(finding, Foretold):
            self._foretold(finding, now)
        else:
            self._unusual(finding, now)

    def _unusual(self, finding: Finding, now: int) -> None:
        if not finding.holds:
            self._falls(ANOMALY, finding, finding.observed_at, now, finding.why)
            return
        alarm = unusual.condition(self._registry, self._city, finding.datastream, now, finding)
        self._rises(alarm, now, unusual.data(finding), again=finding.worse)

    def _foretold(self, told: Foretold, now: int) -> None:
        if not told.holds:
            rule = foretold_rule(told.scenario, told.code)
            self._falls(rule, told, told.origin, now, foretold.REASONS.get(told.why, told.why))
            return
        alarm = foretold.condition(self._registry, self._city, told, now)
        self._rises(alarm, now, foretold.data(told))

    def _verdict(self, verdict: Verdict, now: int) -> None:
        """Of a rule that is not in force nothing is told: whoever judges learns of that set too,
        and tells what holds again once the rule is back."""
        if not verdict.holds:
            self._falls(verdict.rule, verdict, verdict.observed_at, now)
            return
        rule = self._judges().get(verdict.rule)
        if rule is None:
            return
        alarm = judged.condition(rule, self._registry, self._city, verdict.datastream, now, verdict)
        self._rises(alarm, now, verdict.data, again=not verdict.known)

    def _rises(self, alarm: Alarm, now: int, data: dict[str, Any], *, again: bool = False) -> None:
        if self._in_maintenance(alarm.device, alarm.source, now):
            alarm.test = True
            self._windowed.add(alarm.identity)
        self._ledger.rises(alarm, at=now, received=now, data=data, again=again)

    def _falls(
        self,
        rule: str,
        gone: Finding | Foretold | Verdict,
        observed_at: int,
        now: int,
        reason: str = "",
    ) -> None:
        name = identity(rule, self._registry.datastream(gone.datastream))
        self._ledger.falls(
            name, at=now, received=now, value=gone.value, observed_at=observed_at, reason=reason
        )

    def _judges(self) -> dict[str, Judged]:
        """The rules in force that scenarios judge, by code."""
        rules = self._evaluator.compiled.rules
        return {one.code: one for one in rules if isinstance(one, Judged) and one.enabled}

    def _order(self, found: Found) -> Iterable[int]:
        compiled = self._evaluator.compiled
        if not compiled.depths:
            return range(len(found))

        def key(i: int) -> tuple[int, int]:
            depth = compiled.depths.get(compiled.rule_of(int(found.operation[i])).code, 0)
            return int(found.row[i]), -depth if found.kind[i] == program.RETURNED else depth

        return sorted(range(len(found)), key=key)

    def _describe(
        self, datastream: int, number: int, value: float | None, at: int, observed_at: int
    ) -> Alarm:
        compiled = self._evaluator.compiled
        return describe(
            compiled.rule_of(number),
            datastream,
            self._registry,
            self._city,
            value=value,
            limit=compiled.operation(number).limit,
            at=at,
            observed_at=observed_at,
        )

    def standing(self) -> dict[tuple[int, str], bool]:
        """(datastream, rule) → test, of the open alarms whose condition holds."""
        found: dict[tuple[int, str], bool] = {}
        judges = self._judges()
        for alarm in self._judged():
            datastream = self._datastream(alarm)
            if datastream is not None and alarm.rule not in judges:
                found[datastream, alarm.rule] = alarm.test
        return found

    def withdraw(self, now: int) -> None:
        """End the conditions of rules that are not judged any more."""
        judges = self._judges()
        for alarm in list(self._judged()):
            datastream = self._datastream(alarm)
            if alarm.rule in judges:
                continue
            if datastream is None or self._evaluator.instance(datastream, alarm.rule) is None:
                self._ledger.falls(alarm.identity, at=now, received=now, reason=WITHDRAWN)

    def windows_over(self, now: int) -> None:
        """A condition that still holds when its maintenance window is over is a real one."""
        for name in list(self._windowed):
            alarm = self._ledger.open.get(name)
            if alarm is None or not alarm.test or not alarm.condition:
                self._windowed.discard(name)
            elif not self._in_maintenance(alarm.device, alarm.source, now):
                self._windowed.discard(name)
                real = msgspec.structs.replace(alarm, **_ANEW, test=False, raised_at=now)
                self._ledger.rises(real, at=now, received=now)

    def note_windows(self) -> None:
        """After a restart: what no observation brought is a test only by a window."""
        told = {
            rule.code
            for rule in self._evaluator.compiled.rules
            if isinstance(rule, Silence | Judged)
        }
        for alarm in self._ledger.standing():
            if alarm.test and (alarm.rule in told or _found(alarm)):
                self._windowed.add(alarm.identity)

    def named(self, name: str, at: int) -> Alarm | None:
        """A row for a condition that has no alarm now, if rule and datastream exist."""
        code, _, stream = name.partition("@")
        datastream = int(self._registry.datastream_index([stream])[0])
        if code == ANOMALY and datastream < self._evaluator.datastreams:
            return unusual.condition(self._registry, self._city, datastream, at)
        by = self._judges().get(code)
        if by is not None and datastream < self._evaluator.datastreams:
            return judged.condition(by, self._registry, self._city, datastream, at)
        number = self._evaluator.instance(datastream, code)
        if number is None:
            return None
        return self._describe(datastream, number, None, at, at)

    def devices(self, names: Iterable[str]) -> Iterator[int]:
        """Indices of the devices that exist."""
        for name in set(names):
            index = self._registry.find(name)
            if index is not None:
                yield index

    def _judged(self) -> Iterator[Alarm]:
        """The open alarms whose condition holds, of the rules that the evaluator judges."""
        return (alarm for alarm in self._ledger.standing() if not _found(alarm))

    def _datastream(self, alarm: Alarm) -> int | None:
        index = int(self._registry.datastream_index([alarm.datastream])[0])
        return index if index < self._evaluator.datastreams else None


_ANEW: dict[str, Any] = {
    "alarm": "",
    "state": AlarmState.NORMAL,
    "held_by": [],
    "rises": [],
    "version": 0,
    "count": 1,
    "toggled_at": 0,
    "acknowledged_at": None,
    "acknowledged_by": "",
    "returned_at": None,
    "chattering": False,
}


def _found(alarm: Alarm) -> bool:
    """Whether it is of anomaly detection or of a forecast, which no rule set switches on or off."""
    return alarm.rule == ANOMALY or alarm.rule.startswith(FORETOLD)


def _value(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
