"""Putting cases together and taking them apart, as the room's door offers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tianmu.manage import regroup
from tianmu.manage.actor import Actor
from tianmu.manage.case_state import CaseState
from tianmu.manage.desk import Work
from tianmu.manage.merge import Match
from tianmu.manage.refused import allowed, expect

T = TypeVar("T")


class Grouping:
    """The part of ``Manage`` that is about which signals are one case."""

    def _work(self, fn: Callable[[Work], T]) -> T:
        raise NotImplementedError

    def merge(
        self,
        case: str,
        into: str,
        actor: Actor,
        reason: str,
        expected_version: int | None = None,
    ) -> CaseState:
        """Put ``case`` into ``into`` by hand; the state of ``into``."""

        def job(work: Work) -> CaseState:
            expect(work, case, expected_version)
            expect(work, into, None)
            return allowed(regroup.merge(work, case, into, actor, reason))

        return self._work(job)

    def split(
        self,
        case: str,
        members: list[str],
        actor: Actor,
        reason: str,
        expected_version: int | None = None,
    ) -> tuple[CaseState, CaseState]:
        """Take signals (``alarm:<id>``, ``report:<id>``) out of a case; the case and the one that
        holds them now."""

        def job(work: Work) -> tuple[CaseState, CaseState]:
            expect(work, case, expected_version)
            return allowed(regroup.split(work, case, members, actor, reason))

        return self._work(job)

    def undo(
        self,
        case: str,
        member: str,
        actor: Actor,
        reason: str,
        expected_version: int | None = None,
    ) -> tuple[CaseState, CaseState]:
        """Take back how a signal came into the case; ``member`` empty: the one that came last. The
        case and the one that holds the signal now."""

        def job(work: Work) -> tuple[CaseState, CaseState]:
            expect(work, case, expected_version)
            return allowed(regroup.undo(work, case, member, actor, reason))

        return self._work(job)

    def alike(self, case: str, most: int = 5) -> list[tuple[CaseState, Match]]:
        """Open cases that are possibly the same as this one, the likeliest first: for a person to
        say. None for a case that is not open."""

        def job(work: Work) -> list[tuple[CaseState, Match]]:
            expect(work, case, None)
            found = work.desk.index.possibly(case, most)
            return [(work.desk.states[match.case], match) for match in found]

        return self._work(job)
