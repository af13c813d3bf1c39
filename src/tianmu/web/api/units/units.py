"""Units: where they are and what they do, told by them, and who is proposed for which case."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Depends

from tianmu.access.scope import Extent, covers
from tianmu.facts.text import Text
from tianmu.facts.unit import STATUSES, UnitTold
from tianmu.manage.units import proposal, unit
from tianmu.manage.units.unit import Standing, Untellable
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Page
from tianmu.web.answer.place import department_name, division_name
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.cases.cases import extent as case_extent
from tianmu.web.api.cases.cases import one
from tianmu.web.hub import Hub
from tianmu.web.present import sending
from tianmu.web.route.route import Ask, Asking, Routes, taken

routes = Routes("units")
MOST = 9
"""units proposed for one case: each has a key"""


class UnitSaid(msgspec.Struct, frozen=True, kw_only=True):
    unit: str
    name: Text
    kind: str
    kind_name: Text | None
    sort: str
    """`person`, `vehicle`, `drone` or `desk`"""
    department: str
    department_name: Text | None
    division: str
    division_name: Text | None
    skills: list[Text]
    status: str
    """`free`, `en_route`, `on_site`, `busy` or `off_duty`: as told, or off duty by its shift"""
    status_at: Instant | None
    """when it was told, null: never"""
    longitude: float | None
    latitude: float | None
    precision_m: float
    placed_by: str
    """`told` (its last place), `base` (none was told of late), `none`"""
    placed_at: Instant | None
    age_s: int | None
    """since its place was told"""
    stale: bool
    """its last place is older than the pack allows for its kind"""
    load: int
    """open orders that name it"""
    capacity: int
    available: bool
    persons: int
    """on duty at its department for its division"""
    basis: str
    version: int


class Placed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    precision_m: Annotated[float, msgspec.Meta(ge=0, le=100_000)] = 0.0
    at: Instant | None = None
    """when it was there; null: now"""
    status: str = ""
    """may be told along"""


class StatusTold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    status: str
    """`free`, `en_route`, `on_site`, `busy`, `off_duty`"""
    at: Instant | None = None


class ProposalSaid(msgspec.Struct, frozen=True, kw_only=True):
    unit: UnitSaid
    seconds: float
    """until it could be there"""
    arrives_at: Instant | None
    by: str
    """`streets`, `line` (straight, with the pack's detour: no street is known), `air`, `desk`"""
    minutes: float
    """by which it is ranked: the arrival with what else counts"""
    chosen: bool
    """one of those the assignment of all cases gives to this one"""
    other: str
    """the case it is given to instead, where you may see that one"""
    reasons: list[Text]


class CaseProposals(msgspec.Struct, frozen=True, kw_only=True):
    case: str
    skills: list[Text]
    """that the matter needs"""
    asks: int
    """units that the level still asks for"""
    items: list[ProposalSaid]
    none: Text | None
    """why nobody is proposed"""
    at: Instant | None


class Given(msgspec.Struct, frozen=True, kw_only=True):
    case: str
    number: str
    level: str
    asks: int
    units: list[str]


class GivenList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Given]
    at: Instant | None


def extent(of: Standing) -> Extent:
    """Where a unit stands."""
    return Extent(of.unit.division, (of.unit.department,))


