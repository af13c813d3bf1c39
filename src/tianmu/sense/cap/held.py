"""Messages of other bodies as tables of ``gate.sqlite``, written with the entry of topic
``bulletin`` that says them: what holds, what took the place of what, and what was told of it as
observations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tianmu.city.plan import COLOURS
from tianmu.facts.bulletin import Bulletin, Key
from tianmu.facts.encoding import encode
from tianmu.facts.topic import BULLETIN as TOPIC
from tianmu.store.records import Transaction

metadata = sa.MetaData()
BULLETIN = sa.Table(
    "bulletin",
    metadata,
    sa.Column("serial", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("sender", sa.String, nullable=False),
    sa.Column("identifier", sa.String, nullable=False),
    sa.Column("sent", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),  # µs that any of it holds, 0: it is ended
    sa.Column("ended", sa.String, nullable=False),  # Update or Cancel that ended it, or empty
    sa.Column("ended_by", sa.String, nullable=False),
    sa.Column("state", sa.LargeBinary, nullable=False),
    sa.Column("public", sa.Integer, nullable=False, server_default="1"),
    # µs since which it is over by its own words and here, whichever is later
    sa.Column("over", sa.BigInteger, nullable=False, server_default="0"),
)
sa.Index("bulletin_key", BULLETIN.c.source, BULLETIN.c.sender, BULLETIN.c.identifier,
         BULLETIN.c.sent, unique=True)  # fmt: skip
sa.Index("bulletin_until", BULLETIN.c.until)
sa.Index("bulletin_over", BULLETIN.c.over, BULLETIN.c.serial)
sa.Index("bulletin_ended_by", BULLETIN.c.ended_by)
REFERENCE = sa.Table(
    "bulletin_reference",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("sender", sa.String, primary_key=True),
    sa.Column("identifier", sa.String, primary_key=True),
    sa.Column("sent", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("by", sa.String, nullable=False),
)
"""what messages take the place of or end: one that comes after what ends it does not hold"""
TOLD = sa.Table(
    "bulletin_told",
    metadata,
    sa.Column("datastream", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("level", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)
"""the newest observation of each datastream that says which colour holds somewhere"""
_states = msgspec.msgpack.Decoder(Bulletin)
_encode = msgspec.msgpack.Encoder().encode


def _fill(connection: Connection) -> None:
    """Version 0 to 1: whom each message is for, and since when it is over, as columns; and what an
    alert only refers to had been ended by it."""
    for column in ("public INTEGER", "over BIGINT"):
        connection.exec_driver_sql(f"ALTER TABLE bulletin ADD {column} DEFAULT 0 NOT NULL")
    b = BULLETIN.c
    connection.execute(sa.delete(REFERENCE).where(REFERENCE.c.kind == "Alert"))
    for serial, ended, state in connection.execute(sa.select(b.serial, b.ended, b.state)).all():
        one = _states.decode(state)
        values: dict[str, Any] = dict(_whose(one))
        if ended == "Alert":
            values |= {"until": one.until, "ended": "", "ended_by": ""}
        connection.execute(sa.update(BULLETIN).where(b.serial == serial).values(values))


MIGRATIONS = (_fill,)


def _whose(one: Bulletin) -> dict[str, int]:
    return {"public": int(one.public), "over": max(one.over, one.received)}


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A message, and whether another one ended it."""

    bulletin: Bulletin
    until: int
    """µs that any of it holds; 0: it is ended"""
    ended: str
    """``Update``, ``Cancel``, or empty"""
    ended_by: str

    def stage(self, now: int) -> str:
        """``in_force``, ``ahead``, ``expired``, ``updated``, ``cancelled``; ``cancel``: it
        ends others itself."""
        if self.bulletin.kind == "Cancel":
            return "cancel"
        if self.ended:
            return {"Update": "updated", "Cancel": "cancelled"}[self.ended]
        if self.until <= now:
            return "expired"
        return "ahead" if self.bulletin.start > now else "in_force"


def take(tx: Transaction, told: Bulletin) -> Bulletin | None:
    """Keep a message; None where it was here before. A message ends others of its own source alone,
    whichever comes first."""
    if tx.connection.scalar(_of(told.source, told.key)) is not None:
        return None
    last = tx.connection.scalar(sa.select(sa.func.max(BULLETIN.c.serial))) or 0
    made = msgspec.structs.replace(told, bulletin=f"b{last + 1}")
    ended = _ended_already(tx.connection, made)
    for key in made.ends:
        _end(tx.connection, made, key)
    tx.append(TOPIC.name, encode(made))
    row = {
        "serial": last + 1, "source": made.source, "sender": made.sender,
        "identifier": made.identifier, "sent": made.sent, "until": 0 if ended[0] else made.until,
        "ended": ended[0], "ended_by": ended[1], "state": _encode(made), **_whose(made),
    }  # fmt: skip
    tx.connection.execute(sa.insert(BULLETIN).values(row))
    return made


def _of(source: str, key: Key) -> sa.Select[Any]:
    b = BULLETIN.c
    return sa.select(b.serial).where(
        b.source == source, b.sender == key[0], b.identifier == key[1], b.sent == key[2]
    )


def _ended_already(connection: Connection, one: Bulletin) -> tuple[str, str]:
    r = REFERENCE.c
    row = connection.execute(
        sa.select(r.kind, r.by).where(
            r.source == one.source, r.sender == one.sender, r.identifier == one.identifier,
            r.sent == one.sent,
        )
    ).first()  # fmt: skip
    return (row.kind, row.by) if row is not None else ("", "")


