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
from tianmu.manage.case.state import Call, CaseState, Ruling, Task, Warned

Data: TypeAlias = dict[str, Any]
replace = msgspec.structs.replace


def _rule(state: CaseState, event: CaseEvent) -> Data:
    data = event.data
    fields: Data = {"lead": data["lead"], "joint": tuple(data["joint"]), "queue": ""}
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
    "begin": _begin,
    "contact": _contact,
    "tick": _tick,
    "rule": _rule,
    "withdraw_ruling": _withdraw_ruling,
    "whistle": _whistle,
    "arrive": _arrive,
    "call_off": _call_off,
}
