"""The threshold of a kind: what is tolerable, what was told, what people say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.prevent.anomaly import policy as p
from tianmu.prevent.anomaly.policy import LAXEST, STRICTEST, WEEK, Policy

START = 1_800_000_000_000_000
NEW = Policy(kind="gauge", at=START)


def test_what_is_tolerable_is_shared_among_the_datastreams() -> None:
    assert p.rate(NEW, 7.0, 1000) == pytest.approx(0.007)
    assert p.rate(NEW, 7.0, 0) == 7.0


def test_false_alarms_raise_and_misses_lower_the_threshold() -> None:
    false = real = NEW
    for _ in range(3):
        false = p.judged(p.told(false, 5, START), 5, False, START, "a")
        real = p.judged(p.told(real, 5, START), 5, True, START, "a")
    assert p.rate(false, 5, 10) < p.rate(NEW, 5, 10) < p.rate(real, 5, 10)
    missed = p.missed(NEW, START, "a")
    assert p.rate(missed, 5, 10) == pytest.approx(2 * p.rate(NEW, 5, 10))
    assert (missed.missed, missed.changed_by) == (1, "missed")


def test_as_many_as_are_tolerable_are_forgotten_with_the_week() -> None:
    held = NEW
    for week in range(20):
        for n in range(3):
            held = p.told(held, 5, START + week * WEEK + n * WEEK // 3)
    assert p.eased(held, START + 21 * WEEK).strict == 0
    for week in range(20, 40):
        for n in range(30):
            held = p.told(held, 5, START + week * WEEK + n * WEEK // 30)
    assert held.strict > math.log(100)
    lax = p.missed(NEW, START, "a")
    assert p.eased(lax, START + 9 * WEEK).strict == lax.strict  # until something is told again


@given(st.lists(st.tuples(st.sampled_from("tfrm"), st.integers(0, WEEK)), max_size=60))
def test_it_stays_within_its_bounds_and_counts(events: list[tuple[str, int]]) -> None:
    held, now = NEW, START
    for what, after in events:
        now += after
        if what == "t":
            held = p.told(held, 2, now)
        elif what == "m":
            held = p.missed(held, now, "a")
        else:
            held = p.judged(held, 2, what == "r", now, "a")
        assert LAXEST <= held.strict <= STRICTEST
    assert (held.told, held.false, held.real, held.missed) == tuple(
        sum(what == one for what, _ in events) for one in "tfrm"
    )


def test_taking_back_what_was_said_leaves_nothing_behind() -> None:
    told = p.told(NEW, 2, START)
    for real in (True, False):
        back = p.unjudged(p.judged(told, 2, real, START, "a"), 2, real, START)
        assert back.strict == pytest.approx(told.strict) and (back.real, back.false) == (0, 0)
