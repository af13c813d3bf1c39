"""Messages of other bodies as tables of ``gate.sqlite``, written with the entry of topic
``bulletin`` that says them: what holds, what took the place of what, and what was told of it as
observations. Each of these twice: by all that came, and by what came for the public alone, whom a
message that is not for them ends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tianmu.city.level.plan import COLOURS
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
    # until, ended and ended_by of one for the public, as far as what is for the public says it
    sa.Column("public_until", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("public_ended", sa.String, nullable=False, server_default=""),
    sa.Column("public_ended_by", sa.String, nullable=False, server_default=""),
)
sa.Index("bulletin_key", BULLETIN.c.source, BULLETIN.c.sender, BULLETIN.c.identifier,
         BULLETIN.c.sent, unique=True)  # fmt: skip
sa.Index("bulletin_until", BULLETIN.c.until)
sa.Index("bulletin_over", BULLETIN.c.over, BULLETIN.c.serial)
sa.Index("bulletin_public_until", BULLETIN.c.public_until)
sa.Index("bulletin_ended_by", BULLETIN.c.ended_by)
sa.Index("bulletin_public_ended_by", BULLETIN.c.public_ended_by)


def _reference(name: str) -> sa.Table:
    """What messages take the place of or end: one that comes after what ends it does not hold."""
    return sa.Table(
        name,
        metadata,
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("sender", sa.String, primary_key=True),
        sa.Column("identifier", sa.String, primary_key=True),
        sa.Column("sent", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("by", sa.String, nullable=False),
    )


REFERENCE = _reference("bulletin_reference")
PUBLIC_REFERENCE = _reference("bulletin_public_reference")
"""of messages for the public"""


class View(NamedTuple):
    """Where it stands how a message stands, for one sort of readers."""

    until: sa.Column[int]
    ended: sa.Column[str]
    ended_by: sa.Column[str]
    references: sa.Table


ALL = View(BULLETIN.c.until, BULLETIN.c.ended, BULLETIN.c.ended_by, REFERENCE)
PUBLIC = View(
    BULLETIN.c.public_until, BULLETIN.c.public_ended, BULLETIN.c.public_ended_by, PUBLIC_REFERENCE
)
TOLD = sa.Table(
    "bulletin_told",
    metadata,
    sa.Column("datastream", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("level", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)
"""the newest observation of each datastream that says which colour holds somewhere"""
CITED = 100
"""characters of what a warning says it was drafted from (``ui`` writes sender and identifier)"""
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


def _split(connection: Connection) -> None:
    """Version 1 to 2: what was not for the public had ended, for everybody, what was."""
    for column, default in (("until BIGINT", "0"), ("ended TEXT", "''"), ("ended_by TEXT", "''")):
        connection.exec_driver_sql(
            f"ALTER TABLE bulletin ADD public_{column} DEFAULT {default} NOT NULL"
        )
    PUBLIC_REFERENCE.create(connection, checkfirst=True)
    b = BULLETIN.c
    same = {
        PUBLIC.until.name: ALL.until, PUBLIC.ended.name: ALL.ended,
        PUBLIC.ended_by.name: ALL.ended_by,
    }  # fmt: skip
    connection.execute(sa.update(BULLETIN).values(same))
    hidden = sa.select(sa.literal("b") + sa.cast(b.serial, sa.String)).where(b.public == 0)
    rows = connection.execute(sa.select(b.serial, b.state).where(b.ended_by.in_(hidden))).all()
    for serial, state in rows:
        anew = {"public_until": _states.decode(state).until, "public_ended": "",
                "public_ended_by": ""}  # fmt: skip
        connection.execute(sa.update(BULLETIN).where(b.serial == serial).values(anew))
    open_ = sa.select(b.state).where(b.public == 1).order_by(b.serial)
    for one in [_states.decode(state) for state in connection.scalars(open_).all()]:
        for key in one.ends:
            _end(connection, PUBLIC, one, key)


MIGRATIONS = (_fill, _split)


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
    on: int = 0
    """µs that it holds on for the public, for whom what ended it is not; 0: it does not"""

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
    whichever comes first, and for the public only where it is for the public itself."""
    if tx.connection.scalar(_of(told.source, told.key)) is not None:
        return None
    last = tx.connection.scalar(sa.select(sa.func.max(BULLETIN.c.serial))) or 0
    made = msgspec.structs.replace(told, bulletin=f"b{last + 1}")
    values: dict[str, Any] = {}
    for view in (ALL, PUBLIC):
        kind, by = _ended_already(tx.connection, view, made)
        values |= {
            view.until.name: 0 if kind else made.until, view.ended.name: kind,
            view.ended_by.name: by,
        }  # fmt: skip
    for view in (ALL, PUBLIC) if made.public else (ALL,):
        for key in made.ends:
            _end(tx.connection, view, made, key)
    tx.append(TOPIC.name, encode(made))
    row = {
        "serial": last + 1, "source": made.source, "sender": made.sender,
        "identifier": made.identifier, "sent": made.sent, "state": _encode(made),
        **values, **_whose(made),
    }  # fmt: skip
    tx.connection.execute(sa.insert(BULLETIN).values(row))
    return made


