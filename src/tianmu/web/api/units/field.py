"""What a phone in the field takes along, and what it sends back from where there was no line."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
import sqlalchemy as sa
from fastapi import Depends

from tianmu.access.lasting import ends_at
from tianmu.access.masking import mask
from tianmu.facts.text import Text
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept import query as case_query
from tianmu.manage.kept.deed_key import OtherDeed
from tianmu.manage.steps.lifecycle import parents
from tianmu.manage.steps.step import calls_for, covers
from tianmu.manage.units import patrol
from tianmu.store.records import Transaction
from tianmu.web.answer import moment, page
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Cursor, Limit, Page
from tianmu.web.answer.problem import Fault, Problem
from tianmu.web.api.cases.cases import actor, cases_of
from tianmu.web.api.cases.evidence import EvidenceSaid
from tianmu.web.api.cases.steps import FORM, Upload, attached, uploaded
from tianmu.web.api.cases.whole import CaseWhole, whole
from tianmu.web.api.reports.reports import one_report, own, waiting
from tianmu.web.route.deed import deed_of, reused
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken
from tianmu.web.sight import exposure

routes = Routes("field")
LOOKED_THROUGH = 500
"""open cases of the account's scope, nearest limit first, that its own are looked for in"""
MOST = 60
"""cases a phone takes along"""
EVENTS = 12
"""last events of each that it takes along"""
STEPS = 20_000
"""places of one walk"""


class FieldItem(msgspec.Struct, frozen=True, kw_only=True):
    case: CaseWhole
    """its last events only, nobody's name or number in clear"""
    why: str
    """``order`` (an open order of this account), ``call`` (its department is waited for at the
    place), ``check`` (it may verify or check it there)"""
    mine: list[str]
    """the orders that this account may act on"""


class PatrolPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A place to look at on a patrol."""

    point: str
    name: Text
    kind: str
    longitude: float
    latitude: float


class FieldWork(msgspec.Struct, frozen=True, kw_only=True):
    """All that a phone needs to work on without a line."""

    account: str
    at: Instant
    lock_at: Instant | None
    """when the session ends: what was taken along is locked from then on"""
    items: list[FieldItem]
    more: int
    """cases that were left out, the least urgent ones"""
    points: list[PatrolPoint]


def _why(ask: Ask, state: CaseState, above: dict[str, str]) -> tuple[str, list[str]]:
    who = actor(ask.who)
    if ask.may("case.handle"):
        mine = [one.order for one in state.open_orders if covers(who, one, above)]
        if mine:
            return "order", mine
        calls = [] if ask.may("case.whistle") else calls_for(state, who, above)
        if calls:
            return "call", []
    if ask.may("case.check") and state.stage in ("verify", "feed_back"):
        return "check", []
    return "", []


def _item(ask: Ask, state: CaseState, why: str, mine: list[str]) -> FieldItem:
    held = whole(ask, state)
    orders = [
        msgspec.structs.replace(
            order,
            persons=[
                msgspec.structs.replace(person, name=mask("name", person.name))
                for person in order.persons
            ],
        )
        for order in held.orders
    ]
    light = msgspec.structs.replace(
        held, events=held.events[-EVENTS:], members=held.members[:EVENTS], orders=orders
    )
    return FieldItem(case=light, why=why, mine=mine)


def _points(ask: Ask) -> list[PatrolPoint]:
    """The pack's sensitive places in the account's division."""
    city, scope = ask.hub.city, ask.who.scope
    found = []
    for number, one in enumerate(city.sensitive.given):
        within = scope.divisions
        if (
            within is not None
            and city.places.division_at(one.longitude, one.latitude) not in within
        ):
            continue
        found.append(
            PatrolPoint(
                point=f"{one.label}/{number}",
                name=one.name,
                kind=one.label,
                longitude=one.longitude,
                latitude=one.latitude,
            )
        )
    return found


@routes("GET", "/api/field/work", may="case.read", gives=FieldWork)
def get_field_work(ask: Asking) -> FieldWork:
    """What this account has to do in the field, whole, to be worked on without a line: its orders,
    calls to a place, cases to look at on the spot; personal data masked."""
    hub, now = ask.hub, ask.hub.clock()
    question = case_query.Query(open=True, probe=ask.who.probe, limit=LOOKED_THROUGH)
    states = hub.records.read(
        lambda connection: case_query.cases(connection, question, now, ask.who.scope).items
    )
    above = parents(hub.city)
    wanted = [(state, *found) for state in states if (found := _why(ask, state, above))[0]]
    rank = {"order": 0, "call": 1, "check": 2}
    wanted.sort(key=lambda one: rank[one[1]])
    exposure.all_viewed(ask, [state.case for state, *_ in wanted[:MOST]])
    return FieldWork(
        account=ask.who.account,
        at=moment.say(now),
        lock_at=moment.say(hub.records.read(lambda c: ends_at(c, ask.who.session))),
        items=[_item(ask, *one) for one in wanted[:MOST]],
        more=max(0, len(wanted) - MOST),
        points=_points(ask),
    )


@routes(
    "POST",
    "/api/reports/{report}/evidence",
    may="report.write",
    form=FORM,
    gives=EvidenceSaid,
    status=201,
)
async def attach_to_report(
    ask: Asking, report: str, upload: Annotated[Upload, Depends(uploaded)]
) -> Reply:
    """Attach a file to the case that holds a report; whoever told of it may, wherever it is. 503
    with `Retry-After` for the moment until a report that was just taken is in one."""

    def case() -> tuple[str, bool]:
        told = one_report(ask, report)
        found = cases_of(ask.hub, "report", [report]).get(report)
        if found is None:
            raise waiting(report)
        return found, own(ask, told)

    found, mine = await asyncio.to_thread(case)
    return await attached(ask, found, upload, own=mine)


class LookedTold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    point: Annotated[str, msgspec.Meta(max_length=100)]
    at: Instant
    good: bool
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""


class WalkTold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    started_at: Instant
    ended_at: Instant
    steps: Annotated[list[tuple[float, float, float, float]], msgspec.Meta(max_length=STEPS)] = []
    """each: seconds since the start, longitude, latitude, precision in metres (0: unknown)"""
    looked: Annotated[list[LookedTold], msgspec.Meta(max_length=1000)] = []


class WalkKept(msgspec.Struct, frozen=True, kw_only=True):
    patrol: str
    account: str
    division: str
    started_at: Instant
    ended_at: Instant
    received_at: Instant
    metres: float
    clock_ahead_s: float
    """seconds that the phone's clock was ahead: its times were taken back by them"""
    looked: int
    wrong: int
    """points that were not as they should be"""


