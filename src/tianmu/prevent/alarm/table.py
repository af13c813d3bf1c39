"""Tables of alarms in watch's file, and the questions that are asked of them.

Only watch writes (``prevent.ledger``); every query takes a connection and works read-only, so that
hub can ask them on its own connection to ``watch.sqlite``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import sqlalchemy as sa

from tianmu.facts.alarm import AlarmState
from tianmu.facts.origin import Origin
from tianmu.prevent.alarm.alarm import ANNUNCIATED as SHOWN
from tianmu.prevent.alarm.alarm import WAITING
from tianmu.prevent.alarm.occurrence import Alarm

METADATA = sa.MetaData()
ROOM = "prevent"

ALARM = sa.Table(
    "alarm",
    METADATA,
    sa.Column("alarm", sa.Text, primary_key=True),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("datastream", sa.Text, nullable=False),
    sa.Column("device_kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("condition", sa.Boolean, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("matter", sa.Text, nullable=False),
    sa.Column("latching", sa.Boolean, nullable=False),
    sa.Column("shelvable", sa.Boolean, nullable=False),
    sa.Column("department", sa.Text, nullable=False),
    sa.Column("division", sa.Text, nullable=False),
    sa.Column("longitude", sa.Float),
    sa.Column("latitude", sa.Float),
    sa.Column("precision", sa.Float),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("test", sa.Boolean, nullable=False),
    sa.Column("probe", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("limit", sa.Float),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("raised_at", sa.Integer, nullable=False),
    sa.Column("observed_at", sa.Integer, nullable=False),
    sa.Column("changed_at", sa.Integer, nullable=False),
    sa.Column("returned_at", sa.Integer),
    sa.Column("acknowledged_at", sa.Integer),
    sa.Column("acknowledged_by", sa.Text, nullable=False),
    sa.Column("cleared_at", sa.Integer),
    sa.Column("shelved_until", sa.Integer),
    sa.Column("held_by", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("chattering", sa.Boolean, nullable=False),
    sa.Column("rises", sa.Text, nullable=False),
    sa.Column("toggled_at", sa.Integer, nullable=False),
    sa.Column("grouped", sa.Text, nullable=False),
    sa.Column("system", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)
_OPEN = ALARM.c.cleared_at.is_(None)
# one condition has one open alarm: held by the file itself, whatever the code above it does
sa.Index("alarm_open", ALARM.c.identity, unique=True, sqlite_where=_OPEN)
sa.Index("alarm_list", ALARM.c.priority, ALARM.c.raised_at, sqlite_where=_OPEN)
sa.Index("alarm_identity", ALARM.c.identity, ALARM.c.raised_at)
sa.Index("alarm_device", ALARM.c.device, ALARM.c.raised_at)
sa.Index("alarm_raised", ALARM.c.raised_at)
sa.Index("alarm_cleared", ALARM.c.cleared_at)

TRANSITION = sa.Table(
    "alarm_transition",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("alarm", sa.Text, nullable=False),
    sa.Column("transition", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("before", sa.Text, nullable=False),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("until", sa.Integer),
    sa.Column("value", sa.Float),
    sa.Column("annunciated", sa.Boolean, nullable=False),
    comment="every transition; annunciated: it brought the alarm anew before an operator",
)
sa.Index("alarm_transition_alarm", TRANSITION.c.alarm, TRANSITION.c.number)
sa.Index(
    "alarm_transition_annunciated",
    TRANSITION.c.at,
    sqlite_where=TRANSITION.c.annunciated.is_(sa.true()),
)

REFUSAL = sa.Table(
    "alarm_refusal",
    METADATA,
    sa.Column("deed", sa.Text, primary_key=True),
    sa.Column("verb", sa.Text, nullable=False),
    sa.Column("object", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    comment="deeds on alarms that could not be done when their turn came, and why",
)
sa.Index("alarm_refusal_object", REFUSAL.c.object)

TOTAL = sa.Table(
    "watch_total",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
    comment="counts that must survive a crash exactly: same commit as the read positions",
)

_JSON = ("text", "held_by", "rises")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
COLUMNS = tuple(column.name for column in ALARM.columns)
_values = attrgetter(*COLUMNS)
_ENCODED = tuple(COLUMNS.index(name) for name in _JSON)
_NAMED = (COLUMNS.index("state"), COLUMNS.index("origin"))


def to_row(alarm: Alarm) -> tuple[Any, ...]:
    """``alarm`` as a row of table ``alarm``, in the order of its columns."""
    row = list(_values(alarm))
    for at in _ENCODED:
        row[at] = _encode(row[at]).decode()
    for at in _NAMED:
        row[at] = row[at].value
    return tuple(row)


def from_row(row: Any) -> Alarm:
    """The alarm of a row of table ``alarm``."""
    data = {name: row[name] for name in COLUMNS}
    for name in _JSON:
        data[name] = _decode(data[name])
    data["state"] = AlarmState(data["state"])
    data["origin"] = Origin(data["origin"])
    return Alarm(**data)


class Page(msgspec.Struct, frozen=True):
    """Alarms in order, and the cursor of the next page, or None at the end."""

    items: list[Alarm]
    next: str | None


class BadCursor(ValueError):
    """A cursor that this list never gave."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Which alarms are meant; every field narrows.

    ``division_prefix`` compares codes as texts; ``divisions`` is a list of codes (the caller
    knows which lie below which). ``q`` is looked for in device, identity, address and text.
    """

    priority: int | None = None
    divisions: Collection[str] | None = None
    division_prefix: str = ""
    department: str = ""
    device: str = ""
    rule: str = ""
    states: Collection[AlarmState] | None = None
    q: str = ""
    probe: bool = True
    """whether alarms of probes and drills are meant too"""
    test: bool = True
    """whether alarms of what is being tested or maintained are meant too"""
    system: bool = True
    """whether the platform's own are meant too"""

    def where(self) -> list[sa.ColumnElement[bool]]:
        clauses: list[sa.ColumnElement[bool]] = []
        if self.priority is not None:
            clauses.append(ALARM.c.priority == self.priority)
        if self.divisions is not None:
            clauses.append(ALARM.c.division.in_(list(self.divisions)))
        if self.division_prefix:
            clauses.append(ALARM.c.division.startswith(self.division_prefix, autoescape=True))
        if self.department:
            clauses.append(ALARM.c.department == self.department)
        if self.device:
            clauses.append(ALARM.c.device == self.device)
        if self.rule:
            clauses.append(ALARM.c.rule == self.rule)
        if self.states is not None:
            clauses.append(ALARM.c.state.in_([state.value for state in self.states]))
        if self.q:
            clauses.append(
                sa.or_(
                    *(
                        column.contains(self.q, autoescape=True)
                        for column in (ALARM.c.identity, ALARM.c.address, ALARM.c.text)
                    )
                )
            )
        if not self.probe:
            clauses.append(ALARM.c.probe == "")
        if not self.test:
            clauses.append(ALARM.c.test.is_(sa.false()))
        if not self.system:
            clauses.append(ALARM.c.system.is_(sa.false()))
        return clauses


