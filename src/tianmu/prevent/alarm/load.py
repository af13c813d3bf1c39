"""Operator load: what IEC 62682 and ISA-18.2 ask to be reckoned of an alarm system.

Counted are annunciations (an alarm brought anew before an operator), without tests, probes and the
platform's own alarms, per operating position and for all. Targets stand beside the figures and say
where they come from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from operator import eq
from typing import Any

import msgspec
import sqlalchemy as sa

from tianmu.facts.text import Text
from tianmu.prevent.alarm.alarm import ANNUNCIATED
from tianmu.prevent.alarm.table import ALARM, TRANSITION
from tianmu.prevent.alarm.target import Targets

S = 1_000_000
HOUR = 3600 * S
TEN_MINUTES = 600 * S
DAY = 24 * HOUR


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure with its targets; ``verdict``: ``good``, ``fair`` (at most manageable) or
    ``poor``."""

    value: float
    acceptable: float
    most: float
    verdict: str


class Frequent(msgspec.Struct, frozen=True, kw_only=True):
    identity: str
    rule: str
    device: str
    text: Text
    count: int
    share: float


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Of one operating position (a department's code; empty: the centre) or of all (``*``)."""

    position: str
    annunciations: int
    per_day: Figure
    per_hour: Figure
    per_ten_minutes: Figure
    busy_hours: Figure
    """share of hours with more alarms than ``Targets.busy_hour``"""
    flood_periods: Figure
    """share of ten-minute periods with more alarms than begin a flood"""
    peak_ten_minutes: int
    top_ten: list[Frequent]
    top_ten_share: Figure
    stale: Figure
    """open and annunciated for longer than ``Targets.stale_after_s``, now"""
    chattering: int
    """now"""
    priorities: list[float]
    """shares by priority, highest first"""


class Loads(msgspec.Struct, frozen=True, kw_only=True):
    since: int
    until: int
    all: Load
    positions: list[Load]
    targets: Targets


class _Call(msgspec.Struct, frozen=True):
    """One annunciation."""

    at: int
    alarm: str
    identity: str
    position: str
    priority: int


def figures(
    connection: sa.Connection, since: int, until: int, targets: Targets | None = None
) -> Loads:
    """The load from ``since`` to ``until`` (µs). Raises ``ValueError`` for an empty span."""
    if until <= since:
        raise ValueError(f"from {since} to {until} there is no time to reckon")
    aims = targets or Targets()
    calls = _calls(connection, since, until)
    standing = _standing(connection)
    texts = _texts(connection, calls)
    positions = sorted({c.position for c in calls} | {row.department for row in standing})

    def of(position: str, mine: Callable[[str], bool]) -> Load:
        return _load(
            position,
            [c for c in calls if mine(c.position)],
            [row for row in standing if mine(row.department)],
            since,
            until,
            aims,
            texts,
        )

    return Loads(
        since=since,
        until=until,
        all=of("*", lambda _: True),
        positions=[of(p, partial(eq, p)) for p in positions],
        targets=aims,
    )


def _calls(connection: sa.Connection, since: int, until: int) -> list[_Call]:
    statement = (
        sa.select(
            TRANSITION.c.at,
            ALARM.c.alarm,
            ALARM.c.identity,
            ALARM.c.department,
            ALARM.c.priority,
        )
        .join_from(TRANSITION, ALARM, TRANSITION.c.alarm == ALARM.c.alarm)
        .where(
            TRANSITION.c.annunciated.is_(sa.true()),
            TRANSITION.c.at >= since,
            TRANSITION.c.at < until,
        )
        .order_by(TRANSITION.c.at)
    )
    return [_Call(*row) for row in connection.execute(statement)]


def _standing(connection: sa.Connection) -> Sequence[Any]:
    return connection.execute(
        sa.select(ALARM.c.department, ALARM.c.raised_at, ALARM.c.chattering).where(
            ALARM.c.cleared_at.is_(None),
            ALARM.c.state.in_([state.value for state in ANNUNCIATED]),
            ALARM.c.test.is_(sa.false()),
            ALARM.c.system.is_(sa.false()),
            ALARM.c.probe == "",
        )
    ).all()


def _texts(connection: sa.Connection, calls: Sequence[_Call]) -> dict[str, tuple[str, str, Text]]:
    """Identity → rule, device and text, of those that may be among the ten most frequent."""
    often: set[str] = set()
    for position in {c.position for c in calls}:
        counted = Counter(c.identity for c in calls if c.position == position)
        often |= {identity for identity, _ in counted.most_common(10)}
    often |= {i for i, _ in Counter(c.identity for c in calls).most_common(10)}
    newest = {c.identity: c.alarm for c in calls if c.identity in often}
    found: dict[str, tuple[str, str, Text]] = {}
    names = sorted(newest.values())
    for start in range(0, len(names), 500):
        statement = sa.select(ALARM.c.identity, ALARM.c.rule, ALARM.c.device, ALARM.c.text).where(
            ALARM.c.alarm.in_(names[start : start + 500])
        )
        for identity, rule, device, text in connection.execute(statement):
            found[identity] = (rule, device, msgspec.json.decode(text, type=dict[str, str]))
    return found


def _load(
    position: str,
    calls: Sequence[_Call],
    standing: Sequence[Any],
    since: int,
    until: int,
    aims: Targets,
    texts: dict[str, tuple[str, str, Text]],
) -> Load:
    span = until - since
    n = len(calls)
    tens = Counter((c.at - since) // TEN_MINUTES for c in calls)
    hours = Counter((c.at - since) // HOUR for c in calls)
    periods, whole_hours = max(1, -(-span // TEN_MINUTES)), max(1, -(-span // HOUR))
    busy = sum(1 for count in hours.values() if count > aims.busy_hour) / whole_hours
    floods = sum(1 for count in tens.values() if count > aims.flood_begins) / periods
    frequent = Counter(c.identity for c in calls).most_common(10)
    top = sum(count for _, count in frequent)
    stale = sum(1 for row in standing if until - row.raised_at > aims.stale_after_s * S)
    by_priority = Counter(c.priority for c in calls)
    return Load(
        position=position,
        annunciations=n,
        per_day=_figure(n * DAY / span, aims.day_acceptable, aims.day_most),
        per_hour=_figure(n * HOUR / span, aims.hour_acceptable, aims.hour_most),
        per_ten_minutes=_figure(
            n * TEN_MINUTES / span, aims.ten_minutes_acceptable, aims.ten_minutes_most
        ),
        busy_hours=_figure(busy, aims.busy_hours_share, aims.busy_hours_share),
        flood_periods=_figure(floods, aims.flood_share, aims.flood_share),
        peak_ten_minutes=max(tens.values(), default=0),
        top_ten=[
            Frequent(
                identity=identity,
                rule=texts[identity][0],
                device=texts[identity][1],
                text=texts[identity][2],
                count=count,
                share=count / n,
            )
            for identity, count in frequent
            if identity in texts
        ],
        top_ten_share=_figure(top / n if n else 0.0, aims.top_ten_share, aims.top_ten_share),
        stale=_figure(stale, aims.stale_most, aims.stale_most),
        chattering=sum(1 for row in standing if row.chattering),
        priorities=[by_priority.get(p, 0) / n if n else 0.0 for p in (1, 2, 3, 4)],
    )


def _figure(value: float, acceptable: float, most: float) -> Figure:
    verdict = "good" if value <= acceptable else "fair" if value <= most else "poor"
    return Figure(value=value, acceptable=acceptable, most=most, verdict=verdict)
