"""Putting cases together and taking them apart, as the room's door offers it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from tianmu.facts.report import Report
from tianmu.manage.actor import Actor
from tianmu.manage.case.state import CaseState
from tianmu.manage.desk.refused import allowed, expect
from tianmu.manage.desk.work import Work
from tianmu.manage.kept import deed_key
from tianmu.manage.kept.deed_key import Deed, Done, Regrouped
from tianmu.manage.merging import many, regroup
from tianmu.manage.merging.many import Together
from tianmu.manage.signals.heard import from_person
from tianmu.manage.signals.judge import Match
from tianmu.manage.signals.offered import offered
from tianmu.manage.signals.proposed import Proposed

T = TypeVar("T")
_NEVER_AGAIN = Deed()


@dataclass(frozen=True)
class Regroup:
    """What somebody wants: ``merge`` the case into another, ``split`` signals off it, or ``undo``
    how a signal came into it."""

    step: Literal["merge", "split", "undo"]
    case: str
    reason: str
    into: str = ""
    members: tuple[str, ...] = ()
    """``alarm:<id>``, ``report:<id>``; of ``undo`` one, or none: the one that came last"""


class Grouping(ABC):
    """The part of ``Manage`` that is about which signals are one case."""

    @abstractmethod
    def _work(self, fn: Callable[[Work], T]) -> T:
        """Do ``fn`` in a transaction."""

    def regroup(
        self,
        asked: Regroup,
        actor: Actor,
        deed: Deed = _NEVER_AGAIN,
        expected_version: int | None = None,
    ) -> Regrouped:
        """Do it, once for each key of ``deed``. Raises what ``Manage.deed`` raises."""
        content = deed_key.digest(asked)

        def job(work: Work) -> Regrouped:
            connection, account = work.tx.connection, actor.account
            if known := deed_key.known(connection, account, deed, content):
                one, other = expect(work, asked.case, None), expect(work, known[0], None)
                return Regrouped(one, known[1], known[2], again=True, other=other)
            before = expect(work, asked.case, expected_version)
            after, other = _do(work, asked, actor)
            between = (other.case, before.version, after.version)
            deed_key.keep(connection, account, deed, content, between, work.now)
            deed.write(work.tx)
            return Regrouped(after, before.version, after.version, other=other)

        return self._work(job)

    def together(self, asked: Together, actor: Actor, deed: Deed = _NEVER_AGAIN) -> Done:
        """Several cases into one, or out of it again: all or none, once for each key of ``deed``.
        Raises ``Stopped`` with the case that stands against it, ``NotFound``, ``OtherDeed``."""
        content = deed_key.digest(asked)

        def job(work: Work) -> Done:
            connection, account, into = work.tx.connection, actor.account, asked.into.case
            if known := deed_key.known(connection, account, deed, content):
                return Done(expect(work, into, None), known[1], known[2], again=True)
            before = expect(work, into, None)
            after = many.do(work, asked, actor)
            between = (into, before.version, after.version)
            deed_key.keep(connection, account, deed, content, between, work.now)
            deed.write(work.tx)
            return Done(after, before.version, after.version)

        return self._work(job)

    def merge(
        self,
        case: str,
        into: str,
        actor: Actor,
        reason: str,
        expected_version: int | None = None,
    ) -> CaseState:
        """Put ``case`` into ``into`` by hand; the state of ``into``."""
        asked = Regroup("merge", case, reason, into=into)
        return self.regroup(asked, actor, expected_version=expected_version).other

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
        asked = Regroup("split", case, reason, members=tuple(members))
        done = self.regroup(asked, actor, expected_version=expected_version)
        return done.state, done.other

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
        asked = Regroup("undo", case, reason, members=(member,) if member else ())
        done = self.regroup(asked, actor, expected_version=expected_version)
        return done.state, done.other

    def alike(self, case: str, most: int = 5) -> list[tuple[CaseState, Match]]:
        """Open cases that are possibly the same as this one, the likeliest first: for a person to
        say. None for a case that is not open."""

        def job(work: Work) -> list[tuple[CaseState, Match]]:
            expect(work, case, None)
            found = work.desk.index.possibly(case, most)
            return [(work.desk.states[match.case], match) for match in found]

        return self._work(job)

    def like(self, report: Report, most: int) -> list[tuple[CaseState, Match]]:
        """Open cases that a report may be about which is only being taken, the likeliest first: for
        whoever takes it to ask. Nothing is written."""

        def job(work: Work) -> list[tuple[CaseState, Match]]:
            desk = work.desk
            signal = from_person(work.city, desk.vocabulary, report)
            found = offered(desk.index, signal, most)
            return [(desk.states[match.case], match) for match in found]

        return self._work(job)

    def proposed(self, text: str) -> list[Proposed]:
        """Matters that what is being told may be about, the likeliest first: for whoever takes it
        to choose from. Nothing is written, nothing is decided by it."""
        return self._work(lambda work: work.desk.proposals).of(text)


def _do(work: Work, asked: Regroup, actor: Actor) -> tuple[CaseState, CaseState]:
    """The case that it was asked of, and the other, as they are then."""
    case, reason = asked.case, asked.reason
    if asked.step == "merge":
        expect(work, asked.into, None)
        into = allowed(regroup.merge(work, case, asked.into, actor, reason))
        return expect(work, case, None), into
    if asked.step == "split":
        return allowed(regroup.split(work, case, list(asked.members), actor, reason))
    member = asked.members[0] if asked.members else ""
    return allowed(regroup.undo(work, case, member, actor, reason))
