"""A duty officer of a day with recorded truth, who is asked what the machine was not sure of.

The desk shows of a case what is possibly the same (``alike``), and one key says that it is. This
officer looks twice at every case that people told of and that is open by then, and asks whoever
told of it about what is shown, the likeliest first, until it is the one: a question for each. The
answer is the recorded truth, as the caller knows it. What only devices told of he does not ask.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Protocol

from tianmu.manage.actor import Actor
from tianmu.manage.case.state import CaseState
from tianmu.manage.signals.judge import Match

OFFICER = Actor("officer", ("commander",))
LOOKS_MIN = (10, 45)
"""minutes after a case was opened"""
MOST = 3
"""questions about one case at a time"""
MINUTE = 60_000_000


class Door(Protocol):
    """What an officer does, of the room's door."""

    def alike(self, case: str, most: int = 5) -> list[tuple[CaseState, Match]]: ...

    def merge(self, case: str, into: str, actor: Actor, reason: str) -> CaseState: ...


class Officer:
    """``asked`` and ``same`` count his questions and those answered yes."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.asked = self.same = 0
        self._due: list[tuple[int, str]] = []
        self._seen: set[str] = set()
        self._told: dict[str, Counter[int]] = defaultdict(Counter)
        self._no: set[tuple[str, str]] = set()

    def hears(self, now: int, case: str, signal: str, thing: int) -> None:
        """A signal of this thing is in this case."""
        self._told[case][thing] += 1
        if signal.startswith("report:") and case not in self._seen:
            self._seen.add(case)
            self._due += [(now + minutes * MINUTE, case) for minutes in LOOKS_MIN]

    def looks(self, now: int) -> list[tuple[str, str]]:
        """Asks about all that is due; (case, the one it was put into)."""
        due = sorted(one for one in self._due if one[0] <= now)
        self._due = [one for one in self._due if one[0] > now]
        return [pair for _, case in due for pair in self._about(case)]

    def _about(self, case: str) -> list[tuple[str, str]]:
        for other, _ in self._door.alike(case, MOST):
            if (case, other.case) in self._no:
                continue
            self.asked += 1
            if self._thing(case) != self._thing(other.case):
                self._no.update(((case, other.case), (other.case, case)))
                continue
            self.same += 1
            self._door.merge(case, other.case, OFFICER, "the caller says that it is the same")
            self._told[other.case].update(self._told.pop(case))
            return [(case, other.case)]
        return []

    def _thing(self, case: str) -> int:
        told = self._told[case]
        return min(told, key=lambda thing: (-told[thing], thing), default=-1)
