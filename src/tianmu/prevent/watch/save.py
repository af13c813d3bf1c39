"""What one commit of watch writes: events, rows, refusals and totals, beside its read positions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa

from tianmu.facts.encoding import encode
from tianmu.facts.topic import ALARM as ALARM_TOPIC
from tianmu.prevent.alarm.book import Drained
from tianmu.prevent.alarm.occurrence import Alarm
from tianmu.prevent.alarm.table import ALARM, COLUMNS, REFUSAL, TOTAL, TRANSITION, from_row, to_row


class Writing(Protocol):
    """What ``store.records`` gives a writing function."""

    @property
    def connection(self) -> sa.Connection: ...
    @property
    def raw(self) -> Any: ...
    def append_all(self, topic: str, payloads: Sequence[bytes]) -> Any: ...


_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
_MARKS = ", ".join("?" for _ in COLUMNS)
_SET = ", ".join(f'"{n}" = excluded."{n}"' for n in COLUMNS if n not in ("alarm", "identity"))
_UPSERT = (
    f"INSERT INTO {ALARM.name} ({_NAMES}) VALUES ({_MARKS})"  # noqa: S608 - names of our table
    f' ON CONFLICT ("alarm") DO UPDATE SET {_SET}'
)
_STEP = (
    f"INSERT INTO {TRANSITION.name} (alarm, transition, state, before, at, actor, reason,"  # noqa: S608
    ' "until", value, annunciated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
)
_REFUSE = (
    f"INSERT INTO {REFUSAL.name} (deed, verb, object, actor, at, why)"  # noqa: S608
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (deed) DO NOTHING"
)
_ADD = (
    f"INSERT INTO {TOTAL.name} (name, value) VALUES (?, ?)"  # noqa: S608
    " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
)


def save(tx: Writing, drained: Drained, rows: Iterable[tuple[Any, ...]], at: int) -> None:
    """Write events, steps and refusals of ``drained``, and ``rows`` of alarms made by ``to_row``
    when it was drained (in order: an alarm that makes room for another stands before it)."""
    execute = tx.raw.executemany
    execute(_UPSERT, rows)
    tx.append_all(ALARM_TOPIC.name, [encode(event) for event in drained.events])
    execute(_STEP, drained.steps)
    execute(
        _REFUSE,
        [(d.deed, d.verb, d.object, d.actor, at, why) for d, why in drained.refusals],
    )


def add_totals(tx: Writing, more: Mapping[str, int]) -> None:
    """Add to the counts since the beginning."""
    tx.raw.executemany(_ADD, [(name, n) for name, n in more.items() if n])


def rows_of(drained: Drained) -> list[tuple[Any, ...]]:
    """Rows of the alarms as they are now."""
    return [to_row(alarm) for alarm in drained.alarms.values()]


def standing(connection: sa.Connection, recent_since: int) -> list[Alarm]:
    """Open alarms, and those that were cleared lately."""
    statement = sa.select(ALARM).where(
        sa.or_(ALARM.c.cleared_at.is_(None), ALARM.c.cleared_at >= recent_since)
    )
    # the newest last, so that it is the one that counts as recent
    rows = connection.execute(statement.order_by(ALARM.c.alarm)).mappings()
    return [from_row(row) for row in rows]


def newest(connection: sa.Connection) -> Alarm | None:
    """The alarm named last."""
    statement = sa.select(ALARM).order_by(ALARM.c.alarm.desc()).limit(1)
    row = connection.execute(statement).mappings().first()
    return None if row is None else from_row(row)


def annunciated(connection: sa.Connection, since: int) -> list[tuple[str, int]]:
    """(operating position, µs) of annunciations since a time."""
    statement = (
        sa.select(ALARM.c.department, TRANSITION.c.at)
        .join_from(TRANSITION, ALARM, TRANSITION.c.alarm == ALARM.c.alarm)
        .where(TRANSITION.c.annunciated.is_(sa.true()), TRANSITION.c.at >= since)
        .order_by(TRANSITION.c.at)
    )
    return [(row.department, row.at) for row in connection.execute(statement)]
