"""What open cases lack that an earlier release has left: each gets it once, at the first start, as
an event like any other, so that a rebuild comes to the same.
"""

from __future__ import annotations

import msgspec

from tianmu.manage.case.draft import Draft
from tianmu.manage.case.parties import LEFT
from tianmu.manage.clocks import deadline
from tianmu.manage.desk.work import Work
from tianmu.manage.levels import response
from tianmu.manage.levels.handing import handed

ASKED = "collect"
"""the stage of a case that waits for more information; it had no clock once"""


def upgrade(work: Work) -> int:
    """How many cases lacked something. One that is suspended, whose clocks stand, is left to a
    start after it has gone on."""
    changed = 0
    for state in list(work.desk.states.values()):
        if state.suspended_at:
            continue
        draft = work.draft(state.case)
        if state.stage == ASKED and state.clock(ASKED) is None:
            clock = response.stage_clock(work.city, state, ASKED, work.now)
            draft.add("reckon", deadline.data(clock))
        _hand_over(draft, work)
        if draft.events:
            work.take(state, draft)
            changed += 1
    return changed


def _hand_over(draft: Draft, work: Work) -> None:
    """Open points of departments that led the case once, to whoever leads now."""
    state = draft.state
    former = {one.unit for one in state.orders if one.lead and one.state in LEFT} - {state.lead}
    now = {"lead": state.lead, "joint": list(state.joint)}
    for unit in sorted(former):
        before = msgspec.structs.replace(draft.state, lead=unit)
        data = handed(work.city, before, now, work.now)
        if "handed" in data:
            draft.add("assign", data)
