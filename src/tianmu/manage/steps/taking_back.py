"""A deed taken back: the steps that set right what it did, in one go and in the trail.

Nothing is struck from the trail. What was said (an urging, a note, whom a plan has told) stays
said; a department that gets its order again has its time anew.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.city.calendar.limit import MINUTE
from tianmu.facts.case import CaseEvent
from tianmu.manage.actor import Actor
from tianmu.manage.case.fold import evolve
from tianmu.manage.case.state import DISPUTED, CaseState
from tianmu.manage.steps import lifecycle
from tianmu.manage.steps.step import Command, Refusal, refuse

if TYPE_CHECKING:
    from tianmu.city.city import City

UNDO = "undo"
"""the command that takes a deed back: its data name the ``steps``, as ``back`` gives them"""
MOST = 60
"""steps of one taking back: an order each, and what stands behind it"""


class Back(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step by which a deed is taken back."""

    step: str
    data: dict[str, Any] = {}


TAKES_BACK = frozenset(
    ("assign", "cancel", "grade", "lift", "order", "reopen", "resume", "return", "suspend")
) | {"transfer"}
"""the only steps that a taking back has"""


def decide(
    state: CaseState, command: Command, actor: Actor, now: int, city: City
) -> list[CaseEvent] | Refusal:
    """``lifecycle.decide``, which also takes back: all steps of it, or none."""
    if command.step != UNDO:
        return lifecycle.decide(state, command, actor, now, city)
    try:
        steps = msgspec.convert(command.data.get("steps"), list[Back])
    except msgspec.ValidationError:
        steps = []
    if not 0 < len(steps) <= MOST or any(one.step not in TAKES_BACK for one in steps):
        return refuse("data", field="steps")
    events: list[CaseEvent] = []
    for one in steps:
        step = Command(one.step, command.reason, one.data, back=True)
        found = lifecycle.decide(state, step, actor, now, city)
        if isinstance(found, Refusal):
            return found
        events += found
        for event in found:
            state = evolve(state, event)
    return events


def back(
    before: CaseState, step: str, after: CaseState, actor: Actor, now: int, city: City
) -> list[Back] | None:
    """How ``actor`` would take back the ``step`` that led from ``before`` to ``after``; None where
    it cannot be taken back, or not by him."""
    steps = _steps(before, step, after, now)
    if not steps:
        return None
    command = Command(UNDO, "?", {"steps": msgspec.to_builtins(steps)})
    found = decide(after, command, actor, now, city)
    if isinstance(found, Refusal):
        return None
    had, left = {one.unit for one in before.open_orders}, reduce(evolve, found, after)
    sent = any(one.unit not in had for one in left.open_orders)  # by a plan, as the level is set
    return None if sent else steps


def _steps(before: CaseState, step: str, after: CaseState, now: int) -> list[Back]:
    if step in ("assign", "transfer") and before.queue == DISPUTED:
        return []  # it has settled the dispute, which no step begins anew
    if step == "assign" and before.lead:
        return [_assign(before)]
    if step in ("grade", "escalate"):
        return _level(before, after)
    if step == "order":
        return _order(before, after) if before.lead == after.lead else []
    if step == "transfer":
        return _transfer(before, after)
    if step == "file":
        return _filing(before, after)
    if step == "suspend":
        return [Back(step="resume")]
    if step == "resume":
        left = max(1, (before.suspended_until - now) // MINUTE)
        limit = {"limit": {"value": left, "unit": "minute"}} if before.suspended_until else {}
        return [Back(step="suspend", data=limit)]
    if step == "supervise":
        return [Back(step="lift")]
    return [Back(step="reopen")] if step == "void" else []


def _assign(before: CaseState) -> Back:
    return Back(step="assign", data={"department": before.lead, "joint": list(before.joint)})


def _new_orders(before: CaseState, after: CaseState) -> list[Back]:
    """Those that the deed has sent are withdrawn."""
    had = {one.order for one in before.orders}
    sent = [one.order for one in after.open_orders if one.order not in had]
    return [Back(step="cancel", data={"order": one}) for one in sent]


def _order(before: CaseState, after: CaseState) -> list[Back]:
    """Withdrawn, and the level it had where one department more has made it graver."""
    sent = _new_orders(before, after)
    return [*sent, *_level_back(before, after)] if sent else []


def _level(before: CaseState, after: CaseState) -> list[Back]:
    """The level first: who has an order by then gets no other one by the plan of that."""
    level = _level_back(before, after)
    return [*level, *_new_orders(before, after)] if level else []


def _level_back(before: CaseState, after: CaseState) -> list[Back]:
    """The level it had, by whom it had it: what the rules have set they may raise again, and it
    falls no further than before."""
    if not before.level or before.level == after.level:
        return []
    data: dict[str, Any] = {"level": before.level}
    if not before.level_by_hand:
        data["rules"] = True
    if before.held:
        data["held"] = before.held
    if before.risen_from:
        data["risen_from"] = before.risen_from
    return [Back(step="grade", data=data)]


def _transfer(before: CaseState, after: CaseState) -> list[Back]:
    if not before.lead or any(one.unit == after.lead for one in before.open_orders):
        return []  # its own order was put in the lead: it would lose that
    if any(one.lead for one in before.open_orders):
        if after.lead in before.joint:  # nobody is put among the joint ones while it is in hand
            return []
        return [Back(step="transfer", data={"department": before.lead})]
    if before.open_orders:  # it stays with those who help: nobody leads, as before
        return []
    return [*_new_orders(before, after), _assign(before)]


def _filing(before: CaseState, after: CaseState) -> list[Back]:
    """Its orders withdrawn, and back to where it waited, which ends what its plan has opened; whom
    it was told stays told."""
    if (before.matter, before.division) != (after.matter, after.division):
        return []
    stages = ["file", "verify"] if before.stage == "verify" else ["file"]
    return [*_new_orders(before, after), *(Back(step="return") for _ in stages)]


__all__ = ["TAKES_BACK", "UNDO", "Back", "back", "decide"]
