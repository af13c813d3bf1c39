"""Cases: the list, one with its whole story, and the steps a person takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
import sqlalchemy as sa
from fastapi import Depends, File, Form, Query, UploadFile
from starlette.responses import Response

from tianmu.access.masking import mask, mask_text
from tianmu.access.scope import Extent, Principal
from tianmu.city.pack import City
from tianmu.facts.case import CaseEvent
from tianmu.facts.text import Text, say
from tianmu.manage import case_query, case_view
from tianmu.manage import case_table as table
from tianmu.manage.actor import Actor
from tianmu.manage.case_state import CaseState
from tianmu.manage.evidence import LARGEST, Evidence
from tianmu.manage.ledger import decode_state, parties
from tianmu.manage.manage import Conflict, NotFound, Refused
from tianmu.web import moment
from tianmu.web.hub import Hub
from tianmu.web.moment import Instant
from tianmu.web.page import Cursor, Limit, Page, bad_cursor
from tianmu.web.place import PlaceSaid, department_name, division_name, masked
from tianmu.web.problem import Problem, changed, not_found
from tianmu.web.route import Ask, Asking, Reply, Routes, taken

routes = Routes("cases")
CHUNK = 500
T = TypeVar("T")


class CaseSaid(msgspec.Struct, frozen=True, kw_only=True):
    """One real-world problem, however many alarms and reports tell of it."""

    case: str
    number: str
    title: Text
    matter: str
    matter_name: Text | None
    level: str
    stage: str
    queue: str
    """why a person must look (``verify``, ``dispatch``, ``returned``), or empty"""
    owner: str
    owner_name: Text | None
    joint: list[str]
    place: PlaceSaid
    division: str
    division_name: Text | None
    opened_at: Instant | None
    changed_at: Instant | None
    closed_at: Instant | None
    outcome: str
    due: Instant | None
    overdue: bool
    suspended: bool
    signals: int
    worst: int
    """highest priority among its alarms, 0 none"""
    origin: str
    probe: str
    version: int


class LimitSaid(msgspec.Struct, frozen=True, kw_only=True):
    value: float
    unit: str


class EventSaid(msgspec.Struct, frozen=True, kw_only=True):
    sequence: int
    step: str
    stage: str
    at: Instant | None
    actor: str
    actor_name: str
    reason: str
    data: dict[str, Any]
    text: Text


class MemberSaid(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    id: str
    at: Instant | None
    text: Text
    score: float
    reasons: list[Text]
    joined_at: Instant | None
    returned: bool
    device: str
    channel: str
    priority: int
    from_case: str
    """the case it was in before that was merged into this one, or empty"""


class PersonSaid(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    account: str = ""
    phone: str = ""
    post: str = ""


class OrderSaid(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    unit: str
    unit_name: Text | None
    task: Text
    lead: bool
    persons: list[PersonSaid]
    """empty: nobody on duty"""
    state: str
    due: Instant | None
    limit: LimitSaid | None
    remaining: LimitSaid | None
    overdue: bool
    sent_at: Instant | None
    accepted_at: Instant | None
    accepted_by: str
    done_at: Instant | None
    done_by: str
    result: str
    basis: str


class EvidenceSaid(msgspec.Struct, frozen=True, kw_only=True):
    evidence: str
    """SHA-256 of the file"""
    name: str = ""
    media_type: str = ""
    size: int = 0
    at: Instant | None = None
    actor: str = ""
    url: str = ""


class ActionSaid(msgspec.Struct, frozen=True, kw_only=True):
    step: str
    label: Text
    needs: list[str]
    """names of the data it asks for; a trailing ``?`` says it may be left out; ``reason`` first
    where one is mandatory"""
    orders: list[str]
    """the orders it can be taken on"""


class DeadlineSaid(msgspec.Struct, frozen=True, kw_only=True):
    stage: str
    due: Instant | None
    limit: LimitSaid
    remaining: LimitSaid
    basis: str


class CaseWhole(CaseSaid, frozen=True, kw_only=True):
    text: str
    events: list[EventSaid]
    members: list[MemberSaid]
    orders: list[OrderSaid]
    evidence: list[EvidenceSaid]
    actions: list[ActionSaid]
    """what this account may do now"""
    deadlines: list[DeadlineSaid]
    unpublished: list[int]
    """years of its limits whose calendar of holidays is not published yet"""


EXAMPLE = {
    "case": "c17",
    "number": "2026-11-23-0017",
    "title": {"zh": "火警", "en": "Fire alarm"},
    "level": "III",
    "stage": "handle",
    "owner": "fire",
    "due": "2026-11-23T01:12:03.456Z",
    "overdue": False,
    "signals": 3,
    "origin": "seeded",
    "version": 6,
}


def extent(state: CaseState) -> Extent:
    """Where a case stands."""
    return Extent(state.division, tuple(parties(state)), state.probe)


def actor(who: Principal) -> Actor:
    """Who acts, as ``manage`` knows them."""
    return Actor(
        account=who.account,
        roles=who.roles,
        department=who.department,
        division=who.division,
        tier=who.tier,
        probe=who.probe,
    )


def _masked(text: Text) -> Text:
    return {language: mask_text(words) for language, words in text.items()}


def said(hub: Hub, state: CaseState, now: int) -> CaseSaid:
    """A case as lists and push say it."""
    city = hub.city
    matter = city.matters.get(state.matter)
    return CaseSaid(
        case=state.case,
        number=state.number,
        title=_masked(state.title),
        matter=state.matter,
        matter_name=matter.name if matter else None,
        level=state.level,
        stage=state.stage,
        queue=state.queue,
        owner=state.lead,
        owner_name=department_name(city, state.lead),
        joint=list(state.joint),
        place=masked(state.place, city) if state.reports else _open_place(state),
        division=state.division,
        division_name=division_name(city, state.division),
        opened_at=moment.say(state.opened_at),
        changed_at=moment.say(state.changed_at),
        closed_at=None if state.open else moment.say(state.closed_at),
        outcome=state.outcome,
        due=moment.say(state.due),
        overdue=bool(state.open and state.due and state.due < now),
        suspended=bool(state.suspended_at),
        signals=state.signals,
        worst=state.worst,
        origin=str(state.origin),
        probe=state.probe,
        version=state.version,
    )


def _open_place(state: CaseState) -> PlaceSaid:
    place = state.place
    return PlaceSaid(
        longitude=place.longitude,
        latitude=place.latitude,
        precision=place.precision,
        division=place.division,
        address=place.address,
    )


def states(hub: Hub, names: Sequence[str]) -> dict[str, CaseState]:
    """Cases by name, as they now are."""
    serials = [table.serial_of(name) for name in names]

    def read(connection: sa.Connection) -> list[bytes]:
        found: list[bytes] = []
        for start in range(0, len(serials), CHUNK):
            found += connection.execute(
                sa.select(table.case.c.state).where(
                    table.case.c.serial.in_(serials[start : start + CHUNK])
                )
            ).scalars()
        return found

    return {state.case: state for state in map(decode_state, hub.records.read(read))}


def items(hub: Hub, names: Sequence[str]) -> dict[str, tuple[CaseSaid, Extent]]:
    """Cases by name, as push says them, each with where it stands."""
    now = hub.clock()
    return {
        name: (said(hub, state, now), extent(state)) for name, state in states(hub, names).items()
    }


def cases_of(hub: Hub, kind: str, ids: Sequence[str]) -> dict[str, str]:
    """The cases that hold signals: id of the alarm or report → case."""
    if not ids:
        return {}
    return hub.records.read(lambda connection: case_query.case_of(connection, kind, list(ids)))


@routes(
    "GET",
    "/api/cases",
    may="case.read",
    gives=Page[CaseSaid],
    given={"items": [EXAMPLE], "next": None, "total": 1},
)
def list_cases(
    ask: Asking,
    open: bool | None = None,
    stage: str = "",
    level: str = "",
    department: str = "",
    division: str = "",
    matter: str = "",
    queue: str = "",
    overdue: bool | None = None,
    probe: str = "",
    q: Annotated[str, Query(max_length=100)] = "",
    sort: Annotated[str, Query(pattern="^(due|opened|level)$")] = "due",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[CaseSaid]:
    """Cases in the account's scope: by what is due first, newest first, or gravest first."""
    hub, now, scope = ask.hub, ask.hub.clock(), ask.who.scope
    question = case_query.Query(
        stage=stage,
        level=level,
        department=department,
        divisions=hub.below(division) if division else None,
        matter=matter,
        queue=queue,
        open=open,
        overdue=overdue,
        q=q,
        probe=probe,
        sort=sort,
        cursor=cursor or "",
        limit=limit,
    )

    def find(connection: sa.Connection) -> tuple[case_query.Page, int | None]:
        found = case_query.cases(connection, question, now, scope)
        total = case_query.count(connection, question, now, scope) if not cursor else None
        return found, total

    try:
        found, total = hub.records.read(find)
    except ValueError as error:
        raise bad_cursor() from error
    return Page(
        items=[said(hub, state, now) for state in found.items], next=found.next, total=total
    )


