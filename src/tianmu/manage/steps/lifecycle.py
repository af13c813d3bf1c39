"""What may come next in the life of a case (CJJ/T 106, GB/T 30428.8; DOMAIN.md §2.2).

``decide`` takes a state and a command and gives the events that follow, or says why none does.
It is pure: time, city and roster are given to it. What a step sets going by itself (clocks, the
plan's orders) follows it as events of the system in the same decision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tianmu.facts.case import CaseEvent
from tianmu.manage.actor import Actor
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.fold import evolve, fold
from tianmu.manage.case.state import CaseState
from tianmu.manage.clocks import deadline
from tianmu.manage.levels import acting, level, opening, response
from tianmu.manage.steps import (
    appeal,
    dispute,
    extension,
    filing,
    inspection,
    order,
    supervision,
    suspension,
    whistle,
)
from tianmu.manage.steps.bounds import beyond
from tianmu.manage.steps.step import (
    STEPS,
    Command,
    Refusal,
    Step,
    belongs,
    chosen_order,
    guard,
    named,
    orders_for,
    refuse,
)
from tianmu.manage.steps.turn import Refused, Turn, own_work, parents, separate

if TYPE_CHECKING:
    from tianmu.city.city import City

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
        return named(step, city.departments)
    if refusal := _beyond(state, step, actor, city, command):
        return named(refusal, city.departments)
    draft = Draft(state.case, state, max(now, state.changed_at))
    turn = Turn(draft, command, step, actor, city)
    try:
        _STEPS[step.name](turn)
    except Refused as refused:
        return refused.refusal
    _heard(draft, actor, city)
    return draft.events


def _heard(draft: Draft, actor: Actor, city: City) -> None:
    """Whoever does something on the case knows of it: those who were told need not say so."""
    if not draft.state.open or not actor.department:
        return
    for task in draft.state.tasks:
        theirs = any(belongs(actor, unit, parents(city)) for unit in task.units)
        if opening.knows(task) and not task.done_at and theirs:
            data = {"task": task.code, "stopped": [f"task:{task.code}"]}
            draft.add("tick", data, actor=actor.account)


def actions(state: CaseState, actor: Actor, city: City) -> list[Step]:
    """The steps this actor may take now, in the order of the table."""
    found: list[Step] = []
    for step in STEPS.values():
        command = Command(step.name, reason="?" if step.reason else "")
        allowed = guard(state, command, actor, parents(city))
        if isinstance(allowed, Refusal) or own_work(state, step.name, actor):
            continue
        if _beyond(state, allowed, actor, city) is None:
            found.append(step)
    return found


def _beyond(
    state: CaseState, step: Step, actor: Actor, city: City, command: Command | None = None
) -> Refusal | None:
    """What the pack's bounds say against the step: on the order it names, else on any it could be
    about."""
    above = parents(city)
    orders = orders_for(state, step, actor, above) if step.order else []
    if command is not None and step.order:
        orders = [chosen_order(state, step, command, actor, above)]
    needed = acting.above(city, state, step.name, actor)
    if needed:
        code = acting.centre(city, state, needed)
        centre = city.departments.get(code)
        return refuse("tier_acts", tier=needed, centre=centre.name if centre else code)
    at = replace(actor, tier=acting.tier_of(city, actor))
    return beyond(state, step.name, at, city.side_paths, above, orders)


# -- the end ----


def _close(turn: Turn) -> None:
    separate(turn)
    matter = turn.city.matters.get(turn.state.matter)
    turn.take({"standard": filing.standard(turn, matter) if matter else 0}, stage="close")


def _void(turn: Turn) -> None:
    turn.take({"before": turn.state.stage}, stage="close")


def _reopen(turn: Turn) -> None:
    """It waits for dispatch again, and so do the calls and points that were left open; what was
    void before it was filed waits where it did: nobody has verified or filed it since. What was
    void by mistake is as it was, its clocks with the time that has run, where that is said soon
    enough (``void_back``): what has long ended begins anew, in sight of who counts."""
    city, state, now = turn.city, turn.state, turn.draft.now
    if turn.command.back and state.outcome == "void" and state.kept is not None:
        if now > city.calendar.add(state.closed_at, city.side_paths.void_back):
            raise Refused(refuse("void_for_long"))
        told, reason = {"as_it_was": True}, turn.command.reason.strip()
        stage, account = state.kept.stage, turn.actor.account
        turn.draft.add("reopen", told, stage=stage, actor=account, reason=reason)
        return
    clocks = [*whistle.again(city, state, now), *opening.again(city, state, now)]
    unfiled = state.outcome == "void" and state.stage_before in ("collect", "verify", "file")
    stage = state.stage_before if unfiled else "dispatch"
    turn.take({"queue": "returned", **deadline.data(*clocks)}, stage=stage)


def _evaluate(turn: Turn) -> None:
    separate(turn)
    score = turn.command.data.get("score")
    if not isinstance(score, int) or isinstance(score, bool) or not 1 <= score <= 5:
        raise Refused(refuse("data", field="score"))
    text = str(turn.command.data.get("text", ""))[:2000]
    turn.take({"score": score, "text": text}, stage="evaluate")


# -- at any time ----


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
    "check": inspection.check,
    "close": _close,
    "void": _void,
    "suspend": suspension.suspend,
    "resume": suspension.resume,
    "ask_extension": extension.ask,
    "extend": extension.extend,
    "refuse_extension": extension.refuse_it,
    "supervise": supervision.supervise,
    "lift": supervision.lift,
    "appeal": appeal.appeal,
    "review": appeal.review,
    "note": _note,
    "urge": _urge,
    "escalate": _escalate,
    "dispute": dispute.dispute,
    "rule": dispute.rule,
    "withdraw_ruling": dispute.withdraw_ruling,
    "tick": _tick,
    "whistle": whistle.whistle,
    "arrive": whistle.arrive,
    "call_off": whistle.call_off,
    "reopen": _reopen,
    "evaluate": _evaluate,
}
