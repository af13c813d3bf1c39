"""The whistle: who stands at the place calls departments there, and their arrival is clocked
(网格吹哨、部门报到).

A call is beside orders: it says come, not do. It may be given at any stage, and the level's
on-site limit is its clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.manage.case.state import Call, CaseState, Clock
from tianmu.manage.clocks import deadline
from tianmu.manage.clocks.mark import marks
from tianmu.manage.levels import response
from tianmu.manage.steps.step import calls_for, refuse
from tianmu.manage.steps.turn import Refused, Turn, parents
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City


def whistle(turn: Turn) -> None:
    """Call departments: those named, else all who answer for the matter."""
    state, city, now = turn.state, turn.city, turn.draft.now
    named = turn.command.data.get("departments")
    if named in (None, "", []):
        wanted = [one for one in (state.lead, *state.joint) if one]
    elif isinstance(named, list) and all(
        isinstance(one, str) and one in city.departments for one in named
    ):
        wanted = list(dict.fromkeys(named))
    else:
        raise Refused(refuse("data", field="departments"))
    units = [unit for unit in wanted if state.waiting_for(unit) is None]
    if not units:
        raise Refused(refuse("nobody_to_call"))
    calls: list[dict[str, Any]] = []
    clocks = []
    nobody = False
    for unit in units:
        clock = _clock(city, state, unit, now)
        clocks.append(clock)
        call = Call(unit=unit, called_at=now, due=clock.due, by=turn.actor.account)
        calls.append(msgspec.to_builtins(call))
        nobody |= not state.probe and not response.persons(city, unit, state.division, now)
    told = {"nobody": phrase("why.nobody_on_duty")} if nobody else {}
    turn.take({"calls": calls, **told, **deadline.data(*clocks)})


def _clock(city: City, state: CaseState, unit: str, now: int) -> Clock:
    """By when somebody of ``unit`` should be there: the level's on-site limit."""
    level = city.profile.numbered(state.level_number or len(city.profile.levels))
    name = f"arrive:{unit}"
    return deadline.start(city.calendar, name, level.onsite, now, marks(city, state))


def again(city: City, state: CaseState, now: int) -> list[Clock]:
    """New clocks of the calls that are waited for: the case has been reopened."""
    return [_clock(city, state, one.unit, now) for one in state.calls if one.waits]


def call_off(turn: Turn) -> None:
    """A department need not come any more: the one named, else the one that is waited for."""
    waiting = [one.unit for one in turn.state.calls if one.waits]
    only = waiting[0] if len(waiting) == 1 else ""
    unit = turn.code("department", turn.city.departments, default=only)
    if unit not in waiting:
        raise Refused(refuse("no_call"))
    turn.take({"unit": unit, "stopped": [f"arrive:{unit}"]})


def arrive(turn: Turn) -> None:
    """Somebody of the department is at the place."""
    waiting = calls_for(turn.state, turn.actor, parents(turn.city))
    unit = turn.code("department", turn.city.departments, default=waiting[0].unit)
    turn.take({"unit": unit, "stopped": [f"arrive:{unit}"]})
