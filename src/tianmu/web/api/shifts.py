"""Shifts: the roster, and the hand-over from one officer to the next."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import Depends

from tianmu.access.masking import mask, mask_text
from tianmu.city.pack import City
from tianmu.city.roster import DAYS, Person, Shift
from tianmu.facts.deed import Deed
from tianmu.manage.handover import HandoverRefused
from tianmu.prevent import alarm_table
from tianmu.store.records import Records, Transaction
from tianmu.web import moment
from tianmu.web.allowance import Allowance
from tianmu.web.api.alarms import Within
from tianmu.web.api.cases import actor
from tianmu.web.hub import Hub
from tianmu.web.moment import Instant
from tianmu.web.page import Page
from tianmu.web.problem import Fault, Problem, changed
from tianmu.web.route import Ask, Asking, Reply, Routes, taken

routes = Routes("shifts")
metadata = sa.MetaData()

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


class HandoverSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A shift handed from one to another; both signed, in a log chained by hash."""

    handover: str
    at: Instant | None
    post: str
    from_: str = msgspec.field(name="from")
    from_name: str
    to: str
    to_name: str
    text: str
    signed_at: Instant | None
    """when it was taken over; null: not yet"""
    signed_by: str | None
    digest: str
    taken_digest: str
    open_cases: int
    active_alarms: int
    cases: list[dict[str, Any]]


class NewHandover(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    to: str
    text: Annotated[str, msgspec.Meta(max_length=4000)]
    post: str = "duty"


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


def with_roster(city: City, shifts: list[Shift]) -> City:
    """The same city with other shifts."""
    return replace(city, shifts=tuple(shifts))


def bring(hub: Hub) -> None:
    """Put the city's own roster in force when hub starts."""
    hub.records.create(metadata)
    found = stored(hub.records)
    if found is not None:
        use(hub, with_roster(hub.city, found[2]))


def use(hub: Hub, city: City) -> None:
    """Another city (pack or roster) is in force in hub from now on."""
    hub.city, hub.allowance = city, Allowance.of(city.asking)
    hub.manage.set_city(city)


def _said(ask: Ask) -> RosterSaid:
    hub = ask.hub
    clear = ask.may("roster.write")
    found = stored(hub.records)
    now = hub.clock()
    city = hub.city
    duty: list[OnDuty] = []
    seen: set[tuple[str, str, str]] = set()
    when = city.calendar.local(now)
    for shift in city.shifts:
        person = shift.person
        key = (person.department, person.post, person.account)
        if key in seen or not shift.covers(when, city.calendar):
            continue
        seen.add(key)
        duty.append(
            OnDuty(
                department=person.department,
                division=person.division,
                post=person.post,
                account=person.account,
                name=person.name if clear or ask.may("case.note") else mask("name", person.name),
                order=person.order,
            )
        )
    return RosterSaid(
        version=found[0] if found else 0,
        at=moment.say(found[1]) if found else None,
        shifts=[
            ShiftSaid(
                account=shift.person.account,
                name=shift.person.name
                if clear or ask.may("case.note")
                else mask("name", shift.person.name),
                department=shift.person.department,
                division=shift.person.division,
                post=shift.person.post,
                phone=shift.person.phone if clear else mask("phone", shift.person.phone),
                order=shift.person.order,
                days=shift.days,
                start=shift.start,
                end=shift.end,
                cycle=shift.cycle,
                offset=shift.offset,
                basis=shift.person.basis,
            )
            for shift in city.shifts
        ],
        on_duty=sorted(duty, key=lambda one: (one.department, one.post, one.order)),
    )


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
    """Put another roster in force, whole; plans resolve to it from the next order on."""
    hub = ask.hub
    faults: list[Fault] = []
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
    use(hub, with_roster(hub.city, shifts))
    said = _said(ask)
    return Reply(said, etag=said.version)


def _handover(hub: Hub, row: dict[str, Any]) -> HandoverSaid:
    names = hub.names_of({row["from_account"], row["to_account"]})
    held = row["open"]
    return HandoverSaid(
        handover=str(row["number"]),
        at=moment.say(row["at"]),
        post=row["post"],
        from_=row["from_account"],
        from_name=names.get(row["from_account"], row["from_account"]),
        to=row["to_account"],
        to_name=names.get(row["to_account"], row["to_account"]),
        text=mask_text(row["text"]),
        signed_at=moment.say(row["taken_at"]),
        signed_by=row["to_account"] if row["taken_at"] else None,
        digest=row["digest"],
        taken_digest=row["taken_digest"],
        open_cases=int(held.get("count", 0)),
        active_alarms=int(held.get("alarms", 0)),
        cases=[{**one, "due": moment.say(one.get("due"))} for one in held.get("cases", [])],
    )


@routes("GET", "/api/handovers", may="handover.read", gives=Page[HandoverSaid])
def list_handovers(ask: Asking, limit: int = 50) -> Page[HandoverSaid]:
    """Hand-overs of shifts, newest first."""
    rows = ask.hub.manage.handovers(min(max(limit, 1), 500))
    return Page(items=[_handover(ask.hub, row) for row in rows])


def _tell(ask: Ask, verb: str, said: HandoverSaid) -> None:
    """The deed by which push tells of it."""
    hub = ask.hub
    deed = Deed(
        deed=uuid.uuid4().hex,
        verb=verb,
        object=said.handover,
        actor=ask.who.account,
        at=hub.clock(),
        data={"item": msgspec.to_builtins(said)},
    )

    def write(tx: Transaction) -> None:
        ask.note(tx, verb, said.handover, digest=said.digest)
        hub.deed(tx, deed)

    hub.records.transact(write)


@routes(
    "POST",
    "/api/handovers",
    may="handover.write",
    takes=NewHandover,
    gives=HandoverSaid,
    status=201,
    example={"to": "li", "text": "Two fires under control; the pump at Daitou is out."},
)
def hand_over(
    ask: Asking, body: Annotated[NewHandover, Depends(taken(NewHandover))]
) -> HandoverSaid:
    """Hand the shift over with what is open now; signed by whoever hands over."""
    if body.to not in ask.hub.names_of({body.to}):
        raise Problem(422, "invalid", f"there is no account {body.to!r}", "name who takes over")
    scope = ask.who.scope
    within = Within(within=scope, probe=bool(scope.probe))
    alarms: int = ask.hub.ask("watch", lambda c: alarm_table.counts(c, within).active, 0)
    try:
        row = ask.hub.manage.hand_over(body.post, body.to, body.text, actor(ask.who), alarms)
    except HandoverRefused as error:
        raise Problem(409, "handover-refused", str(error), "see GET /api/handovers") from error
    said = _handover(ask.hub, row)
    _tell(ask, "handover.give", said)
    return said


@routes("POST", "/api/handovers/{handover}/take", may="handover.write", gives=HandoverSaid)
def take_over(ask: Asking, handover: int) -> HandoverSaid:
    """Take over the shift that was handed to this account; signed by whoever takes it."""
    try:
        row = ask.hub.manage.take_over(handover, actor(ask.who))
    except HandoverRefused as error:
        raise Problem(409, "handover-refused", str(error), "see GET /api/handovers") from error
    said = _handover(ask.hub, row)
    _tell(ask, "handover.take", said)
    return said
