"""What a case has that can pass to another: orders, calls to the place, points of checklists,
contact ladders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from tianmu.manage.case.state import DISPUTED, FALL, OPEN_ORDER, CaseState, Order

Fields = dict[str, Any]
"""fields of a case by name"""
replace = msgspec.structs.replace

KEYS: dict[str, Callable[[Any], str]] = {
    "orders": lambda one: str(one.order),
    "calls": lambda one: f"{one.unit}@{one.called_at}",
    "tasks": lambda one: str(one.code),
    "contacts": lambda one: f"{one.ladder}:{one.cause}@{one.since}",
}
"""what tells two of a kind apart"""
SETS = ("told", "means", "plans", "hands", "photos", "warnings")
PLAIN = (
    "matter", "division", "place", "standard", "situation", "held", "checked_by", "worst_since",
)  # fmt: skip
OF_ORDER = ("accept", "handle", "extension")
"""clocks of one order"""
_TYPES = {one.name: one.type for one in msgspec.structs.fields(CaseState)}


def plain(fields: Mapping[str, Any]) -> Fields:
    """Fields of a case as the data of an event."""
    return {name: msgspec.to_builtins(value) for name, value in fields.items()}


def read(data: Mapping[str, Any]) -> Fields:
    """What ``plain`` has written."""
    return {name: msgspec.convert(value, _TYPES[name]) for name, value in data.items()}


def led(orders: Iterable[Order], state: CaseState) -> bool:
    """Whether one of the orders leads, and is open or done."""
    return any(
        one.lead
        and (one.state in OPEN_ORDER or (one.state == "done" and one.done_at >= state.reopened_at))
        for one in orders
    )


def runs_for(state: CaseState, name: str) -> bool:
    """Whether the case has what the clock ``name`` runs for."""
    what, _, which = name.partition(":")
    if what in OF_ORDER:
        order = state.order(which)
        if order is None or order.state not in OPEN_ORDER:
            return False
        if what == "accept":
            return order.state == "sent"
        return what == "handle" or (state.extension is not None and state.extension.order == which)
    if what == "arrive":
        return state.waiting_for(which) is not None
    if what == "task":
        return any(one.code == which and not one.done_at for one in state.tasks)
    if what == "supervise":
        return state.supervision is not None
    if what == "contact":
        return any(one.running and one.clock == name for one in state.contacts)
    if what == "rule":
        return state.queue == DISPUTED
    return what in (FALL, state.stage)
