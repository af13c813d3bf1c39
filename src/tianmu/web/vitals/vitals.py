"""The vital signs of the city: taken at most once a second for each scope, shared by all who look.

Devices and observations are counted on columns; cases and alarms by their own rooms' queries. Each
of the five nets shows figures that are counted: no number is made up.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from tianmu.access.scope import Scope
from tianmu.facts.text import Text
from tianmu.manage.kept import counts as case_counts
from tianmu.manage.kept import ruling
from tianmu.manage.view import department_name
from tianmu.prevent.alarm import table as alarm_table
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.api.alarms.alarms import Within
from tianmu.web.api.exchange import sources
from tianmu.web.devices.heard import NEVER, ONLINE, SILENT, heard
from tianmu.web.devices.signs import device_mask
from tianmu.web.hub import Hub
from tianmu.web.vitals import figures

SECOND = 1_000_000
KEEP = 950_000
"""µs a measurement is shared"""
REAL = alarm_table.Scope(probe=False, test=False)
"""alarms that count in the figures of the whole city"""
COUNTED = 500_000
"""devices counted in a second for each scope that is not the whole city: a large part's are all
counted less often"""


class DevicesVital(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    online: int
    silent: int
    """heard of, but not within their heart-beat"""
    never: int
    """registered, never heard of"""


class ObservationsVital(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    """that have been through the rules"""
    per_second: float


class AlarmsVital(msgspec.Struct, frozen=True, kw_only=True):
    active: int
    unacknowledged: int
    by_priority: list[int]
    by_state: dict[str, int]


class CasesVital(msgspec.Struct, frozen=True, kw_only=True):
    open: int
    today_opened: int
    today_closed: int
    overdue: int
    by_level: dict[str, int]
    by_stage: dict[str, int]


class DepartmentVital(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    open: int
    overdue: int
    due_soon: int


class Vitals(msgspec.Struct, frozen=True, kw_only=True):
    """The city now, as far as the account sees it."""

    at: Instant | None
    devices: DevicesVital
    observations: ObservationsVital
    alarms: AlarmsVital
    cases: CasesVital
    departments: list[DepartmentVital]
    nets: dict[str, dict[str, int | float | None]]
    """manage, prevent, serve, evaluate, learn: null where there is nothing to reckon with"""
    sources: list[sources.SourceSaid]
    lag: dict[str, int]
    """reader → entries it has still to read"""


@dataclass
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    at: int = 0
    value: Vitals | None = None
    counted: int = 0
    """µs when the devices were, and of how many that are registered"""
    known: int = 0
    devices: DevicesVital | None = None


@dataclass
class _Pace:
    """Observations in all at two moments: their difference is the rate."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    seen: list[tuple[int, int]] = field(default_factory=list)

    def rate(self, at: int, total: int) -> float:
        with self.lock:
            seen = self.seen
            if not seen or at - seen[-1][0] >= SECOND // 2:
                seen.append((at, total))
            while len(seen) > 2 and at - seen[0][0] > 5 * SECOND:
                seen.pop(0)
            first = seen[0]
            passed = at - first[0]
            return max(0.0, (total - first[1]) * SECOND / passed) if passed > 0 else 0.0


class _State:
    """What is remembered between measurements, one for each hub."""

    def __init__(self) -> None:
        self.kept: dict[Scope, _Kept] = {}
        self.pace: dict[Scope, _Pace] = {}
        self.lock = threading.Lock()

    def of(self, scope: Scope) -> _Kept:
        with self.lock:
            if len(self.kept) > 500:
                self.kept.clear()
                self.pace.clear()
            return self.kept.setdefault(scope, _Kept())

    def pace_of(self, scope: Scope) -> _Pace:
        with self.lock:
            return self.pace.setdefault(scope, _Pace())


def now(hub: Hub, scope: Scope) -> Vitals:
    """The vital signs within a scope, no older than a second."""
    state: _State = hub.memory.setdefault("vitals", _State())
    kept = state.of(scope)
    with kept.lock:
        at = hub.clock()
        if kept.value is None or not 0 <= at - kept.at < KEEP:
            kept.value = _take(hub, scope, at, state.pace_of(scope), kept)
            kept.at = at
        return kept.value


def _counted(hub: Hub, scope: Scope, at: int, kept: _Kept) -> DevicesVital:
    """The devices: those of the whole city from what changed; of a part of it, counted again when
    it is time."""
    known = hub.registry.count_devices
    fresh = 0 <= at - kept.counted < known * SECOND // COUNTED and kept.known == known
    if kept.devices is None or not fresh or scope.whole:
        kept.devices, kept.counted, kept.known = _devices(hub, scope), at, known
    return kept.devices


