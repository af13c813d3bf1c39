"""Orders: given, withdrawn, accepted, handled, fed back, returned, extended."""

from __future__ import annotations

from typing import Any

from tianmu.manage.case.state import DISPUTED, CaseState, Order
from tianmu.manage.clocks import deadline
from tianmu.manage.levels import level, response
from tianmu.manage.steps.step import named, refuse
from tianmu.manage.steps.turn import Refused, Turn
from tianmu.manage.words import phrase


def order(turn: Turn) -> None:
    state = turn.state
    data = turn.command.data
    if not state.lead and not data.get("department") and not data.get("unit"):
        raise Refused(refuse("no_owner"))
    force = turn.code("unit", turn.city.units) if data.get("unit") else ""
    of = turn.city.units[force].department if force else state.lead
    unit = turn.code("department", turn.city.departments, default=of)
    if force and _sent(turn, force, unit):
        return
    led = next((one for one in state.open_orders if one.lead), None)
    lead = bool(data.get("lead", not led and unit == (state.lead or unit)))
    if lead and led:
        raise Refused(named(refuse("one_lead", unit=led.unit), turn.city.departments))
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
        force=force,
    )
    if not state.lead or (lead and unit != state.lead):
        joint = [one for one in state.joint if one != unit]
        answers = {"lead": unit, "joint": joint, "queue": ""}
        turn.take({**answers, "why": [phrase("why.ordered")]}, step="assign")
    turn.take(
        {"order": order, **deadline.data(*clocks)},
        stage="handle",
    )
    level.reconsider(turn.draft, turn.city)


def _sent(turn: Turn, force: str, department: str) -> bool:
    """Name the unit that goes on an order which its department has already and which names none;
    False where there is no such order. Nobody is sent twice to a case, or for a probe."""
    state = turn.state
    if turn.city.units[force].department != department:
        raise Refused(refuse("data", field="department"))
    if state.probe:
        raise Refused(refuse("unit_probe"))
    if any(one.force == force for one in state.open_orders):
        raise Refused(refuse("unit_sent", unit=turn.city.units[force].name))
    if turn.command.data.get("task") or turn.command.data.get("limit"):
        return False
    for one in state.open_orders:
        if one.unit == department and not one.force:
            turn.take({"order": one.order, "force": force}, step="send")
            return True
    return False


def cancel(turn: Turn) -> None:
    order = turn.order()
    withdraw(turn, order, "cancel")


def withdraw(turn: Turn, order: Order, step: str, **data: Any) -> None:
    """Take an order back."""
    stage = "" if turn.state.stage == "dispatch" else _stage_without(turn, order)
    turn.take({"order": order.order, "stopped": _clocks_of(order), **data}, stage=stage, step=step)


def _stage_without(turn: Turn, order: Order, *, done: bool = False) -> str:
    """Where the case stands once ``order`` is not open any more (``done``: it was fed back). All
    that were sent together have to feed back; the lead's result is what is checked, so that
    without it the case waits for dispatch again."""
    state = turn.state
    if any(one.order != order.order for one in state.open_orders):
        return "handle"
    led = any(
        one.lead and one.state == "done" and one.done_at >= state.reopened_at
        for one in state.orders
    )
    return "feed_back" if led or (done and order.lead) else "dispatch"


def _clocks_of(order: Order) -> list[str]:
    return [f"{name}:{order.order}" for name in ("accept", "handle", "extension")]


def transfer(turn: Turn) -> None:
    unit = turn.code("department", turn.city.departments)
    if unit == turn.state.lead and turn.state.open_orders:
        raise Refused(named(refuse("leads_already", unit=unit), turn.city.departments))
    for order in turn.state.open_orders:
        if order.lead:
            withdraw(turn, order, "cancel")
    joint = [one for one in turn.state.joint if one != unit]
    turn.take({"lead": unit, "joint": joint, "queue": ""})
    put_in_lead(turn, unit)


def put_in_lead(turn: Turn, unit: str) -> None:
    """The order of the department that leads from now on. One that it has already, to join in,
    becomes that, with what was done to it: nobody is asked the same twice."""
    city, state, now = turn.city, turn.state, turn.draft.now
    words = response.task(city, state, lead=True)
    if held := next((one for one in state.open_orders if one.unit == unit), None):
        asked = response.accept_clock(city, state, held.order, now, lead=True)
        clock = asked if held.state == "sent" else None
        data = {"order": held.order, "task": words, **deadline.data(clock)}
        turn.take(data, stage="handle", step="lead")
        return
    order, clocks = response.order(city, state, unit, words, now, lead=True)
    turn.take(
        {"order": order, **deadline.data(*clocks)},
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
    clock = turn.state.clock(f"handle:{order.order}")
    if clock is not None and turn.draft.now > clock.due:
        late = -turn.city.calendar.remaining(clock.due, turn.draft.now, clock.unit)
        data["late"] = {"value": round(late, 4), "unit": clock.unit}
    stage = _stage_without(turn, order, done=True)
    if stage == "dispatch" and turn.state.queue != DISPUTED:
        data["queue"] = "dispatch"
    if stage == "feed_back" and turn.state.queue == DISPUTED:
        data["queue"] = ""  # who was to help need not any more
    turn.take(data, stage=stage)


def digests(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Refused(refuse("data", field="evidence"))
    return list(value)


def send_back(turn: Turn) -> None:
    """A step back: the unit says it is not its task, the centre asks for more."""
    if turn.state.stage == "handle":
        queue = DISPUTED if turn.state.queue == DISPUTED else "returned"
        withdraw(turn, turn.order(), "return", queue=queue)
        return
    back = {"verify": "collect", "file": "verify", "dispatch": "file"}[turn.state.stage]
    data: dict[str, Any] = {"queue": "returned"}
    if back == "file":  # what its plan has opened ends, and begins anew once it is filed again
        data |= {"unfiled": True, "stopped": _opened(turn.state)}
    turn.take(data, stage=back)


def _opened(state: CaseState) -> list[str]:
    """The clocks of what a plan opens as the level of a case asks for it."""
    points = [one.name for one in state.clocks if one.name.startswith("task:")]
    return points + [one.clock for one in state.contacts if one.waits and one.cause == "level"]