def _of(source: str, key: Key) -> sa.Select[Any]:
    b = BULLETIN.c
    return sa.select(b.serial).where(
        b.source == source, b.sender == key[0], b.identifier == key[1], b.sent == key[2]
    )


def _ended_already(connection: Connection, view: View, one: Bulletin) -> tuple[str, str]:
    r = view.references.c
    row = connection.execute(
        sa.select(r.kind, r.by).where(
            r.source == one.source, r.sender == one.sender, r.identifier == one.identifier,
            r.sent == one.sent,
        )
    ).first()  # fmt: skip
    return (row.kind, row.by) if row is not None else ("", "")


def _end(connection: Connection, view: View, by: Bulletin, key: Key) -> None:
    from sqlalchemy.dialects.sqlite import insert

    b = BULLETIN.c
    of = (b.source == by.source, b.sender == key[0], b.identifier == key[1], b.sent == key[2])
    # a cancellation of what was updated before says more; an update of what is cancelled, nothing
    may = view.ended != "Cancel" if by.kind == "Cancel" else view.ended == ""
    values = {view.until.name: 0, view.ended.name: by.kind, view.ended_by.name: by.bulletin}
    connection.execute(sa.update(BULLETIN).where(*of, may).values(values))
    row = {
        "source": by.source, "sender": key[0], "identifier": key[1], "sent": key[2],
        "kind": by.kind, "by": by.bulletin,
    }  # fmt: skip
    made = insert(view.references).values(row)
    if by.kind == "Cancel":
        made = made.on_conflict_do_update(
            index_elements=list(view.references.primary_key.columns), set_=row
        )
    else:
        made = made.on_conflict_do_nothing()
    connection.execute(made)


def _standing(row: Any, view: View) -> Standing:
    told = row._mapping
    apart = view is ALL and row.public and row.ended and not row.public_ended
    return Standing(
        bulletin=_states.decode(row.state),
        until=told[view.until],
        ended=told[view.ended],
        ended_by=told[view.ended_by],
        on=row.public_until if apart else 0,
    )


def concerned_here(connection: Connection, told: Bulletin) -> bool:
    """Whether a message is here already, or takes the place of or ends one that is."""
    keys = (told.key, *told.ends)
    return any(connection.scalar(_of(told.source, key)) is not None for key in keys)


def listed(
    connection: Connection, before: int, limit: int, *, now: int = 0, public: bool = False
) -> list[Standing]:
    """All, or those that hold at ``now`` or will, the newest first, below serial ``before`` where
    it is not 0; ``public``: only those that are for everybody, as these alone say it."""
    wanted = sa.select(BULLETIN).where(*_wanted(now, public))
    if before:
        wanted = wanted.where(BULLETIN.c.serial < before)
    rows = connection.execute(wanted.order_by(BULLETIN.c.serial.desc()).limit(limit))
    return [_standing(row, PUBLIC if public else ALL) for row in rows]


def count(connection: Connection, *, now: int = 0, public: bool = False) -> int:
    """How many ``listed`` gives without a limit."""
    wanted = sa.select(sa.func.count()).select_from(BULLETIN).where(*_wanted(now, public))
    return connection.scalar(wanted) or 0


def _wanted(now: int, public: bool) -> list[sa.ColumnElement[bool]]:
    until = (PUBLIC if public else ALL).until
    found: list[sa.ColumnElement[bool]] = [until > now] if now else []
    return [*found, BULLETIN.c.public == 1] if public else found


def get(connection: Connection, bulletin: str, *, public: bool = False) -> Standing | None:
    """One; ``public``: None where it is not for everybody, and as what is for everybody says it."""
    digits = bulletin.removeprefix("b")
    if not digits.isdecimal() or len(digits) > 18:
        return None
    own = BULLETIN.c.serial == int(digits)
    row = connection.execute(sa.select(BULLETIN).where(own, *_wanted(0, public))).first()
    return None if row is None else _standing(row, PUBLIC if public else ALL)


def restricted(connection: Connection, cited: str) -> Bulletin | None:
    """The newest message that is not for the public of those which a draft cites so: sender and
    identifier, ``CITED`` characters at most."""
    b = BULLETIN.c
    whole = b.sender + " " + b.identifier
    wanted = sa.select(b.state).where(b.public == 0, sa.func.substr(whole, 1, CITED) == cited)
    state = connection.scalar(wanted.order_by(b.serial.desc()).limit(1))
    return None if state is None else _states.decode(state)


def concerned(connection: Connection, bulletin: str, *, public: bool = False) -> list[Standing]:
    """A message and those that it ended; ``public`` as in ``get``."""
    view = PUBLIC if public else ALL
    own = get(connection, bulletin, public=public)
    wanted = sa.select(BULLETIN).where(view.ended_by == bulletin, *_wanted(0, public))
    rows = connection.execute(wanted.order_by(BULLETIN.c.serial)).all()
    return [*(_standing(row, view) for row in rows), *([own] if own else [])]


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
    standing = [_standing(row, PUBLIC) for row in connection.execute(wanted)]
    holds = levels(standing, parents, now)
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
