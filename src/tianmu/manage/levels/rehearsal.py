"""A plan tried on cases of the past before it takes effect: what it would have changed.

Each case is taken through its own events; wherever it was sent, or its level or matter changed
while it was with its units, both sets of plans say what they would have asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from tianmu.city.calendar.limit import Limit
from tianmu.city.level.plan import Next, Plan, Tell
from tianmu.facts.case import CaseEvent
from tianmu.facts.text import Text
from tianmu.manage.case.fold import evolve
from tianmu.manage.case.state import CaseState
from tianmu.manage.levels import acting, response
from tianmu.manage.levels.opening import CONFERENCE

if TYPE_CHECKING:
    from tianmu.city.city import City


@dataclass(frozen=True)
class Asked:
    """What plans ask for at one moment of a case. Names are codes of departments and points."""

    plan: str
    tells: dict[str, str]
    """who → how and within what time, and who is told then"""
    orders: dict[str, str]
    """who → within what time, and what kind of unit"""
    tasks: dict[str, str]
    """point of a checklist, or the conference → whose it is, within what time, who is told then"""
    warning: str
    rises: str
    falls: str
    acts: str
    """tiers that handle, coordinate and command"""
    words: tuple[Text, ...]
    """of its name, tasks, points, conference and warning"""


@dataclass(frozen=True)
class Change:
    """A moment of a case at which the plans differ."""

    case: str
    number: str
    at: int
    level: str
    matter: str
    before: Asked
    after: Asked

    def parts(self) -> list[str]:
        """Which parts differ: ``plan``, ``tells``, ``orders``, ``tasks``, ``words``…"""
        names = Asked.__dataclass_fields__
        return [one for one in names if getattr(self.before, one) != getattr(self.after, one)]


@dataclass(frozen=True)
class Rehearsed:
    cases: int
    """how many were looked at"""
    moments: int
    """how often plans were asked in them"""
    changes: tuple[Change, ...]


def rehearse(cases: Iterable[list[CaseEvent]], city: City, plans: tuple[Plan, ...]) -> Rehearsed:
    """``plans`` against those of ``city`` on cases of the past, each the list of its events."""
    other = replace(city, plans=plans)
    changes: list[Change] = []
    count = moments = 0
    for events in cases:
        count += 1
        for at, state in _moments(events):
            moments += 1
            before, after = asked(city, state), asked(other, state)
            if before != after:
                changes.append(
                    Change(
                        case=state.case,
                        number=state.number,
                        at=at,
                        level=state.level,
                        matter=state.matter,
                        before=before,
                        after=after,
                    )
                )
    return Rehearsed(count, moments, tuple(changes))


def _moments(events: list[CaseEvent]) -> Iterable[tuple[int, CaseState]]:
    """When plans were asked in a case, and how it stood."""
    state: CaseState | None = None
    last: tuple[str, str, str] | None = None
    for event in events:
        state = evolve(state, event)
        if state.stage != "handle" or not state.open:
            continue
        now = (state.level, state.matter, state.lead)
        if now != last:
            last = now
            yield event.at, state


def asked(city: City, state: CaseState) -> Asked:
    """What the city's plan for the case's level and matter asks for."""
    plan = response.plan_of(city, state)
    if plan is None:
        return Asked("", {}, {}, {}, "", "", "", "", ())
    tells: dict[str, str] = {}
    for tell in plan.tells:
        for unit in response.resolve(city, state, tell.to):
            tells.setdefault(unit, _tell(tell) + _then(city, state, tell.then))
    orders: dict[str, str] = {}
    for order in plan.orders:
        for unit in response.resolve(city, state, order.to):
            within = _limit(order.limit) if order.limit else "case"
            orders.setdefault(unit, " ".join(one for one in (within, order.unit_kind) if one))
    rises = plan.rises
    late = "" if rises.late_levels is None else f" late {rises.late_levels}"
    return Asked(
        plan=plan.code,
        tells=tells,
        orders=orders,
        tasks=_tasks(city, state, plan),
        warning=plan.warning.colour if plan.warning else "",
        rises=f"{rises.not_accepted:d} {rises.limit_part or 0:g} {rises.signals or 0}{late}",
        falls=_limit(plan.falls.quiet) if plan.falls else "",
        acts=" ".join(str(tier) for tier in msgspec.structs.astuple(acting.acts(city, state))),
        words=tuple(_words(plan)),
    )


def _tasks(city: City, state: CaseState, plan: Plan) -> dict[str, str]:
    """What the plan opens: each point with its units, its time, and who is told where it passes."""
    found: dict[str, str] = {}
    for item in plan.checklist:
        parties = (item.by,) if item.by else ()
        found[item.code] = _point(city, state, parties, item.within, item.then)
    if (held := plan.conference) is not None:
        found[CONFERENCE] = _point(city, state, held.parties, held.within, held.then)
    return found


def _point(
    city: City, state: CaseState, parties: Iterable[str], within: Limit | None, then: Next | None
) -> str:
    units = (unit for party in parties for unit in response.resolve(city, state, party))
    told = [*dict.fromkeys(units), *([_limit(within)] if within is not None else ())]
    return " ".join(told) + _then(city, state, then)


def _then(city: City, state: CaseState, then: Next | None) -> str:
    if then is None:
        return ""
    return f" → {' '.join(response.resolve(city, state, then.to))} {_tell(then)}"


def _tell(tell: Tell | Next) -> str:
    return f"{tell.by or 'message'} {_limit(tell.within)}"


def _words(plan: Plan) -> Iterable[Text]:
    yield plan.name
    yield from (order.task for order in plan.orders)
    yield from (item.text for item in plan.checklist)
    if plan.conference is not None:
        yield plan.conference.topic
    if plan.warning is not None:
        yield plan.warning.text


def _limit(limit: Limit) -> str:
    return f"{limit.value:g} {limit.unit}"
