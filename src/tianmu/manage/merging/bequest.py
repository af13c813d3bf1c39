"""What a case that is merged leaves to the one that takes it in. Pure.

Over go its orders (but those withdrawn), calls to the place, points of checklists, contact ladders
that look for somebody or have found them, a longer limit that is asked for, supervision, an open
dispute, how bad it is, who had a hand in it, and the clocks of all that. What both have (an order
that no person has given to a department with one here, a call that both wait for, the same point)
becomes one, by the earlier limit. The case then stands where the further of both stood, but
somebody looks at the result again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.manage.case.aside import Supervision
from tianmu.manage.case.contact import Contact
from tianmu.manage.case.estate import (
    KEYS,
    OF_ORDER,
    SETS,
    Fields,
    led,
    plain,
    replace,
)
from tianmu.manage.case.situation import Situation
from tianmu.manage.case.state import (
    DISPUTED,
    FALL,
    OPEN_ORDER,
    STAGES,
    Call,
    CaseState,
    Clock,
    Order,
    Task,
)
from tianmu.manage.merging.estate_clocks import begin_stage, running, set_clocks

if TYPE_CHECKING:
    from tianmu.city.city import City


@dataclass
class _Taking:
    """One case taking in another, in the making."""

    one: CaseState
    """which ends"""
    other: CaseState
    """which takes it in"""
    theirs: dict[str, Clock]
    clocks: dict[str, Clock]
    moved: dict[str, list[str]] = field(
        default_factory=lambda: {name: [] for name in (*KEYS, "clocks", "supervision", "extension")}
    )
    """what went over, by its key"""

    def bring(self, *names: str) -> None:
        """Clocks of what goes over."""
        for name in names:
            if name in self.theirs:
                self.clocks[name] = self.theirs[name]
                self.moved["clocks"].append(name)

    def earlier(self, name: str, theirs: str = "") -> None:
        """The clock ``name`` ends as theirs does where that is earlier; what it does at its marks
        stays what it was."""
        mine, found = self.clocks.get(name), self.theirs.get(theirs or name)
        if found is None or (mine is not None and mine.due <= found.due):
            return
        steps = {mark.share: mark.step for mark in mine.marks} if mine else {}
        marks = (replace(mark, step=steps.get(mark.share, mark.step)) for mark in found.marks)
        self.clocks[name] = replace(found, name=name, marks=tuple(marks))


def take_over(city: City, one: CaseState, other: CaseState, now: int) -> tuple[Fields, Fields]:
    """``other`` takes in ``one``: its fields that change, as they are then; and what is to be
    remembered of it with ``one``, as plain data: ``moved`` (keys of what went over), ``own`` and
    ``made`` (the fields before and after)."""
    taking = _Taking(one, other, running(city, one, now), running(city, other, now))
    moved = taking.moved
    found: Fields = {}
    found["lead"], found["joint"] = _leads(one, other)
    found["orders"] = _orders(taking, found["lead"])
    found["calls"], found["tasks"] = _calls(taking), _tasks(taking)
    found["contacts"] = _contacts(taking)
    found["extension"] = other.extension
    if one.extension is not None and one.extension.order in moved["orders"]:
        found["extension"] = one.extension
        moved["extension"].append(one.extension.order)
    found["supervision"] = _supervision(taking)
    for name in SETS:
        mine = getattr(other, name)
        found[name] = (*mine, *(new for new in getattr(one, name) if new not in mine))
    found["situation"] = _worse(one.situation, other.situation)
    found["failed"] = one.failed + other.failed
    found["calmed"] = one.calmed + other.calmed
    said = [case.alarming for case in (one, other) if case.alarming]
    found["worst_since"] = min(said, default=0) if found["calmed"] else 0
    found["held"] = min((held for held in (one.held, other.held) if held), default=0)
    found["matter"] = other.matter or one.matter
    found["division"] = other.division or one.division
    found["place"] = one.place if other.place.longitude is None else other.place
    same = found["matter"] == one.matter
    found["standard"] = other.standard or (one.standard if same else 0)
    if one.active:
        taking.clocks.pop(FALL, None)  # it is not quiet
    _stand(city, taking, found, now)
    set_clocks(city, other, found, taking.clocks.values(), now)
    changed = {name: value for name, value in found.items() if value != getattr(other, name)}
    own = {name: getattr(other, name) for name in changed}
    return changed, {"moved": moved, "own": plain(own), "made": plain(changed)}


def _leads(one: CaseState, other: CaseState) -> tuple[str, tuple[str, ...]]:
    """Who leads: whoever has the order to, of both the one here."""
    if other.lead and (led(other.orders, other) or not led(one.orders, one)):
        return other.lead, other.joint
    return (one.lead, one.joint) if one.lead else (other.lead, other.joint)


def _orders(taking: _Taking, lead: str) -> tuple[Order, ...]:
    orders = list(taking.other.orders)
    leads = any(order.lead for order in taking.other.open_orders)
    for order in taking.one.orders:
        if order.state == "cancelled":
            continue
        twin = _twin(taking.one, orders, order)
        if twin is not None:
            orders[twin] = _as_one(taking, orders[twin], order)
            continue
        is_open = order.state in OPEN_ORDER
        first = order.lead and order.unit == lead and not (leads and is_open)
        leads |= first and is_open
        orders.append(replace(order, lead=first))
        taking.moved["orders"].append(order.order)
        taking.bring(*(f"{what}:{order.order}" for what in OF_ORDER))
    return tuple(orders)


def _twin(one: CaseState, orders: list[Order], order: Order) -> int | None:
    """Where the order to the same department stands that does for this one, which asks nothing of
    its own since no person has given it."""
    asked = one.extension is not None and one.extension.order == order.order
    if order.by or asked or order.state not in OPEN_ORDER:
        return None
    for at, mine in enumerate(orders):
        same = not order.force or mine.force in ("", order.force)
        if mine.unit == order.unit and mine.state in OPEN_ORDER and same:
            return at
    return None


def _as_one(taking: _Taking, mine: Order, order: Order) -> Order:
    """Two orders to one department as one: as far as the further, due by the earlier limit."""
    accept = f"accept:{mine.order}"
    taking.earlier(f"handle:{mine.order}", f"handle:{order.order}")
    if OPEN_ORDER.index(order.state) > OPEN_ORDER.index(mine.state):
        mine = replace(
            mine,
            state=order.state,
            accepted_at=mine.accepted_at or order.accepted_at,
            accepted_by=mine.accepted_by or order.accepted_by,
        )
    if mine.state == "sent":
        taking.earlier(accept, f"accept:{order.order}")
    else:
        taking.clocks.pop(accept, None)
    return replace(mine, force=mine.force or order.force)


def _calls(taking: _Taking) -> tuple[Call, ...]:
    calls = list(taking.other.calls)
    for call in taking.one.calls:
        name = f"arrive:{call.unit}"
        if call.waits and taking.other.waiting_for(call.unit) is not None:
            taking.earlier(name)
            continue
        calls.append(call)
        taking.moved["calls"].append(KEYS["calls"](call))
        if call.waits:
            taking.bring(name)
    return tuple(calls)


def _tasks(taking: _Taking) -> tuple[Task, ...]:
    tasks = {task.code: task for task in taking.other.tasks}
    for task in taking.one.tasks:
        name, mine = f"task:{task.code}", tasks.get(task.code)
        if mine is None:
            tasks[task.code] = task
            taking.moved["tasks"].append(task.code)
            taking.bring(name)
        elif task.done_at and not mine.done_at:
            tasks[task.code] = replace(mine, done_at=task.done_at, done_by=task.done_by)
            taking.clocks.pop(name, None)
        elif not mine.done_at:
            taking.earlier(name)
    return tuple(tasks.values())


def _contacts(taking: _Taking) -> tuple[Contact, ...]:
    """Whoever has answered for either case is not called again, and whoever is called for it still
    is; where a ladder of the same sort looks for somebody here, that one goes on alone."""
    one, contacts = taking.one, list(taking.other.contacts)
    for held in one.contacts:
        if not (held.waits or held.state == "answered"):
            continue
        if any(_covers(mine, held, taking.other) for mine in taking.other.contacts):
            continue
        name = held.contact if "-" in held.contact else f"{one.case}-{held.contact}"
        here = replace(held, contact=name)
        contacts.append(here)
        taking.moved["contacts"].append(KEYS["contacts"](held))
        if held.clock in taking.theirs:
            taking.clocks[here.clock] = replace(taking.theirs[held.clock], name=here.clock)
    return tuple(contacts)


def _covers(mine: Contact, held: Contact, state: CaseState) -> bool:
    """Whether ``mine``, a ladder of ``state``, does for ``held`` too."""
    if (mine.ladder, mine.cause) != (held.ladder, held.cause):
        return False
    if mine.waits or mine.since == held.since:
        return True
    if mine.state != "answered":
        return False
    if mine.cause == "level":
        return mine.since >= state.reopened_at
    return not held.waits and mine.ended_at >= held.ended_at


def _supervision(taking: _Taking) -> Supervision | None:
    """The higher tier watches, by the earlier of both limits."""
    theirs, mine = taking.one.supervision, taking.other.supervision
    if theirs is None:
        return mine
    if mine is None:
        taking.moved["supervision"].append(theirs.by)
        taking.bring("supervise")
        return theirs
    taking.earlier("supervise")
    return replace(mine, tier=min(theirs.tier, mine.tier))


def _stand(city: City, taking: _Taking, found: Fields, now: int) -> None:
    """Stage and queue, with the clock of the stage: where the further of both stands."""
    one, other, clocks = taking.one, taking.other, taking.clocks
    stage, queue = other.stage, other.queue
    if any(order.state in OPEN_ORDER for order in found["orders"]):
        stage = "handle"
    elif STAGES.index(one.stage) > STAGES.index(stage):
        stage = min(one.stage, "feed_back", key=STAGES.index)
    found["checked_by"] = other.checked_by
    if stage == other.stage:
        if one.stage == stage:
            taking.earlier(stage)
    else:
        clocks.pop(other.stage, None)
        if one.stage == stage and stage in taking.theirs:
            clocks[stage] = taking.theirs[stage]
        begin_stage(city, replace(other, stage=stage), clocks, now)
        waits = "dispatch" if stage == "dispatch" else ""
        queue = (one.queue if one.stage == stage else "") or waits
        found["checked_by"] = ""
    if DISPUTED in (one.queue, other.queue) and stage in ("dispatch", "handle"):
        queue = DISPUTED  # whose it is stays disputed until somebody has said it
        if other.queue == DISPUTED:
            taking.earlier("rule")
        else:
            taking.bring("rule")
    found["stage"], found["queue"] = stage, queue


def _worse(one: Situation, other: Situation) -> Situation:
    mine: dict[str, Any] = msgspec.structs.asdict(one)
    told = msgspec.structs.asdict(other)
    return Situation(**{name: max(value, mine[name]) for name, value in told.items()})