def one(ask: Ask, name: str) -> CaseState:
    """The case, if it is in the account's scope; else 404."""
    found = ask.hub.records.read(
        lambda connection: case_query.read(connection, name, ask.who.scope)
    )
    if found is None:
        raise not_found("case", name)
    return found


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {str(key): _cleaned(one) for key, one in value.items() if key != "persons"}
    if isinstance(value, list | tuple):
        return [_cleaned(one) for one in value]
    return value


def _event(event: CaseEvent, names: dict[str, str], city: City) -> EventSaid:
    return EventSaid(
        sequence=event.sequence,
        step=event.step,
        stage=event.stage,
        at=moment.say(event.at),
        actor=event.actor,
        actor_name=names.get(event.actor, event.actor),
        reason=mask_text(event.reason),
        data=_cleaned(event.data),
        text=_masked(case_view.told(event, city)),
    )


def _remaining(city: City, due: int, now: int, unit: str) -> LimitSaid:
    return LimitSaid(value=round(city.calendar.remaining(due, now, unit), 2), unit=unit)


def _orders(ask: Ask, state: CaseState, now: int) -> list[OrderSaid]:
    city = ask.hub.city
    clear = ask.may("case.command") or ask.may("case.handle")
    found = []
    for order in state.orders:
        clock = state.clock(f"handle:{order.order}") or state.clock(f"accept:{order.order}")
        running = order.state in ("sent", "accepted", "handling")
        found.append(
            OrderSaid(
                order=order.order,
                unit=order.unit,
                unit_name=department_name(city, order.unit),
                task=_masked(order.task),
                lead=order.lead,
                persons=[
                    PersonSaid(
                        name=person.get("name", "")
                        if clear
                        else mask("name", person.get("name", "")),
                        account=person.get("account", ""),
                        phone=mask("phone", person.get("phone", "")),
                        post=person.get("post", ""),
                    )
                    for person in order.persons
                ],
                state=order.state,
                due=moment.say(order.due),
                limit=LimitSaid(value=clock.value, unit=clock.unit) if clock else None,
                remaining=_remaining(city, clock.due, now, clock.unit)
                if clock and running
                else None,
                overdue=bool(running and order.due and order.due < now),
                sent_at=moment.say(order.sent_at),
                accepted_at=moment.say(order.accepted_at),
                accepted_by=order.accepted_by,
                done_at=moment.say(order.done_at),
                done_by=order.done_by,
                result=mask_text(order.result),
                basis=order.basis,
            )
        )
    return found


