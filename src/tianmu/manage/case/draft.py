"""Events of one case in the making: each is added to the state before the next is thought of."""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.facts.case import CaseEvent
from tianmu.manage.actor import SYSTEM
from tianmu.manage.case.fold import evolve
from tianmu.manage.case.parties import PARTS, parted
from tianmu.manage.case.state import CaseState


class Draft:
    """New events of a case and the state they lead to; ``ValueError`` where that is asked for and
    the case is not opened yet."""

    state: CaseState

    def __init__(self, case: str, state: CaseState | None, now: int, probe: str = "") -> None:
        self.case = case
        self.now = now
        self.probe = state.probe if state else probe
        self.events: list[CaseEvent] = []
        self._opened = state is not None
        if state is not None:
            self.state = state  # no property: it is asked for twenty times for each signal

    def __getattr__(self, name: str) -> Any:
        if name == "state":
            raise ValueError(f"case {self.case} is not opened yet")
        raise AttributeError(name)

    def add(
        self,
        step: str,
        data: dict[str, Any] | None = None,
        *,
        stage: str = "",
        actor: str = SYSTEM.account,
        reason: str = "",
    ) -> CaseState:
        """One more event, and the state after it. Without a stage the case stays where it is. Whom
        it concerns no more by that stands in the event's data (``parted``): they are told so."""
        before = self.state if self._opened else None
        event = CaseEvent(
            case=self.case,
            sequence=(before.version if before else 0) + 1,
            step=step,
            stage=stage or self.state.stage,
            at=self.now,
            actor=actor,
            reason=reason,
            probe=self.probe,
            data=data or {},
        )
        self.state = after = evolve(before, event)
        if before is not None and step in PARTS and (gone := parted(before, after)):
            event = msgspec.structs.replace(event, data={**event.data, "parted": gone})
        self._opened = True
        self.events.append(event)
        return after
