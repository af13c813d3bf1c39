"""The ledger of hazards as tables: they follow from the events of topic ``hazard`` and can be made
again from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tianmu.access.scope import WHOLE, Scope, restrict
from tianmu.facts.encoding import decode, encode
from tianmu.facts.hazard import HazardEvent
from tianmu.facts.topic import HAZARD as TOPIC
from tianmu.manage.hazard.state import OPEN, RECTIFIED, STANDS, Hazard, fold, of_events
from tianmu.store import steps
from tianmu.store.journal.contract import Journal
from tianmu.store.records import Transaction

metadata = sa.MetaData()
HAZARD = sa.Table(
    "hazard",
    metadata,
    sa.Column("serial", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("hazard", sa.String, nullable=False, unique=True),
    sa.Column("stage", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("grade", sa.String, nullable=False),
    sa.Column("division", sa.String, nullable=False),
    sa.Column("department", sa.String, nullable=False),
    sa.Column("title", sa.String, nullable=False),
    sa.Column("due", sa.BigInteger, nullable=False),
    sa.Column("check_due", sa.BigInteger, nullable=False),
    sa.Column("next", sa.BigInteger, nullable=False),  # µs of what is due next, 0: nothing
    sa.Column("state", sa.LargeBinary, nullable=False),
)
EVENT = sa.Table(
    "hazard_event",
    metadata,
    sa.Column("hazard", sa.String, primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, nullable=False),
)
sa.Index("hazard_next", HAZARD.c.stage, HAZARD.c.next)
_states = msgspec.msgpack.Decoder(Hazard)
_encode = msgspec.msgpack.Encoder().encode


class NoHazard(LookupError):
    """There is none of this name."""


class HazardChanged(ValueError):
    """Somebody else has changed it; ``version`` is what it is in now."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the hazard is in version {version}")
        self.version = version


@dataclass(frozen=True)
class Query:
    stage: str = "stands"
    """``stands`` (open or to be signed off), one of ``STAGES``, or ``all``"""
    kind: str = ""
    grade: str = ""
    divisions: Collection[str] | None = None
    department: str = ""
    late: str = ""
    """``due``: should be put right by now; ``check``: should have been looked at by now"""
    q: str = ""
    scope: Scope = field(default=WHOLE)


def next_serial(connection: Connection) -> int:
    return (connection.scalar(sa.select(sa.func.max(HAZARD.c.serial))) or 0) + 1


def get(connection: Connection, hazard: str) -> Hazard:
    row = connection.scalar(sa.select(HAZARD.c.state).where(HAZARD.c.hazard == hazard))
    if row is None:
        raise NoHazard(f"there is no hazard {hazard!r}")
    return _states.decode(row)


def holding(connection: Connection, digests: Collection[str], held: set[str]) -> set[str]:
    """Those of the files that some hazard has, and those that are ``held`` otherwise. Walks the
    ledger for each of the others: for a look now and then."""
    return held | {
        one
        for one in set(digests) - held
        if connection.scalar(
            sa.select(HAZARD.c.serial).where(sa.func.instr(HAZARD.c.state, one.encode()) > 0)
        )
    }


def append(tx: Transaction, event: HazardEvent, key: bytes | None = None) -> Hazard:
    """Append one step and write the row that follows from it: one commit, so that both are there
    or neither is. With a ``key`` seen before nothing is done, and the hazard is as it stands."""
    if key is not None and (before := seen(tx, key)) is not None:
        return before
    state = get(tx.connection, event.hazard) if event.sequence > 1 else Hazard(hazard=event.hazard)
    if state.version != event.sequence - 1:
        raise HazardChanged(state.version)
    position = tx.append(TOPIC.name, encode(event), key).position
    after = fold(state, event)
    c = tx.connection
    c.execute(sa.delete(HAZARD).where(HAZARD.c.hazard == after.hazard))
    c.execute(sa.insert(HAZARD).values(_row(after)))
    c.execute(
        sa.insert(EVENT).values(hazard=event.hazard, sequence=event.sequence, position=position)
    )
    return after


