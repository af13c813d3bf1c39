"""A case that waits for something (挂起): clocks stand still as the pack says, and not for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tianmu.manage.case.draft import Draft
from tianmu.manage.case.state import CaseState
from tianmu.manage.clocks import deadline
from tianmu.manage.steps.step import refuse
from tianmu.manage.steps.turn import Refused, Turn
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City


def suspend(turn: Turn) -> None:
    """Until somebody resumes it, at the latest after the pack's longest time or the shorter one
    that is given."""
    paths, calendar, now = turn.city.side_paths, turn.city.calendar, turn.draft.now
    until = calendar.add(now, paths.suspended)
    limit = turn.limit("limit")
    if limit is not None:
        asked = calendar.add(now, limit)
        if asked > until:
            raise Refused(refuse("data", field="limit"))
        until = asked
    paused = [
        [name, share]
        for name, share in deadline.pause(calendar, turn.state, now)
        if name.split(":")[0] not in paths.run_on
    ]
    turn.take({"paused": paused, "until": until})


def resume(turn: Turn) -> None:
    """A suspension that is taken back before anything else has happened does not count, and its
    clocks have run on: else who takes each one back could keep a case still for ever."""
    state = turn.state
    if turn.command.back and state.changed_at == state.suspended_at:
        turn.take({"uncounted": True})
        return
    turn.take(_going_on(turn.city, state, turn.draft.now))


def over(draft: Draft, city: City) -> None:
    """The longest time has passed: the case goes on by itself."""
    data = _going_on(city, draft.state, draft.now)
    draft.add("resume", {**data, "why": [phrase("why.suspended_enough")]})


def _going_on(city: City, state: CaseState, now: int) -> dict[str, Any]:
    shares = dict(state.paused)
    clocks = [
        deadline.go_on(city.calendar, clock, shares[clock.name], now)
        for clock in state.clocks
        if clock.name in shares
    ]
    return deadline.data(*clocks)
