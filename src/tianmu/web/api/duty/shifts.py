"""Shifts: the roster as it is written, and who is on duty now."""

from __future__ import annotations

import threading
from typing import Annotated

import msgspec
import sqlalchemy as sa
from fastapi import Depends

from tianmu.access.masking import mask
from tianmu.city.calendar.clock import DAYS
from tianmu.city.city import City
from tianmu.city.people.roster import Person, Shift
from tianmu.manage.duty import absence
from tianmu.store.records import Records, Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.problem import Fault, Problem, changed
from tianmu.web.bounds.allowance import Allowance
from tianmu.web.hub import Hub
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken

routes = Routes("shifts")
metadata = sa.MetaData()
KEPT = 35 * 86_400_000_000
"""µs for which absences that are over stay in the roster in force"""

roster = sa.Table(
    "roster",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("shifts", sa.LargeBinary, nullable=False),  # list[Shift] as msgpack
)
"""Rosters the city wrote itself, each whole; the newest is in force instead of the pack's."""


class ShiftSaid(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person's duty: on which days, from and to which minute after midnight."""

    account: str
    name: str
    department: str
    division: str
    post: str
    phone: str = ""
    order: Annotated[int, msgspec.Meta(ge=1)] = 1
    """1 is called first"""
    days: str = "daily"
    """``daily``, ``working``, ``free``, or weekdays ``mon|tue``"""
    start: Annotated[int, msgspec.Meta(ge=0, le=1440)] = 0
    end: Annotated[int, msgspec.Meta(ge=0, le=1440)] = 1440
    cycle: Annotated[int, msgspec.Meta(ge=1, le=366)] = 1
    offset: Annotated[int, msgspec.Meta(ge=0, le=365)] = 0
    basis: str = ""


class OnDuty(msgspec.Struct, frozen=True, kw_only=True):
    department: str
    division: str
    post: str
    account: str
    name: str
    order: int


class RosterSaid(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    """0: the pack's own"""
    at: Instant | None
    shifts: list[ShiftSaid]
    on_duty: list[OnDuty]
    """now"""


class RosterAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    shifts: Annotated[list[ShiftSaid], msgspec.Meta(max_length=20_000)]
    reason: str = ""


def stored(records: Records) -> tuple[int, int, list[Shift]] | None:
    """(version, µs, shifts) of the roster the city wrote last; None where it wrote none."""
    row = records.read(
        lambda connection: connection.execute(
            sa.select(roster).order_by(roster.c.version.desc()).limit(1)
        ).first()
    )
    if row is None:
        return None
    return row.version, row.at, msgspec.msgpack.decode(row.shifts, type=list[Shift])


def _own(records: Records, city: City, now: int) -> City:
    """The city with the roster it wrote itself, if it did, and the absences that stand."""
    found = stored(records)
    away = records.read(lambda connection: absence.standing(connection, now - KEPT))
    return city.staffed(found[2] if found else city.shifts, away)


def bring(hub: Hub) -> None:
    """Put the city's own roster and its absences in force when hub starts."""
    hub.records.create(metadata)
    hub.records.create(absence.metadata)
    staff(hub)


def staff(hub: Hub) -> None:
    """Other persons are on duty from now on: those of the roster and the absences that are kept
    now, however many write them at once."""
    with _turn(hub):
        hub.city = _own(hub.records, hub.city, hub.clock())
        hub.manage.set_roster(hub.city)


def use(hub: Hub, city: City) -> None:
    """Another pack is in force in hub from now on, with the roster and absences that are kept."""
    with _turn(hub):
        hub.city, hub.allowance = _own(hub.records, city, hub.clock()), Allowance.of(city.asking)
        hub.manage.set_city(hub.city)


def _turn(hub: Hub) -> threading.Lock:
    lock: threading.Lock = hub.memory.setdefault("roster", threading.Lock())
    return lock


def _said(ask: Ask) -> RosterSaid:
    found, city = stored(ask.hub.records), ask.hub.city
    return RosterSaid(
        version=found[0] if found else 0,
        at=moment.say(found[1]) if found else None,
        shifts=[_shown(ask, shift) for shift in city.shifts],
        on_duty=sorted(
            (_on_duty(ask, person) for person in _there(city, ask.hub.clock())),
            key=lambda one: (one.department, one.post, one.order),
        ),
    )


def _there(city: City, now: int) -> list[Person]:
    """Who is on duty now, each once in a post however many shifts they have."""
    when = city.calendar.local(now)
    found: dict[tuple[str, str, str], Person] = {}
    for shift in city.shifts:
        if not shift.covers(when, city.calendar):
            continue
        person = city.roster.standing(shift.person, now)
        if person is not None:
            found.setdefault((person.department, person.post, person.account), person)
    return list(found.values())


def _on_duty(ask: Ask, person: Person) -> OnDuty:
    return OnDuty(
        department=person.department,
        division=person.division,
        post=person.post,
        account=person.account,
        name=_name(ask, person),
        order=person.order,
    )


def _shown(ask: Ask, shift: Shift) -> ShiftSaid:
    person = shift.person
    return ShiftSaid(
        account=person.account,
        name=_name(ask, person),
        department=person.department,
        division=person.division,
        post=person.post,
        phone=person.phone if ask.may("roster.write") else mask("phone", person.phone),
        order=person.order,
        days=shift.days,
        start=shift.start,
        end=shift.end,
        cycle=shift.cycle,
        offset=shift.offset,
        basis=person.basis,
    )


def _name(ask: Ask, person: Person) -> str:
    """In clear for those who write the roster, and those who work on cases."""
    clear = ask.may("roster.write") or ask.may("case.note")
    return person.name if clear else mask("name", person.name)


@routes("GET", "/api/roster", may="roster.read", gives=RosterSaid)
def get_roster(ask: Asking) -> Reply:
    """Who is on duty when, and now. Phone numbers in clear only for who writes the roster."""
    said = _said(ask)
    return Reply(said, etag=said.version)


def _shift(city: City, one: ShiftSaid, row: int, faults: list[Fault]) -> Shift:
    where = f"body.shifts[{row}]"
    if one.department not in city.departments:
        faults.append(Fault(where=f"{where}.department", what="is no department of the pack"))
    if one.division not in city.divisions:
        faults.append(Fault(where=f"{where}.division", what="is no division of the pack"))
    if one.days not in ("daily", "working", "free") and not set(one.days.split("|")) <= set(DAYS):
        faults.append(Fault(where=f"{where}.days", what="daily, working, free or mon|tue|…"))
    if one.offset >= one.cycle:
        faults.append(Fault(where=f"{where}.offset", what=f"lies outside a cycle of {one.cycle}"))
    if "*" in one.phone or "*" in one.name:
        faults.append(Fault(where=where, what="holds masked data: give name and phone in clear"))
    return Shift(
        person=Person(
            name=one.name,
            account=one.account,
            phone=one.phone,
            department=one.department,
            division=one.division,
            post=one.post,
            order=one.order,
            basis=one.basis,
        ),
        days=one.days,
        start=one.start,
        end=one.end,
        cycle=one.cycle,
        offset=one.offset,
    )


@routes(
    "PUT",
    "/api/roster",
    may="roster.write",
    takes=RosterAsked,
    gives=RosterSaid,
    example={
        "shifts": [
            {
                "account": "wang",
                "name": "Wang Wei",
                "department": "fire",
                "division": "0001",
                "post": "duty",
                "start": 480,
                "end": 1200,
            }
        ],
        "reason": "December",
    },
)
def put_roster(ask: Asking, body: Annotated[RosterAsked, Depends(taken(RosterAsked))]) -> Reply:
    """Put another roster in force, whole; plans resolve to it from the next order on. One without
    shifts is refused: it would leave nobody on duty anywhere."""
    hub = ask.hub
    faults: list[Fault] = []
    if not body.shifts:
        faults.append(
            Fault(where="shifts", what="is empty: nobody would be on duty anywhere, send the whole")
        )
    shifts = [_shift(hub.city, one, row, faults) for row, one in enumerate(body.shifts)]
    if faults:
        raise Problem(
            422,
            "invalid",
            "; ".join(f"{one.where} {one.what}" for one in faults[:10]),
            "mend what is named",
            faults=faults[:100],
        )
    given = ask.if_match()

    def write(tx: Transaction) -> None:
        version = tx.connection.execute(sa.select(sa.func.max(roster.c.version))).scalar_one() or 0
        if given is not None and given != version:
            raise changed(version, given)
        tx.connection.execute(
            sa.insert(roster).values(
                version=version + 1,
                at=hub.clock(),
                actor=ask.who.account,
                shifts=msgspec.msgpack.encode(shifts),
            )
        )
        ask.note(tx, "roster.put", str(version + 1), shifts=len(shifts), reason=body.reason)

    hub.records.transact(write)
    staff(hub)
    said = _said(ask)
    return Reply(said, etag=said.version)
