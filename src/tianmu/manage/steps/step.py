"""The steps a person may take: from which stages, by whom, and what they need to say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tianmu.city.people.department import Department
from tianmu.facts.text import Text
from tianmu.manage.actor import Actor
from tianmu.manage.case.state import DISPUTED, OPEN_ORDER, STAGES, Call, CaseState, Order
from tianmu.manage.words import phrase


@dataclass(frozen=True)
class Command:
    """What somebody wants done to a case."""

    step: str
    reason: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    back: bool = False
    """part of a taking back: what it sets right comes out as it was"""


@dataclass(frozen=True)
class Refusal:
    """Why a step is not done, and what to do about it."""

    what: str
    """short key: ``stage``, ``permission``, ``own_work``, ``reason``, ``data``, …"""
    why: Text
    remedy: Text
    unit: str = ""
    """code of the department it is about, where whoever refused could not name it"""


FORMS = frozenset(("limit", "standing", "score", "place", "department", "departments", "joint")) | {
    "evidence",
    "matter",
    "steps",
}
"""data of steps whose form is said where they are missing or wrong; of others the step says it"""


def refuse(what: str, **values: object) -> Refusal:
    """Why a step is not done; of data that are missing or wrong also what they look like."""
    if what == "data":
        named = values.get("field")
        values.setdefault("form", phrase(f"form.{named}") if named in FORMS else "")
    return Refusal(
        what,
        phrase(f"refusal.{what}.why", **values),
        phrase(f"refusal.{what}.remedy", **values),
        unit if isinstance(unit := values.get("unit"), str) else "",
    )


def named(refusal: Refusal, departments: Mapping[str, Department]) -> Refusal:
    """The refusal with the name of the department that it is about."""
    found = departments.get(refusal.unit)
    return refuse(refusal.what, unit=found.name) if found is not None else refusal


@dataclass(frozen=True)
class Step:
    name: str
    stages: frozenset[str]
    """stages it may be taken in"""
    permission: str
    reason: bool = False
    """whether a reason is mandatory (CJJ/T 106: return, void and the like say why)"""
    needs: tuple[str, ...] = ()
    """names of the data it asks for; a trailing ``?`` says it may be left out"""
    order: tuple[str, ...] = ()
    """states of the order it is about, or empty where it is about the case as a whole"""
    suspended: bool = False
    """may be taken while the case is suspended"""
    ended: bool = False
    """is taken on cases that have ended (``reopen``, ``evaluate``)"""


_ALL = frozenset(STAGES)
_LIVE = frozenset(STAGES[:7])
_BEFORE_SENT = frozenset(("collect", "verify", "file", "dispatch"))
_SENT = frozenset(("dispatch", "handle"))
_DONE = frozenset(("close", "evaluate"))


def _step(
    name: str, stages: frozenset[str] | tuple[str, ...], permission: str, **more: Any
) -> Step:
    return Step(name, frozenset(stages), permission, **more)


STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        _step("supplement", ("collect",), "report.write", needs=("text",)),
        _step("verify", ("verify",), "case.check", needs=("matter?", "division?")),
        _step("file", ("verify", "file"), "case.file", needs=("matter?", "standard?")),
        _step("grade", _LIVE, "case.command", reason=True, needs=("level",)),
        _step(
            "assess",
            _LIVE,
            "case.note",
            needs=("dead?", "injured?", "trapped?", "loss?", "area_ha?"),
        ),
        _step("assign", _BEFORE_SENT, "case.command", reason=True, needs=("department", "joint?")),
        _step(
            "order",
            _SENT,
            "case.command",
            needs=("department?", "unit?", "task?", "limit?", "lead?"),
        ),
        _step("cancel", _SENT, "case.command", reason=True, needs=("order",), order=OPEN_ORDER),
        _step("transfer", _SENT, "case.command", reason=True, needs=("department",)),
        _step("accept", ("handle",), "case.handle", needs=("order?",), order=("sent",)),
        _step("handle", ("handle",), "case.handle", needs=("order?",), order=("accepted",)),
        _step(
            "feed_back",
            ("handle",),
            "case.handle",
            needs=("result", "order?", "evidence?"),
            order=("accepted", "handling"),
        ),
        _step(
            "return",
            ("verify", "file", "dispatch", "handle"),
            "",  # who may return depends on the stage: see lifecycle
            reason=True,
            needs=("order?",),
        ),
        _step("check", ("feed_back",), "case.check", needs=("result", "place?", "evidence?")),
        _step("close", ("check",), "case.file", needs=("standard?",)),
        _step("void", _LIVE, "case.file", reason=True),
        _step("suspend", _LIVE, "case.command", reason=True, needs=("limit?",)),
        _step("resume", _LIVE, "case.command", reason=True, suspended=True),
        _step(
            "ask_extension",
            ("handle",),
            "case.handle",
            reason=True,
            needs=("limit", "order?"),
            order=OPEN_ORDER,
        ),
        _step(
            "extend",
            ("handle",),
            "case.command",
            reason=True,
            needs=("limit", "order?"),
            order=OPEN_ORDER,
        ),
        _step("refuse_extension", ("handle",), "case.command", reason=True),
        _step("urge", _LIVE, "case.command", reason=True),
        _step("escalate", _LIVE, "case.command", reason=True),
        _step("supervise", _LIVE, "case.supervise", reason=True, needs=("limit?",), suspended=True),
        _step("lift", _LIVE, "case.supervise", reason=True, suspended=True),
        _step(
            "dispute",
            ("handle",),
            "case.handle",
            reason=True,
            needs=("department?", "order?"),
            order=("sent", "accepted"),
        ),
        _step("rule", _SENT, "case.rule", reason=True, needs=("department", "joint?", "standing?")),
        _step("withdraw_ruling", _ALL, "case.rule", reason=True, ended=True, suspended=True),
        _step("tick", _LIVE, "case.note", needs=("task",)),
        _step("whistle", _LIVE, "case.whistle", reason=True, needs=("departments?",)),
        # a suspension does not stop the clocks of arrival: what they wait for can be said
        _step("arrive", _LIVE, "", needs=("department?",), suspended=True),  # who may: see whistle
        _step(
            "call_off",
            _LIVE,
            "case.whistle",
            reason=True,
            needs=("department?",),
            suspended=True,
        ),
        _step("note", _ALL, "case.note", needs=("text",), suspended=True, ended=True),
        _step("reopen", _DONE, "case.file", reason=True, ended=True),
        _step("appeal", _DONE, "case.handle", reason=True, ended=True),
        _step("review", _DONE, "", needs=("result",), ended=True),  # who may: see guard
        _step("evaluate", ("close",), "case.check", needs=("score",), ended=True),
    )
}
"""Steps of the first form; ``merge``, ``split`` and the machine's own steps stand beside them."""


