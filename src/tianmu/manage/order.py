"""Orders: given, withdrawn, accepted, handled, fed back, returned, extended."""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.manage import deadline, level, response
from tianmu.manage.case_state import Order
from tianmu.manage.step import refuse
from tianmu.manage.turn import Refused, Turn
from tianmu.manage.words import phrase


def order(turn: Turn) -> None:
    state = turn.state
    if not state.lead and not turn.command.data.get("department"):
        raise Refused(refuse("no_owner"))
    unit = turn.code("department", turn.city.departments, default=state.lead)
    lead = bool(turn.command.data.get("lead", unit == (state.lead or unit)))
    task = turn.command.data.get("task")
    words = response.task(turn.city, state, lead=lead)
    if isinstance(task, str) and task.strip():
        words = dict.fromkeys(turn.city.languages, task.strip()[:500])
    order, clocks = response.order(
        turn.city,
        state,
        unit,
        words,
        turn.draft.now,
        limit=turn.limit("limit"),
        lead=lead,
        by=turn.actor.account,
    )
    if not state.lead:
        named = {"lead": unit, "joint": list(state.joint), "queue": ""}
        turn.take({**named, "why": [phrase("why.ordered")]}, step="assign")
    turn.take(
        {"order": msgspec.to_builtins(order), **deadline.data(*clocks)},
        stage="handle",
    )
    if not turn.state.level_by_hand:
        level.grade(turn.draft, turn.city, only_up=True)


def cancel(turn: Turn) -> None:
    order = turn.order()
    withdraw(turn, order, "cancel")


def withdraw(turn: Turn, order: Order, step: str, **data: Any) -> None:
    """Take an order back; with none left the case waits for dispatch again, and with all the rest
    done it waits for the check."""
    left = [one for one in turn.state.orders if one.order != order.order]
    waiting = [one for one in left if one.state in ("sent", "accepted", "handling")]
    done = any(one.state == "done" for one in left)
    stage = "handle" if waiting else "feed_back" if done else "dispatch"
    if turn.state.stage == "dispatch":
        stage = ""
    turn.take({"order": order.order, "stopped": _clocks_of(order), **data}, stage=stage, step=step)


def _clocks_of(order: Order) -> list[str]:
    return [f"accept:{order.order}", f"handle:{order.order}"]


def transfer(turn: Turn) -> None:
    unit = turn.code("department", turn.city.departments)
    if unit == turn.state.lead and turn.state.open_orders:
        raise Refused(refuse("data", field="department"))
    for order in turn.state.open_orders:
        if order.lead:
            withdraw(turn, order, "cancel")
    joint = [one for one in turn.state.joint if one != unit]
    turn.take({"lead": unit, "joint": joint, "queue": ""})
    order, clocks = response.order(
        turn.city,
        turn.state,
        unit,
        response.task(turn.city, turn.state, lead=True),
        turn.draft.now,
        lead=True,
    )
    turn.take(
        {"order": msgspec.to_builtins(order), **deadline.data(*clocks)},
        stage="handle",
        step="order",
    )


def accept(turn: Turn) -> None:
    order = turn.order()
    turn.take({"order": order.order, "stopped": [f"accept:{order.order}"]})


def handle(turn: Turn) -> None:
    turn.take({"order": turn.order().order})


def feed_back(turn: Turn) -> None:
    order = turn.order()
    data: dict[str, Any] = {
        "order": order.order,
        "result": turn.text("result"),
        "stopped": _clocks_of(order),
    }
    if evidence := turn.command.data.get("evidence"):
        data["evidence"] = digests(evidence)
    left = [one for one in turn.state.open_orders if one.order != order.order]
    turn.take(data, stage="" if left else "feed_back")


def digests(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Refused(refuse("data", field="evidence"))
    return list(value)


def send_back(turn: Turn) -> None:
    """A step back: the unit says it is not its task, the centre asks for more."""
    if turn.state.stage == "handle":
        withdraw(turn, turn.order(), "return", queue="returned")
        return
    back = {"verify": "collect", "file": "verify", "dispatch": "file"}[turn.state.stage]
    turn.take({"queue": "returned"}, stage=back)


def extend(turn: Turn) -> None:
    """A longer limit for an order, from now on; the approval is the centre's own step."""
    limit = turn.limit("limit")
    if limit is None:
        raise Refused(refuse("data", field="limit"))
    order = turn.order()
    clock = response.handle_clock(turn.city, turn.state, order.order, turn.draft.now, limit=limit)
    if clock.due <= order.due:
        raise Refused(refuse("data", field="limit"))
    turn.take({"order": order.order, "due": clock.due, **deadline.data(clock)})
