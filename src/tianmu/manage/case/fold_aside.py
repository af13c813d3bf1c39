"""What the side paths leave of a case: ended and begun again, suspended, supervised, appealed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from tianmu.facts.case import CaseEvent
from tianmu.manage.case.aside import Appeal, Review, Supervision
from tianmu.manage.case.contact import CONTACT
from tianmu.manage.case.state import OPEN_ORDER, CaseState, Clock

Data: TypeAlias = dict[str, Any]
_replace = msgspec.structs.replace


def end(outcome: str) -> Callable[[CaseState, CaseEvent], Data]:
    """What a case is once it has ended so."""

    def change(state: CaseState, event: CaseEvent) -> Data:
        orders = tuple(
            _replace(one, state="cancelled") if one.state in OPEN_ORDER else one
            for one in state.orders
        )
        return {
            "open": False,
            "outcome": outcome,
            "closed_at": event.at,
            "clocks": (),
            "orders": orders,
            "queue": "",
            "contacts": tuple(
                _replace(one, state="over", ended_at=event.at, due=0) if one.waits else one
                for one in state.contacts
            ),
            "suspended_at": 0,
            "suspended_until": 0,
            "paused": (),
            "extension": None,
            "standard": event.data.get("standard", state.standard),
            "merged_into": event.data.get("into", ""),
            "stage_before": event.data.get("before", ""),
        }

    return change


def _suspend(state: CaseState, event: CaseEvent) -> Data:
    paused = tuple((name, share) for name, share in event.data["paused"])
    return {
        "suspended_at": event.at,
        "suspended_until": event.data.get("until", 0),
        "suspensions": state.suspensions + 1,
        "paused": paused,
    }


def _resume(state: CaseState, event: CaseEvent) -> Data:
    fields: Data = {"suspended_at": 0, "suspended_until": 0, "paused": ()}
    if event.data.get("uncounted"):
        fields["suspensions"] = max(0, state.suspensions - 1)
    return {**fields, **_dues(state, event)}


def _dues(state: CaseState, event: CaseEvent) -> Data:
    """What follows its clock, where clocks were set anew: orders, calls, tasks, ladders,
    supervision."""
    clocks = [msgspec.convert(one, Clock) for one in event.data.get("clocks", ())]
    due = {clock.name: clock.due for clock in clocks}
    fields: Data = {}
    if any(name.startswith("handle:") for name in due):
        fields["orders"] = tuple(
            _replace(one, due=due.get(f"handle:{one.order}", one.due)) for one in state.orders
        )
    if any(name.startswith("arrive:") for name in due):
        fields["calls"] = tuple(
            one if not one.waits else _replace(one, due=due.get(f"arrive:{one.unit}", one.due))
            for one in state.calls
        )
    if any(name.startswith("task:") for name in due):
        fields["tasks"] = tuple(
            _replace(one, due=due.get(f"task:{one.code}", one.due)) for one in state.tasks
        )
    if any(name.startswith(CONTACT) for name in due):
        fields["contacts"] = tuple(
            _replace(one, due=due.get(one.clock, one.due)) for one in state.contacts
        )
    if state.supervision and "supervise" in due:
        fields["supervision"] = _replace(state.supervision, due=due["supervise"])
    return fields


def _supervise(state: CaseState, event: CaseEvent) -> Data:
    return {"supervision": msgspec.convert(event.data["supervision"], Supervision)}


def _lift(state: CaseState, event: CaseEvent) -> Data:
    return {"supervision": None}


def _appeal(state: CaseState, event: CaseEvent) -> Data:
    return {"appeal": msgspec.convert(event.data["appeal"], Appeal), "queue": "appeal"}


def _review(state: CaseState, event: CaseEvent) -> Data:
    assert state.appeal is not None
    review = Review(by=event.actor, at=event.at, result=event.data["result"], reason=event.reason)
    due = event.data.get("due", 0)
    appeal = _replace(state.appeal, reviews=(*state.appeal.reviews, review), due=due)
    return {"appeal": appeal, "queue": "appeal" if due else ""}


def _void(state: CaseState, event: CaseEvent) -> Data:
    """It ends, and is kept as it was: voiding by mistake can be taken back."""
    return {**end("void")(state, event), "kept": state}


COUNTED = ("signals", "alarms", "reports", "active", "devices")
_SINCE = ("version", "stage", "changed_at", "ruling", "photos", "worst", "graver", *COUNTED)
"""what was said of a case after it had ended stays said, and no alarm has grown better"""


def as_it_was(state: CaseState, was: CaseState) -> Data:
    """All that a case was before it ended as ``state``, but for what has come since."""
    fields = {name: getattr(was, name) for name in was.__struct_fields__ if name not in _SINCE}
    return {**fields, "kept": None, "beside": {}}


def _reopen(state: CaseState, event: CaseEvent) -> Data:
    if event.data.get("as_it_was"):
        if state.kept is None:
            raise ValueError(f"case {event.case} was not kept: there is nothing to come back to")
        return as_it_was(state, state.kept)
    return {
        "kept": None,
        "open": True,
        "outcome": "",
        "closed_at": 0,
        "checked_by": "",
        "merged_into": "",
        "reopened": state.reopened + 1,
        "reopened_at": event.at,
        "supervision": None,
        "appeal": None if state.appeal and state.appeal.due else state.appeal,
        "queue": event.data.get("queue", ""),
        **_dues(state, event),
    }


CHANGES: dict[str, Callable[[CaseState, CaseEvent], Data]] = {
    "close": end("closed"),
    "void": _void,
    "reopen": _reopen,
    "suspend": _suspend,
    "resume": _resume,
    "reckon": _dues,
    "supervise": _supervise,
    "lift": _lift,
    "appeal": _appeal,
    "review": _review,
}
