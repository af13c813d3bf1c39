"""One command being carried out: its draft, its step, and its data, checked as it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.city.calendar.limit import Limit
from tianmu.manage.actor import Actor
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.state import DISPUTED, CaseState, Clock, Order
from tianmu.manage.clocks import deadline
from tianmu.manage.levels import response
from tianmu.manage.levels.handing import handed
from tianmu.manage.steps.step import Command, Refusal, Step, chosen_order, refuse

if TYPE_CHECKING:
    from tianmu.city.city import City


class Refused(Exception):
    """A command goes no further; ``refusal`` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.what)
        self.refusal = refusal


class Turn:
    """One command being carried out."""

    def __init__(
        self, draft: Draft, command: Command, step: Step, actor: Actor, city: City
    ) -> None:
        self.draft, self.command, self.step = draft, command, step
        self.actor, self.city = actor, city

    @property
    def state(self) -> CaseState:
        return self.draft.state

    def take(self, data: dict[str, Any] | None = None, *, stage: str = "", step: str = "") -> None:
        """The step itself, in the actor's name; entering another stage starts its clock and stops
        the one of the stage that is left."""
        data = dict(data or {})
        before = self.state.stage
        settled = data.get("queue", DISPUTED) != DISPUTED and self.state.clock("rule") is not None
        if settled:
            data["stopped"] = [*data.get("stopped", ()), "rule"]
        if "lead" in data and "joint" in data:
            data = handed(self.city, self.state, data, self.draft.now)
        if (stage and stage != before) or (settled and before == "dispatch"):
            stopped = [*data.get("stopped", ()), before]
            data["stopped"] = stopped
            clock = self._waits(stage or before, data)
            data["clocks"] = [*data.get("clocks", ()), *deadline.data(clock).get("clocks", ())]
        self.draft.add(
            step or self.step.name,
            data,
            stage=stage,
            actor=self.actor.account,
            reason=self.command.reason.strip(),
        )

    def _waits(self, stage: str, data: dict[str, Any]) -> Clock | None:
        """The clock of a stage. What is disputed waits for its ruling, and nobody who dispatches
        is late before that is."""
        if stage == "dispatch" and data.get("queue", self.state.queue) == DISPUTED:
            begun = (one for one in data.get("clocks", ()) if one.name == "rule")
            if rule := next(begun, self.state.clock("rule")):
                marks = tuple(msgspec.structs.replace(one, step="urge") for one in rule.marks)
                return msgspec.structs.replace(rule, name=stage, marks=marks)
        return response.stage_clock(self.city, self.state, stage, self.draft.now)

    def order(self) -> Order:
        return chosen_order(self.state, self.step, self.command, self.actor, parents(self.city))

    def text(self, name: str, *, most: int = 4000) -> str:
        value = self.command.data.get(name)
        if not isinstance(value, str) or not value.strip():
            raise Refused(refuse("data", field=name))
        return value.strip()[:most]

    def code(self, name: str, known: Any, default: str = "") -> str:
        """A code that must be a key of ``known``; ``default`` where it is not given."""
        value = self.command.data.get(name)
        if value in (None, "") and default:
            return default
        if not isinstance(value, str) or value not in known:
            raise Refused(refuse("data", field=name))
        return value

    def limit(self, name: str) -> Limit | None:
        """A limit ``{"value": 4, "unit": "work_hour"}``, None where it is not given."""
        value = self.command.data.get(name)
        if value in (None, ""):
            return None
        try:
            limit = msgspec.convert(value, Limit)
        except (msgspec.ValidationError, ValueError) as error:
            raise Refused(refuse("data", field=name)) from error
        if not limit.value:
            raise Refused(refuse("data", field=name))
        return limit


def parents(city: City) -> dict[str, str]:
    """Department → the one above it."""
    return city.above


def own_work(state: CaseState, step: str, actor: Actor) -> bool:
    """Nobody checks, closes or rates what he handled, verifies what he himself told, approves what
    he asked for, or reviews his own appeal twice; the machine does none of these."""
    account = actor.account
    if step in ("check", "close", "evaluate"):
        return actor.is_system or account in state.hands
    if step in ("extend", "refuse_extension") and state.extension is not None:
        return actor.is_system or account == state.extension.by
    if step == "review" and state.appeal is not None:
        reviewed = {one.by for one in state.appeal.reviews}
        return actor.is_system or account in {state.appeal.by, *reviewed, *state.hands}
    verifies = state.stage == "verify" and step in ("verify", "file")
    return verifies and (actor.is_system or account in state.collectors)


def separate(turn: Turn) -> None:
    """``Refused`` where the step would be somebody checking his own work."""
    if own_work(turn.state, turn.step.name, turn.actor):
        raise Refused(refuse("own_work"))
