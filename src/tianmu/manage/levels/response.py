"""What a level starts: who is told, who is sent, by when – by the pack's plan, resolved to the
persons on the roster now, or to the plain words "nobody on duty".
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.city.calendar.limit import MINUTE, Limit
from tianmu.city.level.plan import Next, Plan, Tell, choose
from tianmu.city.matter.matter import FilingStandard
from tianmu.city.people.duty import JOINT, LEAD
from tianmu.city.people.roster import Roster
from tianmu.facts.text import Text
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.state import CaseState, Clock, Order
from tianmu.manage.clocks import deadline
from tianmu.manage.clocks.mark import marks
from tianmu.manage.levels import opening
from tianmu.manage.levels.moment import at_once
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City

_LOOK = ("collect", "verify", "feed_back")
"""stages in which somebody goes and looks, or is asked to say more: their clock is the level's
on-site limit; in the other waiting stages it is the accepting limit"""
_WAIT = ("file", "dispatch", "check")
MEANS = ("", "message", "call")
"""by which a plan tells somebody, the weakest first"""


class _Memory:
    """Answers that hold while plans and roster are the same: many cases ask the same in a storm."""

    def __init__(self) -> None:
        self.plans: tuple[Plan, ...] | None = None
        self.chosen: dict[tuple[str, str], Plan | None] = {}
        self.roster: Roster | None = None
        self.minute = 0
        self.on_duty: dict[tuple[str, str], tuple[dict[str, str], ...]] = {}


_memory = threading.local()


def _remembered() -> _Memory:
    found: _Memory | None = getattr(_memory, "answers", None)
    if found is None:
        found = _memory.answers = _Memory()
    return found


def _begun(
    city: City, state: CaseState, now: int, kind: Hashable, make: Callable[[], Clock]
) -> Clock:
    """A clock that begins now, without its name."""
    asked = ("clock", kind, state.level, state.level_number, state.matter, state.standard)
    return at_once(city, now, asked, make)


def plan_of(city: City, state: CaseState) -> Plan | None:
    """The plan in force for the case's level and matter."""
    memory = _remembered()
    if memory.plans is not city.plans:
        memory.plans, memory.chosen = city.plans, {}
    key = (state.level, state.matter)
    if key not in memory.chosen:
        memory.chosen[key] = choose(city.plans, state.level, state.matter)
    return memory.chosen[key]


def stage_clock(city: City, state: CaseState, stage: str, now: int) -> Clock | None:
    """The clock of a waiting stage, by the case's level; None for stages without one."""
    if stage not in _LOOK and stage not in _WAIT:
        return None
    level = city.profile.numbered(state.level_number or len(city.profile.levels))
    limit = level.onsite if stage in _LOOK else level.accept
    return deadline.start(city.calendar, stage, limit, now, marks(city, state))


def standard_of(city: City, state: CaseState) -> FilingStandard | None:
    """The filing standard in force: the one chosen, else the matter's default."""
    matter = city.matters.get(state.matter)
    if matter is None:
        return None
    chosen = (one for one in matter.standards if one.number == state.standard)
    return next(chosen, matter.default)


def closing_limit(city: City, state: CaseState, now: int) -> Limit:
    """By when it must be handled: the filing standard's limit, else the level's. Where the case
    has risen above its matter's own level the earlier of the two counts. A level that is worked
    on without end takes the limit of the next lower one, so that every order has a deadline.
    """
    standard = standard_of(city, state)
    level = city.profile.numbered(state.level_number or len(city.profile.levels))
    of_level = next(
        (one.close for one in city.profile.levels[level.number - 1 :] if one.close), level.onsite
    )
    if standard is None:
        return of_level
    matter = city.matters[state.matter]
    own = city.grading.default if matter.level is None else matter.level
    if level.number < own:
        add = city.calendar.add
        return min((standard.limit, of_level), key=lambda limit: add(now, limit))
    return standard.limit


