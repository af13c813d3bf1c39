"""Clocks over working time, and what is due next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.manage.clocks import deadline
from tianmu.manage.clocks.deadline import DueList

from .town import HOUR, MONDAY, at, town

CALENDAR = town().calendar
limits = st.builds(
    Limit,
    st.floats(0.25, 40).map(lambda value: round(value, 2)),
    st.sampled_from(
        (LimitUnit.URGENT_HOUR, LimitUnit.WORK_HOUR, LimitUnit.WORK_DAY, LimitUnit.MINUTE)
    ),
)
moments = st.integers(0, 40 * 24 * 60).map(lambda minutes: MONDAY + minutes * 60_000_000)


def test_a_friday_afternoon_runs_into_monday() -> None:
    friday = at("2026-03-06T17:00")
    clock = deadline.start(
        CALENDAR, "x", Limit(4, LimitUnit.WORK_HOUR), friday, [(0.5, "urge"), (1.0, "escalate")]
    )
    assert clock.due == at("2026-03-09T11:00")
    assert [mark.at for mark in clock.marks] == [at("2026-03-09T09:00"), clock.due]
    natural = deadline.start(CALENDAR, "x", Limit(4, LimitUnit.URGENT_HOUR), friday)
    assert natural.due == friday + 4 * HOUR


@given(limits, moments)
def test_marks_lie_within_the_limit_in_order(limit: Limit, now: int) -> None:
    clock = deadline.start(
        CALENDAR, "x", limit, now, [(1.0, "escalate"), (0.5, "urge"), (0.8, "warn")]
    )
    times = [mark.at for mark in clock.marks]
    assert times == sorted(times)
    assert now <= times[0] and times[-1] == clock.due
    assert clock.due == CALENDAR.add(now, limit)
    assert abs(deadline.used(CALENDAR, clock, now)) < 1e-6
    assert abs(deadline.used(CALENDAR, clock, clock.due) - 1.0) < 1e-6


@given(limits, moments, st.floats(0.05, 0.95), st.integers(1, 20_000))
def test_a_pause_costs_nothing(limit: Limit, now: int, share: float, minutes: int) -> None:
    clock = deadline.start(CALENDAR, "x", limit, now, [(0.5, "urge"), (1.0, "escalate")])
    stop = CALENDAR.add(now, Limit(limit.value * share, limit.unit))
    used = deadline.used(CALENDAR, clock, stop)
    assert abs(used - share) < 1e-6
    later = stop + minutes * 60_000_000
    again = deadline.go_on(CALENDAR, clock, used, later)
    left = CALENDAR.elapsed(later, again.due, limit.unit)
    assert abs(left - limit.value * (1 - share)) < 1e-5
    assert again.due >= clock.due


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 50)), max_size=60),
    st.integers(0, 50),
)
def test_the_due_list_is_a_sorted_table(puts: list[tuple[str, int]], now: int) -> None:
    table: dict[str, int] = {}
    due = DueList()
    for case, when in puts:
        due.put(case, when)
        table.pop(case, None)
        if when:
            table[case] = when
    assert len(due) == len(table)
    assert due.next_at == min(table.values(), default=0)
    expected = sorted((when, case) for case, when in table.items() if when <= now)
    assert due.due(now) == [case for _, case in expected]
    assert len(due) == len(table) - len(expected)
