"""Absences as deeds: recorded, undone, in force from the next question on.

The table follows from the deeds of topic ``deed``: each holds the row it made.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tianmu.city.people.absence import Absence
from tianmu.city.substitute import ABSENT, ON_POST, Clash, clash
from tianmu.facts.deed import Deed
from tianmu.facts.encoding import encode
from tianmu.facts.topic import DEED
from tianmu.store.records import Transaction

if TYPE_CHECKING:
    from tianmu.city.city import City

metadata = sa.MetaData()
absence = sa.Table(
    "absence",
    metadata,
    sa.Column("absence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("substitute", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("undone_at", sa.BigInteger, nullable=False),  # 0: it stands
    sa.Column("undone_by", sa.String, nullable=False),
)

RECORD, UNDO = "absence.record", "absence.undo"
"""verbs of the deeds"""
DAY = 86_400_000_000


class AbsenceRefused(ValueError):
    """It cannot be recorded; ``remedy`` says what would. ``clash``: what is in the way."""

    def __init__(self, what: str, remedy: str, found: Clash | None = None) -> None:
        super().__init__(what)
        self.remedy, self.clash = remedy, found


class NoAbsence(LookupError):
    """There is none of this number, or it was undone already."""


def standing(connection: Connection, since: int = 0) -> list[Absence]:
    """The absences that stand and end after ``since`` (µs), in the order of their numbers."""
    c = absence.c
    rows = connection.execute(
        sa.select(c.absence, c.account, c.since, c.until, c.substitute, c.why)
        .where(c.undone_at == 0, c.until > since)
        .order_by(c.absence)
    ).mappings()
    return [Absence(**row) for row in rows]


def listed(connection: Connection, since: int, most: int = 500) -> list[dict[str, Any]]:
    """All that end after ``since``, undone ones too, the newest first."""
    c = absence.c
    rows = connection.execute(
        sa.select(absence).where(c.until > since).order_by(c.absence.desc()).limit(most)
    ).mappings()
    return [dict(row) for row in rows]


def longest(city: City) -> int:
    """µs that an absence may last."""
    return round(city.contact.absence.longest_days * DAY)


def record(tx: Transaction, city: City, asked: Absence, actor: str, now: int) -> Absence:
    """Record ``asked``, whose number is given here. Raises ``AbsenceRefused``."""
    connection = tx.connection
    held = standing(connection, min(asked.since, now))
    _check(city.staffed(city.shifts, held), asked, held, now)
    last = connection.scalar(sa.select(sa.func.max(absence.c.absence))) or 0
    made = msgspec.structs.replace(asked, absence=last + 1)
    row = {**msgspec.structs.asdict(made), "at": now, "actor": actor}
    connection.execute(sa.insert(absence).values(**row, undone_at=0, undone_by=""))
    _tell(tx, RECORD, made.absence, actor, now, row)
    return made


def undo(tx: Transaction, number: int, actor: str, now: int) -> None:
    """Take an absence back. Raises ``NoAbsence``."""
    done = tx.connection.execute(
        sa.update(absence)
        .where(absence.c.absence == number, absence.c.undone_at == 0)
        .values(undone_at=now, undone_by=actor)
    )
    if not done.rowcount:
        raise NoAbsence(f"no absence {number} stands")
    _tell(tx, UNDO, number, actor, now, {})


def _tell(
    tx: Transaction, verb: str, number: int, actor: str, now: int, data: dict[str, Any]
) -> None:
    told = Deed(
        deed=uuid.uuid4().hex, verb=verb, object=str(number), actor=actor, at=now, data=data
    )
    tx.append(DEED.name, encode(told))


def _check(city: City, asked: Absence, held: list[Absence], now: int) -> None:
    roster = city.roster
    if roster.person(asked.account) is None:
        raise AbsenceRefused(
            f"{asked.account!r} is not on the roster", "name an account of GET /api/roster"
        )
    if not asked.since < asked.until or asked.until <= now:
        raise AbsenceRefused(
            "the absence is over before it begins, or was over by now",
            "give an end after the beginning and after now",
        )
    if asked.until - asked.since > longest(city):
        raise AbsenceRefused(
            f"nobody is absent for more than {city.contact.absence.longest_days:g} days",
            "take them off the roster instead",
        )
    for one in held:
        if one.account == asked.account and one.meets(asked.since, asked.until):
            raise AbsenceRefused(
                f"{asked.account} is absent already in that time (absence {one.absence})",
                "undo that one first, or give other times",
            )
    if not asked.substitute:
        return
    if asked.substitute == asked.account:
        raise AbsenceRefused("nobody stands in for themselves", "name somebody else, or nobody")
    if roster.person(asked.substitute) is None:
        raise AbsenceRefused(
            f"{asked.substitute!r} is not on the roster", "name an account of GET /api/roster"
        )
    found = clash(city, asked.account, asked.substitute, asked.since, asked.until)
    if found is not None:
        raise AbsenceRefused(words_of(found), "choose somebody who is free then", found)


def words_of(found: Clash) -> str:
    """A clash in words, without times: those stand beside it."""
    if found.why == ABSENT:
        return f"{found.account} is absent at that time"
    if found.why == ON_POST:
        return f"{found.account} is on another post then: {found.post} at {found.department}"
    return f"{found.account} stands in for {found.other} then"