def _end(connection: Connection, by: Bulletin, key: Key) -> None:
    from sqlalchemy.dialects.sqlite import insert

    b = BULLETIN.c
    of = (b.source == by.source, b.sender == key[0], b.identifier == key[1], b.sent == key[2])
    # a cancellation of what was updated before says more; an update of what is cancelled, nothing
    may = b.ended != "Cancel" if by.kind == "Cancel" else b.ended == ""
    connection.execute(
        sa.update(BULLETIN).where(*of, may).values(until=0, ended=by.kind, ended_by=by.bulletin)
    )
    row = {
        "source": by.source, "sender": key[0], "identifier": key[1], "sent": key[2],
        "kind": by.kind, "by": by.bulletin,
    }  # fmt: skip
    made = insert(REFERENCE).values(row)
    if by.kind == "Cancel":
        made = made.on_conflict_do_update(
            index_elements=list(REFERENCE.primary_key.columns), set_=row
        )
    else:
        made = made.on_conflict_do_nothing()
    connection.execute(made)


def _standing(row: Any) -> Standing:
    return Standing(
        bulletin=_states.decode(row.state), until=row.until, ended=row.ended, ended_by=row.ended_by
    )


def concerned_here(connection: Connection, told: Bulletin) -> bool:
    """Whether a message is here already, or takes the place of or ends one that is."""
    keys = (told.key, *told.ends)
    return any(connection.scalar(_of(told.source, key)) is not None for key in keys)


def listed(
    connection: Connection, before: int, limit: int, *, now: int = 0, public: bool = False
) -> list[Standing]:
    """All, or those that hold at ``now`` or will, the newest first, below serial ``before`` where
    it is not 0; ``public``: only those that are for everybody."""
    wanted = sa.select(BULLETIN).where(*_wanted(now, public))
    if before:
        wanted = wanted.where(BULLETIN.c.serial < before)
    rows = connection.execute(wanted.order_by(BULLETIN.c.serial.desc()).limit(limit))
    return [_standing(row) for row in rows]


def count(connection: Connection, *, now: int = 0, public: bool = False) -> int:
    """How many ``listed`` gives without a limit."""
    wanted = sa.select(sa.func.count()).select_from(BULLETIN).where(*_wanted(now, public))
    return connection.scalar(wanted) or 0


def _wanted(now: int, public: bool) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [BULLETIN.c.until > now] if now else []
    return [*found, BULLETIN.c.public == 1] if public else found


def get(connection: Connection, bulletin: str) -> Standing | None:
    digits = bulletin.removeprefix("b")
    if not digits.isdecimal() or len(digits) > 18:
        return None
    row = connection.execute(sa.select(BULLETIN).where(BULLETIN.c.serial == int(digits))).first()
    return None if row is None else _standing(row)


def concerned(connection: Connection, bulletin: str) -> list[Standing]:
    """A message and those that it ended."""
    own = get(connection, bulletin)
    wanted = sa.select(BULLETIN).where(BULLETIN.c.ended_by == bulletin)
    rows = connection.execute(wanted.order_by(BULLETIN.c.serial)).all()
    return [*map(_standing, rows), *([own] if own else [])]


def levels(
    standing: Iterable[Standing], parents: Mapping[str, str], now: int
) -> dict[tuple[str, str], int]:
    """(division, event) → the gravest colour that holds anywhere in it now: 1 blue … 4 red. What is
    warned of in a town is so in its villages, and somewhere in its city. What is not for the public
    is in none: everybody may read observations, alarms and cases that follow from them."""
    found: dict[tuple[str, str], int] = {}
    below: dict[str, list[str]] = {}
    for code, parent in parents.items():
        below.setdefault(parent, []).append(code)
    for one in standing:
        if one.bulletin.status != "Actual" or one.ended or not one.bulletin.public:
            continue
        for part in one.bulletin.parts:
            if not (part.event and part.colour and part.start <= now < part.until):
                continue
            level = COLOURS.index(part.colour) + 1
            for code in part.divisions:
                for place in _concerned(code, parents, below):
                    key = place, part.event
                    found[key] = max(found.get(key, 0), level)
    return found


def _concerned(
    code: str, parents: Mapping[str, str], below: Mapping[str, Sequence[str]]
) -> set[str]:
    found, waiting = set(), [code]
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting += below.get(one, ())
    while code in parents and code:
        found.add(code)
        code = parents[code]
    return found


def news(
    connection: Connection, now: int, of: Mapping[tuple[str, str], int], parents: Mapping[str, str]
) -> list[tuple[int, int]]:
    """(datastream, level) where that is other than what was told last; ``of``: (division, event) →
    datastream."""
    wanted = sa.select(BULLETIN).where(*_wanted(now, public=True))
    holds = levels(map(_standing, connection.execute(wanted)), parents, now)
    rows = connection.execute(sa.select(TOLD.c.datastream, TOLD.c.level)).all()
    told = {row.datastream: row.level for row in rows}
    return [
        (stream, level)
        for key, stream in of.items()
        if told.get(stream) != (level := holds.get(key, 0))
    ]


def tell(connection: Connection, rows: Iterable[tuple[int, int]], now: int) -> None:
    """Keep what is told."""
    from sqlalchemy.dialects.sqlite import insert

    for stream, level in rows:
        values = {"datastream": stream, "level": level, "at": now}
        connection.execute(
            insert(TOLD)
            .values(values)
            .on_conflict_do_update(index_elements=["datastream"], set_=values)
        )
