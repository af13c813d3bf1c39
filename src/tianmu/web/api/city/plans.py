"""Plans: what each level starts, and a changed plan tried on cases of the past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import msgspec
from fastapi import Depends
from sqlalchemy import Connection

from tianmu.city.city import City
from tianmu.city.level import plan as plans
from tianmu.city.level.plan import Plan
from tianmu.facts.case import CaseEvent
from tianmu.facts.text import Text
from tianmu.manage.kept import query as case_query
from tianmu.manage.levels import rehearsal as plan_rehearsal
from tianmu.manage.levels.opening import CONFERENCE
from tianmu.manage.levels.rehearsal import Asked, Change
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.place import department_name
from tianmu.web.answer.problem import Fault, Problem
from tianmu.web.route.route import Ask, Asking, Routes, taken

routes = Routes("pack")
SHOWN = 200
"""changes of one answer at most; all are counted"""


class PlanBrief(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    level: str
    matters: list[str]


class PlansSaid(msgspec.Struct, frozen=True, kw_only=True):
    plans: list[PlanBrief]
    toml: str
    """the pack's ``plans.toml`` as it is in force"""


class RehearsalAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    toml: Annotated[str, msgspec.Meta(min_length=1, max_length=500_000)]
    """a whole ``plans.toml``"""
    cases: Annotated[int, msgspec.Meta(ge=1, le=2000)] = 300
    """how many cases, the latest first"""


class AskedSaid(msgspec.Struct, frozen=True, kw_only=True):
    plan: str
    tells: dict[str, str]
    """department → how and within what time, and who is told then"""
    orders: dict[str, str]
    """department → within what time, and what kind of unit"""
    tasks: dict[str, str]
    """point of a checklist, or ``conference`` → whose it is, within what time, who is told then"""
    warning: str


class PlanChange(msgspec.Struct, frozen=True, kw_only=True):
    case: str
    number: str
    at: Instant | None
    level: str
    matter_name: Text | None
    parts: list[str]
    """which parts differ: ``plan``, ``tells``, ``orders``, ``tasks``, ``warning``, ``rises``,
    ``falls``, ``acts``, ``words``"""
    before: AskedSaid
    after: AskedSaid


class RehearsalSaid(msgspec.Struct, frozen=True, kw_only=True):
    cases: int
    moments: int
    """how often plans were asked in these cases"""
    changed: int
    """how often the answer would have been another"""
    parts: dict[str, int]
    more_orders: dict[str, int]
    """department → orders it would have got besides (below 0: fewer)"""
    names: dict[str, Text]
    points: dict[str, dict[str, Text]]
    """plan → point of its checklist → what it says; ``conference`` → its topic"""
    changes: list[PlanChange]
    """empty for an account that sees no cases"""


@routes("GET", "/api/plans", may="rule.read", gives=PlansSaid)
def get_plans(ask: Asking) -> PlansSaid:
    """The plans in force, and their file."""
    city = ask.hub.city
    return PlansSaid(
        plans=[
            PlanBrief(code=one.code, name=dict(one.name), level=one.level, matters=[*one.matters])
            for one in city.plans
        ],
        toml=(city.folder / plans.FILE).read_text(encoding="utf-8"),
    )


@routes(
    "POST",
    "/api/plans/rehearse",
    may="rule.test",
    takes=RehearsalAsked,
    gives=RehearsalSaid,
    example={"toml": "[[plan]]\n…", "cases": 100},
)
def rehearse_plans(
    ask: Asking, body: Annotated[RehearsalAsked, Depends(taken(RehearsalAsked))]
) -> RehearsalSaid:
    """Try plans on the latest cases of the account's scope before they take effect: whom they
    would have told and sent besides, and whom no longer. Nothing is changed by it."""
    hub = ask.hub
    found = _parsed(hub.city, body.toml)
    past = hub.records.read(lambda connection: _past(ask, connection, body.cases))
    done = plan_rehearsal.rehearse(past, hub.city, found)
    units = {
        unit
        for one in done.changes
        for said in (one.before, one.after)
        for unit in (*said.tells, *said.orders)
    }
    return RehearsalSaid(
        cases=done.cases,
        moments=done.moments,
        changed=len(done.changes),
        parts=dict(Counter(part for change in done.changes for part in change.parts())),
        more_orders=_more_orders(done.changes),
        names={unit: department_name(hub.city, unit) or {} for unit in sorted(units)},
        points={one.code: _points(one) for one in (*hub.city.plans, *found)},
        changes=[_said(ask, one) for one in done.changes[:SHOWN]] if ask.may("case.read") else [],
    )


def _parsed(city: City, toml: str) -> tuple[Plan, ...]:
    """The plans of a file. Refuses one with faults, and names them."""
    found, faults = plans.parse(
        toml,
        languages=city.languages,
        levels={level.name: level.tier for level in city.profile.levels},
        matters=city.matters,
        departments=city.departments,
        tiers={tier.number for tier in city.tiers},
        before=city.plans,
    )
    if faults:
        raise Problem(
            422,
            "plan-faulty",
            f"the plans have {len(faults)} faults",
            "mend them at the lines named",
            faults=[
                Fault(where=f"{one.file}:{one.line}", what=f"{one.what}: {one.remedy}")
                for one in faults
            ],
        )
    return found


def _points(plan: Plan) -> dict[str, Text]:
    """What the points of a plan say."""
    said = {item.code: item.text for item in plan.checklist}
    return said if plan.conference is None else {**said, CONFERENCE: plan.conference.topic}


def _more_orders(changes: Sequence[Change]) -> dict[str, int]:
    """Department → orders it would have got besides, of those where that is any."""
    more: Counter[str] = Counter()
    for change in changes:
        more.update(change.after.orders.keys())
        more.subtract(change.before.orders.keys())
    return {unit: count for unit, count in sorted(more.items()) if count}


def _past(ask: Ask, connection: Connection, most: int) -> list[list[CaseEvent]]:
    hub, now = ask.hub, ask.hub.clock()
    found: list[list[CaseEvent]] = []
    cursor = ""
    while len(found) < most:
        limit = min(most - len(found), case_query.MOST)
        query = case_query.Query(sort="opened", cursor=cursor, limit=limit)
        page = case_query.cases(connection, query, now, ask.who.scope)
        found += [
            case_query.events_of(connection, hub.manage.journal, one.case) for one in page.items
        ]
        if page.next is None:
            break
        cursor = page.next
    return found


def _said(ask: Ask, change: Change) -> PlanChange:
    matter = ask.hub.city.matters.get(change.matter)
    return PlanChange(
        case=change.case,
        number=change.number,
        at=moment.say(change.at),
        level=change.level,
        matter_name=dict(matter.name) if matter else None,
        parts=change.parts(),
        before=_asked(change.before),
        after=_asked(change.after),
    )


def _asked(asked: Asked) -> AskedSaid:
    return AskedSaid(
        plan=asked.plan,
        tells=asked.tells,
        orders=asked.orders,
        tasks=asked.tasks,
        warning=asked.warning,
    )
