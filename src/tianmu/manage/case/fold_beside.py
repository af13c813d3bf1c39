"""What the events beside the stages add up to: calls to the place, rulings, what a plan has opened,
how bad it is. Pure, as ``fold`` is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from tianmu.facts.case import CaseEvent
from tianmu.manage.case.contact import Contact
from tianmu.manage.case.situation import Situation
from tianmu.manage.case.state import Call, CaseState, Clock, Ruling, Task, Warned

Data: TypeAlias = dict[str, Any]
replace = msgspec.structs.replace


def owned(state: CaseState, event: CaseEvent) -> Data:
    """Who leads and who joins, and what of that follows for the points of checklists."""
    data = event.data
    fields: Data = {name: data[name] for name in ("lead", "queue", "tier") if name in data}
    if "joint" in data:
        fields["joint"] = tuple(data["joint"])
    return {**fields, **_handed(state, data)}


def _handed(state: CaseState, data: Data) -> Data:
    """Open points pass to others or end; who was told only as one that leads need not know on."""
    told = data.get("handed")
    if not told:
        return {}
    points, ended = told.get("points", {}), told.get("ended", ())
    clocks = [msgspec.convert(one, Clock) for one in data.get("clocks", ())]
    due = {clock.name: clock.due for clock in clocks}
    left = [one for one in state.tasks if one.code not in ended]
    untold = told.get("untold", ())
    return {
        "tasks": tuple(
            replace(one, units=tuple(points[one.code]), due=due.get(f"task:{one.code}", one.due))
            if one.code in points
            else one
            for one in left
        ),
        "told": tuple(one for one in state.told if one not in untold),
        "means": tuple(one for one in state.means if one[0] not in untold),
    }


def _rule(state: CaseState, event: CaseEvent) -> Data:
    data = event.data
    fields: Data = {**owned(state, event), "queue": ""}
    if told := data.get("ruling"):
        fields["ruling"] = msgspec.convert(told, Ruling)
    return fields


def _withdraw_ruling(state: CaseState, event: CaseEvent) -> Data:
    if state.ruling is None:
        return {}
    gone = replace(state.ruling, withdrawn_by=event.actor, withdrawn_at=event.at)
    return {"ruling": gone}


def _begin(state: CaseState, event: CaseEvent) -> Data:
    data = event.data
    fields: Data = {"plans": (*state.plans, data["plan"])}
    opened = tuple(msgspec.convert(one, Task) for one in data.get("tasks", ()))
    if opened:
        fields["tasks"] = (*state.tasks, *opened)
    if told := data.get("warning"):
        fields["warnings"] = (*state.warnings, msgspec.convert(told, Warned))
    return fields


def _tick(state: CaseState, event: CaseEvent) -> Data:
    code = event.data["task"]
    return {
        "tasks": tuple(
            replace(one, done_at=event.at, done_by=event.actor) if one.code == code else one
            for one in state.tasks
        )
    }


def _whistle(state: CaseState, event: CaseEvent) -> Data:
    return {"calls": (*state.calls, *(msgspec.convert(one, Call) for one in event.data["calls"]))}


def _arrive(state: CaseState, event: CaseEvent) -> Data:
    call = state.waiting_for(event.data["unit"])
    there = [
        replace(one, arrived_at=event.at, arrived_by=event.actor) if one is call else one
        for one in state.calls
    ]
    return {"calls": tuple(there)}


def _call_off(state: CaseState, event: CaseEvent) -> Data:
    call = state.waiting_for(event.data["unit"])
    left = [
        replace(one, ended_at=event.at, ended_by=event.actor) if one is call else one
        for one in state.calls
    ]
    return {"calls": tuple(left)}


def _assess(state: CaseState, event: CaseEvent) -> Data:
    known = msgspec.structs.asdict(state.situation)
    return {"situation": Situation(**{**known, **event.data["situation"]})}


def _contact(state: CaseState, event: CaseEvent) -> Data:
    told = msgspec.convert(event.data["contact"], Contact)
    known = any(one.contact == told.contact for one in state.contacts)
    if not known:
        return {"contacts": (*state.contacts, told)}
    return {
        "contacts": tuple(told if one.contact == told.contact else one for one in state.contacts)
    }


CHANGES: dict[str, Callable[[CaseState, CaseEvent], Data]] = {
    "assess": _assess,
    "assign": owned,
    "transfer": owned,
    "begin": _begin,
    "contact": _contact,
    "tick": _tick,
    "rule": _rule,
    "withdraw_ruling": _withdraw_ruling,
    "whistle": _whistle,
    "arrive": _arrive,
    "call_off": _call_off,
}
