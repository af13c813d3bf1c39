"""The reader who knows how a day is made, by whom merging is measured."""

from __future__ import annotations

import math
from collections import Counter
from itertools import product
from typing import Any

import pytest
from benchmarks import merge_day
from benchmarks.merge_ceiling import Left, frontier, read, weigh
from benchmarks.merge_knower import Knower, _drawn

from tianmu.city import pack
from tianmu.rehearse.truth.agreement import agree


@pytest.fixture(scope="module")
def knower() -> Knower:
    city = pack.load("liyang")
    return Knower(city, merge_day.draw(city, 77, 0.4))


@pytest.mark.parametrize(
    ("alarms", "told"), [([(0, 1)], [(0, 2), (0, 1)]), ([(1, 3)], [(0, 2)]), ([], [(2, 3), (0, 1)])]
)
def test_all_numbers_that_a_story_may_draw_are_sure_together(
    alarms: list[tuple[int, int]], told: list[tuple[int, int]]
) -> None:
    story: Any = {
        "alarms": [{"number": one} for one in alarms],
        "told": [{"number": one} for one in told],
    }
    specs = [("alarms", place) for place in range(len(alarms))]
    specs += [("told", place) for place in range(len(told))]
    most = [high for _, high in (*alarms, *told)]
    whole = sum(
        _drawn(story, Counter(dict(zip(specs, numbers, strict=True))))
        for numbers in product(*(range(high + 1) for high in most))
    )
    silent = 0.0 if told or alarms[0][0] else math.prod(1 / (high + 1) for high in most)
    assert whole + silent == pytest.approx(1.0)


def test_the_reader_is_right_as_often_as_he_says(knower: Knower) -> None:
    """Shares are shares: over all that he weighs, they foretell how often each thing is it."""
    foretold, right, spread = 0.0, 0, 0.0
    left = [one for one in weigh(knower) if one.likely]
    assert len(left) > 100
    for one in left:
        whole = sum(one.likely.values()) + one.anew
        best = max(one.likely, key=lambda thing: one.likely[thing])
        share = one.likely[best] / whole
        foretold += share
        spread += share * (1 - share)
        right += knower.truth[one.signals[0]] == best
    assert abs(right - foretold) < 4 * math.sqrt(spread) + 1


def test_what_the_reader_is_not_sure_of_stands_alone(knower: Knower) -> None:
    left = weigh(knower)
    held = read(knower, left, 2.0)  # more than he can ever be
    for one in left:
        assert {held[signal] for signal in one.signals} == {("alone", one.alone)}
    assert agree(knower.truth, held).pairwise_precision == 1.0
    unsure = Left(left[0].signals, "x", {3: 1.0}, anew=1.5)
    assert read(knower, [unsure], 0.5)[left[0].signals[0]] == ("alone", "x")
    assert read(knower, [unsure], 0.3)[left[0].signals[0]] == 3


def test_the_frontier_keeps_its_precision(knower: Knower) -> None:
    left = weigh(knower)
    found = frontier(knower, left, 0.97)
    assert found["pairwise_precision"] >= 0.97
    sure = agree(knower.truth, read(knower, left)).rounded()
    assert found["pairwise_recall"] >= sure["pairwise_recall"]
