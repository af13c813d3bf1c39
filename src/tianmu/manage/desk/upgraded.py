"""What open cases lack that an earlier release has left: each gets it once, at the first start, as
an event like any other, so that a rebuild comes to the same.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.manage.case.parties import LEFT
from tianmu.manage.case.state import CaseState
from tianmu.manage.clocks import deadline
from tianmu.manage.desk.work import Work
from tianmu.manage.levels import response
from tianmu.manage.levels.handing import handed

ASKED = "collect"
"""the stage of a case that waits for more information; it had no clock once"""


def upgrade(work: Work) -> int:
    """How many cases lacked something. One that is suspended is left until it goes on: its clocks
    stand."""
    changed = 0
    for state in list(work.desk.states.values()):
        if state.suspended_at:
            continue
        draft = work.draft(state.case)
        if state.stage == ASKED and state.clock(ASKED) is None:
            clock = response.stage_clock(work.city, state, ASKED, work.now)
            draft.add("reckon", deadline.data(clock))
        for data in _left_behind(work, state):
            draft.add("assign", data)
        if draft.events:
            work.take(state, draft)
            changed += 1
    return changed


def _left_behind(work: Work, state: CaseState) -> list[dict[str, Any]]:
    """Open points of departments that led the case once, handed to whoever leads now."""
    former = {one.unit for one in state.orders if one.lead and one.state in LEFT} - {state.lead}
    now = {"lead": state.lead, "joint": list(state.joint)}
    found = []
    for unit in sorted(former):
        before = msgspec.structs.replace(state, lead=unit)
        data = handed(work.city, before, now, work.now)
        if "handed" in data:
            found.append(data)
    return found
