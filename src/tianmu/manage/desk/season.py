"""Rules of grading that hold at some hours, months or periods only: as such a time begins, the open
cases that they are about are asked anew. Nothing else happens to a case at midnight.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from tianmu.city.level.grading import GradingRule
from tianmu.manage.case.state import CaseState
from tianmu.manage.levels import level, response

if TYPE_CHECKING:
    from tianmu.city.city import City
    from tianmu.manage.desk.work import Work

SEASON = "@season"
"""in the list of what is due: a rule may begin to hold"""


def watch(work: Work) -> None:
    """Cases that were read from the tables are asked at once: a time may have begun meanwhile."""
    desk = work.desk
    if desk.asked_at is None and work.city.grading.timed:
        desk.asked_at = 0
        desk.due.put(SEASON, work.now)


def turn(work: Work) -> None:
    """The levels of the cases that a rule is about which has begun to hold since this was last
    asked; then it waits for the next time that one may begin."""
    desk, city = work.desk, work.city
    since, desk.asked_at = desk.asked_at or 0, work.now
    begun = {
        rule.code
        for rule in city.grading.timed
        if _holds(city, rule, work.now) and not (since and _holds(city, rule, since))
    }
    for state in list(desk.states.values()) if begun else ():
        about = (rule.code for rule in city.grading.rules_of(state.matter))
        if state.open and not begun.isdisjoint(about):
            _ask(work, state, begun)
    desk.due.put(SEASON, next_at(city, work.now))


def _ask(work: Work, state: CaseState, begun: Collection[str]) -> None:
    draft = work.draft(state.case)
    level.begun(draft, work.city, begun)
    if draft.state.level != state.level and state.stage in ("dispatch", "handle"):
        response.follow(draft, work.city)
    if draft.events:
        work.take(state, draft)


def _holds(city: City, rule: GradingRule, at: int) -> bool:
    wall = city.calendar.local(at)
    periods = city.grading.periods_of(f"{wall:%m-%d}")
    return rule.when.in_time(wall.month, wall.hour, periods)


def next_at(city: City, now: int) -> int:
    """When a rule may next begin to hold: at midnight, or as its hours begin (µs)."""
    day = city.calendar.local(now).date()
    hours = {rule.when.hours[0] for rule in city.grading.timed if rule.when.hours is not None}
    times = (
        city.calendar.instant(day + timedelta(days=after), hour * 60)
        for after in (0, 1, 2)
        for hour in (0, *hours)
    )
    return min(at for at in times if at > now)