def _members(rows: list[dict[str, Any]], city: City) -> list[MemberSaid]:
    found = []
    for row in rows:
        signal = row["told"]
        words = signal.get("title") or dict.fromkeys(city.languages, signal.get("text", ""))
        found.append(
            MemberSaid(
                kind=signal["kind"],
                id=signal["id"],
                at=moment.say(signal["at"]),
                text=_masked(words),
                device=signal.get("device", ""),
                channel=signal.get("channel", ""),
                priority=signal.get("priority", 0),
                score=round(row["score"], 3),
                reasons=list(row["reasons"]),
                joined_at=moment.say(row["joined_at"]),
                returned=bool(row["returned"]),
                from_case=signal.get("from", ""),
            )
        )
    return found


def whole(ask: Ask, state: CaseState) -> CaseWhole:
    """A case with its whole story, as this account may see it."""
    hub, city, now = ask.hub, ask.hub.city, ask.hub.clock()

    def read(
        connection: sa.Connection,
    ) -> tuple[list[CaseEvent], list[dict[str, Any]], list[dict[str, Any]]]:
        return (
            case_query.events_of(connection, hub.manage.journal, state.case),
            case_query.members_of(connection, state.case),
            case_query.evidence_of(connection, state.case),
        )

    events, members, evidence = hub.records.read(read)
    names = hub.names_of({event.actor for event in events})
    item = said(hub, state, now)
    return CaseWhole(
        **{name: getattr(item, name) for name in item.__struct_fields__},
        text=mask_text(state.text),
        events=[_event(event, names, city) for event in events],
        members=_members(members, city),
        orders=_orders(ask, state, now),
        evidence=[
            EvidenceSaid(
                evidence=str(row.get("digest", "")),
                name=str(row.get("name", "")),
                media_type=str(row.get("media_type", "")),
                size=int(row.get("size", 0)),
                at=moment.say(row["at"]),
                actor=str(row.get("actor", "")),
                url=f"/api/cases/{state.case}/evidence/{row.get('digest', '')}",
            )
            for row in evidence
        ],
        actions=[ActionSaid(**found) for found in case_view.actions(state, city, actor(ask.who))],
        deadlines=[
            DeadlineSaid(
                stage=clock.name,
                due=moment.say(clock.due),
                limit=LimitSaid(value=clock.value, unit=clock.unit),
                remaining=_remaining(city, clock.due, now, clock.unit),
                basis=clock.basis,
            )
            for clock in state.clocks
        ],
        unpublished=city.calendar.unpublished(now, state.due) if state.due else [],
    )