def said(hub: Hub, of: Standing, now: int) -> UnitSaid:
    """A unit as the API and push say it."""
    city, kind = hub.city, of.kind
    age = of.age(now)
    return UnitSaid(
        unit=of.unit.code,
        name=of.unit.name,
        kind=of.unit.kind,
        kind_name=kind.name if kind else None,
        sort=kind.sort if kind else "vehicle",
        department=of.unit.department,
        department_name=department_name(city, of.unit.department),
        division=of.unit.division,
        division_name=division_name(city, of.unit.division),
        skills=[city.sending.skills[skill].name for skill in kind.skills] if kind else [],
        status=of.status,
        status_at=moment.say(of.last.status_at),
        longitude=of.longitude,
        latitude=of.latitude,
        precision_m=of.last.precision_m if of.source == "told" else 0.0,
        placed_by=of.source,
        placed_at=moment.say(of.last.placed_at),
        age_s=None if age is None else max(0, age // 1_000_000),
        stale=of.stale,
        load=of.load,
        capacity=of.capacity,
        available=of.available,
        persons=len(unit.persons(city, of.unit, now)),
        basis=of.unit.basis,
        version=of.last.version,
    )


def _one(ask: Ask, code: str) -> Standing:
    found = next((of for of in sending.standings(ask.hub) if of.unit.code == code), None)
    if found is None or not covers(ask.who.scope, extent(found)):
        raise not_found("unit", code)
    return found


@routes("GET", "/api/units", may="unit.read", gives=Page[UnitSaid])
def list_units(
    ask: Asking, status: str = "", kind: str = "", department: str = ""
) -> Page[UnitSaid]:
    """Every unit in the account's scope as it stands now."""
    hub, now = ask.hub, ask.hub.clock()
    if status and status not in STATUSES:
        raise Problem(
            422, "invalid", f"{status!r} is no status", f"use one of {', '.join(STATUSES)}"
        )
    found = [
        said(hub, of, now)
        for of in sending.standings(hub)
        if covers(ask.who.scope, extent(of))
        and (not status or of.status == status)
        and (not kind or of.unit.kind == kind)
        and (not department or of.unit.department == department)
    ]
    return Page(items=found, total=len(found))


@routes("GET", "/api/units/{unit}", may="unit.read", gives=UnitSaid)
def get_unit(ask: Asking, unit: str) -> UnitSaid:
    """One unit as it stands now."""
    return said(ask.hub, _one(ask, unit), ask.hub.clock())


def _when(text: str | None, now: int) -> int:
    if text is None:
        return now
    try:
        return moment.read(text)
    except ValueError as error:
        raise Problem(422, "invalid", f"body.at: {error}", "send RFC 3339") from error


def _tell(ask: Ask, told: UnitTold, verb: str) -> UnitSaid:
    """Keep what was told and answer how the unit stands; a status is also in the trail."""
    hub = ask.hub
    held = _one(ask, told.unit)
    if not ask.may("unit.report", extent(held)):  # pragma: no cover - the scope was held before
        raise not_found("unit", told.unit)

    def write(tx: Transaction) -> None:
        if unit.tell(tx, told) and told.status:
            ask.note(tx, verb, told.unit, status=told.status)

    try:
        hub.records.transact(write)
    except Untellable as error:
        raise Problem(422, "invalid", str(error), "mend what is named and send it again") from error
    return said(hub, _one(ask, told.unit), hub.clock())


@routes(
    "POST",
    "/api/units/{unit}/position",
    may="unit.report",
    takes=Placed,
    gives=UnitSaid,
    example={"longitude": 119.48, "latitude": 31.42, "precision_m": 8},
)
def tell_unit_position(
    ask: Asking, unit: str, body: Annotated[Placed, Depends(taken(Placed))]
) -> UnitSaid:
    """Tell where a unit is (CGCS2000 / WGS 84), and what it does if you like.

    What is older than what is known changes nothing, so sending twice does no harm.
    """
    now = ask.hub.clock()
    told = UnitTold(
        unit=unit,
        at=_when(body.at, now),
        received_at=now,
        by=ask.who.account,
        longitude=body.longitude,
        latitude=body.latitude,
        precision_m=body.precision_m,
        status=body.status,
    )
    return _tell(ask, told, "unit.status")


@routes(
    "POST",
    "/api/units/{unit}/status",
    may="unit.report",
    takes=StatusTold,
    gives=UnitSaid,
    example={"status": "en_route"},
)
def tell_unit_status(
    ask: Asking, unit: str, body: Annotated[StatusTold, Depends(taken(StatusTold))]
) -> UnitSaid:
    """Tell what a unit does: free, en route, on site, busy or off duty."""
    now = ask.hub.clock()
    told = UnitTold(
        unit=unit,
        at=_when(body.at, now),
        received_at=now,
        by=ask.who.account,
        status=body.status,
    )
    if not body.status:
        raise Problem(422, "invalid", "body.status is empty", f"use one of {', '.join(STATUSES)}")
    return _tell(ask, told, "unit.status")


@routes("GET", "/api/cases/{case}/units", may="case.command", gives=CaseProposals)
def propose_units(ask: Asking, case: str) -> CaseProposals:
    """Who should be sent to a case, best first, and why: by arrival, skills, load and level, and
    by what other cases need at the same time.

    To send one, take the step `order` with `{"unit": "…"}`.
    """
    hub = ask.hub
    state = one(ask, case)
    plan = sending.current(hub, state)
    found = proposal.ranking(plan, case, MOST)
    others = {held.case: held for held in plan.states}
    items = []
    for each in found:
        other, reasons = others.get(each.other), list(each.reasons)
        shown = other is not None and covers(ask.who.scope, case_extent(other))
        if other is not None:
            reasons.append(proposal.elsewhere(other if shown else None))
        items.append(
            ProposalSaid(
                unit=said(hub, each.standing, plan.now),
                seconds=round(each.seconds, 1),
                arrives_at=moment.say(plan.now + int(each.seconds * 1e6)),
                by=each.by,
                minutes=round(each.minutes, 2),
                chosen=each.chosen,
                other=each.other if shown else "",
                reasons=reasons,
            )
        )
    city = hub.city
    return CaseProposals(
        case=case,
        skills=[city.sending.skills[skill].name for skill in city.sending.needed(state.matter)],
        asks=proposal.places_open(city, state),
        items=items,
        none=None if items else proposal.nobody(city, state),
        at=moment.say(plan.now),
    )


@routes("GET", "/api/proposals", may="case.command", gives=GivenList)
def list_proposals(ask: Asking) -> GivenList:
    """Which units the assignment of all waiting cases gives to which: those in your scope."""
    plan = sending.current(ask.hub)
    chosen = plan.chosen()
    return GivenList(
        items=[
            Given(
                case=state.case,
                number=state.number,
                level=state.level,
                asks=asks,
                units=list(chosen.get(state.case, ())),
            )
            for state in plan.states
            if (asks := proposal.places_open(ask.hub.city, state))
            and covers(ask.who.scope, case_extent(state))
        ],
        at=moment.say(plan.now),
    )
