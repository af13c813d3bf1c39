"""Absences and substitutes, and the roster of a week as it will be kept."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

import msgspec
from fastapi import Depends, Query

from tianmu.access.masking import mask, mask_text
from tianmu.city.city import City
from tianmu.city.people.absence import Absence
from tianmu.city.people.roster import Span
from tianmu.city.substitute import Clash, candidates
from tianmu.facts.text import Text
from tianmu.manage.contact.reach import accounts_of
from tianmu.manage.duty import absence
from tianmu.manage.duty.absence import AbsenceRefused, NoAbsence
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Page
from tianmu.web.answer.place import department_name
from tianmu.web.answer.problem import Fault, Problem, not_found
from tianmu.web.api.duty.shifts import KEPT, staff
from tianmu.web.route.route import Ask, Asking, Routes, taken

routes = Routes("shifts")
DAY = 86_400_000_000
PAST = 7 * DAY
"""µs that absences which are over stay in the list"""


class ClashSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps somebody from standing in."""

    why: str
    """``absent``, ``on_post``, ``stands_in``"""
    since: Instant | None
    until: Instant | None
    department: str
    department_name: Text | None
    post: str
    other: str
    """account that they stand in for already"""


class CandidateSaid(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    name: str
    department: str
    department_name: Text | None
    post: str
    by: str
    """why they are proposed: ``post``, ``department``, ``above``"""
    clash: ClashSaid | None
    """null: free"""


class CandidatesSaid(msgspec.Struct, frozen=True, kw_only=True):
    duties: int
    """duties that the absence would leave"""
    items: list[CandidateSaid]


class AbsenceSaid(msgspec.Struct, frozen=True, kw_only=True):
    absence: int
    account: str
    name: str
    since: Instant | None
    until: Instant | None
    substitute: str
    substitute_name: str
    why: str
    at: Instant | None
    actor: str
    actor_name: str
    undone_at: Instant | None
    undone_by: str
    uncovered: int
    """duties of it for which nobody stands there"""


class NewAbsence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    account: str
    since: Instant
    until: Instant
    substitute: str = ""
    why: Annotated[str, msgspec.Meta(max_length=500)]


class DutySaid(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a duty within which the same person stands there."""

    post: str
    division: str
    order: int
    start: Instant | None
    end: Instant | None
    account: str
    """who stands there; empty: nobody"""
    name: str
    planned: str
    """who would by the roster"""
    planned_name: str
    absence: int
    """because of which it is another one, or nobody; 0: none"""
    now: bool


class WeekSaid(msgspec.Struct, frozen=True, kw_only=True):
    department: str
    department_name: Text | None
    days: list[str]
    """the seven days, by the city's calendar"""
    starts: list[Instant]
    """when each of them begins"""
    ends: Instant
    duties: list[DutySaid]
    on_duty: list[str]
    """accounts on duty now, first to call first; empty: nobody"""
    strangers: list[str]
    """those of them that there is no account of: the app cannot call them. Make the accounts, or
    name accounts that there are on the roster"""


def _name(ask: Ask, name: str) -> str:
    return name if ask.may("roster.write") or ask.may("case.note") else mask("name", name)


def _named(ask: Ask, account: str) -> str:
    known = ask.hub.city.roster.person(account)
    return _name(ask, known.name) if known else account


def _clash(ask: Ask, found: Clash | None) -> ClashSaid | None:
    if found is None:
        return None
    return ClashSaid(
        why=found.why,
        since=moment.say(found.since),
        until=moment.say(found.until),
        department=found.department,
        department_name=department_name(ask.hub.city, found.department),
        post=found.post,
        other=found.other,
    )


def _duty(ask: Ask, one: Span, now: int) -> DutySaid:
    planned, person = one.planned, one.person
    return DutySaid(
        post=planned.post,
        division=planned.division,
        order=planned.order,
        start=moment.say(one.start),
        end=moment.say(one.end),
        account=person.account if person else "",
        name=_name(ask, person.name) if person else "",
        planned=planned.account,
        planned_name=_name(ask, planned.name),
        absence=one.absence,
        now=one.start <= now < one.end,
    )


@routes("GET", "/api/roster/week", may="roster.read", gives=WeekSaid)
def get_roster_week(
    ask: Asking,
    department: str = "",
    first: Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = "",
) -> WeekSaid:
    """Seven days of one department's roster as it will be kept, absences and substitutes included;
    from this week's Monday and of the account's own department (or the city's centre) on."""
    hub, now = ask.hub, ask.hub.clock()
    city = hub.city
    department = department or ask.who.department or city.duties.resolve("centre:1", "")
    if department not in city.departments:
        raise not_found("department", department)
    today = city.calendar.local(now).date()
    try:
        begin = date.fromisoformat(first) if first else today - timedelta(days=today.weekday())
        days = [begin + timedelta(days=n) for n in range(8)]
    except (ValueError, OverflowError) as error:
        raise Problem(422, "invalid", f"{first} is no day", "give YYYY-MM-DD") from error
    edges = [city.calendar.instant(day, 0) for day in days]
    if edges[0] < now - KEPT:  # of so long ago the roster in force holds no absences
        away = hub.records.read(lambda connection: absence.standing(connection, edges[0]))
        city = city.staffed(city.shifts, away)
    spans = city.roster.spans(department, edges[0], edges[-1])
    on_duty = [one.account for one in hub.city.roster.on_duty(department, "", now)]
    known = hub.records.read(accounts_of)
    return WeekSaid(
        department=department,
        department_name=department_name(city, department),
        days=[day.isoformat() for day in days[:7]],
        starts=[moment.say(at) for at in edges[:7]],
        ends=moment.say(edges[7]),
        duties=[_duty(ask, one, now) for one in spans],
        on_duty=on_duty,
        strangers=[one for one in on_duty if one not in known],
    )


@routes("GET", "/api/absences", may="roster.read", gives=Page[AbsenceSaid])
def list_absences(ask: Asking) -> Page[AbsenceSaid]:
    """Absences of the last week and of what is to come, newest first. Why somebody is away is
    shown to who writes the roster."""
    since = ask.hub.clock() - PAST
    rows = ask.hub.records.read(lambda connection: absence.listed(connection, since))
    return Page(items=[_said(ask, row) for row in rows])


def _said(ask: Ask, row: dict[str, object]) -> AbsenceSaid:
    one = msgspec.convert({key: row[key] for key in Absence.__struct_fields__}, Absence)
    names = ask.hub.names_of({str(row["actor"])})
    undone = row.get("undone_at", 0)
    assert isinstance(undone, int)
    at = row["at"]
    assert isinstance(at, int)
    roster = ask.hub.city.roster
    left = roster.duties_of(one.account, one.since, one.until) if not undone else []
    return AbsenceSaid(
        absence=one.absence,
        account=one.account,
        name=_named(ask, one.account),
        since=moment.say(one.since),
        until=moment.say(one.until),
        substitute=one.substitute,
        substitute_name=_named(ask, one.substitute) if one.substitute else "",
        why=mask_text(one.why) if ask.may("roster.write") else "",
        at=moment.say(at),
        actor=str(row["actor"]),
        actor_name=names.get(str(row["actor"]), str(row["actor"])),
        undone_at=moment.say(undone),
        undone_by=str(row.get("undone_by", "")),
        uncovered=sum(
            roster.standing(duty.planned, max(duty.start, one.since)) is None for duty in left
        ),
    )


def _times(city: City, since: str, until: str) -> tuple[int, int]:
    found: list[int] = []
    for where, text in (("since", since), ("until", until)):
        try:
            found.append(moment.read(text))
        except (ValueError, OverflowError) as error:
            raise Problem(
                422, "invalid", f"{where}: {error}", "give RFC 3339",
                faults=[Fault(where=f"body.{where}", what=str(error))],
            ) from error  # fmt: skip
    if not found[0] < found[1] or found[1] - found[0] > absence.longest(city):
        days = f"{city.contact.absence.longest_days:g}"
        raise Problem(
            422, "invalid", f"until is not after since, or more than {days} days after it",
            "give the end after the beginning",
        )  # fmt: skip
    return found[0], found[1]


@routes("GET", "/api/absences/substitutes", may="roster.write", gives=CandidatesSaid)
def list_substitutes(ask: Asking, account: str, since: str, until: str) -> CandidatesSaid:
    """Who could stand in for somebody, in the pack's order of substitution; who is not free then,
    with what is in the way, after those who are."""
    city = ask.hub.city
    begin, end = _times(ask.hub.city, since, until)
    if city.roster.person(account) is None:
        raise not_found("person on the roster", account)
    return CandidatesSaid(
        duties=len(city.roster.duties_of(account, begin, end)),
        items=[
            CandidateSaid(
                account=one.person.account,
                name=_name(ask, one.person.name),
                department=one.person.department,
                department_name=department_name(city, one.person.department),
                post=one.person.post,
                by=one.by,
                clash=_clash(ask, one.clash),
            )
            for one in candidates(city, account, begin, end)
        ],
    )


@routes(
    "POST",
    "/api/absences",
    may="roster.write",
    takes=NewAbsence,
    gives=AbsenceSaid,
    status=201,
    example={
        "account": "wang",
        "since": "2026-12-01T00:00:00Z",
        "until": "2026-12-03T00:00:00Z",
        "substitute": "li",
        "why": "training",
    },
)
def record_absence(
    ask: Asking, body: Annotated[NewAbsence, Depends(taken(NewAbsence))]
) -> AbsenceSaid:
    """Record that somebody is away, and who stands in; in force at once. 409 where the substitute
    is absent or on another post at that time."""
    hub = ask.hub
    since, until = _times(ask.hub.city, body.since, body.until)
    if not body.why.strip():
        raise Problem(422, "reason-needed", "an absence needs a reason", "say why in `why`")
    asked = Absence(
        absence=0,
        account=body.account,
        since=since,
        until=until,
        substitute=body.substitute,
        why=body.why.strip(),
    )
    now = hub.clock()

    def write(tx: Transaction) -> Absence:
        made = absence.record(tx, hub.city, asked, ask.who.account, now)
        ask.note(
            tx, absence.RECORD, str(made.absence), account=made.account, substitute=made.substitute,
            since=moment.say(since), until=moment.say(until),
        )  # fmt: skip
        return made

    try:
        made = hub.records.transact(write)
    except AbsenceRefused as error:
        found = error.clash
        when = f" ({moment.say(found.since)} to {moment.say(found.until)})" if found else ""
        raise Problem(409, "absence-refused", f"{error}{when}", error.remedy) from error
    staff(hub)
    row = {**msgspec.structs.asdict(made), "at": now, "actor": ask.who.account}
    return _said(ask, row)


@routes("POST", "/api/absences/{absence}/undo", may="roster.write", gives=AbsenceSaid)
def undo_absence(ask: Asking, absence: int) -> AbsenceSaid:
    """Take an absence back: the roster is kept again as it was written."""
    return _undone(ask, absence)


def _undone(ask: Ask, number: int) -> AbsenceSaid:
    hub, now = ask.hub, ask.hub.clock()

    def write(tx: Transaction) -> None:
        absence.undo(tx, number, ask.who.account, now)
        ask.note(tx, absence.UNDO, str(number))

    try:
        hub.records.transact(write)
    except NoAbsence as error:
        raise not_found("standing absence", str(number)) from error
    staff(hub)
    rows = hub.records.read(lambda connection: absence.listed(connection, 0, 10_000))
    return _said(ask, next(row for row in rows if row["absence"] == number))
