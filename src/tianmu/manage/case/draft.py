"""Events of one case in the making: each is added to the state before the next is thought of."""

from __future__ import annotations

from typing import Any

from tianmu.facts.case import CaseEvent
from tianmu.manage.actor import SYSTEM
from tianmu.manage.case.fold import evolve
from tianmu.manage.case.state import CaseState


class Draft:
    """New events of a case and the state they lead to. ``state`` is None until it is opened."""

    def __init__(self, case: str, state: CaseState | None, now: int, probe: str = "") -> None:
        self.case = case
        self.now = now
        self.probe = state.probe if state else probe
        self.events: list[CaseEvent] = []
        self._state = state

    @property
    def state(self) -> CaseState:
        if self._state is None:
            raise ValueError(f"case {self.case} is not opened yet")
        return self._state

    def add(
        self,
        step: str,
        data: dict[str, Any] | None = None,
        *,
        stage: str = "",
        actor: str = SYSTEM.account,
        reason: str = "",
    ) -> CaseState:
        """One more event, and the state after it. Without a stage the case stays where it is."""
        event = CaseEvent(
            case=self.case,
            sequence=(self._state.version if self._state else 0) + 1,
            step=step,
            stage=stage or self.state.stage,
            at=self.now,
            actor=actor,
            reason=reason,
            probe=self.probe,
            data=data or {},
        )
        self._state = evolve(self._state, event)
        self.events.append(event)
        return self._state
