"""Slower figures behind the vital signs: closing rates, reports and alarms of the day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tianmu.access.scope import Scope, restrict
from tianmu.manage.kept import query as case_query
from tianmu.manage.kept import table
from tianmu.manage.kept.ledger import decode_state
from tianmu.prevent.alarm.table import ALARM
from tianmu.web.api.alarms.alarms import Within
from tianmu.web.hub import Hub

SECOND = 1_000_000
DAYS = 30
"""days that the closing rates look back (default, to be set by the city)"""


def rates(hub: Hub, scope: Scope, at: int) -> dict[str, int | float | None]:
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
    taken: dict[str, int | float | None] = found[1]
    return taken


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
            sa.select(table.STATE).where(c.serial.in_(fresh[start : start + 500]))
        ).scalars()
        for state in map(decode_state, rows):
            done = [one for one in state.orders if one.state == "done"]
            known[(table.serial_of(state.case), state.closed_at)] = (
                state.outcome == "closed",
                all(one.done_at <= one.due for one in done),
            )
    late = connection.execute(
        sa.select(sa.func.count()).where(table.OPEN, c.due < at, c.due >= since, seen)
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


@dataclass
class _Told:
    """Reports of one day, counted up to a position of the topic."""

    midnight: int
    at: int
    total: int
    position: int
    answered: int


def reports(hub: Hub, scope: Scope, midnight: int, at: int) -> tuple[int, int]:
    """Reports told today, and those of them whose case has ended.

    New reports are added by their position, so that a second's work is what came in that second;
    everything is counted again each half minute, since the rest depends on what became of them.
    """
    memory: dict[Scope, _Told] = hub.memory.setdefault("reports", {})
    held = memory.get(scope)
    fresh = held is not None and held.midnight == midnight and 0 <= at - held.at < 30 * SECOND
    if held is None or not fresh:
        if len(memory) > 500:
            memory.clear()
        number, position = hub.records.read(lambda c: _told(c, scope, midnight, 0))
        answered = hub.records.read(lambda c: _answered(c, scope, midnight))
        held = memory[scope] = _Told(midnight, at, number, position, answered)
    else:
        since = held.position
        number, position = hub.records.read(lambda c: _told(c, scope, midnight, since))
        held.total += number
        held.position = position
    return held.total, held.answered


def _today(scope: Scope, midnight: int) -> sa.ColumnElement[bool]:
    told = table.report.c
    return sa.and_(
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


def _told(connection: sa.Connection, scope: Scope, midnight: int, after: int) -> tuple[int, int]:
    """Reports of the day beyond a position, and the newest position."""
    told = table.report.c
    number = connection.execute(
        sa.select(sa.func.count()).where(told.position > after, _today(scope, midnight))
    ).scalar_one()
    newest = connection.execute(sa.select(sa.func.max(told.position))).scalar_one()
    return int(number), int(newest or 0)


def _answered(connection: sa.Connection, scope: Scope, midnight: int) -> int:
    told = table.report.c
    joined = table.report.join(
        table.member,
        sa.and_(table.member.c.id == told.report, table.member.c.kind == "report"),
    ).join(table.case, table.case.c.serial == table.member.c.serial)
    return int(
        connection.execute(
            sa.select(sa.func.count())
            .select_from(joined)
            .where(_today(scope, midnight), table.case.c.open == 0)
        ).scalar_one()
    )


def raised_today(connection: sa.Connection, scope: Scope, midnight: int) -> int:
    """Alarms that rose today, probes and tests aside."""
    where = Within(within=scope, test=False).where()
    return int(
        connection.execute(
            sa.select(sa.func.count()).where(
                ALARM.c.raised_at >= midnight, ALARM.c.probe == scope.probe, *where
            )
        ).scalar_one()
    )
