"""One case with its whole story, as an account may see it."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from tianmu.access.masking import clears, mask, mask_data, mask_text
from tianmu.city.city import City
from tianmu.command import number
from tianmu.facts.case import CaseEvent
from tianmu.facts.text import Text
from tianmu.manage import view as case_view
from tianmu.manage.case.contact import CONTACT
from tianmu.manage.case.state import Call, CaseState, Clock, Task
from tianmu.manage.clocks import remaining
from tianmu.manage.kept import query as case_query
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.place import department_name
from tianmu.web.api.cases import aside
from tianmu.web.api.cases.cases import CaseSaid, actor, masked_text, one, said
from tianmu.web.api.cases.evidence import EvidenceSaid, evidence_said
from tianmu.web.route.route import Ask, Asking, Reply, Routes
from tianmu.web.sight import exposure

routes = Routes("cases")


class LimitSaid(msgspec.Struct, frozen=True, kw_only=True):
    value: float
    unit: str


class EventSaid(msgspec.Struct, frozen=True, kw_only=True):
    sequence: int
    step: str
    stage: str
    at: Instant | None
    """when it came"""
    done_at: Instant | None = None
    """when it was done, where that was told apart (without a line) and can be believed"""
    actor: str
    actor_name: str
    reason: str
    data: dict[str, Any]
    text: Text


class MemberSaid(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    id: str
    at: Instant | None
    text: Text
    score: float
    reasons: list[Text]
    joined_at: Instant | None
    returned: bool
    device: str
    channel: str
    priority: int
    from_case: str
    """the case it was in before that was merged into this one, or empty"""


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


class WarningSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A warning that a plan proposes; nobody is warned until a person publishes it."""

    colour: str
    text: Text
    plan: str
    at: Instant | None


class ActionSaid(msgspec.Struct, frozen=True, kw_only=True):
    step: str
    label: Text
    needs: list[str]
    """names of the data it asks for; a trailing ``?`` says it may be left out; ``reason`` first
    where one is mandatory"""
    orders: list[str]
    """the orders it can be taken on"""


class DeadlineSaid(msgspec.Struct, frozen=True, kw_only=True):
    stage: str
    due: Instant | None
    warns_at: Instant | None
    limit: LimitSaid
    remaining: LimitSaid
    left: Text
    basis: str


class CaseWhole(CaseSaid, frozen=True, kw_only=True):
    text: str
    events: list[EventSaid]
    members: list[MemberSaid]
    orders: list[OrderSaid]
    calls: list[CallSaid]
    tasks: list[TaskSaid]
    warnings: list[WarningSaid]
    evidence: list[EvidenceSaid]
    acts: list[aside.ActSaid]
    actions: list[ActionSaid]
    """what this account may do now"""
    deadlines: list[DeadlineSaid]
    suspended_until: Instant | None
    extension: aside.ExtensionSaid | None
    supervision: aside.SupervisionSaid | None
    appeal: aside.AppealSaid | None
    exempt: bool
    """its overtime does not count in statistics"""
    unpublished: list[int]
    """years of its limits whose calendar of holidays is not published yet"""


def _done_at(event: CaseEvent) -> str | None:
    told = event.data.get("done_at")
    return moment.say(told) if isinstance(told, int) else None


def _event(event: CaseEvent, names: dict[str, str], city: City) -> EventSaid:
    return EventSaid(
        sequence=event.sequence,
        step=event.step,
        stage=event.stage,
        at=moment.say(event.at),
        done_at=_done_at(event),
        actor=event.actor,
        actor_name=names.get(event.actor, event.actor),
        reason=mask_text(event.reason),
        data=mask_data(event.data),
        text=masked_text(case_view.told(event, city)),
    )


def _remaining(city: City, due: int, now: int, unit: str) -> LimitSaid:
    return LimitSaid(value=round(city.calendar.remaining(due, now, unit), 2), unit=unit)


def _soon(clock: Clock | None) -> Instant | None:
    return moment.say(clock.soon_at) if clock is not None else None


def _call(city: City, state: CaseState, call: Call, now: int) -> CallSaid:
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


def _task(city: City, state: CaseState, task: Task, now: int) -> TaskSaid:
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


