"""The reader who weighs everything of a day together, by whom merging is bounded."""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest
from benchmarks import merge_day
from benchmarks.merge_draws import Draws
from benchmarks.merge_knower import Knower
from benchmarks.merge_together import Together
from benchmarks.merge_voices import Fit, Voices, towns

from tianmu.city import pack
from tianmu.rehearse.truth.agreement import agree


@pytest.fixture(scope="module")
def voices() -> Voices:
    city = pack.load("liyang")
    knower = Knower(city, merge_day.draw(city, 77, 0.3))
    return Voices(knower, towns(city, knower))


@pytest.fixture(scope="module")
def drawn(voices: Voices) -> tuple[Together, Draws, Draws]:
    """Draws that begin from the truth, noted in two halves after it should be forgotten."""
    together = Together(voices, 1)
    together.begin(voices.knower.truth[one.signals[0]] for one in voices.all)
    halves = [Draws([one.signals for one in voices.all]) for _ in range(2)]
    for sweep in range(20):
        together.sweep()
        if sweep >= 4:
            halves[sweep % 2].note(one.members for one in together.things.values())
    return together, halves[0], halves[1]


def partitions(some: list[int]) -> Iterator[list[list[int]]]:
    if not some:
        yield []
        return
    first, *rest = some
    for groups in partitions(rest):
        yield [[first], *groups]
        for place in range(len(groups)):
            yield [*groups[:place], [first, *groups[place]], *groups[place + 1 :]]


def few(voices: Voices, size: int) -> Voices:
    """A day of the few voices that are beside one most unsure one."""
    reports = [place for place, one in enumerate(voices.all) if one.names is not None]
    pointless = [place for place in reports if voices.all[place].point is None]
    first = max(pointless, key=lambda place: len(voices.all[place].beside))
    kept = [first, *voices.all[first].beside[: size - 1]]
    found = copy.copy(voices)
    found.all = [copy.copy(voices.all[place]) for place in kept]
    for one in found.all:
        one.beside = [at for at, place in enumerate(kept) if place in one.beside]
    return found


def test_each_way_is_drawn_as_often_as_it_is_likely(voices: Voices) -> None:
    some = few(voices, 6)
    together = Together(some, 3)
    exact: dict[tuple[int, int], float] = defaultdict(float)
    whole = 0.0
    for groups in partitions(list(range(len(some.all)))):
        things = [together.of(group) for group in groups]
        if not all(together._may(thing) for thing in things):
            continue
        weight = math.exp(sum(thing.whole + thing.named for thing in things) + 100)
        whole += weight
        for group in groups:
            for pair in combinations(sorted(group), 2):
                exact[pair] += weight
    draws = Draws([one.signals for one in some.all])
    for _ in range(1500):
        together.sweep()
        draws.note(one.members for one in together.things.values())
    unsure = 0
    for pair in combinations(range(len(some.all)), 2):
        share = exact[pair] / whole
        unsure += 0.02 < share < 0.98
        assert draws.share(*pair) == pytest.approx(share, abs=0.07), pair
    assert unsure >= 3


def test_what_is_kept_of_the_state_is_what_it_is(
    voices: Voices, drawn: tuple[Together, Draws, Draws]
) -> None:
    together, _, _ = drawn
    assert sorted(place for one in together.things.values() for place in one.members) == list(
        range(len(voices.all))
    )
    for number, thing in together.things.items():
        assert {together.thing_of[place] for place in thing.members} == {number}
        again = together.of(sorted(thing.members, reverse=True))
        assert again.whole == pytest.approx(thing.whole)
        assert again.named == pytest.approx(thing.named)
        assert together._may(thing)


def test_the_reader_is_right_as_often_as_he_says(
    voices: Voices, drawn: tuple[Together, Draws, Draws]
) -> None:
    """Of each voice without a point, and the one that it is one with most often in half of the
    draws, the share of the other half in which it is foretells whether it truly is."""
    truth = [voices.knower.truth[one.signals[0]] for one in voices.all]
    best: dict[int, tuple[float, int]] = {}
    for (one, other), share in drawn[1].pairs().items():
        for place, beside in ((one, other), (other, one)):
            best[place] = max(best.get(place, (0.0, -1)), (share, beside))
    unsure = [place for place in best if voices.all[place].point is None]
    shares = [drawn[2].share(place, best[place][1]) for place in unsure]
    right = sum(truth[place] == truth[best[place][1]] for place in unsure)
    assert len(unsure) > 80
    assert sum(0.05 < share < 0.95 for share in shares) > 20
    assert right / len(unsure) == pytest.approx(sum(shares) / len(unsure), abs=0.08)


def test_the_frontier_keeps_its_precision(
    voices: Voices, drawn: tuple[Together, Draws, Draws]
) -> None:
    truth = voices.knower.truth
    found = drawn[1].frontier(truth, 0.97)
    assert found["pairwise_precision"] >= 0.97
    assert (
        found["pairwise_recall"] >= agree(truth, drawn[1].taken(0.8)).rounded()["pairwise_recall"]
    )
    alone = drawn[1].taken(1.1)
    assert len(set(alone.values())) == len(voices.all)


def test_points_count_as_a_normal_law_says() -> None:
    """Where two points are summed over the middle, against the sum taken step by step."""
    first, second, wide = (0.0, 40.0), (30.0, 0.0), (900.0, 400.0)

    def fit(point: tuple[float, float], variance: float) -> Fit:
        weight, (x, y) = 1 / variance, point
        log = math.log(weight / (2 * math.pi))
        square = weight * (x * x + y * y)
        return Fit((1,), 0, 1, log, weight, weight * x, weight * y, square, 0.0, 1)

    both = fit(first, wide[0]) + fit(second, wide[1])
    step = 2.0
    grid = np.arange(-200, 200, step)
    x, y = np.meshgrid(grid, grid)
    dense = np.ones_like(x)
    for (east, north), variance in zip((first, second), wide, strict=True):
        off = (x - east) ** 2 + (y - north) ** 2
        dense *= np.exp(-off / 2 / variance) / (2 * math.pi * variance)
    assert both.log + both.where() == pytest.approx(math.log(dense.sum() * step**2), abs=1e-6)


def test_those_likeliest_one_are_put_together_first() -> None:
    draws = Draws([["a"], ["b", "b2"], ["c"], ["d"]])
    for things in [[[0, 1], [2, 3]], [[0, 1], [2], [3]], [[0, 1, 2], [3]], [[0], [1, 2], [3]]]:
        draws.note(things)
    assert draws.share(1, 0) == 0.75
    held = draws.taken(0.5)
    assert held["a"] == held["b"] == held["b2"] != held["c"] != held["d"]
    wide = draws.taken(0.4)  # c with a in 1 of 4 draws, with b in 2: 5 of 12 pairs of signals
    assert wide["a"] == wide["c"] != wide["d"]