EXAMPLE = {
    "started_at": "2026-11-23T01:00:00.000Z",
    "ended_at": "2026-11-23T01:20:00.000Z",
    "steps": [[0, 119.48, 31.43, 8], [600, 119.482, 31.431, 8]],
    "looked": [{"point": "school/3", "at": "2026-11-23T01:10:00.000Z", "good": True}],
}


def _walk_said(walk: patrol.Walk) -> WalkKept:
    return WalkKept(
        patrol=walk.key,
        account=walk.account,
        division=walk.division,
        started_at=moment.say(walk.started_at),
        ended_at=moment.say(walk.ended_at),
        received_at=moment.say(walk.received_at),
        metres=round(walk.metres, 1),
        clock_ahead_s=walk.clock_ahead / 1e6,
        looked=len(walk.looked),
        wrong=sum(not one.good for one in walk.looked),
    )


def _walk(ask: Ask, told: WalkTold, key: str) -> patrol.Walk:
    try:
        started = moment.read(told.started_at)
        walk = patrol.Walk(
            key=key,
            account=ask.who.account,
            division=ask.who.division or ask.hub.city.root.code,
            started_at=started,
            ended_at=moment.read(told.ended_at),
            steps=tuple(
                patrol.Step(started + round(seconds * 1e6), longitude, latitude, precision)
                for seconds, longitude, latitude, precision in told.steps
            ),
            looked=tuple(
                patrol.Looked(point=one.point, at=moment.read(one.at), good=one.good, note=one.note)
                for one in told.looked
            ),
        )
    except ValueError as error:
        raise _bad_walk(str(error)) from error
    if not patrol.in_order(walk):
        raise _bad_walk("its steps do not go forward in time from start to end, over real places")
    return walk


def _bad_walk(what: str) -> Problem:
    return Problem(
        422, "invalid", what, "mend what is named", faults=[Fault(where="body", what=what)]
    )


@routes(
    "POST",
    "/api/patrols",
    may="patrol.write",
    takes=WalkTold,
    gives=WalkKept,
    status=201,
    example=EXAMPLE,
)
def take_patrol(ask: Asking, body: Annotated[WalkTold, Depends(taken(WalkTold))]) -> WalkKept:
    """A walk that is over. Needs an `Idempotency-Key`: the same walk counts once."""
    key = deed_of(ask).key
    if not key:
        raise Problem(400, "bad-key", "a walk needs an Idempotency-Key", "send one with it")
    told = _walk(ask, body, key)

    def write(tx: Transaction) -> patrol.Walk:
        days = ask.hub.city.retention.patrol_days
        walk, again = patrol.keep(tx.connection, told, ask.hub.clock(), days)
        if not again:
            ask.note(tx, "patrol.take", key, metres=round(walk.metres))
        return walk

    try:
        return _walk_said(ask.hub.records.transact(write))
    except OtherDeed as error:
        raise reused(error) from error


@routes("GET", "/api/patrols", may="patrol.read", gives=Page[WalkKept])
def list_patrols(ask: Asking, cursor: Cursor = None, limit: Limit = 100) -> Page[WalkKept]:
    """Walks in the account's scope, the newest first, without where exactly they went."""
    key = page.read(cursor, int, str)
    before = (key[0], key[1]) if key else None

    def find(connection: sa.Connection) -> list[patrol.Walk]:
        return patrol.listed(connection, ask.who.scope.divisions, before, limit + 1)

    found = ask.hub.records.read(find)
    last = found[limit - 1] if len(found) > limit else None
    return Page(
        items=[_walk_said(one) for one in found[:limit]],
        next=page.write(last.started_at, last.key) if last else None,
    )
