"""What events about orders leave of a case: sent, accepted, fed back, returned, extended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from tianmu.facts.case import CaseEvent
from tianmu.manage.case.aside import Extension
from tianmu.manage.case.state import DISPUTED, CaseState, Order

Data: TypeAlias = dict[str, Any]
_replace = msgspec.structs.replace


def _order(state: CaseState, event: CaseEvent) -> Data:
    order = msgspec.convert(event.data["order"], Order)
    # whose it is stays disputed until somebody has said it, whoever helps meanwhile
    queue = state.queue if state.queue == DISPUTED else ""
    return {"orders": (*state.orders, order), "queue": queue}


def with_order(
    state: CaseState, event: CaseEvent, *, to: str = "", **fields: Any
) -> tuple[Order, ...]:
    """The orders with the one that ``event`` is about changed."""
    if to:
        fields["state"] = to
    return tuple(
        _replace(one, **fields) if one.order == event.data["order"] else one for one in state.orders
    )


def _hands(state: CaseState, event: CaseEvent) -> tuple[str, ...]:
    return state.hands if event.actor in state.hands else (*state.hands, event.actor)


def _tell(state: CaseState, event: CaseEvent) -> Data:
    tells = event.data["tells"]
    units = [one["unit"] for one in tells]
    by = [(one["unit"], one["by"]) for one in tells if one.get("by")]
    return {
        "told": (*state.told, *(unit for unit in units if unit not in state.told)),
        "means": (*state.means, *(one for one in by if one not in state.means)),
    }


def _accept(state: CaseState, event: CaseEvent) -> Data:
    orders = with_order(state, event, to="accepted", accepted_at=event.at, accepted_by=event.actor)
    return {"orders": orders, "hands": _hands(state, event)}


def _handle(state: CaseState, event: CaseEvent) -> Data:
    return {
        "orders": with_order(state, event, to="handling"),
        "hands": _hands(state, event),
    }


def _feed_back(state: CaseState, event: CaseEvent) -> Data:
    late = event.data.get("late", {})
    orders = with_order(
        state,
        event,
        to="done",
        done_at=event.at,
        done_by=event.actor,
        result=event.data.get("result", ""),
        **({"late": late["value"], "late_unit": late["unit"]} if late else {}),
    )
    return {
        "orders": orders,
        "hands": _hands(state, event),
        "extension": _extension_after(state, event),
        "queue": event.data.get("queue", state.queue),
    }


def returned(state: CaseState, event: CaseEvent) -> Data:
    """A step back: an order is returned, or the centre asks for more."""
    fields: Data = {"returns": state.returns + 1, "queue": event.data.get("queue", state.queue)}
    if event.data.get("unfiled"):
        fields |= _unfiled(state, event)
    if "order" in event.data:
        fields["orders"] = with_order(state, event, to="returned")
        fields["extension"] = _extension_after(state, event)
    return fields


def _unfiled(state: CaseState, event: CaseEvent) -> Data:
    """What its plan has opened is open no more; points that are done stay so. Who is called for an
    alarm, or for what the rules ask for, is called on."""
    return {
        "plans": (),
        "tasks": tuple(one for one in state.tasks if one.done_at),
        "warnings": (),
        "contacts": tuple(
            _replace(one, state="over", ended_at=event.at, due=0)
            if one.waits and one.cause == "level"
            else one
            for one in state.contacts
        ),
    }


def _extension_after(state: CaseState, event: CaseEvent) -> Extension | None:
    """What is still asked for once the order of ``event`` has ended."""
    asked = state.extension
    return None if asked is None or asked.order == event.data["order"] else asked


def _cancel(state: CaseState, event: CaseEvent) -> Data:
    return {
        "orders": with_order(state, event, to="cancelled"),
        "extension": _extension_after(state, event),
    }


def _check(state: CaseState, event: CaseEvent) -> Data:
    if event.data["result"] == "pass":
        return {"checked_by": event.actor}
    dues: dict[str, int] = event.data.get("due", {})
    orders = tuple(
        _replace(one, state="accepted", due=dues[one.order], done_at=0, done_by="")
        if one.order in dues
        else one
        for one in state.orders
    )
    return {"reworks": state.reworks + 1, "orders": orders}


def _ask_extension(state: CaseState, event: CaseEvent) -> Data:
    return {"extension": msgspec.convert(event.data["extension"], Extension)}


def _refuse_extension(state: CaseState, event: CaseEvent) -> Data:
    return {"extension": None}


def _extend(state: CaseState, event: CaseEvent) -> Data:
    order = state.order(event.data["order"])
    times = order.extensions + 1 if order else 1
    return {
        "orders": with_order(state, event, due=event.data["due"], extensions=times),
        "extension": _extension_after(state, event),
    }


CHANGES: dict[str, Callable[[CaseState, CaseEvent], Data]] = {
    "order": _order,
    "send": lambda state, event: {"orders": with_order(state, event, force=event.data["force"])},
    "lead": lambda state, event: {
        "orders": with_order(state, event, lead=True, task=event.data["task"])
    },
    "tell": _tell,
    "accept": _accept,
    "handle": _handle,
    "feed_back": _feed_back,
    "return": returned,
    "dispute": returned,
    "cancel": _cancel,
    "check": _check,
    "ask_extension": _ask_extension,
    "refuse_extension": _refuse_extension,
    "extend": _extend,
}