ANY = Scope()


def active(
    connection: sa.Connection, scope: Scope = ANY, *, cursor: str | None = None, limit: int = 100
) -> Page:
    """Open alarms, highest priority first, newest first within it."""
    order = (ALARM.c.priority, ALARM.c.raised_at.desc(), ALARM.c.alarm.desc())
    statement = sa.select(ALARM).where(_OPEN, *scope.where()).order_by(*order).limit(limit + 1)
    if cursor is not None:
        priority, raised_at, alarm = _read_cursor(cursor, 3)
        statement = statement.where(
            sa.or_(
                ALARM.c.priority > priority,
                sa.and_(
                    ALARM.c.priority == priority,
                    sa.tuple_(ALARM.c.raised_at, ALARM.c.alarm) < sa.tuple_(raised_at, alarm),
                ),
            )
        )
    return _page(
        connection, statement, limit, lambda last: [last.priority, last.raised_at, last.alarm]
    )


def every(
    connection: sa.Connection,
    scope: Scope = ANY,
    *,
    since: int | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> Page:
    """Open and past alarms, newest first; ``since`` (µs) by when they rose."""
    order = (ALARM.c.raised_at.desc(), ALARM.c.alarm.desc())
    statement = sa.select(ALARM).where(*scope.where()).order_by(*order).limit(limit + 1)
    if since is not None:
        statement = statement.where(ALARM.c.raised_at >= since)
    if cursor is not None:
        raised_at, alarm = _read_cursor(cursor, 2)
        statement = statement.where(
            sa.tuple_(ALARM.c.raised_at, ALARM.c.alarm) < sa.tuple_(raised_at, alarm)
        )
    return _page(connection, statement, limit, lambda last: [last.raised_at, last.alarm])


def one(connection: sa.Connection, alarm: str) -> Alarm | None:
    """The alarm of this name."""
    row = connection.execute(sa.select(ALARM).where(ALARM.c.alarm == alarm)).mappings().first()
    return None if row is None else from_row(row)


def of_device(connection: sa.Connection, device: str, *, limit: int = 50) -> list[Alarm]:
    """Alarms of one device, open ones first, newest first."""
    statement = (
        sa.select(ALARM)
        .where(ALARM.c.device == device)
        .order_by(_OPEN.desc(), ALARM.c.raised_at.desc())
        .limit(limit)
    )
    return [from_row(row) for row in connection.execute(statement).mappings()]


def transitions(connection: sa.Connection, alarm: str) -> list[dict[str, Any]]:
    """What happened to one alarm, in order."""
    statement = (
        sa.select(TRANSITION).where(TRANSITION.c.alarm == alarm).order_by(TRANSITION.c.number)
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def refusals(connection: sa.Connection, target: str) -> list[dict[str, Any]]:
    """Deeds on one alarm (or identity) that could not be done."""
    statement = sa.select(REFUSAL).where(REFUSAL.c.object == target).order_by(REFUSAL.c.at)
    return [dict(row) for row in connection.execute(statement).mappings()]


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Open alarms. ``by_priority[p-1]``, by division code, by department, by state."""

    active: int
    unacknowledged: int
    by_priority: list[int]
    by_division: dict[str, int]
    by_department: dict[str, int]
    by_state: dict[str, int]


def counts(connection: sa.Connection, scope: Scope = ANY) -> Counts:
    """Counts of the open alarms in ``scope``; withheld ones (shelved, suppressed, out of
    service) count by state alone."""
    keys = (ALARM.c.state, ALARM.c.priority, ALARM.c.division, ALARM.c.department)
    statement = sa.select(*keys, sa.func.count()).where(_OPEN, *scope.where()).group_by(*keys)
    result = Counts(
        active=0,
        unacknowledged=0,
        by_priority=[0, 0, 0, 0],
        by_division={},
        by_department={},
        by_state={},
    )
    shown = waiting = 0
    for state, priority, division, department, n in connection.execute(statement):
        result.by_state[state] = result.by_state.get(state, 0) + n
        if AlarmState(state) not in SHOWN:
            continue
        shown += n
        waiting += n if AlarmState(state) in WAITING else 0
        result.by_priority[priority - 1] += n
        result.by_division[division] = result.by_division.get(division, 0) + n
        result.by_department[department] = result.by_department.get(department, 0) + n
    return msgspec.structs.replace(result, active=shown, unacknowledged=waiting)


def totals(connection: sa.Connection) -> dict[str, int]:
    """Counts since the data folder began, by name."""
    return {row.name: row.value for row in connection.execute(sa.select(TOTAL))}


def _page(connection: sa.Connection, statement: Any, limit: int, key: Any) -> Page:
    rows: Sequence[Any] = connection.execute(statement).mappings().all()
    items = [from_row(row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items, _write_cursor(key(items[-1])) if more and items else None)


def _write_cursor(key: list[Any]) -> str:
    return base64.urlsafe_b64encode(_encode(key)).decode().rstrip("=")


def _read_cursor(cursor: str, parts: int) -> list[Any]:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        key = msgspec.json.decode(raw, type=list[int | str])
    except (binascii.Error, msgspec.MsgspecError, ValueError) as error:
        raise BadCursor(f"{cursor!r} is no cursor of this list: start without one") from error
    if len(key) != parts:
        raise BadCursor(f"{cursor!r} is a cursor of another list: start without one")
    return key
