"""What happens as limits run: the plan urges before the end and raises the level at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tianmu.facts.text import Text
from tianmu.manage.case.contact import CONTACT
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.state import FALL, Clock, Mark
from tianmu.manage.clocks import deadline
from tianmu.manage.clocks.mark import WARN
from tianmu.manage.levels import level, quiet, response
from tianmu.manage.steps import suspension
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City


def attend(draft: Draft, city: City) -> None:
    """Adds the events for every mark that ``draft.now`` has passed.

    However many limits end at once (or while nobody looked), the level rises by one; whoever was
    to accept gets a new time to do so at the new level, and what that level's plan asks for is
    told and sent.
    """
    state = draft.state
    if not state.open:
        return
    if state.suspended_at and 0 < state.suspended_until <= draft.now:
        suspension.over(draft, city)
        state = draft.state
    warned: list[tuple[Clock, Mark]] = []
    urged: list[tuple[Clock, Mark]] = []
    raised: list[tuple[Clock, Mark]] = []
    passed: dict[str, int] = {}
    for clock in state.running:
        if clock.name.startswith(CONTACT):
            continue  # ``contact`` attends to it
        for index in range(clock.passed, len(clock.marks)):
            mark = clock.marks[index]
            if mark.at > draft.now:
                break
            {"escalate": raised, WARN: warned}.get(mark.step, urged).append((clock, mark))
            passed[clock.name] = index + 1
    if any(mark.step == FALL for _, mark in urged):
        quiet.fall(draft, city)
        urged = [one for one in urged if one[1].step != FALL]
        passed.pop(FALL, None)
    stays = bool(raised) and _highest(draft, city)
    for step, found, later in (
        (WARN, warned, [*urged, *raised]),
        ("urge", urged, raised),
        ("escalate", raised, []),
    ):
        names = {clock.name for clock, _ in found} - {clock.name for clock, _ in later}
        if found:
            why = [phrase("why.as_late_as_it_gets")] if found is raised and stays else []
            _add(draft, step, found, {name: passed[name] for name in passed if name in names}, why)
    for name in dict.fromkeys(clock.name for clock, mark in urged if mark.share >= 1.0):
        response.pass_on(draft, city, name)
    if raised:
        why = [_words(clock, mark) for clock, mark in raised]
        _rise(draft, city, why, state.failed, stays=stays)


def _highest(draft: Draft, city: City) -> bool:
    """Whether limits that run out raise the case no further, by its plan."""
    plan, state = response.plan_of(city, draft.state), draft.state
    if plan is None or plan.rises.late_levels is None:
        return False
    asked = level.asked_in_time(city, state, draft.now)
    return 0 < state.level_number <= asked - plan.rises.late_levels


def _rise(draft: Draft, city: City, why: list[Text], failed: int, *, stays: bool) -> None:
    """``failed``: limits that had run out before these. ``stays``: no further by them."""
    risen = not stays and level.rise(draft, city, *why, late=True)
    if level.failed_enough(city, failed, draft.state.failed):
        level.grade(draft, city, only_up=True)
    if not risen or draft.state.stage not in ("dispatch", "handle"):
        return
    response.follow(draft, city)
    late = [one for one in draft.state.open_orders if one.lead and one.state == "sent"]
    clocks = [
        response.accept_clock(city, draft.state, one.order, draft.now, lead=True)
        for one in late
        if draft.state.clock(f"accept:{one.order}")
    ]
    if clocks:
        orders = [one.order for one in late]
        draft.add("urge", {"orders": orders, "why": why, **deadline.data(*clocks)})


def _add(
    draft: Draft,
    step: str,
    marks: list[tuple[Clock, Mark]],
    passed: dict[str, int],
    why: list[Text],
) -> None:
    draft.add(
        step,
        {
            "marks": [[name, count] for name, count in passed.items()],
            "clocks_due": {clock.name: clock.due for clock, _ in marks},
            "why": [*(_words(clock, mark) for clock, mark in marks), *why],
        },
    )


def _words(clock: Clock, mark: Mark) -> Text:
    name = phrase(f"clock.{clock.name.split(':')[0]}")
    if mark.share < 1:
        return phrase("why.half", percent=round(mark.share * 100), clock=name)
    return phrase("why.overdue", clock=name)
