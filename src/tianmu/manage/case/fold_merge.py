"""What is left of cases that were put together and taken apart. Pure, as ``fold`` is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from tianmu.facts.case import CaseEvent
from tianmu.manage.case import estate
from tianmu.manage.case.fold_aside import as_it_was, end
from tianmu.manage.case.state import CaseState

Data: TypeAlias = dict[str, Any]


def _merge(state: CaseState, event: CaseEvent) -> Data:
    """It ends, and is kept as it was: what was put together can be taken apart again. What has gone
    over to the other case it has no more."""
    ended = end("merged")(state, event)
    beside = event.data.get("beside", {})
    moved = beside.get("left", {}).get("moved", {})
    for name, key in estate.KEYS.items():
        gone = set(moved.get(name, ()))
        some = ended.get(name, getattr(state, name))
        ended[name] = tuple(one for one in some if key(one) not in gone)
    if moved.get("supervision"):
        ended["supervision"] = None
    return {**ended, "kept": state, "beside": beside}


def _unmerge(state: CaseState, event: CaseEvent) -> Data:
    """It is again what it was, with what has become of its orders and clocks since; the signals are
    those that came back."""
    was = state.kept
    if was is None:
        raise ValueError(f"case {event.case} was not merged: there is nothing to come back to")
    return {**as_it_was(state, was), **_given(state, event)}


def _given(state: CaseState, event: CaseEvent) -> Data:
    """Fields that the event sets."""
    return estate.read(event.data.get("fields", {}))


CHANGES: dict[str, Callable[[CaseState, CaseEvent], Data]] = {
    "merge": _merge,
    "unmerge": _unmerge,
    "inherit": _given,
    "give_back": _given,
    "split": _given,
}