def covers(actor: Actor, order: Order, parents: Mapping[str, str]) -> bool:
    """Whether the order is one of the actor's department, of one below it, or names the actor.
    ``parents`` maps a department's code to the one above it."""
    if actor.probe:
        return True
    if any(person.get("account") == actor.account for person in order.persons):
        return True
    return of_department(actor, order.unit, parents)


def of_department(actor: Actor, unit: str, parents: Mapping[str, str]) -> bool:
    """Whether ``unit`` is the actor's department or one below it: he acts for it."""
    return _below(unit, actor.department, parents)


def belongs(actor: Actor, unit: str, parents: Mapping[str, str]) -> bool:
    """Whether the actor is of ``unit`` or of one below it: what he knows, it knows."""
    return _below(actor.department, unit, parents)


def _below(code: str, upper: str, parents: Mapping[str, str]) -> bool:
    """Whether ``code`` is ``upper`` or stands below it."""
    seen = set[str]()
    while code and code not in seen:
        if code == upper:
            return True
        seen.add(code)
        code = parents.get(code, "")
    return False


def needs_of(state: CaseState, step: Step, actor: Actor) -> tuple[str, ...]:
    """The data that the step asks of this actor now."""
    if step.name == "check" and on_the_spot(actor):
        return ("result", "place", "evidence")
    if step.name == "extend" and state.extension is not None:
        return ("limit?", "order?")
    return step.needs


def on_the_spot(actor: Actor) -> bool:
    """Whether somebody checks by going there: he belongs to neither desk."""
    return actor.permissions.isdisjoint(("case.file", "case.command"))


def orders_for(
    state: CaseState, step: Step, actor: Actor, parents: Mapping[str, str]
) -> list[Order]:
    """The orders the actor could take this step on. Withdrawing or extending is a centre's step:
    there the department does not matter."""
    theirs = [order for order in state.orders if order.state in step.order]
    if step.permission == "case.handle":
        theirs = [order for order in theirs if covers(actor, order, parents)]
    return theirs


_CELL = re.compile(r"[^\w.-]")


