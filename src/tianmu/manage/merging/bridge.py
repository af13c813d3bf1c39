"""Cases that a signal has shown to be one are put together by the machine."""

from __future__ import annotations

from tianmu.manage.actor import SYSTEM
from tianmu.manage.case.state import DISPUTED, CaseState
from tianmu.manage.desk import waiting
from tianmu.manage.desk.work import Work
from tianmu.manage.merging import regroup


def bridge(work: Work, pairs: list[tuple[str, str]]) -> None:
    """The machine puts cases together that a signal has shown to be one, the younger into the
    older; not where a person has had a hand in either. ``work`` is new: all signals are written."""
    grown: set[str] = set()
    went: dict[str, str] = {}
    left: list[tuple[str, str]] = []
    for pair in dict.fromkeys(pairs):
        one, other = (_now(case, went) for case in pair)
        first, second = (work.desk.states.get(case) for case in (one, other))
        if first is None or second is None or one == other or first.probe != second.probe:
            continue
        if _touched(first) or _touched(second):
            continue
        if _placed(first) < _placed(second):
            first, second = second, first
        if first.case in grown:
            left.append(pair)  # what it has been given is not written yet
            continue
        match = work.desk.index.alike(first.case, second.case)
        if match is not None:
            grown.add(second.case)
            went[first.case] = second.case
            reasons = list(match.reasons)
            regroup.together(work, first, second, reasons, match.score, SYSTEM.account, "")
    later = [(_now(one, went), _now(other, went)) for one, other in left]
    still = [(one, other) for one, other in later if one != other]
    waiting.keep(work.tx.connection, work.desk.index, still)


def _now(case: str, went: dict[str, str]) -> str:
    """The case that has taken this one in, if one has."""
    while case in went:
        case = went[case]
    return case


def _placed(state: CaseState) -> tuple[bool, int, str]:
    """Which of two cases takes in the other: one with a point, then the older."""
    return state.place.longitude is None, state.opened_at, state.case


def _touched(state: CaseState) -> bool:
    """Whether a person has done anything that merging by machine would undo or mix up. That they
    have answered a contact ladder is none of it: the answer goes over with the case."""
    return bool(
        not state.open
        or state.hands
        or state.level_by_hand
        or state.calls
        or state.supervision
        or state.ruling
        or state.extension
        or state.queue == DISPUTED
        or any(one.by for one in state.orders)
        or any(one.done_at for one in state.tasks)
        or state.apart
        or state.reopened
        or state.suspended_at
        or state.stage not in ("collect", "verify", "file", "dispatch", "handle")
    )
