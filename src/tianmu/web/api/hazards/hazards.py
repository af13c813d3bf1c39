"""The hazard ledger: what stands, what is due, checks, rectification, sign-off by another."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query

from tianmu.access.scope import covers
from tianmu.facts.hazard import HazardEvent
from tianmu.facts.place import Place
from tianmu.facts.text import Text
from tianmu.manage.hazard import step as hazard_step
from tianmu.manage.hazard import table as hazard_table
from tianmu.manage.hazard.state import Hazard
from tianmu.manage.hazard.step import HazardRefused
from tianmu.manage.hazard.table import HazardChanged, NoHazard
from tianmu.store.records import Transaction
from tianmu.web.answer import moment, page
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Cursor, Limit, Page
from tianmu.web.answer.problem import Fault, Problem, changed, not_found
from tianmu.web.api.cases import cases
from tianmu.web.api.hazards.said import (
    HazardPlace,
    HazardSaid,
    HazardWhole,
    extent,
    said,
    step_said,
    takers,
)
from tianmu.web.hub import Hub
from tianmu.web.route.deed import deed_of
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken

routes = Routes("hazards")
EXAMPLE = {
    "title": "Fire door blocked by pallets",
    "kind": "fire",
    "grade": "general",
    "place": {"longitude": 119.48, "latitude": 31.42, "address": "Hall 2"},
    "measures": ["move the pallets", "mark the floor"],
}
GIVEN = {
    "items": [{"hazard": "h7", "stage": "open", "title": "Fire door blocked", "overdue": True}],
    "next": None,
    "total": 1,
}


class HazardKindSaid(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text


class HazardKinds(msgspec.Struct, frozen=True, kw_only=True):
    """What the pack keeps a ledger of; no kinds: the city keeps none."""

    kinds: list[HazardKindSaid]
    grades: list[HazardKindSaid]


class HazardCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How the ledger stands, within the account's scope."""

    stands: int
    major: int
    overdue: int
    """should be put right by now"""
    unlooked: int
    """should have been looked at by now"""
    to_sign: int
    """put right, to be signed off by another"""


class NewHazard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: Annotated[str, msgspec.Meta(max_length=200)]
    kind: str
    grade: str
    place: HazardPlace = HazardPlace()
    department: str = ""
    """who answers for putting it right; left out: whoever answers for the kind's matter"""
    measures: Annotated[list[str], msgspec.Meta(max_length=50)] = []
    due: Instant | None = None
    """left out: by its grade over working time"""
    case: str = ""
    """the case it was found in: its place holds where no division or point is given"""


class HazardDeed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    result: str = ""
    """of `check`: unchanged, better, worse, gone"""
    grade: str = ""
    department: str = ""
    measures: Annotated[list[str], msgspec.Meta(max_length=50)] = []
    due: Instant | None = None


def bring(hub: Hub) -> None:
    """Make the tables."""
    hub.records.create(hazard_table.metadata, room="hazard")


@routes("GET", "/api/hazards/kinds", may="hazard.read", gives=HazardKinds)
def get_hazard_kinds(ask: Asking) -> HazardKinds:
    """Kinds and grades of the pack."""
    told = ask.hub.city.hazards
    return HazardKinds(
        kinds=[HazardKindSaid(code=one.code, name=one.name) for one in told.kinds.values()],
        grades=[HazardKindSaid(code=one.code, name=one.name) for one in told.grades.values()],
    )


@routes("GET", "/api/hazards/counts", may="hazard.read", gives=HazardCounts)
def get_hazard_counts(ask: Asking) -> HazardCounts:
    """How many stand, are overdue, wait to be signed off."""
    now = ask.hub.clock()
    found = ask.hub.records.read(lambda c: hazard_table.counts(c, now, ask.who.scope))
    return HazardCounts(
        stands=found.stands,
        major=found.major,
        overdue=found.overdue,
        unlooked=found.unlooked,
        to_sign=found.to_sign,
    )


