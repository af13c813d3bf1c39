"""A case gone quiet: all its alarms have returned, and once that has lasted its level falls, where
the plan says so; never below what the rules that still hold make it, or to where a person or a
limit has raised it from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tianmu.manage.case.draft import Draft
from tianmu.manage.case.state import FALL, CaseState, Clock
from tianmu.manage.clocks import deadline
from tianmu.manage.levels import level, response
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City


def begin(draft: Draft, city: City) -> None:
    """All alarms have returned: the clock of the fall starts, where the plan has one. To be called
    after the event that says so."""
    clock = _fall_clock(draft.state, city, draft.now)
    if clock is not None:
        draft.add("quiet", deadline.data(clock))


def _fall_clock(state: CaseState, city: City, now: int) -> Clock | None:
    plan = response.plan_of(city, state)
    if plan is None or plan.falls is None or state.active or not state.alarms:
        return None
    if state.level_by_hand or state.level_number >= _lowest(state, city):
        return None
    # what the rules say is asked at its end: some cease to hold meanwhile
    return deadline.start(city.calendar, FALL, plan.falls.quiet, now, [(1.0, FALL)])


def _lowest(state: CaseState, city: City) -> int:
    matter = city.matters.get(state.matter)
    own = city.grading.default if matter is None or matter.level is None else matter.level
    return min(own, state.held or own)


def stirred(state: CaseState) -> dict[str, Any]:
    """Data of an event by which a quiet case stirs again: its fall is off."""
    return {"stopped": [FALL]} if state.clock(FALL) else {}


def fall(draft: Draft, city: City) -> None:
    """The quiet has lasted: one level down, and on towards the matter's own level."""
    state = draft.state
    number = state.level_number + 1
    if state.active or state.level_by_hand or number > _lowest(state, city):
        draft.add("quiet", {"stopped": [FALL]})
        return
    if number > level.least(city, state, draft.now, quiet=True):
        draft.add("quiet", {"stopped": [FALL]})
        if level.passes(city, state, draft.now):
            begin(draft, city)
        return
    chosen = city.profile.numbered(number)
    told = level.data(city, state, chosen, phrase("why.quiet"))
    draft.add("grade", {**told, **level.calmed(state), "stopped": [FALL]})
    begin(draft, city)