def seen(tx: Transaction, key: bytes) -> Hazard | None:
    """The hazard whose step had this key, as it stands now; None where none had."""
    first = tx.seen(TOPIC.name, key)
    if first is None:
        return None
    name = tx.connection.scalar(sa.select(EVENT.c.hazard).where(EVENT.c.position == first))
    return None if name is None else get(tx.connection, name)


def _row(state: Hazard) -> dict[str, object]:
    return {
        "serial": int(state.hazard.removeprefix("h")),
        "hazard": state.hazard,
        "stage": state.stage,
        "kind": state.kind,
        "grade": state.grade,
        "division": state.place.division,
        "department": state.department,
        "title": state.title,
        "due": state.due,
        "check_due": state.check_due,
        "next": state.next,
        "state": _encode(state),
    }


def _where(query: Query, now: int) -> list[sa.ColumnElement[bool]]:
    h = HAZARD.c
    found = [restrict(query.scope, division=h.division, departments=[h.department])]
    if query.stage == "stands":
        found.append(h.stage.in_(STANDS))
    elif query.stage != "all":
        found.append(h.stage == query.stage)
    for column, value in ((h.kind, query.kind), (h.grade, query.grade)):
        if value:
            found.append(column == value)
    if query.department:
        found.append(h.department == query.department)
    if query.divisions is not None:
        found.append(h.division.in_(sorted(query.divisions)))
    if query.late == "due":
        found += [h.stage == OPEN, h.due < now]
    elif query.late == "check":
        found += [h.stage.in_(STANDS), h.check_due > 0, h.check_due < now]
    if query.q:
        found.append(h.title.contains(query.q, autoescape=True))
    return found


def listed(
    connection: Connection, query: Query, now: int, after: tuple[int, int] | None, limit: int
) -> list[Hazard]:
    """What is due next first; what is not due any more by its number. ``after``: (next, serial) of
    the last of the page before."""
    h = HAZARD.c
    wanted = sa.select(h.state).where(*_where(query, now))
    if after is not None:
        wanted = wanted.where(sa.tuple_(h.next, h.serial) > sa.tuple_(*map(sa.literal, after)))
    rows = connection.execute(wanted.order_by(h.next, h.serial).limit(limit)).scalars()
    return [_states.decode(row) for row in rows]


def standing(connection: Connection) -> list[Hazard]:
    """All that stand."""
    wanted = sa.select(HAZARD.c.state).where(HAZARD.c.stage.in_(STANDS)).order_by(HAZARD.c.serial)
    return [_states.decode(row) for row in connection.execute(wanted).scalars()]


def count(connection: Connection, query: Query, now: int) -> int:
    wanted = sa.select(sa.func.count()).select_from(HAZARD).where(*_where(query, now))
    return int(connection.scalar(wanted) or 0)


@dataclass(frozen=True)
class Counts:
    """How the ledger stands, within a scope."""

    stands: int
    major: int
    overdue: int
    unlooked: int
    to_sign: int


def counts(connection: Connection, now: int, scope: Scope) -> Counts:
    def of(**more: str) -> int:
        return count(connection, Query(scope=scope, **more), now)

    return Counts(
        stands=of(), major=of(grade="major"), overdue=of(late="due"), unlooked=of(late="check"),
        to_sign=of(stage=RECTIFIED),
    )  # fmt: skip


def history(connection: Connection, journal: Journal, hazard: str) -> list[HazardEvent]:
    """Its steps, oldest first."""
    e = EVENT.c
    wanted = sa.select(e.position).where(e.hazard == hazard).order_by(e.sequence)
    found = []
    for position in connection.execute(wanted).scalars():
        (entry,) = journal.read(TOPIC.name, position - 1, entries=1)
        event = decode(entry.payload)
        assert isinstance(event, HazardEvent)
        found.append(event)
    return found


def events(journal: Journal) -> list[HazardEvent]:
    """All steps of all hazards, oldest first."""
    return steps.read(journal, TOPIC.name, HazardEvent)


def states(told: Iterable[HazardEvent]) -> dict[str, Hazard]:
    """What the events make of each hazard."""
    return steps.states(told, "hazard", of_events)


def held(connection: Connection) -> dict[str, Hazard]:
    """What the tables hold, to be compared with ``states``."""
    return steps.held(connection, HAZARD.c.state, Hazard, "hazard")
