"""The open alarms by name, condition and device; their transitions; what is to be written.

All of it is in memory; ``drain`` hands over what has to be written in one commit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tianmu.facts.alarm import AlarmEvent, AlarmState
from tianmu.facts.deed import Deed
from tianmu.prevent.alarm import alarm as machine
from tianmu.prevent.alarm.alarm import follow
from tianmu.prevent.alarm.occurrence import Alarm, tell


class Step(NamedTuple):
    """A row of table ``alarm_transition``, in the order of its columns after the number."""

    alarm: str
    transition: str
    state: str
    before: str
    at: int
    actor: str
    reason: str
    until: int | None
    value: float | None
    annunciated: bool


@dataclass
class Drained:
    """What one commit writes."""

    events: list[AlarmEvent] = field(default_factory=list)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    refusals: list[tuple[Deed, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.events or self.alarms or self.steps or self.refusals)


class Book:
    """Open alarms; one condition has one."""

    def __init__(self) -> None:
        self.open: dict[str, Alarm] = {}
        """by identity"""
        self.by_alarm: dict[str, Alarm] = {}
        self.by_device: dict[str, dict[str, Alarm]] = {}
        self.recent: dict[str, Alarm] = {}
        """just cleared, by identity: a new rise within the chatter window is the same alarm"""
        self.chattering: dict[str, Alarm] = {}
        self.shelved: dict[str, Alarm] = {}
        self._last_name = 0
        self.out = Drained()
        self.touched: set[str] = set()
        """devices whose worst alarm may have changed"""

    def take_in(self, alarms: Iterable[Alarm]) -> None:
        """What the table holds: open and recently cleared alarms."""
        for alarm in alarms:
            self._last_name = max(self._last_name, _number(alarm.alarm))
            if alarm.open:
                self.index(alarm)
            else:
                self.recent[alarm.identity] = alarm

    def standing(self) -> Iterable[Alarm]:
        """Open alarms of the city whose condition holds."""
        return (a for a in self.open.values() if a.condition and not a.system)

    def worst(self, device: str) -> int:
        """Highest priority (lowest number) annunciated on a device, tests aside; 0 where there is
        none."""
        shown = [
            a.priority
            for a in self.by_device.get(device, {}).values()
            if a.state in machine.ANNUNCIATED and not a.test
        ]
        return min(shown, default=0)

    def drain(self) -> Drained:
        """What is to be written now; the caller keeps it until it is."""
        out, self.out = self.out, Drained()
        return out

    # transitions

    def go(
        self,
        alarm: Alarm,
        transition: str,
        at: int,
        *,
        actor: str = "",
        reason: str = "",
        data: dict[str, Any] | None = None,
    ) -> None:
        before = alarm.state
        alarm.state = follow(before, transition, condition=alarm.condition, latching=alarm.latching)
        if alarm.state is before and transition in (machine.RAISE, machine.RETURN):
            return
        if actor:
            alarm.actor, alarm.reason = actor, reason
        self.record(alarm, transition, before, at, actor=actor, reason=reason, data=data)

    def record(
        self,
        alarm: Alarm,
        transition: str,
        before: AlarmState,
        at: int,
        *,
        actor: str = "",
        reason: str = "",
        data: dict[str, Any] | None = None,
    ) -> None:
        if alarm.state is not AlarmState.SHELVED:
            alarm.shelved_until = None
            self.shelved.pop(alarm.alarm, None)
        alarm.changed_at = at
        alarm.version += 1
        if alarm.state is AlarmState.NORMAL:
            self.clear(alarm, at)
        annunciated = (
            alarm.state is AlarmState.UNACKNOWLEDGED
            and before is not alarm.state
            and not (alarm.test or alarm.system or alarm.probe)
        )
        self.out.events.append(
            tell(alarm, transition, before, at=at, actor=actor, reason=reason, data=data)
        )
        self.out.steps.append(
            Step(
                alarm.alarm,
                transition,
                alarm.state.value,
                before.value,
                at,
                actor,
                reason,
                alarm.shelved_until,
                alarm.value,
                annunciated,
            )
        )
        self.keep(alarm)
        if annunciated:
            self.annunciated(alarm, at)

    def annunciated(self, alarm: Alarm, at: int) -> None:
        """An alarm was brought anew before an operator."""

    def keep(self, alarm: Alarm) -> None:
        self.out.alarms[alarm.alarm] = alarm
        self.touched.add(alarm.device)

    def index(self, alarm: Alarm) -> None:
        self.open[alarm.identity] = alarm
        self.by_alarm[alarm.alarm] = alarm
        self.by_device.setdefault(alarm.device, {})[alarm.identity] = alarm
        if alarm.state is AlarmState.SHELVED:
            self.shelved[alarm.alarm] = alarm
        if alarm.chattering:
            self.chattering[alarm.alarm] = alarm

    def clear(self, alarm: Alarm, at: int) -> None:
        alarm.cleared_at = at
        alarm.grouped = ""
        alarm.held_by = []
        self.open.pop(alarm.identity, None)
        self.by_alarm.pop(alarm.alarm, None)
        same = self.by_device.get(alarm.device, {})
        same.pop(alarm.identity, None)
        if not same:
            self.by_device.pop(alarm.device, None)
        self.recent[alarm.identity] = alarm

    def name(self, at: int) -> str:
        """A name that sorts by time and is never given twice."""
        self._last_name = max(self._last_name + 1, at)
        return f"a{self._last_name:014x}"


def _number(name: str) -> int:
    try:
        return int(name[1:], 16)
    except ValueError:
        return 0
