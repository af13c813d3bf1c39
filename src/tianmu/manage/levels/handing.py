"""What a plan has opened for a department that leads or joins no more: its open points pass to
whoever does now, or end. What is done stays said of who did it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.city.level.plan import Conference, Item, Plan, Tell
from tianmu.city.people.duty import JOINT, LEAD
from tianmu.manage.case.state import CaseState, Clock, Task
from tianmu.manage.clocks import deadline
from tianmu.manage.levels import opening, response

if TYPE_CHECKING:
    from tianmu.city.city import City

LED = (LEAD, JOINT)
"""parties of a plan that are other departments once the case has other owners"""


def handed(city: City, state: CaseState, data: dict[str, Any], now: int) -> dict[str, Any]:
    """``data`` of an event that says who leads and who joins, with what follows for the points
    that are open: ``handed`` and their clocks. A point that is wholly in new hands has its time
    anew, but for a case that is suspended, whose clocks stand."""
    after = msgspec.structs.replace(state, lead=data["lead"], joint=tuple(data["joint"]))
    unchanged = (after.lead, after.joint) == (state.lead, state.joint)
    if unchanged or not (state.tasks or state.told):
        return data
    points: dict[str, tuple[str, ...]] = {}
    ended: list[str] = []
    clocks: list[Clock] = []
    for task in state.tasks:
        part = None if task.done_at else _part(city, task)
        units = _units(city, state, after, part, task)
        if units == task.units:
            continue
        if opening.knows(task):  # it is about this department: nobody else can say it
            ended.append(task.code)
            continue
        points[task.code] = units
        renewed = units and set(units).isdisjoint(task.units)
        if renewed and task.due and not state.suspended_at:
            clocks.append(opening.clock_again(city, state, task, now))
    found = {"points": points, "ended": ended, "untold": _untold(city, state, after)}
    if not any(found.values()):
        return data
    added = deadline.data(*clocks).get("clocks", ())
    result = {**data, "handed": {name: value for name, value in found.items() if value}}
    if added:
        result["clocks"] = [*data.get("clocks", ()), *added]
    if ended:
        result["stopped"] = [*data.get("stopped", ()), *(f"task:{code}" for code in ended)]
    return result


def _part(city: City, task: Task) -> Tell | Item | Conference | None:
    """What of the plans in force the point comes from; None where they do not have it any more."""
    name, _, code = task.code.rpartition("/")
    plan = next((one for one in city.plans if one.code == name), None)
    return opening.part(plan, code) if plan is not None else None


def _units(
    city: City,
    state: CaseState,
    after: CaseState,
    part: Tell | Item | Conference | None,
    task: Task,
) -> tuple[str, ...]:
    """Whose the point is after the change. Where no plan says for whom it was opened, the new
    lead takes the place of the old one."""
    if task.done_at:
        return task.units
    fallback = (LEAD,) if state.lead in task.units else ()
    parties = _parties(part) if part is not None else fallback
    led = [one for one in parties if one in LED]
    named = _resolved(city, after, (one for one in parties if one not in LED))
    gone = _resolved(city, state, led) - named
    new = [unit for party in led for unit in response.resolve(city, after, party)]
    return tuple(dict.fromkeys([*new, *(one for one in task.units if one not in gone)]))


def _parties(part: Tell | Item | Conference) -> Sequence[str]:
    if isinstance(part, Conference):
        return part.parties
    return (part.to,) if isinstance(part, Tell) else (part.by,)


def _resolved(city: City, state: CaseState, parties: Iterable[str]) -> set[str]:
    return {unit for party in parties if party for unit in response.resolve(city, state, party)}


def _untold(city: City, state: CaseState, after: CaseState) -> list[str]:
    """Departments that a plan has told as those that lead or join, and no plan for itself: they
    need not know of it any more."""
    present = response.plan_of(city, state)
    plans = [one for one in city.plans if one is present or one.code in state.plans]
    parties = {party for plan in plans for party in _told(plan)}
    led = _resolved(city, state, parties.intersection(LED))
    stay = _resolved(city, after, parties)
    return [unit for unit in state.told if unit in led and unit not in stay]


def _told(plan: Plan) -> Iterable[str]:
    for part in (*plan.tells, *plan.checklist, *((plan.conference,) if plan.conference else ())):
        if isinstance(part, Tell):
            yield part.to
        if part.then is not None:
            yield part.then.to
