"""What the vital signs say of cases, counted in their tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, and_, case, func, select

from tianmu.access.scope import WHOLE, Scope
from tianmu.manage.kept import table
from tianmu.manage.kept.query import within


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What the vital signs say of cases; marked ones are not counted."""

    open: int
    today_opened: int
    today_closed: int
    overdue: int
    by_level: Mapping[str, int]
    by_stage: Mapping[str, int]
    signals_total: int
    """signals that were taken in since the beginning"""
    departments: Mapping[str, tuple[int, int, int]]
    """lead department → open, overdue, due soon"""


def counts(connection: Connection, now: int, midnight: int, scope: Scope = WHOLE) -> Counts:
    """``midnight``: µs when the city's day began. Due soon is what has passed the warning of its
    limit and not the limit."""
    c = table.case.c
    seen = and_(within(scope), c.probe == scope.probe)
    late = func.sum(case((c.due < now, 1), else_=0))
    near = func.sum(case((and_(c.due >= now, c.soon <= now), 1), else_=0))
    rows = connection.execute(
        select(c.lead, c.stage, c.level, func.count(), late, near)
        .where(table.OPEN, seen)
        .group_by(c.lead, c.stage, c.level)
    )
    by_level: dict[str, int] = {}
    by_stage: dict[str, int] = {}
    departments: dict[str, tuple[int, int, int]] = {}
    total = overdue = 0
    for lead, stage, level, number, behind, close in rows:
        total += number
        overdue += behind
        by_level[level] = by_level.get(level, 0) + number
        by_stage[stage] = by_stage.get(stage, 0) + number
        if lead:
            before = departments.get(lead, (0, 0, 0))
            departments[lead] = (before[0] + number, before[1] + behind, before[2] + close)
    opened = select(func.count()).where(c.opened_at >= midnight, seen)
    closed = select(func.count()).where(c.closed_at >= midnight, seen)
    taken = select(table.counter.c.value).where(table.counter.c.name == table.SIGNALS)
    return Counts(
        open=total,
        today_opened=connection.scalar(opened) or 0,
        today_closed=connection.scalar(closed) or 0,
        overdue=overdue,
        by_level=by_level,
        by_stage=by_stage,
        signals_total=connection.scalar(taken) or 0,
        departments=departments,
    )
