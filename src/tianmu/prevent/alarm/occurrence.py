"""One occurrence of an alarm: from the rise of its condition until it is normal again.

Shelved, suppressed and out-of-service alarms are kept here too, with or without a condition, so
that what is withheld is on a list and comes back.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.facts.alarm import AlarmEvent, AlarmState
from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.text import Text


class Alarm(msgspec.Struct, kw_only=True):
    """The state of one occurrence, as it stands in table ``alarm`` (same names)."""

    alarm: str
    identity: str
    """``rule@datastream``"""
    rule: str
    device: str
    datastream: str = ""
    device_kind: str = ""
    state: AlarmState = AlarmState.NORMAL
    condition: bool = False
    """whether the condition holds now"""
    priority: int
    severity: str = ""
    matter: str = ""
    latching: bool = False
    shelvable: bool = True
    department: str = ""
    division: str = ""
    longitude: float | None = None
    latitude: float | None = None
    precision: float | None = None
    address: str = ""
    source: str = ""
    origin: Origin = Origin.REAL
    test: bool = False
    probe: str = ""
    text: Text = {}
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    raised_at: int
    """µs: first rise of this occurrence"""
    observed_at: int
    """µs: phenomenon time of the latest observation behind it"""
    changed_at: int
    """µs: latest transition"""
    returned_at: int | None = None
    acknowledged_at: int | None = None
    acknowledged_by: str = ""
    cleared_at: int | None = None
    """µs: when it became normal; None while it is open"""
    shelved_until: int | None = None
    held_by: list[str] = []
    """codes of the rules that suppress it now; ``operator`` where a person did"""
    actor: str = ""
    reason: str = ""
    """of the latest deed"""
    count: int = 1
    """rises since it was last normal for longer than the chatter window"""
    chattering: bool = False
    rises: list[int] = []
    """µs: arrival of the latest rises, for the chatter window"""
    toggled_at: int = 0
    """µs: arrival of the latest rise or return"""
    grouped: str = ""
    """the flood alarm it belongs to, or empty"""
    system: bool = False
    """of the platform itself, not of the city"""
    version: int = 0
    """number of transitions"""

    @property
    def open(self) -> bool:
        return self.cleared_at is None


def tell(
    alarm: Alarm,
    transition: str,
    before: AlarmState,
    *,
    at: int,
    actor: str = "",
    reason: str = "",
    data: dict[str, Any] | None = None,
) -> AlarmEvent:
    """The fact that ``alarm``, as it now is, came from ``before`` by ``transition``."""
    extra = dict(data or {})
    if alarm.chattering:
        extra["chattering"] = True
    if alarm.grouped:
        extra["grouped"] = alarm.grouped
    if alarm.system:
        extra["system"] = True
    return AlarmEvent(
        alarm=alarm.alarm,
        identity=alarm.identity,
        transition=transition,
        state=alarm.state,
        before=before,
        at=at,
        observed_at=alarm.observed_at or at,
        rule=alarm.rule,
        priority=alarm.priority,
        severity=alarm.severity,
        matter=alarm.matter,
        device=alarm.device,
        device_kind=alarm.device_kind,
        datastream=alarm.datastream,
        value=alarm.value,
        limit=alarm.limit,
        unit=alarm.unit,
        text=alarm.text,
        place=Place(
            longitude=alarm.longitude,
            latitude=alarm.latitude,
            precision=alarm.precision,
            division=alarm.division,
            address=alarm.address,
        ),
        department=alarm.department,
        source=alarm.source,
        origin=alarm.origin,
        test=alarm.test,
        probe=alarm.probe,
        count=alarm.count,
        actor=actor,
        reason=reason,
        until=alarm.shelved_until,
        data=extra,
    )
