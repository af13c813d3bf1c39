"""Cases: the list, one with its whole story, and the steps a person takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
import sqlalchemy as sa
from fastapi import Query

from tianmu.access.masking import mask_text
from tianmu.access.scope import Extent, Principal
from tianmu.city.city import City
from tianmu.facts.text import Text
from tianmu.manage.actor import Actor
from tianmu.manage.case.parties import parties
from tianmu.manage.case.state import QUEUES, STAGES, CaseState
from tianmu.manage.clocks import remaining
from tianmu.manage.kept import query as case_query
from tianmu.manage.kept import table
from tianmu.manage.kept.ledger import decode_state
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Cursor, Limit, Page, bad_cursor
from tianmu.web.answer.place import PlaceSaid, department_name, division_name, masked
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.hub import Hub
from tianmu.web.route.route import Ask, Asking, Routes
from tianmu.web.sight import exposure

routes = Routes("cases")
CHUNK = 500


class CaseSaid(msgspec.Struct, frozen=True, kw_only=True):
    """One real-world problem, however many alarms and reports tell of it."""

    case: str
    number: str
    title: Text
    matter: str
    matter_name: Text | None
    level: str
    advised: str
    """the graver level that the rules ask for where a person has set a lower one, or empty"""
    stage: str
    queue: str
    """why a person must look: ``verify``, ``dispatch`` (nobody answers for it), ``disputed``,
    ``returned``; of a closed case ``appeal``; or empty"""
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
    warns_at: Instant | None
    """from when on that is due soon"""
    left: Text | None
    """of the nearest limit: ``2 working hours left, due tomorrow 10:00``"""
    overdue: bool
    suspended: bool
    supervised: bool
    signals: int
    worst: int
    """highest priority among its alarms, 0 none"""
    origin: str
    probe: str
    version: int


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


def masked_text(text: Text) -> Text:
    """Words in all languages with what is surely somebody's masked."""
    return {language: mask_text(words) for language, words in text.items()}


def said(hub: Hub, state: CaseState, now: int) -> CaseSaid:
    """A case as lists and push say it."""
    city = hub.city
    matter = city.matters.get(state.matter)
    nearest = state.nearest
    due = nearest.due if nearest else 0
    return CaseSaid(
        case=state.case,
        number=state.number,
        title=masked_text(state.title),
        matter=state.matter,
        matter_name=matter.name if matter else None,
        level=state.level,
        advised=_advised(hub.city, state),
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
        due=moment.say(due),
        warns_at=moment.say(nearest.soon_at) if nearest else None,
        left=remaining.left(city, due, now, nearest.unit) if nearest else None,
        overdue=bool(state.open and due and due < now),
        suspended=bool(state.suspended_at),
        supervised=state.supervision is not None,
        signals=state.signals,
        worst=state.worst,
        origin=str(state.origin),
        probe=state.probe,
        version=state.version,
    )


def _advised(city: City, state: CaseState) -> str:
    if not state.open or not 0 < state.advised < state.level_number:
        return ""
    return city.profile.numbered(state.advised).name


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
    if not names:
        return {}
    serials = [table.serial_of(name) for name in names]

    def read(connection: sa.Connection) -> list[bytes]:
        found: list[bytes] = []
        for start in range(0, len(serials), CHUNK):
            found += connection.execute(
                sa.select(table.STATE).where(
                    table.case.c.serial.in_(serials[start : start + CHUNK])
                )
            ).scalars()
        return found

    return {state.case: state for state in map(decode_state, hub.records.read(read))}


def items(hub: Hub, versions: Mapping[str, int]) -> dict[str, tuple[CaseSaid, Extent]]:
    """Cases by name, as push says them, each with where it stands: at least as their events up to
    ``versions``, all on disk, left them."""
    now = hub.clock()
    held = {name: hub.manage.version(name, version) for name, version in versions.items()}
    known = {name: state for name, state in held.items() if state is not None}
    known |= states(hub, [name for name in versions if name not in known])
    return {name: (said(hub, state, now), extent(state)) for name, state in known.items()}


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
    _known("stage", stage, STAGES)
    _known("level", level, [one.name for one in hub.city.profile.levels])
    _known("queue", queue, QUEUES)
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
    exposure.listed(ask, [state.case for state in found.items])
    return Page(
        items=[said(hub, state, now) for state in found.items], next=found.next, total=total
    )


def _known(name: str, given: str, choices: Sequence[str]) -> None:
    """Refuses a word that is none of the choices; what is not given is any."""
    if given and given not in choices:
        raise Problem(
            422, "invalid", f"there is no {name} {given!r}", f"use one of {', '.join(choices)}"
        )


def one(ask: Ask, name: str) -> CaseState:
    """The case, if it is in the account's scope; else 404."""
    found = ask.hub.records.read(
        lambda connection: case_query.read(connection, name, ask.who.scope)
    )
    if found is None:
        raise not_found("case", name)
    return found
