"""Clocks over the city's working time, and the list of what is due next.

Units are those of the standard (紧急工作时 natural hours, 工作时 working hours, 工作日 working
days); ``city.calendar`` reckons them. A clock carries marks at shares of its limit, at which the
plan urges or escalates.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from tianmu.city.calendar.calendar import Calendar
from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.manage.case.state import CaseState, Clock, Mark

Marks = Sequence[tuple[float, str]]
"""(share of the limit, step to take) in any order"""


def start(
    calendar: Calendar, name: str, limit: Limit, now: int, marks: Marks = (), *, used: float = 0.0
) -> Clock:
    """A clock of ``limit`` that runs from ``now``, of which the share ``used`` is gone already.
    Marks at shares already used are not set again."""
    due, set_marks = _reckon(calendar, limit, now, tuple(sorted(marks)), used)
    return Clock(
        name=name,
        started_at=now,
        due=due,
        value=float(limit.value),  # as it comes out of its event again
        unit=str(limit.unit),
        basis=limit.basis,
        marks=set_marks,
        used=used,
    )


@lru_cache(maxsize=1024)
def _reckon(
    calendar: Calendar, limit: Limit, now: int, marks: tuple[tuple[float, str], ...], used: float
) -> tuple[int, tuple[Mark, ...]]:
    """When a clock ends and when it does something; remembered: in a storm many cases begin in
    one moment."""
    return _at(calendar, limit, now, 1.0 - used), tuple(
        Mark(float(share), _at(calendar, limit, now, share - used), step)
        for share, step in marks
        if share >= used
    )


def _at(calendar: Calendar, limit: Limit, start_at: int, share: float) -> int:
    value = max(0.0, limit.value * share)
    return calendar.add(start_at, Limit(value, limit.unit)) if value else start_at


def used(calendar: Calendar, clock: Clock, now: int) -> float:
    """Share of the clock's limit that is gone at ``now``; above 1 when it is overdue."""
    if not clock.value:
        return 1.0
    left = calendar.remaining(clock.due, now, LimitUnit(clock.unit))
    return 1.0 - left / clock.value


def pause(calendar: Calendar, state: CaseState, now: int) -> list[tuple[str, float]]:
    """(clock, share used) of all running clocks: what ``resume`` goes on from."""
    return [(clock.name, used(calendar, clock, now)) for clock in state.clocks]


def go_on(calendar: Calendar, clock: Clock, share: float, now: int) -> Clock:
    """``clock`` as it runs on from ``now`` after a pause that began when ``share`` was used. What
    was overdue stays overdue, and marks that were acted on stay so."""
    limit = Limit(clock.value, LimitUnit(clock.unit), clock.basis)
    marks = tuple(
        mark
        if index < clock.passed
        else Mark(mark.share, _at(calendar, limit, now, mark.share - share), mark.step)
        for index, mark in enumerate(clock.marks)
    )
    due = _at(calendar, limit, now, 1.0 - share) if share < 1.0 else min(clock.due, now)
    return msgspec.structs.replace(clock, started_at=now, due=due, marks=marks, used=share)


def reckoned(calendar: Calendar, clock: Clock) -> Clock:
    """``clock`` as the calendar that is now in force makes it: as long, from when it started.
    Marks that were acted on stay so, and what went on overdue after a pause stays overdue."""
    if clock.used >= 1.0:
        return clock
    limit = Limit(clock.value, LimitUnit(clock.unit), clock.basis)
    due = _at(calendar, limit, clock.started_at, 1.0 - clock.used)
    marks = tuple(
        mark
        if index < clock.passed
        else Mark(
            mark.share, _at(calendar, limit, clock.started_at, mark.share - clock.used), mark.step
        )
        for index, mark in enumerate(clock.marks)
    )
    return msgspec.structs.replace(clock, due=due, marks=marks)


def data(*clocks: Clock | None) -> dict[str, Any]:
    """``clocks`` as the data of the event that starts them; empty where there are none. As they
    are: encoding makes of them what it would make of their fields."""
    running = [clock for clock in clocks if clock is not None]
    return {"clocks": running} if running else {}


class DueList:
    """When each open case next needs a look: a heap in memory, filled from the tables at start.

    A case that changed leaves its old entry behind; it is dropped when it comes up. Not safe
    between threads: it lives where the cases are written.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._at: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._at)

    def put(self, case: str, at: int) -> None:
        """``case`` is due at ``at`` (µs); 0 takes it off the list."""
        if not at:
            self._at.pop(case, None)
        elif self._at.get(case) != at:
            self._at[case] = at
            heapq.heappush(self._heap, (at, case))

    def fill(self, cases: Iterable[tuple[str, int]]) -> None:
        for case, at in cases:
            self.put(case, at)

    def due(self, now: int, most: int = 1000) -> list[str]:
        """Cases due by ``now``, the earliest first, taken off the list; put them back with their
        next time."""
        found: list[str] = []
        while self._heap and self._heap[0][0] <= now and len(found) < most:
            at, case = heapq.heappop(self._heap)
            if self._at.get(case) == at:
                del self._at[case]
                found.append(case)
        return found

    @property
    def next_at(self) -> int:
        """When the next case is due, 0 where none is."""
        while self._heap:
            at, case = self._heap[0]
            if self._at.get(case) == at:
                return at
            heapq.heappop(self._heap)
        return 0