@routes("GET", "/api/cases/{case}", may="case.read", gives=CaseWhole)
def get_case(ask: Asking, case: str) -> Reply:
    """One case: events, members with why they belong to it, orders, evidence, what may be done."""
    state = one(ask, case)
    return Reply(whole(ask, state), etag=state.version)


# -- what a person does -------------------------------------------------------------------------


class StepTaken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    data: dict[str, Any] = {}


class MergeAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    into: str
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=2000)]


class SplitAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    members: Annotated[list[str], msgspec.Meta(min_length=1, max_length=500)]
    """``alarm:<id>``, ``report:<id>``"""
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=2000)]


class SplitDone(msgspec.Struct, frozen=True, kw_only=True):
    case: CaseSaid
    other: CaseSaid
    """the case that holds the signals now"""


_STATUS = {"permission": 403, "department": 403, "own_work": 403, "probe": 403, "reason": 422}
_STATUS |= {"data": 422, "unknown_step": 404}


def _carry_out(ask: Ask, verb: str, name: str, do: Callable[[], T], **detail: Any) -> T:
    """Do what ``manage`` does, and write down that it was done or refused."""
    try:
        result = do()
    except Refused as error:
        found = error.refusal
        ask.refused(verb, name, why=found.what, **detail)
        language = ask.who.language
        raise Problem(
            _STATUS.get(found.what, 409),
            f"case-{found.what}",
            say(found.why, language),
            say(found.remedy, language),
        ) from error
    except Conflict as error:
        raise changed(error.state.version, error.expected) from error
    except NotFound as error:
        raise not_found("case", name) from error
    ask.hub.records.write(lambda tx: ask.note(tx, verb, name, **detail))
    return result


@routes(
    "POST",
    "/api/cases/{case}/steps/{step}",
    may="case.read",
    takes=StepTaken,
    gives=CaseWhole,
    example={"reason": "fire is out", "data": {"result": "extinguished, two rooms damaged"}},
)
def take_case_step(
    ask: Asking, case: str, step: str, body: Annotated[StepTaken, Depends(taken(StepTaken))]
) -> Reply:
    """Take a step on a case: which ones, and what they need, stands in its `actions`.

    Each step has a permission of its own (`case.command`, `case.handle`, `case.check`,
    `case.note`, `report.write`), which `manage` holds against the account together with the
    case's stage, its orders and who did what before.
    """
    one(ask, case)
    state = _carry_out(
        ask,
        f"case.{step}",
        case,
        lambda: ask.hub.manage.command(
            case, step, actor(ask.who), ask.if_match(), body.reason, body.data
        ),
        reason=body.reason,
    )
    return Reply(whole(ask, state), etag=state.version)


