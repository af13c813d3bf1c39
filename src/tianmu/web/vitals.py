"""The vital signs of the city: taken at most once a second for each scope, shared by all who look.

Devices and observations are counted on columns; cases and alarms by their own rooms' queries. Each
of the five nets shows figures that are counted, and null with a reason where nothing is counted
yet: no number is made up.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa

from tianmu.access.scope import Scope, restrict
from tianmu.facts.text import Text
from tianmu.manage import case_query
from tianmu.manage import case_table as table
from tianmu.manage.case_view import department_name
from tianmu.manage.ledger import decode_state
from tianmu.manage.manage import SOON
from tianmu.prevent import alarm_table
from tianmu.prevent.alarm_table import ALARM
from tianmu.web import moment
from tianmu.web.api import sources
from tianmu.web.api.alarms import Within
from tianmu.web.hub import Hub
from tianmu.web.moment import Instant
from tianmu.web.signs import device_mask, heartbeats, last_heard

SECOND = 1_000_000
KEEP = 950_000
"""µs a measurement is shared"""
DAYS = 30
"""days that the closing rates look back (default, to be set by the city)"""


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
    """manage, prevent, serve, evaluate, learn: null where nothing is counted yet"""
    not_yet: dict[str, Text]
    """for a net without figures: why"""
    sources: list[sources.SourceSaid]
    lag: dict[str, int]
    """reader → entries it has still to read"""


@dataclass
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    at: int = 0
    value: Vitals | None = None


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
            kept.value = _take(hub, scope, at, state.pace_of(scope))
            kept.at = at
        return kept.value


def _devices(hub: Hub, scope: Scope, at: int) -> DevicesVital:
    mask = device_mask(hub, scope)
    total = hub.registry.count_devices if mask is None else int(mask.sum())
    last = last_heard(hub)
    if last is None or not len(last):
        return DevicesVital(total=total, online=0, silent=0, never=total)
    kind = hub.registry.columns.kind[: len(last)]
    heard = last > 0
    online = heard & (at - last <= heartbeats(hub)[kind])
    if mask is not None:
        heard, online = heard & mask[: len(last)], online & mask[: len(last)]
    spoke, well = int(heard.sum()), int(online.sum())
    return DevicesVital(total=total, online=well, silent=spoke - well, never=total - spoke)


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


def _rates(hub: Hub, scope: Scope, at: int) -> dict[str, int | float | None]:
    """Closing rates over the last days (formulas of DOMAIN.md §2.8): closed ÷ due, and closed in
    time ÷ due. Due in the period was whatever was closed in it, and what is open and ran over its
    limit in it. In time is a closed case all of whose orders were done within their limits.

    Slow figures: taken anew each half minute; of closed cases only those not seen before are read.
    """
    memory: dict[Any, Any] = hub.memory.setdefault("rates", {})
    found = memory.get(scope)
    if found is None or not 0 <= at - found[0] < 30 * SECOND:
        if len(memory) > 500:
            memory.clear()
        found = memory[scope] = (at, hub.records.read(lambda c: _closing(hub, c, scope, at)))
    rates: dict[str, int | float | None] = found[1]
    return rates


def _closing(
    hub: Hub, connection: sa.Connection, scope: Scope, at: int
) -> dict[str, int | float | None]:
    c = table.case.c
    since = at - DAYS * 24 * 3600 * SECOND
    seen = sa.and_(case_query.within(scope), c.probe == scope.probe)
    known: dict[tuple[int, int], tuple[bool, bool]] = hub.memory.setdefault("closed", {})
    closed = [
        (row.serial, row.closed_at)
        for row in connection.execute(
            sa.select(c.serial, c.closed_at).where(c.closed_at >= since, seen)
        )
    ]
    fresh = [serial for serial, ended in closed if (serial, ended) not in known]
    for start in range(0, len(fresh), 500):
        rows = connection.execute(
            sa.select(c.state).where(c.serial.in_(fresh[start : start + 500]))
        ).scalars()
        for state in map(decode_state, rows):
            done = [one for one in state.orders if one.state == "done"]
            known[(table.serial_of(state.case), state.closed_at)] = (
                state.outcome == "closed",
                all(one.done_at <= one.due for one in done),
            )
    late = connection.execute(
        sa.select(sa.func.count()).where(c.open == 1, c.due < at, c.due >= since, seen)
    ).scalar_one()
    judged = [known.get(key, (False, False)) for key in closed]
    number = sum(1 for ended, _ in judged if ended)
    in_time = sum(1 for ended, well in judged if ended and well)
    due = number + int(late)
    return {
        "days": DAYS,
        "due": due,
        "closed": number,
        "closed_rate": round(number / due, 4) if due else None,
        "closed_in_time_rate": round(in_time / due, 4) if due else None,
    }


def _reports(connection: sa.Connection, scope: Scope, midnight: int) -> tuple[int, int]:
    """Reports told today, and those of them whose case is closed."""
    told = table.report.c
    seen = sa.and_(
        told.at >= midnight,
        told.probe == scope.probe,
        restrict(
            Scope(divisions=scope.divisions, departments=scope.departments),
            division=told.division,
            owned=lambda wanted: told.report.in_(
                sa.select(table.member.c.id)
                .join(table.party, table.party.c.serial == table.member.c.serial)
                .where(table.member.c.kind == "report", table.party.c.department.in_(wanted))
            ),
        ),
    )
    total = connection.execute(sa.select(sa.func.count()).where(seen)).scalar_one()
    answered = connection.execute(
        sa.select(sa.func.count())
        .select_from(
            table.report.join(
                table.member,
                sa.and_(table.member.c.id == told.report, table.member.c.kind == "report"),
            ).join(table.case, table.case.c.serial == table.member.c.serial)
        )
        .where(seen, table.case.c.open == 0)
    ).scalar_one()
    return int(total), int(answered)


def _raised_today(connection: sa.Connection, scope: Scope, midnight: int) -> int:
    where = Within(within=scope).where()
    return int(
        connection.execute(
            sa.select(sa.func.count()).where(
                ALARM.c.raised_at >= midnight, ALARM.c.probe == scope.probe, *where
            )
        ).scalar_one()
    )


def _take(hub: Hub, scope: Scope, at: int, pace: _Pace) -> Vitals:
    city = hub.city
    midnight = _midnight(hub, at)

    def of_hub(
        connection: sa.Connection,
    ) -> tuple[case_query.Counts, tuple[int, int]]:
        return (
            case_query.counts(connection, at, midnight, at + SOON, scope),
            _reports(connection, scope, midnight),
        )

    cases, (told, answered) = hub.records.read(of_hub)
    real = Within(within=scope, probe=bool(scope.probe))
    alarms: alarm_table.Counts | None = hub.ask(
        "watch", lambda connection: alarm_table.counts(connection, real), None
    )
    raised: int = hub.ask("watch", lambda c: _raised_today(c, scope, midnight), 0)
    devices = _devices(hub, scope, at)
    rules = hub.registrar.rules
    return Vitals(
        at=moment.say(at),
        devices=devices,
        observations=_observations(hub, scope, at, pace),
        alarms=AlarmsVital(
            active=alarms.active if alarms else 0,
            unacknowledged=alarms.unacknowledged if alarms else 0,
            by_priority=list(alarms.by_priority) if alarms else [0, 0, 0, 0],
            by_state=dict(alarms.by_state) if alarms else {},
        ),
        cases=CasesVital(
            open=cases.open,
            today_opened=cases.today_opened,
            today_closed=cases.today_closed,
            overdue=cases.overdue,
            by_level={
                level.name: cases.by_level.get(level.name, 0) for level in city.profile.levels
            },
            by_stage=dict(cases.by_stage),
        ),
        departments=[
            DepartmentVital(
                code=code,
                name=department_name(city, code),
                open=number,
                overdue=late,
                due_soon=soon,
            )
            for code, (number, late, soon) in sorted(
                cases.departments.items(), key=lambda one: (-one[1][0], one[0])
            )
        ],
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
                "rules": len(rules.rules) if rules else len(city.rules),
                "devices_silent": devices.silent,
            },
            "serve": {"reports_today": told, "answered_today": answered},
            "evaluate": _rates(hub, scope, at),
            "learn": {},
        },
        not_yet={
            "learn": {
                "zh": "统学尚未建设，没有数据",
                "en": "Learning is not built yet: there is nothing to count",
            }
        },
        sources=sources.every(hub),
        lag=lag(hub),
    )


def lag(hub: Hub) -> dict[str, int]:
    """How far each reader is behind what it reads: ``manage/alarm`` → entries."""
    found = {f"manage/{one.topic}": one.entries for one in hub.manage.lag()}
    found.update(hub.lags() if hub.lags is not None else {})
    return found


def whole(hub: Hub) -> dict[str, Any]:
    """For ``/metrics``: counts of the whole city."""
    at = hub.clock()
    alarms: alarm_table.Counts | None = hub.ask("watch", alarm_table.counts, None)
    cases = hub.records.read(
        lambda connection: case_query.counts(connection, at, _midnight(hub, at), at + SOON)
    )
    return {"devices": _devices(hub, Scope(), at), "alarms": alarms, "cases": cases}
