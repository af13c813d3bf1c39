"""The limits of a case that was split off: time that has run for a thing has run.

Its stage and its handling are clocked from when its first signal came, as if it had been a case of
its own since then; what a suspension stopped stood still for it too. What somebody is asked for the
first time by the split (to accept an order, to do a point of a checklist) begins with it, unless
they had been asked the same in the case it was part of and have not done it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tianmu.facts.case import CaseEvent
from tianmu.facts.encoding import decode
from tianmu.manage.case import estate
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.estate import Fields, replace
from tianmu.manage.case.state import CaseState, Clock
from tianmu.manage.clocks import deadline
from tianmu.manage.kept import query as case_query
from tianmu.manage.merging.estate_clocks import set_clocks
from tianmu.manage.merging.member import Row, came_through
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City
    from tianmu.manage.desk.work import Work

Pause = tuple[int, int]
"""from when until when (µs) the clocks stood still"""
_ENDS = ("resume", "merge", "close", "void")
"""steps after which a case is suspended no more"""


def run_on(draft: Draft, city: City, before: CaseState, row: Row, pauses: Iterable[Pause]) -> None:
    """An event ``split`` on the new case of the draft: it says what it was split off from and sets
    its clocks. ``row``: the first of its signals that came; ``before``: the case it was in."""
    state, since, stops = draft.state, row[0]["since"], sorted(pauses)
    still = city.side_paths.run_on
    clocks: list[Clock] = []
    for clock in state.clocks:
        start = _start(state, before, clock, since)
        stood = [] if clock.name.split(":")[0] in still else stops
        clocks.append(_ran(city, clock, start, stood, draft.now) if start else clock)
    found: Fields = {}
    set_clocks(city, state, found, clocks, draft.now)
    changed = {name: value for name, value in found.items() if value != getattr(state, name)}
    over = [one.name.split(":")[0] for one in clocks if one.limits and one.due <= draft.now]
    why = [
        phrase("why.split_off", number=before.number),
        *(phrase("why.overdue", clock=phrase(f"clock.{name}")) for name in over),
    ]
    told = {"from": before.case, "since": since, "fields": estate.plain(changed), "why": why}
    draft.add("split", told)


def _start(state: CaseState, before: CaseState, clock: Clock, since: int) -> int:
    """From when the clock counts; 0: as it does already."""
    what, _, which = clock.name.partition(":")
    if what in (state.stage, "handle"):
        return since
    if what == "accept":
        order = state.order(which)
        for asked in before.open_orders:
            if (
                order
                and asked.state == "sent"
                and (asked.unit, asked.force)
                == (
                    order.unit,
                    order.force,
                )
            ):
                return max(since, asked.sent_at)
    if what == "task":
        for task in before.tasks:
            if task.code == which and not task.done_at:
                return max(since, task.opened_at)
    return 0


def _ran(city: City, clock: Clock, start: int, pauses: Iterable[Pause], now: int) -> Clock:
    """``clock`` as if it had begun at ``start`` and stood still in ``pauses``."""
    calendar = city.calendar
    clock = deadline.reckoned(calendar, replace(clock, started_at=min(start, now)))
    for begin, end in pauses:
        stops, goes_on = max(begin, clock.started_at), min(end, now)
        if stops < goes_on:
            share = deadline.used(calendar, clock, stops)
            clock = deadline.go_on(calendar, clock, share, goes_on)
    return clock


def pauses(work: Work, before: CaseState, row: Row) -> list[Pause]:
    """When the cases stood still that a signal of ``before`` has been in, while it was in them."""
    told, _, joined = row
    found = [(max(begin, joined), end) for begin, end in _stood(work, before)]
    for case in came_through(told):
        state = work.state(case)
        if state is not None:
            found += [(begin, min(end, joined)) for begin, end in _stood(work, state)]
    return [(begin, end) for begin, end in found if begin < end]


def _stood(work: Work, state: CaseState) -> list[Pause]:
    if not state.suspensions:
        return []
    found: list[Pause] = []
    begun = 0
    for position in case_query.positions_of(work.tx.connection, state.case):
        event = decode(work.tx.entry(position))
        assert isinstance(event, CaseEvent)
        if event.step == "suspend":
            begun = event.at
        elif begun and event.step in _ENDS:
            found.append((begun, event.at))
            begun = 0
    return [*found, (begun, work.now)] if begun else found
