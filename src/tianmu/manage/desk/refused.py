"""Why a command is not done, as whoever gave it hears it."""

from __future__ import annotations

from typing import TypeVar

from tianmu.manage.case.state import CaseState
from tianmu.manage.desk.work import Work
from tianmu.manage.steps.step import Refusal

T = TypeVar("T")


class Refused(Exception):
    """A command is not done; ``refusal`` says why and what to do."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.what}: {refusal.why.get('en', '')}; {refusal.remedy.get('en')}")
        self.refusal = refusal


class Conflict(Exception):
    """Somebody else has changed the case since it was read; ``state`` is how it is now."""

    def __init__(self, state: CaseState, expected: int) -> None:
        super().__init__(
            f"case {state.case} is at version {state.version}, not {expected}: read it again"
        )
        self.state = state
        self.expected = expected


class NotFound(LookupError):
    """There is no such ``case`` (or the scope does not show it), or not ``what`` of it."""

    def __init__(self, case: str, what: str = "") -> None:
        super().__init__(what or f"there is no case {case}")
        self.case = case


def fresh(state: CaseState, version: int) -> bool:
    """Whether whoever saw ``version`` may still decide: that people are called and limits draw near
    goes on while they write, and is no conflict."""
    return (state.edited or state.version) <= version <= state.version


def expect(work: Work, case: str, version: int | None) -> CaseState:
    """The case as it is. Raises ``NotFound``, and ``Conflict`` where it has changed since
    ``version`` in what a person decides on."""
    state = work.state(case)
    if state is None:
        raise NotFound(case)
    if version is not None and not fresh(state, version):
        raise Conflict(state, version)
    return state


def allowed(found: T | Refusal) -> T:
    if isinstance(found, Refusal):
        raise Refused(found)
    return found
