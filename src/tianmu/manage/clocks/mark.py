"""At which shares of a limit something is done: a warning before its end, and what that brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tianmu.manage.case.state import CaseState
from tianmu.manage.clocks.deadline import Marks

if TYPE_CHECKING:
    from tianmu.city.city import City

WARN = "warn"
"""the step of a mark that only says that the limit draws near"""


def marks(city: City, state: CaseState, end: str = "urge", at: float = 1.0) -> Marks:
    """``end`` at the share ``at`` of the limit, and before it the warning: whoever is behind is
    urged where the case's level says so, else the share is the city's and nobody is urged."""
    level = city.profile.numbered(state.level_number or len(city.profile.levels))
    remind = level.escalate.remind_at
    if remind:
        return [(remind, "urge"), (at, end)]
    share = city.desk.soon_share
    return [(share, WARN), (at, end)] if share < at else [(at, end)]
