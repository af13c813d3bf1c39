"""Disputed and nobody's matters: a department says "not ours", somebody above both rules who
answers, and the ruling may stand for all later cases of the kind.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.city.people.duty import lineage
from tianmu.manage.case.state import DISPUTED, Ruling
from tianmu.manage.clocks import deadline
from tianmu.manage.levels import response
from tianmu.manage.steps import order
from tianmu.manage.steps.step import refuse
from tianmu.manage.steps.turn import Refused, Turn
from tianmu.manage.words import phrase


def dispute(turn: Turn) -> None:
    """A unit says that the task is not its department's, and maybe whose it is. Its order ends,
    and a clock runs until somebody rules."""
    chosen = turn.order()
    data: dict[str, Any] = {"queue": DISPUTED}
    if turn.command.data.get("department"):
        data["whose"] = turn.code("department", turn.city.departments)
        if data["whose"] == chosen.unit:
            raise Refused(refuse("data", field="department"))
    marks = [(0.5, "urge"), (1.0, "escalate")]
    limit = turn.city.ruling_within
    clock = deadline.start(turn.city.calendar, "rule", limit, turn.draft.now, marks)
    order.withdraw(turn, chosen, "dispute", **deadline.data(clock), **data)


def rule(turn: Turn) -> None:
    """Who answers, said by who stands above those that dispute it; the lead gets its order. With
    ``standing`` it holds for later cases of the matter too: in this division (``division``, or
    true), or everywhere (``city``)."""
    state, city = turn.state, turn.city
    lead = turn.code("department", city.departments)
    joint = turn.command.data.get("joint") or []
    if not isinstance(joint, list) or not all(
        isinstance(one, str) and one in city.departments for one in joint
    ):
        raise Refused(refuse("data", field="joint"))
    joint = [one for one in dict.fromkeys(joint) if one != lead]
    data: dict[str, Any] = {
        "lead": lead,
        "joint": joint,
        "queue": "",
        "why": [phrase("why.ruled")],
    }
    if ruling := _standing(turn, lead, joint):
        data["ruling"] = msgspec.to_builtins(ruling)
    for one in state.open_orders:
        if one.lead and one.unit != lead:
            order.withdraw(turn, one, "cancel")
    turn.take(data)
    if not any(one.lead and one.unit == lead for one in turn.state.open_orders):
        order.put_in_lead(turn, lead)
    response.follow(turn.draft, city)


def _standing(turn: Turn, lead: str, joint: list[str]) -> Ruling | None:
    how = turn.command.data.get("standing") or ""
    if how is True:
        how = "division"
    if how == "":
        return None
    state = turn.state
    if how not in ("division", "city") or not state.matter:
        raise Refused(refuse("data", field="standing"))
    around = lineage(turn.city.divisions, state.division)
    return Ruling(
        matter=state.matter,
        lead=lead,
        joint=tuple(joint),
        division=around[0] if how == "division" and around else "",
        reason=turn.command.reason.strip(),
        by=turn.actor.account,
        at=turn.draft.now,
    )


def withdraw_ruling(turn: Turn) -> None:
    """A ruling no longer stands for later cases; those it has decided stay as they are."""
    turn.take()