def _orders(ask: Ask, state: CaseState, now: int) -> list[OrderSaid]:
    city = ask.hub.city
    clear = clears(ask.who, "name") and (ask.may("case.command") or ask.may("case.handle"))
    names = [order.order for order in state.orders]
    numbers = ask.hub.records.read(lambda connection: number.of(connection, names))
    found = []
    for order in state.orders:
        clock = state.clock(f"handle:{order.order}") or state.clock(f"accept:{order.order}")
        running = order.state in ("sent", "accepted", "handling")
        found.append(
            OrderSaid(
                order=order.order,
                unit=order.unit,
                unit_name=department_name(city, order.unit),
                task=masked_text(order.task),
                lead=order.lead,
                persons=[
                    PersonSaid(
                        name=person.get("name", "")
                        if clear
                        else mask("name", person.get("name", "")),
                        account=person.get("account", ""),
                        phone=mask("phone", person.get("phone", "")),
                        post=person.get("post", ""),
                    )
                    for person in order.persons
                ],
                state=order.state,
                due=moment.say(order.due),
                warns_at=_soon(clock) if running else None,
                limit=LimitSaid(value=clock.value, unit=clock.unit) if clock else None,
                remaining=_remaining(city, clock.due, now, clock.unit)
                if clock and running
                else None,
                left=remaining.of_clock(city, state, clock, now) if clock and running else None,
                late=LimitSaid(value=order.late, unit=order.late_unit) if order.late else None,
                extensions=order.extensions,
                overdue=bool(running and order.due and order.due < now),
                sent_at=moment.say(order.sent_at),
                accepted_at=moment.say(order.accepted_at),
                accepted_by=order.accepted_by,
                done_at=moment.say(order.done_at),
                done_by=order.done_by,
                result=mask_text(order.result),
                basis=order.basis,
                force=order.force,
                force_name=city.units[order.force].name if order.force in city.units else None,
                number=numbers.get(order.order, ""),
            )
        )
    return found


def _members(rows: list[dict[str, Any]], city: City) -> list[MemberSaid]:
    found = []
    for row in rows:
        signal = row["told"]
        words = signal.get("title") or dict.fromkeys(city.languages, signal.get("text", ""))
        found.append(
            MemberSaid(
                kind=signal["kind"],
                id=signal["id"],
                at=moment.say(signal["at"]),
                text=masked_text(words),
                device=signal.get("device", ""),
                channel=signal.get("channel", ""),
                priority=signal.get("priority", 0),
                score=round(row["score"], 3),
                reasons=list(row["reasons"]),
                joined_at=moment.say(row["joined_at"]),
                returned=bool(row["returned"]),
                from_case=signal.get("from", ""),
            )
        )
    return found


def whole(ask: Ask, state: CaseState) -> CaseWhole:
    """A case with its whole story, as this account may see it."""
    hub, city, now = ask.hub, ask.hub.city, ask.hub.clock()

    def read(
        connection: sa.Connection,
    ) -> tuple[list[CaseEvent], list[dict[str, Any]], list[dict[str, Any]]]:
        return (
            case_query.events_of(connection, hub.manage.journal, state.case),
            case_query.members_of(connection, state.case),
            case_query.evidence_of(connection, state.case),
        )

    events, members, evidence = hub.records.read(read)
    names = hub.names_of({event.actor for event in events})
    item = said(hub, state, now)
    return CaseWhole(
        **{name: getattr(item, name) for name in item.__struct_fields__},
        text=mask_text(state.text),
        events=[_event(event, names, city) for event in events],
        members=_members(members, city),
        orders=_orders(ask, state, now),
        calls=[_call(city, state, one, now) for one in state.calls],
        tasks=[_task(city, state, one, now) for one in state.tasks],
        acts=aside.acts_of(city, state),
        warnings=[
            WarningSaid(colour=one.colour, text=one.text, plan=one.plan, at=moment.say(one.at))
            for one in state.warnings
        ],
        evidence=[
            evidence_said(state.case, row, row["at"], str(row.get("actor", ""))) for row in evidence
        ],
        actions=[ActionSaid(**found) for found in case_view.actions(state, city, actor(ask.who))],
        deadlines=[
            DeadlineSaid(
                stage=clock.name,
                due=moment.say(clock.due),
                warns_at=_soon(clock),
                limit=LimitSaid(value=clock.value, unit=clock.unit),
                remaining=_remaining(city, clock.due, now, clock.unit),
                left=remaining.of_clock(city, state, clock, now),
                basis=clock.basis,
            )
            for clock in state.clocks
            if not clock.name.startswith(CONTACT)
        ],
        suspended_until=moment.say(state.suspended_until),
        extension=aside.extension(state),
        supervision=aside.supervision(state),
        appeal=aside.appeal(state),
        exempt=state.exempt,
        unpublished=city.calendar.unpublished(now, state.due) if state.due else [],
    )


@routes("GET", "/api/cases/{case}", may="case.read", gives=CaseWhole)
def get_case(ask: Asking, case: str) -> Reply:
    """One case: events, members with why they belong to it, orders, evidence, what may be done."""
    state = one(ask, case)
    exposure.viewed(ask, state.case)
    return Reply(whole(ask, state), etag=state.version)