def _devices(hub: Hub, scope: Scope) -> DevicesVital:
    kept = heard(hub)
    state, marked = kept.states(), kept.marked
    mask = device_mask(hub, scope)
    # what a probe is made of counts in no figure but its own
    out = marked if not scope.probe else marked[:0]
    if mask is not None:
        out = out[mask[out]]
    gone = np.bincount(state[out], minlength=3)
    if mask is not None:
        state = state[mask[: len(state)]]
    never, silent, online = (
        int(np.count_nonzero(state == one) - gone[one]) for one in (NEVER, SILENT, ONLINE)
    )
    return DevicesVital(total=never + silent + online, online=online, silent=silent, never=never)


def _observations(hub: Hub, scope: Scope, at: int, pace: _Pace) -> ObservationsVital:
    live = hub.live()
    if live is None:
        return ObservationsVital(total=0, per_second=0.0)
    mask = device_mask(hub, scope)
    count = live.count
    if mask is None:
        total = int(count.sum(dtype=np.int64))
    else:
        owner = hub.registry.columns.device_of[: len(count)]
        total = int(count[: len(owner)][mask[owner]].sum(dtype=np.int64))
    return ObservationsVital(total=total, per_second=round(pace.rate(at, total), 1))


def _midnight(hub: Hub, at: int) -> int:
    local = hub.city.calendar.local(at)
    return hub.city.calendar.instant(local.date(), 0)


def _take(hub: Hub, scope: Scope, at: int, pace: _Pace, kept: _Kept) -> Vitals:
    midnight = _midnight(hub, at)
    cases = hub.records.read(lambda connection: case_counts.counts(connection, at, midnight, scope))
    told, answered = figures.reports(hub, scope, midnight, at)
    real = Within(within=scope, probe=bool(scope.probe), test=False)
    alarms: alarm_table.Counts | None = hub.ask(
        "watch", lambda connection: alarm_table.counts(connection, real), None
    )
    raised: int = hub.ask("watch", lambda c: figures.raised_today(c, scope, midnight), 0)
    devices = _counted(hub, scope, at, kept)
    rules = hub.registrar.rules
    return Vitals(
        at=moment.say(at),
        devices=devices,
        observations=_observations(hub, scope, at, pace),
        alarms=_alarms(alarms),
        cases=_cases(hub, cases),
        departments=_departments(hub, cases),
        nets={
            "manage": {
                "open": cases.open,
                "overdue": cases.overdue,
                "opened_today": cases.today_opened,
                "closed_today": cases.today_closed,
            },
            "prevent": {
                "alarms_active": alarms.active if alarms else None,
                "alarms_today": raised,
                "rules": len(rules.rules) if rules else len(hub.city.rules),
                "devices_silent": devices.silent,
            },
            "serve": {"reports_today": told, "answered_today": answered},
            "evaluate": figures.rates(hub, scope, at),
            "learn": {"rulings": hub.records.read(ruling.standing)},
        },
        # a probe's are in no figure but its own
        sources=[one for one in sources.every(hub) if scope.probe or not one.probe],
        lag=lag(hub),
    )


def _alarms(counts: alarm_table.Counts | None) -> AlarmsVital:
    if counts is None:
        return AlarmsVital(active=0, unacknowledged=0, by_priority=[0, 0, 0, 0], by_state={})
    return AlarmsVital(
        active=counts.active,
        unacknowledged=counts.unacknowledged,
        by_priority=list(counts.by_priority),
        by_state=dict(counts.by_state),
    )


def _cases(hub: Hub, counts: case_counts.Counts) -> CasesVital:
    levels = hub.city.profile.levels
    return CasesVital(
        open=counts.open,
        today_opened=counts.today_opened,
        today_closed=counts.today_closed,
        overdue=counts.overdue,
        by_level={level.name: counts.by_level.get(level.name, 0) for level in levels},
        by_stage=dict(counts.by_stage),
    )


def _departments(hub: Hub, counts: case_counts.Counts) -> list[DepartmentVital]:
    """Those with most open cases first."""
    return [
        DepartmentVital(
            code=code,
            name=department_name(hub.city, code),
            open=number,
            overdue=late,
            due_soon=soon,
        )
        for code, (number, late, soon) in sorted(
            counts.departments.items(), key=lambda one: (-one[1][0], one[0])
        )
    ]


def lag(hub: Hub) -> dict[str, int]:
    """How far each reader is behind what it reads: ``manage/alarm`` → entries."""
    found = {f"manage/{one.topic}": one.entries for one in hub.manage.lag()}
    found.update(hub.lags() if hub.lags is not None else {})
    return found


def whole(hub: Hub) -> dict[str, Any]:
    """For ``/metrics``: counts of the whole city, probes and tests aside."""
    at = hub.clock()
    alarms: alarm_table.Counts | None = hub.ask(
        "watch", lambda connection: alarm_table.counts(connection, REAL), None
    )
    cases = hub.records.read(
        lambda connection: case_counts.counts(connection, at, _midnight(hub, at))
    )
    return {"devices": _devices(hub, Scope()), "alarms": alarms, "cases": cases}