@routes("GET", "/api/hazards", may="hazard.read", gives=Page[HazardSaid], given=GIVEN)
def list_hazards(
    ask: Asking,
    stage: Annotated[str, Query(pattern="^(stands|open|rectified|closed|void|all)$")] = "stands",
    kind: str = "",
    grade: str = "",
    division: str = "",
    department: str = "",
    late: Annotated[str, Query(pattern="^(due|check|)$")] = "",
    q: Annotated[str, Query(max_length=100)] = "",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[HazardSaid]:
    """Hazards in the account's scope, what is due next first."""
    hub, now = ask.hub, ask.hub.clock()
    query = hazard_table.Query(
        stage=stage,
        kind=kind,
        grade=grade,
        divisions=hub.below(division) if division else None,
        department=department,
        late=late,
        q=q,
        scope=ask.who.scope,
    )
    key = page.read(cursor, int, int)
    after = (key[0], key[1]) if key else None
    found = hub.records.read(lambda c: hazard_table.listed(c, query, now, after, limit + 1))
    total = hub.records.read(lambda c: hazard_table.count(c, query, now))
    last = found[limit - 1] if len(found) > limit else None
    return Page(
        items=[said(hub, one) for one in found[:limit]],
        next=page.write(last.next, int(last.hazard.removeprefix("h"))) if last else None,
        total=total,
    )


@routes("GET", "/api/hazards/{hazard}", may="hazard.read", gives=HazardWhole)
def get_hazard(ask: Asking, hazard: str) -> Reply:
    """One hazard with its history, and what this account may do now."""
    return whole(ask, held(ask, hazard))


@routes(
    "POST", "/api/hazards", may="hazard.write", takes=NewHazard, gives=HazardSaid, status=201,
    example=EXAMPLE,
)  # fmt: skip
def enter_hazard(ask: Asking, body: Annotated[NewHazard, Depends(taken(NewHazard))]) -> Reply:
    """Enter a hazard. With an `Idempotency-Key` it is entered once, however often it is sent."""
    hub, place, source = ask.hub, _place(body.place), ""
    if body.case:
        state = cases.states(hub, [body.case]).get(body.case)
        if state is None or not ask.may("case.read", cases.extent(state)):
            raise not_found("case", body.case)
        source = f"case:{body.case}"
        if not place.division and place.longitude is None:
            address = place.address or state.place.address
            place = msgspec.structs.replace(state.place, address=address)
    try:
        data = hazard_step.enter(
            hub.city, title=body.title, kind=body.kind, grade=body.grade, place=place,
            department=body.department, measures=tuple(body.measures), due=_instant(body.due),
            source=source, now=hub.clock(),
        )  # fmt: skip
    except HazardRefused as error:
        raise problem(error) from error
    within(ask, data)
    made, _ = hub.records.transact(lambda tx: entered(ask, tx, data, _key(ask)))
    return Reply(said(hub, made), status=201, etag=made.version)


@routes(
    "POST", "/api/hazards/{hazard}/steps/{step}", may="hazard.read", takes=HazardDeed,
    gives=HazardWhole, example={"result": "unchanged", "note": "still blocked"},
)  # fmt: skip
def take_hazard_step(
    ask: Asking, hazard: str, step: str, body: Annotated[HazardDeed, Depends(taken(HazardDeed))]
) -> Reply:
    """`check`, `rectify` (`hazard.handle`); `measure` (`hazard.write`); `assign`, `grade`,
    `extend`, `sign`, `reject`, `void`, `reopen` (`hazard.check`). Whoever put it right does not
    sign it off."""
    before = held(ask, hazard)
    needs = hazard_step.PERMISSIONS.get(step)
    if needs is not None and not ask.may(needs):
        raise Problem(403, "forbidden", f"{step} needs {needs}", "ask for a role that has it")
    hub, now, version, key = ask.hub, ask.hub.clock(), ask.if_match(), _key(ask)
    reason = body.reason.strip()

    def write(tx: Transaction) -> Hazard:
        if key is not None and (done := hazard_table.seen(tx, key)) is not None:
            return done
        state = hazard_table.get(tx.connection, hazard)
        if version is not None and version != state.version:
            raise HazardChanged(state.version)
        hazard_step.permit(state, step, ask.who.account, reason)
        data = hazard_step.decide(
            hub.city, state, step, now, result=body.result, grade=body.grade,
            department=body.department, measures=tuple(body.measures), due=_instant(body.due),
            note=body.note.strip(),
        )  # fmt: skip
        ask.note(tx, f"hazard.{step}", hazard, reason=reason)
        made = event(ask, before, state.version + 1, step, reason=reason, data=data)
        return hazard_table.append(tx, made, key)

    try:
        return whole(ask, hub.records.transact(write))
    except HazardRefused as error:
        raise problem(error) from error
    except HazardChanged as error:
        raise changed(error.version, version or 0) from error


def held(ask: Ask, name: str) -> Hazard:
    """The hazard; 404 where there is none that this account may see."""
    try:
        state = ask.hub.records.read(lambda connection: hazard_table.get(connection, name))
    except NoHazard as error:
        raise not_found("hazard", name) from error
    if not covers(ask.who.scope, extent(state)):
        raise not_found("hazard", name)
    return state


def whole(ask: Ask, state: Hazard) -> Reply:
    hub, who = ask.hub, ask.who
    steps = hub.records.read(lambda c: hazard_table.history(c, hub.manage.journal, state.hazard))
    names = hub.names_of({one.actor for one in steps})
    may = [
        step for step in hazard_step.actions(state, who.account)
        if ask.may(hazard_step.PERMISSIONS[step])
    ]  # fmt: skip
    told = HazardWhole(
        hazard=said(hub, state), steps=[step_said(hub, one, names) for one in steps], actions=may,
        takers=takers(state),
    )  # fmt: skip
    return Reply(told, etag=state.version)


def entered(
    ask: Ask, tx: Transaction, data: dict[str, Any], key: bytes | None
) -> tuple[Hazard, bool]:
    """A new hazard, or the one that was entered by this key before, and whether it is new."""
    if key is not None and (before := hazard_table.seen(tx, key)) is not None:
        return before, False
    name = f"h{hazard_table.next_serial(tx.connection)}"
    ask.note(tx, "hazard.enter", name, kind=data["kind"], grade=data["grade"])
    made = event(ask, Hazard(hazard=name), 1, "enter", data=data)
    return hazard_table.append(tx, made, key), True


def event(ask: Ask, state: Hazard, sequence: int, step: str, **more: Any) -> HazardEvent:
    return HazardEvent(
        hazard=state.hazard, sequence=sequence, step=step, at=ask.hub.clock(),
        actor=ask.who.account, **more,
    )  # fmt: skip


def _key(ask: Ask) -> bytes | None:
    key = deed_of(ask).key
    return f"{ask.who.account} {key}".encode() if key else None


def _place(told: HazardPlace) -> Place:
    try:
        return Place(
            longitude=told.longitude, latitude=told.latitude, division=told.division,
            address=told.address.strip(),
        )  # fmt: skip
    except ValueError as error:
        raise Problem(422, "invalid", f"place: {error}", "give both degrees, or none") from error


def _instant(told: str | None) -> int:
    try:
        return moment.read(told) if told else 0
    except (ValueError, OverflowError) as error:
        fault = Fault(where="body.due", what=str(error))
        raise Problem(422, "invalid", f"due: {error}", "give RFC 3339", faults=[fault]) from error


def within(ask: Ask, data: dict[str, Any]) -> None:
    """403 unless the hazard would stand within what the account sees."""
    state = Hazard(
        hazard="", place=msgspec.convert(data["place"], Place), department=data["department"]
    )
    if not covers(ask.who.scope, extent(state)):
        raise Problem(
            403, "outside", "it lies outside of what this account answers for",
            "enter it for your own division and department",
        )  # fmt: skip


def problem(error: HazardRefused) -> Problem:
    status = {"invalid": 422, "reason-needed": 422, "second-person": 403}.get(error.code, 409)
    faults = [Fault(where=f"body.{error.where}", what=str(error))] if error.where else []
    return Problem(status, error.code, str(error), error.remedy, faults=faults)
