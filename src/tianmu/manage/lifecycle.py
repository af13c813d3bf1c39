"""What may come next in the life of a case (CJJ/T 106, GB/T 30428.8; DOMAIN.md §2.2).

``decide`` takes a state and a command and gives the events that follow, or says why none does.
It is pure: time, city and roster are given to it. What a step sets going by itself (clocks, the
plan's orders) follows it as events of the system in the same decision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tianmu.facts.case import CaseEvent
from tianmu.manage import deadline, dispute, filing, level, order, response, whistle
from tianmu.manage.actor import Actor
from tianmu.manage.case_state import CaseState
from tianmu.manage.draft import Draft
from tianmu.manage.fold import evolve, fold
from tianmu.manage.step import STEPS, Command, Refusal, Step, guard, orders_for, refuse
from tianmu.manage.turn import Refused, Turn, own_work, parents, separate

if TYPE_CHECKING:
    from tianmu.city.pack import City

__all__ = [
    "CaseState",
    "Command",
    "Refusal",
    "actions",
    "decide",
    "evolve",
    "fold",
    "orders_for",
    "parents",
]


def decide(
    state: CaseState, command: Command, actor: Actor, now: int, city: City
) -> list[CaseEvent] | Refusal:
    """The events that ``command`` brings about, or why it may not be done.

    ``now`` is µs; it never runs backwards within a case: an earlier one counts as the time of the
    last event.
    """
    step = guard(state, command, actor, parents(city))
    if isinstance(step, Refusal):
        return step
    draft = Draft(state.case, state, max(now, state.changed_at))
    turn = Turn(draft, command, step, actor, city)
    try:
        _STEPS[step.name](turn)
    except Refused as refused:
        return refused.refusal
    return draft.events


def actions(state: CaseState, actor: Actor, city: City) -> list[Step]:
    """The steps this actor may take now, in the order of the table."""
    found: list[Step] = []
    for step in STEPS.values():
        command = Command(step.name, reason="?" if step.reason else "")
        allowed = guard(state, command, actor, parents(city))
        if not isinstance(allowed, Refusal) and not own_work(state, step.name, actor):
            found.append(step)
    return found


# -- check and close ----


def _check(turn: Turn) -> None:
    separate(turn)
    result = turn.command.data.get("result")
    if result not in ("pass", "fail"):
        raise Refused(refuse("data", field="result"))
    data: dict[str, Any] = {"result": result}
    if evidence := turn.command.data.get("evidence"):
        data["evidence"] = order.digests(evidence)
    if result == "pass":
        turn.take(data, stage="check")
        return
    if not turn.command.reason.strip():
        raise Refused(refuse("reason", step=turn.step.name))
    again = [one for one in turn.state.orders if one.state == "done"]
    lead = [one for one in again if one.lead] or again
    clocks = [
        response.handle_clock(turn.city, turn.state, one.order, turn.draft.now) for one in lead
    ]
    data["due"] = {one.order: clock.due for one, clock in zip(lead, clocks, strict=True)}
    turn.take({**data, **deadline.data(*clocks)}, stage="handle")


def _close(turn: Turn) -> None:
    separate(turn)
    matter = turn.city.matters.get(turn.state.matter)
    turn.take({"standard": filing.standard(turn, matter) if matter else 0}, stage="close")


def _void(turn: Turn) -> None:
    turn.take(stage="close")


def _reopen(turn: Turn) -> None:
    turn.take({"queue": "returned"}, stage="dispatch")


def _evaluate(turn: Turn) -> None:
    score = turn.command.data.get("score")
    if not isinstance(score, int) or isinstance(score, bool) or not 1 <= score <= 5:
        raise Refused(refuse("data", field="score"))
    text = str(turn.command.data.get("text", ""))[:2000]
    turn.take({"score": score, "text": text}, stage="evaluate")


# -- at any time ----


def _suspend(turn: Turn) -> None:
    paused = deadline.pause(turn.city.calendar, turn.state, turn.draft.now)
    turn.take({"paused": [list(one) for one in paused]})


def _resume(turn: Turn) -> None:
    state, calendar = turn.state, turn.city.calendar
    shares = dict(state.paused)
    clocks = [
        deadline.go_on(calendar, clock, shares.get(clock.name, 0.0), turn.draft.now)
        for clock in state.clocks
    ]
    turn.take(deadline.data(*clocks))


def _note(turn: Turn) -> None:
    turn.take({"text": turn.text("text")})


def _tick(turn: Turn) -> None:
    """A point of a checklist is done, or the conference is held."""
    code = turn.text("task")
    task = next((one for one in turn.state.tasks if one.code == code), None)
    if task is None or task.done_at:
        raise Refused(refuse("data", field="task"))
    turn.take({"task": code, "stopped": [f"task:{code}"]})


def _urge(turn: Turn) -> None:
    turn.take({"by_hand": True})


def _escalate(turn: Turn) -> None:
    turn.take({"by_hand": True})
    level.rise(turn.draft, turn.city, level.by_hand())
    if turn.state.stage in ("dispatch", "handle"):
        response.follow(turn.draft, turn.city)


_STEPS: dict[str, Callable[[Turn], None]] = {
    "supplement": filing.supplement,
    "verify": filing.verify,
    "file": filing.file,
    "grade": filing.grade,
    "assess": filing.assess,
    "assign": filing.assign,
    "order": order.order,
    "cancel": order.cancel,
    "transfer": order.transfer,
    "accept": order.accept,
    "handle": order.handle,
    "feed_back": order.feed_back,
    "return": order.send_back,
    "check": _check,
    "close": _close,
    "void": _void,
    "suspend": _suspend,
    "resume": _resume,
    "extend": order.extend,
    "note": _note,
    "urge": _urge,
    "escalate": _escalate,
    "dispute": dispute.dispute,
    "rule": dispute.rule,
    "withdraw_ruling": dispute.withdraw_ruling,
    "tick": _tick,
    "whistle": whistle.whistle,
    "arrive": whistle.arrive,
    "reopen": _reopen,
    "evaluate": _evaluate,
}
