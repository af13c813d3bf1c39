"""Several cases into the one that a person has chosen, and out of it again: all, or nothing."""

from __future__ import annotations

from dataclasses import dataclass

from tianmu.manage.actor import Actor
from tianmu.manage.case.state import CaseState
from tianmu.manage.desk.refused import Conflict, Refused, allowed, expect, fresh
from tianmu.manage.desk.work import Work
from tianmu.manage.merging import regroup
from tianmu.manage.merging.member import members
from tianmu.manage.steps.step import Refusal, refuse


@dataclass(frozen=True)
class Seen:
    """A case, and its version as whoever decides has seen it; None: as it is."""

    case: str
    version: int | None = None


@dataclass(frozen=True)
class Together:
    """What somebody wants: the cases put ``into`` one (``merge``), or taken out of it (``undo``),
    where each comes back as it was."""

    step: str
    into: Seen
    cases: tuple[Seen, ...]
    reason: str


class Stopped(Exception):
    """Nothing is done, since this case cannot be: it has changed since it was seen (``Conflict``),
    or is refused (``Refused``)."""

    def __init__(self, state: CaseState, cause: Conflict | Refused) -> None:
        super().__init__(f"case {state.case}: {cause}")
        self.state = state
        self.cause = cause


def do(work: Work, asked: Together, actor: Actor) -> CaseState:
    """All of it in one transaction; the state of the case that was chosen. Raises ``Stopped`` with
    the first case for which it cannot be done, and ``NotFound``: then nothing has been."""
    if len({asked.into.case, *(one.case for one in asked.cases)}) <= len(asked.cases):
        raise Stopped(expect(work, asked.into.case, None), Refused(refuse("same_case")))
    _look(work, asked, actor)
    try:
        for case in _in_turn(work, asked):
            _one(work, asked, case, actor)
    except BaseException:
        work.desk.loaded = False  # what was changed in memory does not come to be: it is read again
        raise
    return expect(work, asked.into.case, None)


def _look(work: Work, asked: Together, actor: Actor) -> None:
    """Before anything is done, each is looked at as it stands."""
    waits = None
    for seen in (asked.into, *asked.cases):
        state = expect(work, seen.case, None)
        if seen.version is not None and not fresh(state, seen.version):
            raise Stopped(state, Conflict(state, seen.version))
        refusal = _against(asked, seen.case, state, actor)
        if asked.step == "merge" and state.extension is not None:
            refusal = refusal or (refuse("extension_asked") if waits else None)
            waits = state.extension
        if refusal is not None:
            raise Stopped(state, Refused(refusal))


def _against(asked: Together, case: str, state: CaseState, actor: Actor) -> Refusal | None:
    into = asked.into.case
    if asked.step == "merge" or case == into:
        step = "merge" if asked.step == "merge" else "split"
        return regroup.guard(state, actor, step, asked.reason)
    there = state.outcome == "merged" and state.merged_into == into
    return None if there else refuse("not_merged")


def _in_turn(work: Work, asked: Together) -> list[str]:
    """Merged as they are named. Taken out the last that came in first, in whatever order they are
    named: each has kept what the chosen one was just before it."""
    cases = [seen.case for seen in asked.cases]
    if asked.step == "merge":
        return cases
    rows = members(work.tx.connection, expect(work, asked.into.case, None))
    came = {told.get("from", ""): at for at, (told, _, _) in enumerate(rows)}
    return sorted(cases, key=lambda case: came.get(case, -1), reverse=True)


def _one(work: Work, asked: Together, case: str, actor: Actor) -> None:
    try:
        if asked.step == "merge":
            allowed(regroup.merge(work, case, asked.into.case, actor, asked.reason))
        else:
            _out(work, asked, case, actor)
    except Refused as error:
        raise Stopped(expect(work, case, None), error) from error


def _out(work: Work, asked: Together, case: str, actor: Actor) -> None:
    into = asked.into.case
    rows = members(work.tx.connection, expect(work, into, None))
    came = [told for told, _, _ in rows if told.get("from") == case]
    if not came:  # all that it brought has been taken out one by one
        raise Refused(refuse("not_merged"))
    key = f"{came[0]['kind']}:{came[0]['id']}"
    _, back = allowed(regroup.undo(work, into, key, actor, asked.reason))
    if back.case != case:
        raise Refused(refuse("not_merged"))
