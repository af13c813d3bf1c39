"""What persons do to alarms: acknowledge, shelve, reset, take out of service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tianmu.facts.alarm import AlarmState
from tianmu.facts.contact import EXHAUSTED, LADDERS
from tianmu.facts.deed import Deed
from tianmu.prevent.alarm import alarm as machine
from tianmu.prevent.alarm.alarm import NotPermitted, follow
from tianmu.prevent.alarm.ledger import Ledger
from tianmu.prevent.alarm.occurrence import Alarm
from tianmu.prevent.words import phrase

S = 1_000_000
OPERATOR: Final = "operator"
"""in ``held_by``: a person suppressed it, not a rule"""


class Refused(ValueError):
    """A deed that cannot be done, and why."""


def unreached(ledger: Ledger, fact: Deed, now: int) -> None:
    """Contact ladders have called everybody: an alarm of the platform, as urgent as any. It ends
    once somebody has answered for each of the cases, or they have ended."""
    count, number = int(fact.data.get("count", 0)), str(fact.data.get("number", ""))
    ledger.platform(
        EXHAUSTED,
        LADDERS,
        count > 0,
        at=now,
        priority=1,
        value=float(count),
        text=phrase("unreached", count=count, number=number),
    )


class Deeds:
    """Deeds on the alarms of ``ledger``.

    ``named`` makes a row for a condition without an open alarm, when a person wants to shelve it
    in advance; ``past`` finds an alarm that is over.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        named: Callable[[str, int], Alarm | None],
        past: Callable[[str], Alarm | None],
    ) -> None:
        self._ledger, self._named, self._past = ledger, named, past

    def do(self, deed: Deed, now: int) -> None:
        """A person's deed on an alarm (by its name, or ``rule@datastream``); what cannot be done
        is kept with its reason."""
        transition = deed.verb.removeprefix("alarm.")
        try:
            if transition not in machine.DEEDS:
                raise Refused(f"there is no deed {deed.verb}")
            alarm = self._object(deed, transition, now)
            self._deed(alarm, transition, deed, now)
        except (Refused, NotPermitted) as refusal:
            self._ledger.out.refusals.append((deed, str(refusal)))

    def _object(self, deed: Deed, transition: str, now: int) -> Alarm:
        alarm = self._ledger.by_alarm.get(deed.object) or self._ledger.open.get(deed.object)
        if alarm is not None:
            return alarm
        identity = deed.object
        if "@" not in identity:
            past = self._past(deed.object)
            if past is None:
                raise Refused(f"there is no alarm {deed.object}")
            identity = past.identity
            again = self._ledger.open.get(identity)
            if again is not None:
                raise Refused(f"alarm {deed.object} is over; the condition now has {again.alarm}")
        if transition not in (machine.SHELVE, machine.SUPPRESS, machine.REMOVE):
            raise Refused("the alarm is normal again")
        made: Alarm | None = self._named(identity, now)
        if made is None:
            raise Refused(f"no rule and datastream have the condition {identity}")
        made.alarm = self._ledger.name(now)
        made.count = 0
        # listed only once the deed has been found possible
        return made

    def _deed(self, alarm: Alarm, transition: str, deed: Deed, now: int) -> None:
        if transition == machine.SHELVE:
            if not alarm.shelvable:
                raise Refused("this alarm may not be shelved")
            alarm_until = self._until(alarm, deed, now)
        if transition == machine.UNSUPPRESS:
            rules = [code for code in alarm.held_by if code != OPERATOR]
            if alarm.state is AlarmState.SUPPRESSED_BY_DESIGN and rules:
                raise Refused(f"suppressed by design while {', '.join(rules)} holds")
        follow(alarm.state, transition, condition=alarm.condition, latching=alarm.latching)
        if alarm.identity not in self._ledger.open:
            self._ledger.index(alarm)
        if transition == machine.SHELVE:
            alarm.shelved_until = alarm_until
            self._ledger.shelved[alarm.alarm] = alarm
        elif transition == machine.SUPPRESS:
            alarm.held_by = [OPERATOR]
        elif transition == machine.UNSUPPRESS:
            alarm.held_by = []
        elif transition == machine.ACKNOWLEDGE:
            alarm.acknowledged_at, alarm.acknowledged_by = now, deed.actor
        self._ledger.go(alarm, transition, now, actor=deed.actor, reason=deed.reason)

    def _until(self, alarm: Alarm, deed: Deed, now: int) -> int:
        longest = self._ledger.shelve_limit(alarm.rule)
        limit = now + round(longest * S)
        until, minutes = deed.data.get("until"), deed.data.get("minutes")
        if until is None and minutes is not None:
            until = deed.at + round(float(minutes) * 60 * S)
        return limit if until is None else min(int(until), limit)
