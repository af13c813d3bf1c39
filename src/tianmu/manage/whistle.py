"""The whistle: who stands at the place calls departments there, and their arrival is clocked
(网格吹哨、部门报到).

A call is beside orders: it says come, not do. It may be given at any stage, and the level's
on-site limit is its clock.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.manage import deadline, response
from tianmu.manage.case_state import Call
from tianmu.manage.step import calls_for, refuse
from tianmu.manage.turn import Refused, Turn, parents
from tianmu.manage.words import phrase


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
    level = city.profile.numbered(state.level_number or len(city.profile.levels))
    calls: list[dict[str, Any]] = []
    clocks = []
    nobody = False
    for unit in units:
        marks = [(share, "urge") for share in (level.escalate.remind_at, 1.0) if share]
        clock = deadline.start(city.calendar, f"arrive:{unit}", level.onsite, now, marks)
        clocks.append(clock)
        call = Call(unit=unit, called_at=now, due=clock.due, by=turn.actor.account)
        calls.append(msgspec.to_builtins(call))
        nobody |= not state.probe and not response.persons(city, unit, state.division, now)
    told = {"nobody": phrase("why.nobody_on_duty")} if nobody else {}
    turn.take({"calls": calls, **told, **deadline.data(*clocks)})


def arrive(turn: Turn) -> None:
    """Somebody of the department is at the place."""
    waiting = calls_for(turn.state, turn.actor, parents(turn.city))
    unit = turn.code("department", turn.city.departments, default=waiting[0].unit)
    turn.take({"unit": unit, "stopped": [f"arrive:{unit}"]})