def guard(
    state: CaseState, command: Command, actor: Actor, parents: Mapping[str, str]
) -> Step | Refusal:
    """The step, if stage, permission, probe and reason allow it; else the first thing that does
    not. Who may ``return`` follows from the stage: the unit from ``handle``, else the centre."""
    step = STEPS.get(command.step)
    if step is None:
        return refuse("unknown_step", step=_CELL.sub("", command.step)[:40])
    label = phrase(f"step.{step.name}")
    if (state.probe or actor.probe) and state.probe != actor.probe and not actor.is_system:
        return refuse("probe")
    if not state.open and not step.ended:
        return refuse("closed", outcome=phrase(f"outcome.{state.outcome}"))
    if state.open and step.name in ("reopen", "evaluate"):
        return refuse("stage", stage=phrase(f"stage.{state.stage}"), step=label)
    if state.outcome == "merged" and step.name in ("reopen", "evaluate"):
        return refuse("merged")
    if state.stage not in step.stages:
        return refuse("stage", stage=phrase(f"stage.{state.stage}"), step=label)
    if state.suspended_at and not step.suspended:
        return refuse("suspended")
    if step.name == "rule" and state.queue != DISPUTED and state.lead:
        return refuse("no_dispute")
    if step.name == "withdraw_ruling" and (state.ruling is None or state.ruling.withdrawn_at):
        return refuse("no_ruling")
    if step.name == "tick" and all(one.done_at for one in state.tasks):
        return refuse("no_task")
    if step.name == "resume" and not state.suspended_at:
        return refuse("not_suspended")
    if refusal := _nothing_to(state, step):
        return refusal
    permission = step.permission
    if step.name == "return":
        permission = _RETURNS.get(state.stage, "case.file")
    if step.name == "review":
        waits = state.appeal is not None and state.appeal.state == "dispatcher"
        permission = "case.command" if waits else "case.file"
    if step.name == "arrive":
        return _arrive_guard(state, step, command, actor, parents)
    if not actor.is_system and permission not in actor.permissions:
        return refuse("permission", step=label)
    if step.reason and not command.reason.strip():
        return refuse("reason", step=label)
    if step.order or (step.name == "return" and state.stage == "handle"):
        return _order_guard(state, step, command, actor, parents)
    return step


_RETURNS = {"handle": "case.handle", "dispatch": "case.command"}
"""Who returns: the unit, the dispatcher; before that whoever collects"""


def _nothing_to(state: CaseState, step: Step) -> Refusal | None:
    """Steps that answer something are refused where it is not there, raising where nothing is
    graver."""
    if step.name == "escalate" and state.level_number == 1:
        return refuse("highest")
    if step.name == "refuse_extension" and state.extension is None:
        return refuse("no_extension")
    if step.name == "ask_extension" and state.extension is not None:
        return refuse("extension_asked")
    if step.name == "supervise" and state.supervision is not None:
        return refuse("supervised")
    if step.name == "lift" and state.supervision is None:
        return refuse("not_supervised")
    if step.name == "call_off" and not any(one.waits for one in state.calls):
        return refuse("no_call")
    if step.name == "appeal" and state.appeal is not None:
        return refuse("appealed")
    if step.name == "appeal" and (state.outcome != "closed" or not state.late):
        return refuse("not_late")
    if step.name == "review" and (state.appeal is None or not state.appeal.due):
        return refuse("no_appeal")
    return None


def _arrive_guard(
    state: CaseState, step: Step, command: Command, actor: Actor, parents: Mapping[str, str]
) -> Step | Refusal:
    """A department says for itself that it is there; whoever may whistle says it for any."""
    waiting = calls_for(state, actor, parents)
    if wanted := command.data.get("department"):
        waiting = [one for one in waiting if one.unit == wanted]
    called = [one.unit for one in state.calls if one.waits]
    if waiting or not called:
        return step if waiting else refuse("no_call")
    label = phrase("step.arrive")
    if actor.permissions.isdisjoint(("case.handle", "case.whistle")):
        return refuse("permission", step=label)
    return refuse("no_call") if wanted else refuse("department", unit=called[0])


def calls_for(state: CaseState, actor: Actor, parents: Mapping[str, str]) -> list[Call]:
    """The calls to the place that this actor may say were followed."""
    waiting = [one for one in state.calls if one.waits]
    if actor.is_system or actor.probe or "case.whistle" in actor.permissions:
        return waiting
    if "case.handle" not in actor.permissions:
        return []
    return [one for one in waiting if of_department(actor, one.unit, parents)]


def _order_guard(
    state: CaseState, step: Step, command: Command, actor: Actor, parents: Mapping[str, str]
) -> Step | Refusal:
    if step.name == "return":  # an order may be sent back until its result is in
        step = Step("return", step.stages, "case.handle", reason=True, order=OPEN_ORDER)
    wanted = command.data.get("order")
    waiting = [one for one in state.orders if one.state in step.order]
    if wanted is not None:
        waiting = [one for one in waiting if one.order == wanted]
    if not waiting:
        return refuse("order")
    if not actor.is_system and not orders_for(state, step, actor, parents):
        return refuse("department", unit=waiting[0].unit)
    named = wanted is not None and step.permission == "case.handle" and not actor.is_system
    if named and not covers(actor, waiting[0], parents):
        return refuse("department", unit=waiting[0].unit)
    return step


def chosen_order(
    state: CaseState, step: Step, command: Command, actor: Actor, parents: Mapping[str, str]
) -> Order:
    """The order a guarded step is about: the one named, else the actor's first."""
    wanted = command.data.get("order")
    if wanted is None and step.name == "extend" and state.extension is not None:
        wanted = state.extension.order
    if wanted is not None:
        found = state.order(wanted)
        assert found is not None
        return found
    theirs = orders_for(state, step, actor, parents) if not actor.is_system else []
    return (theirs or [one for one in state.orders if one.state in step.order])[0]
