"""What a case has people do, and by when: orders, calls to the place, points of a checklist, limits
that run."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tianmu.access.masking import clears, mask, mask_text
from tianmu.city.city import City
from tianmu.command import number
from tianmu.facts.text import Text
from tianmu.manage.case.state import OPEN_ORDER, Call, CaseState, Clock, Order, Task
from tianmu.manage.clocks import remaining
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.place import department_name
from tianmu.web.api.cases.cases import masked_text
from tianmu.web.route.route import Ask


class LimitSaid(msgspec.Struct, frozen=True, kw_only=True):
    value: float
    unit: str


class PersonSaid(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    account: str = ""
    phone: str = ""
    post: str = ""


class OrderSaid(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    unit: str
    unit_name: Text | None
    task: Text
    lead: bool
    persons: list[PersonSaid]
    """empty: nobody on duty"""
    state: str
    due: Instant | None
    warns_at: Instant | None
    """from when on it is due soon"""
    limit: LimitSaid | None
    remaining: LimitSaid | None
    left: Text | None
    """``2 working hours left, due tomorrow 10:00``"""
    late: LimitSaid | None
    """by how much it was done after its limit: kept, whatever comes after"""
    extensions: int
    overdue: bool
    sent_at: Instant | None
    accepted_at: Instant | None
    accepted_by: str
    done_at: Instant | None
    done_by: str
    result: str
    basis: str
    force: str
    """code of the crew, vehicle or drone that goes; empty: its department chooses"""
    force_name: Text | None
    number: str = ""
    """what the department's own system calls it"""


class CallSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A department called to the place by whistle."""

    unit: str
    unit_name: Text | None
    called_at: Instant | None
    due: Instant | None
    warns_at: Instant | None
    by: str
    arrived_at: Instant | None
    arrived_by: str
    ended_at: Instant | None
    """when it was called off: it need not come"""
    ended_by: str
    overdue: bool
    """it came, or is still waited for, after its limit"""


class TaskSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A point of a checklist, or a conference, that a plan has opened."""

    task: str
    text: Text
    units: list[str]
    unit_names: list[Text | None]
    opened_at: Instant | None
    due: Instant | None
    warns_at: Instant | None
    done_at: Instant | None
    done_by: str
    overdue: bool


class DeadlineSaid(msgspec.Struct, frozen=True, kw_only=True):
    stage: str
    due: Instant | None
    warns_at: Instant | None
    limit: LimitSaid
    remaining: LimitSaid
    left: Text
    basis: str


def call(city: City, state: CaseState, call: Call, now: int) -> CallSaid:
    return CallSaid(
        unit=call.unit,
        unit_name=department_name(city, call.unit),
        called_at=moment.say(call.called_at),
        due=moment.say(call.due),
        warns_at=_soon(state.clock(f"arrive:{call.unit}")) if call.waits else None,
        by=call.by,
        arrived_at=moment.say(call.arrived_at) if call.arrived_at else None,
        arrived_by=call.arrived_by,
        ended_at=moment.say(call.ended_at) if call.ended_at else None,
        ended_by=call.ended_by,
        overdue=(call.arrived_at or call.ended_at or now) > call.due,
    )


def task(city: City, state: CaseState, task: Task, now: int) -> TaskSaid:
    return TaskSaid(
        task=task.code,
        text=task.text,
        units=list(task.units),
        unit_names=[department_name(city, unit) for unit in task.units],
        opened_at=moment.say(task.opened_at),
        due=moment.say(task.due) if task.due else None,
        warns_at=_soon(state.clock(f"task:{task.code}")),
        done_at=moment.say(task.done_at) if task.done_at else None,
        done_by=task.done_by,
        overdue=bool(task.due) and (task.done_at or now) > task.due,
    )


def orders(ask: Ask, state: CaseState, now: int) -> list[OrderSaid]:
    clear = clears(ask.who, "name") and (ask.may("case.command") or ask.may("case.handle"))
    names = [order.order for order in state.orders]
    numbers = ask.hub.records.read(lambda connection: number.of(connection, names))
    return [
        _order(
            ask.hub.city,
            state,
            order,
            now,
            persons=[_person(one, clear=clear) for one in order.persons],
            number=numbers.get(order.order, ""),
        )
        for order in state.orders
    ]


def _person(person: Mapping[str, str], *, clear: bool) -> PersonSaid:
    """``clear``: by name."""
    name = person.get("name", "")
    return PersonSaid(
        name=name if clear else mask("name", name),
        account=person.get("account", ""),
        phone=mask("phone", person.get("phone", "")),
        post=person.get("post", ""),
    )


def _order(
    city: City, state: CaseState, order: Order, now: int, *, persons: list[PersonSaid], number: str
) -> OrderSaid:
    clock = state.clock(f"handle:{order.order}") or state.clock(f"accept:{order.order}")
    running = clock if order.state in OPEN_ORDER else None
    return OrderSaid(
        order=order.order,
        unit=order.unit,
        unit_name=department_name(city, order.unit),
        task=masked_text(order.task),
        lead=order.lead,
        persons=persons,
        state=order.state,
        due=moment.say(order.due),
        warns_at=_soon(running),
        limit=LimitSaid(value=clock.value, unit=clock.unit) if clock else None,
        remaining=_remaining(city, running.due, now, running.unit) if running else None,
        left=remaining.of_clock(city, state, running, now) if running else None,
        late=LimitSaid(value=order.late, unit=order.late_unit) if order.late else None,
        extensions=order.extensions,
        overdue=order.state in OPEN_ORDER and 0 < order.due < now,
        sent_at=moment.say(order.sent_at),
        accepted_at=moment.say(order.accepted_at),
        accepted_by=order.accepted_by,
        done_at=moment.say(order.done_at),
        done_by=order.done_by,
        result=mask_text(order.result),
        basis=order.basis,
        force=order.force,
        force_name=city.units[order.force].name if order.force in city.units else None,
        number=number,
    )


def deadline(city: City, state: CaseState, clock: Clock, now: int) -> DeadlineSaid:
    return DeadlineSaid(
        stage=clock.name,
        due=moment.say(clock.due),
        warns_at=_soon(clock),
        limit=LimitSaid(value=clock.value, unit=clock.unit),
        remaining=_remaining(city, clock.due, now, clock.unit),
        left=remaining.of_clock(city, state, clock, now),
        basis=clock.basis,
    )


def _remaining(city: City, due: int, now: int, unit: str) -> LimitSaid:
    return LimitSaid(value=round(city.calendar.remaining(due, now, unit), 2), unit=unit)


def _soon(clock: Clock | None) -> Instant | None:
    return moment.say(clock.soon_at) if clock is not None else None