@routes(
    "POST",
    "/api/cases/{case}/merge",
    may="case.merge",
    takes=MergeAsked,
    gives=CaseWhole,
    example={"into": "c12", "reason": "the same burst pipe"},
)
def merge_case(
    ask: Asking, case: str, body: Annotated[MergeAsked, Depends(taken(MergeAsked))]
) -> Reply:
    """Put a case into another one by hand; the answer is the other one."""
    one(ask, case)
    one(ask, body.into)
    state = _carry_out(
        ask,
        "case.merge",
        case,
        lambda: ask.hub.manage.merge(case, body.into, actor(ask.who), body.reason, ask.if_match()),
        into=body.into,
        reason=body.reason,
    )
    return Reply(whole(ask, state), etag=state.version)


@routes(
    "POST",
    "/api/cases/{case}/split",
    may="case.merge",
    takes=SplitAsked,
    gives=SplitDone,
    example={"members": ["report:5f2c"], "reason": "another lamp, two streets on"},
)
def split_case(
    ask: Asking, case: str, body: Annotated[SplitAsked, Depends(taken(SplitAsked))]
) -> SplitDone:
    """Take signals out of a case; the machine never puts them together again."""
    one(ask, case)
    first, second = _carry_out(
        ask,
        "case.split",
        case,
        lambda: ask.hub.manage.split(
            case, body.members, actor(ask.who), body.reason, ask.if_match()
        ),
        members=body.members,
        reason=body.reason,
    )
    now = ask.hub.clock()
    return SplitDone(case=said(ask.hub, first, now), other=said(ask.hub, second, now))


@routes("POST", "/api/cases/{case}/evidence", may="case.read", gives=EvidenceSaid, status=201)
async def attach_evidence(
    ask: Asking,
    case: str,
    file: Annotated[UploadFile, File(description="photo, video, voice or document")],
    role: Annotated[str, Form(description="near, far, reference, handle_before, …")] = "other",
    order: Annotated[str, Form()] = "",
) -> EvidenceSaid:
    """Attach a file to a case; kept by its SHA-256. Needs `case.handle`, `case.check`,
    `case.command` or `report.write`."""
    if not any(map(ask.may, ("case.handle", "case.check", "case.command", "report.write"))):
        raise Problem(403, "forbidden", "this account attaches no evidence", "ask who handles it")
    content = await file.read(LARGEST + 1)
    told = Evidence(
        name=file.filename or "file",
        media_type=file.content_type or "",
        role=role,
        order=order,
    )

    def keep() -> dict[str, Any]:
        one(ask, case)
        try:
            return _carry_out(
                ask,
                "case.evidence",
                case,
                lambda: ask.hub.manage.attach(case, told, content, actor(ask.who)),
            )
        except ValueError as error:
            raise Problem(422, "bad-file", str(error), "choose another file") from error

    kept = await asyncio.to_thread(keep)
    return EvidenceSaid(
        evidence=kept["digest"],
        name=kept["name"],
        media_type=kept["media_type"],
        size=kept["size"],
        at=moment.say(ask.hub.clock()),
        actor=ask.who.account,
        url=f"/api/cases/{case}/evidence/{kept['digest']}",
    )


@routes(
    "GET",
    "/api/cases/{case}/evidence/{digest}",
    may="case.read",
    media="application/octet-stream",
)
def get_evidence(ask: Asking, case: str, digest: str) -> Response:
    """A file of a case. It may show persons: that it was looked at is kept in the trail."""
    state = one(ask, case)
    known = ask.hub.records.read(lambda c: case_query.evidence_of(c, state.case))
    found = next((told for told in known if told.get("digest") == digest), None)
    if found is None:
        raise not_found("evidence", digest)
    content = ask.hub.manage.evidence.read(digest)
    ask.hub.records.transact(lambda tx: ask.note(tx, "evidence.read", digest, case=case))
    return Response(
        content,
        media_type=found["media_type"],
        headers={
            "Cache-Control": "private, max-age=3600",
            "Content-Disposition": "inline",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )
