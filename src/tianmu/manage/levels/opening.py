"""What a plan opens on a case beside tells and orders: its checklist, its conference, the warning
it proposes, and a point for each who has to say that they know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from tianmu.city.calendar.limit import MINUTE, Limit, LimitUnit
from tianmu.city.level.plan import Conference, Item, Plan, Tell
from tianmu.facts.text import Text
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.state import CaseState, Clock, Task, Warned
from tianmu.manage.clocks import deadline
from tianmu.manage.clocks.mark import marks
from tianmu.manage.levels.moment import at_once
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City

Units: TypeAlias = tuple[str, ...]
"""codes of departments"""
CONFERENCE = "conference"
KNOWS = "knows:"
"""beginning of points by which who is told says that they know; ``<party>=<unit>`` follows"""


def begin(draft: Draft, city: City, plan: Plan, resolve: Callable[[str], Units]) -> None:
    """Adds a ``begin`` event with what the plan opens, once for each plan; none where it opens
    nothing. ``resolve`` gives the department codes of a party."""
    state, now = draft.state, draft.now
    watched = [one for one in plan.tells if one.then is not None]
    nothing = not (plan.checklist or plan.conference or plan.warning or watched)
    if nothing or plan.code in state.plans:
        return
    parties = [item.by for item in plan.checklist if item.by] + [tell.to for tell in watched]
    parties += plan.conference.parties if plan.conference is not None else ()
    units = {party: resolve(party) for party in parties}
    asked = (plan.code, state.level_number, *units.values())
    data = at_once(city, now, asked, lambda: _opened(city, state, plan, units, now))
    draft.add("begin", _without(data, {one.code for one in state.tasks}))


def _without(data: dict[str, Any], done: set[str]) -> dict[str, Any]:
    """What a plan opens, but for points that were done before the case went back to filing."""
    if done.isdisjoint(one.code for one in data.get("tasks", ())):
        return data
    left = {"tasks": [one for one in data["tasks"] if one.code not in done]}
    if "clocks" in data:
        names = {f"task:{code}" for code in done}
        left["clocks"] = [one for one in data["clocks"] if one.name not in names]
    return {**data, **left}


def _opened(
    city: City, state: CaseState, plan: Plan, parties: Mapping[str, Units], now: int
) -> dict[str, Any]:
    """What a plan opens now, as the data of its event; of the case only its level counts.
    ``parties``: those that the plan names → their units."""
    tasks: list[Task] = []
    clocks: list[Clock] = []
    for item in plan.checklist:
        tasks.append(_task(plan, item.code, item.text, parties.get(item.by, ()), now))
        if item.within is not None:
            clocks.append(_clock(city, state, tasks, item.within, now))
    for tell in plan.tells:
        for unit in parties[tell.to] if tell.then is not None else ():
            known = city.departments.get(unit)
            words = phrase("task.knows", unit=known.name if known else unit)
            tasks.append(_task(plan, f"{KNOWS}{tell.to}={unit}", words, (unit,), now))
            clocks.append(_clock(city, state, tasks, tell.within, now))
    if plan.conference is not None:
        confer = (unit for party in plan.conference.parties for unit in parties[party])
        units = tuple(dict.fromkeys(confer))
        tasks.append(_task(plan, CONFERENCE, plan.conference.topic, units, now))
        clocks.append(_clock(city, state, tasks, plan.conference.within, now))
    data: dict[str, Any] = {"plan": plan.code, "name": plan.name, **deadline.data(*clocks)}
    if tasks:
        data["tasks"] = tasks
    if plan.warning is not None:
        told = plan.warning
        data["warning"] = Warned(colour=told.colour, text=told.text, plan=plan.code, at=now)
    return data


def _task(plan: Plan, code: str, text: Text, units: tuple[str, ...], now: int) -> Task:
    return Task(code=f"{plan.code}/{code}", text=text, units=units, opened_at=now)


def _clock(city: City, state: CaseState, tasks: list[Task], within: Limit, now: int) -> Clock:
    """The clock of the last task, which learns when it is due."""
    last = tasks[-1]
    name = f"task:{last.code}"
    clock = deadline.start(city.calendar, name, within, now, marks(city, state))
    tasks[-1] = msgspec.structs.replace(last, due=clock.due)
    return clock


def again(city: City, state: CaseState, now: int) -> list[Clock]:
    """New clocks of the points that are still open: the case has been reopened."""
    open_ones = (one for one in state.tasks if one.due and not one.done_at)
    return [clock_again(city, state, one, now) for one in open_ones]


def clock_again(city: City, state: CaseState, task: Task, now: int) -> Clock:
    """The clock of a point whose time begins anew. As long as the plan says; where it says it no
    more, as long as it was."""
    name, _, code = task.code.rpartition("/")
    plan = next((one for one in city.plans if one.code == name), None)
    within = _within(plan, code) if plan is not None else None
    if within is None:
        within = Limit(max(task.due - task.opened_at, 0) / MINUTE, LimitUnit.MINUTE)
    return deadline.start(city.calendar, f"task:{task.code}", within, now, marks(city, state))


def _within(plan: Plan, code: str) -> Limit | None:
    found = part(plan, code)
    return found.within if found is not None else None


def part(plan: Plan, code: str) -> Tell | Item | Conference | None:
    """What of the plan a point of this code (without the plan's) comes from."""
    if code == CONFERENCE and plan.conference is not None:
        return plan.conference
    if code.startswith(KNOWS):
        to = code.removeprefix(KNOWS).rpartition("=")[0]
        return next((one for one in plan.tells if one.to == to and one.then), None)
    return next((item for item in plan.checklist if item.code == code), None)


def knows(task: Task) -> bool:
    """Whether the point is that a department says that it knows of the case."""
    return task.code.rpartition("/")[2].startswith(KNOWS)
