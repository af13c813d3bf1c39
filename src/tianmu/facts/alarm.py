"""An alarm's life, one transition at a time (IEC 62682:2014 / ANSI/ISA-18.2-2016)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.text import Text


class AlarmState(StrEnum):
    """States by name; the letters differ between editions of the standard, so never key by them."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"
    LATCHED_UNACKNOWLEDGED = "latched_unacknowledged"
    LATCHED_ACKNOWLEDGED = "latched_acknowledged"
    SHELVED = "shelved"
    SUPPRESSED_BY_DESIGN = "suppressed_by_design"
    OUT_OF_SERVICE = "out_of_service"


class AlarmEvent(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="alarm/1"
):
    """One transition of one alarm, with all that a reader needs to act without asking back."""

    alarm: str
    """identity of this occurrence: one condition, from its rise to its return to normal"""
    identity: str
    """identity of the condition, ``rule@datastream``: equal signals have equal identities"""
    transition: str
    """``raise``, ``return``, ``acknowledge``, ``reset``, ``shelve``, ``unshelve``, ``suppress``,
    ``unsuppress``, ``remove_from_service``, ``return_to_service``, ``worsen``"""
    state: AlarmState
    before: AlarmState
    at: int
    """µs: when the transition took effect"""
    observed_at: int
    """µs: phenomenon time of the observation behind it (``at`` where there is none)"""
    rule: str
    priority: int
    """1 highest … 4 lowest"""
    severity: str = ""
    """response level that the rule suggests, a name of the pack's profile, or empty"""
    matter: str = ""
    """matter key that the rule names (see ``city.matter``), or empty"""
    device: str
    device_kind: str = ""
    datastream: str = ""
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    text: Text = msgspec.field(default_factory=dict)
    place: Place = msgspec.field(default_factory=Place)
    department: str = ""
    """code of the department that owns the device, or empty"""
    source: str = ""
    origin: Origin = Origin.REAL
    test: bool = False
    """raised in test mode or a maintenance window: shown, never dispatched"""
    probe: str = ""
    """name of the probe or drill that made it, or empty: such alarms never meet real cases"""
    count: int = 1
    """how many times the condition has risen under this identity since it was last normal
    for longer than the chatter window"""
    actor: str = ""
    reason: str = ""
    until: int | None = None
    """µs: end of shelving"""
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    """what the source told besides (component type, state bits, description…)"""
