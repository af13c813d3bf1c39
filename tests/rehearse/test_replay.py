"""Recorded instants come round again, each at its distance, for ever."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.rehearse.field.replay import Due

HOURS = [datetime(2015, 5, 1) + timedelta(hours=h) for h in range(72)]


def first(due: Due, n: int, instants: list[datetime] = HOURS) -> list[tuple[float, int]]:
    return list(islice(due.of(instants), n))


def test_it_begins_with_the_last_one_before_now() -> None:
    now = datetime(2026, 5, 2, 10, 20)
    assert first(Due(now), 3) == [(0.0, 34), (40 * 60, 35), (3600, 36)]
    other_day = datetime(2026, 11, 23, 10, 20)
    assert first(Due(other_day), 2) == [(0.0, 10), (40 * 60, 11)]
    early = datetime(2026, 11, 23, 0, 0)
    late_start = [datetime(2015, 5, 1, 8), datetime(2015, 5, 1, 9)]
    assert first(Due(early), 1, late_start) == [(0.0, 0)]


def test_after_the_last_comes_the_first_again() -> None:
    found = first(Due(datetime(2026, 5, 3, 23, 0)), 4)
    assert [index for _, index in found] == [71, 0, 1, 2]
    assert [wait for wait, _ in found] == [0.0, 3600.0, 3600.0, 3600.0]


def test_gaps_stay_gaps_and_waits_are_carried() -> None:
    gap = [datetime(2015, 5, 1, h) for h in (0, 1, 5)]
    due = Due(datetime(2026, 5, 1, 0, 0))
    steps = due.of(gap)
    assert next(steps) == (0.0, 0)
    assert next(steps) == (3600.0, 1)
    due.carry(100.0)
    assert next(steps) == (4 * 3600.0 + 100.0, 2)
    assert next(steps)[1] == 0


def test_nothing_comes_of_nothing() -> None:
    assert first(Due(datetime(2026, 1, 1)), 3, []) == []
    with pytest.raises(ValueError, match="above 0"):
        Due(datetime(2026, 1, 1), 0)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    st.floats(0.1, 10_000),
    st.lists(st.integers(1, 10_000), min_size=1, max_size=30),
)
def test_waits_are_never_negative_and_every_instant_comes(
    now: datetime, speed: float, gaps: list[int]
) -> None:
    at, instants = datetime(2015, 3, 1), []
    for gap in gaps:
        at += timedelta(seconds=gap)
        instants.append(at)
    found = first(Due(now, speed), 2 * len(instants), instants)
    assert all(wait >= 0 for wait, _ in found)
    order = [index for _, index in found]
    start = order[0]
    assert order == [(start + n) % len(instants) for n in range(len(order))]
    for (wait, index), (_, before) in zip(found[2:], found[1:], strict=False):
        if index > before:
            step = (instants[index] - instants[before]).total_seconds()
            assert wait == pytest.approx(step / speed)