def handle_clock(
    city: City, state: CaseState, order: str, now: int, *, limit: Limit | None = None
) -> Clock:
    """The clock of an order's handling, with the marks at which the plan urges and escalates."""

    def make() -> Clock:
        plan = plan_of(city, state)
        level = city.profile.numbered(state.level_number or len(city.profile.levels))
        rise_at = level.escalate.rise_at
        if plan is not None and plan.rises.limit_part is not None:
            rise_at = min(plan.rises.limit_part, rise_at or plan.rises.limit_part)
        end = ("escalate", rise_at) if rise_at else ("urge", 1.0)
        told = list(dict.fromkeys(marks(city, state, *end)))
        return deadline.start(
            city.calendar, "", limit or closing_limit(city, state, now), now, told
        )

    clock = _begun(city, state, now, ("handle", limit), make)
    return msgspec.structs.replace(clock, name=f"handle:{order}")


def accept_clock(city: City, state: CaseState, order: str, now: int, *, lead: bool) -> Clock:
    """The clock of accepting an order. Only the lead's makes the case rise."""

    def make() -> Clock:
        plan = plan_of(city, state)
        level = city.profile.numbered(state.level_number or len(city.profile.levels))
        rises = lead and (plan is None or plan.rises.not_accepted)
        told = marks(city, state, "escalate" if rises else "urge")
        return deadline.start(city.calendar, "", level.accept, now, told)

    clock = _begun(city, state, now, ("accept", lead), make)
    return msgspec.structs.replace(clock, name=f"accept:{order}")


def persons(city: City, unit: str, division: str, now: int) -> tuple[dict[str, str], ...]:
    """Who is on duty at ``unit`` for ``division`` now; those of the whole unit where nobody is
    there for the division. Names only: a phone number is looked up when it is shown."""
    memory, minute = _remembered(), now // MINUTE
    if memory.roster is not city.roster or memory.minute != minute:
        memory.roster, memory.minute, memory.on_duty = city.roster, minute, {}
    key = (unit, division)
    if key not in memory.on_duty:
        found = city.roster.on_duty(unit, division, now) or city.roster.on_duty(unit, "", now)
        memory.on_duty[key] = tuple(
            {"account": one.account, "name": one.name, "post": one.post} for one in found
        )
    return memory.on_duty[key]


def task(city: City, state: CaseState, *, lead: bool) -> Text:
    """The task in words where the plan has none."""
    return phrase("task.handle" if lead else "task.assist", title=state.title or state.text[:60])


def order(
    city: City,
    state: CaseState,
    unit: str,
    words: Text,
    now: int,
    *,
    limit: Limit | None = None,
    lead: bool = False,
    by: str = "",
    force: str = "",
) -> tuple[Order, tuple[Clock, ...]]:
    """An order to ``unit`` with the clocks that run for it. A marked case names nobody: no real
    person is called for a probe."""
    name = f"{state.case}-{_next(state)}"
    handle = handle_clock(city, state, name, now, limit=limit)
    accept = accept_clock(city, state, name, now, lead=lead)
    sent = Order(
        order=name,
        unit=unit,
        task=words,
        due=handle.due,
        sent_at=now,
        lead=lead,
        persons=() if state.probe else persons(city, unit, state.division, now),
        by=by,
        basis=handle.basis,
        force=force,
    )
    return sent, (accept, handle)


def _next(state: CaseState) -> int:
    """The number of the case's next order; orders that came with a merged case keep their names."""
    own = f"{state.case}-"
    numbers = (one.order[len(own) :] for one in state.orders if one.order.startswith(own))
    return 1 + max((int(number) for number in numbers), default=0)


def resolve(city: City, state: CaseState, party: str) -> list[str]:
    """A party of a plan (``lead``, ``joint``, ``centre:2``, a department) as department codes."""
    if party == LEAD:
        return [state.lead] if state.lead else []
    if party == JOINT:
        return list(state.joint)
    code = city.duties.resolve(party, state.division)
    return [code] if code else []


def respond(draft: Draft, city: City) -> None:
    """The plan's tells and orders for a case that waits for dispatch. Without an owner it goes on
    waiting, in the queue of those who dispatch."""
    if not draft.state.lead:
        return
    follow(draft, city)
    if not any(one.lead for one in draft.state.open_orders):
        _send(draft, city, draft.state.lead, {}, None, lead=True)


def follow(draft: Draft, city: City) -> None:
    """What the plan of the present level asks for and has not been done yet: at dispatch, and
    again whenever the level rises."""
    state = draft.state
    plan = plan_of(city, state)
    if plan is None:
        return
    tells = [
        _told(city, state, unit, tell, draft.now) for unit, tell in _to_tell(city, state, plan)
    ]
    if tells:
        draft.add("tell", {"tells": tells, "plan": plan.code})
    opening.begin(draft, city, plan, lambda party: tuple(resolve(city, state, party)))
    if not state.lead:
        return
    sent = {one.unit for one in draft.state.orders if one.state != "cancelled"}
    for template in plan.orders:
        for unit in resolve(city, state, template.to):
            if unit not in sent:
                sent.add(unit)
                lead = unit == state.lead
                _send(draft, city, unit, template.task, template.limit, lead=lead)


def pass_on(draft: Draft, city: City, name: str) -> None:
    """The limit of a point of a checklist or a conference has run out (``name``: its clock): who
    is next by the plan is told."""
    state, code = draft.state, name.removeprefix("task:")
    task = next((one for one in state.tasks if one.code == code and not one.done_at), None)
    plan = next((one for one in city.plans if one.code == code.rpartition("/")[0]), None)
    if task is None or plan is None or name == code:
        return
    part = opening.part(plan, code.rpartition("/")[2])
    if part is None or part.then is None:
        return
    units = resolve(city, state, part.then.to)
    tells = [_told(city, state, unit, part.then, draft.now) for unit in units]
    if tells:
        why = [phrase("why.not_done", task=task.text)]
        draft.add("tell", {"tells": tells, "plan": plan.code, "task": code, "why": why})


def _to_tell(city: City, state: CaseState, plan: Plan) -> list[tuple[str, Tell]]:
    """Departments that the plan tells, each once by the strongest means it names: those that were
    not told yet, or only by a weaker one."""
    wanted: dict[str, Tell] = {}
    for tell in plan.tells:
        for unit in resolve(city, state, tell.to):
            if unit not in wanted or _strength(tell.by) > _strength(wanted[unit].by):
                wanted[unit] = tell
    done = dict.fromkeys(state.told, 0)
    for unit, by in state.means:
        done[unit] = max(done.get(unit, 0), _strength(by))
    return [
        (unit, tell) for unit, tell in wanted.items() if _strength(tell.by) > done.get(unit, -1)
    ]


def _strength(by: str) -> int:
    return MEANS.index(by) if by in MEANS else 0


def _told(city: City, state: CaseState, unit: str, tell: Tell | Next, now: int) -> dict[str, Any]:
    on_duty = () if state.probe else persons(city, unit, state.division, now)
    told: dict[str, Any] = {
        "unit": unit,
        "by": tell.by,
        "due": at_once(city, now, tell.within, lambda: city.calendar.add(now, tell.within)),
        "persons": on_duty,
    }
    if not on_duty and not state.probe:
        told["nobody"] = phrase("why.nobody_on_duty")
    return told


def _send(
    draft: Draft, city: City, unit: str, words: Text, limit: Limit | None, *, lead: bool
) -> None:
    state = draft.state
    words = words or task(city, state, lead=lead)
    sent, clocks = order(city, state, unit, words, draft.now, limit=limit, lead=lead)
    data: dict[str, Any] = {"order": sent, **deadline.data(*clocks)}
    if not sent.persons and not state.probe:
        data["nobody"] = phrase("why.nobody_on_duty")
    if state.stage == "dispatch":
        data["stopped"] = ["dispatch"]
    draft.add("order", data, stage="handle")
