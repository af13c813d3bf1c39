"""Causes along a network: upstream, in time, never a ring, and right where the truth is known."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.prevent.cause.judge import SECOND, Fit, Hung, Sign, judge
from tianmu.prevent.cause.network import Network, Spot

HOUR = 3600.0
FIT = Fit(faster=2.0, slower=3.0, slack_s=600.0)


def chain(edges: int, *, both: bool = False) -> Network:
    """Edges of an hour and a kilometre each, one after the other."""
    at = np.arange(edges)
    return Network(at, at + 1, np.full(edges, 1000.0), np.full(edges, HOUR), both)


def tree(edges: int, seed: int, *, both: bool = False) -> Network:
    """Streams that run together: each edge's end is a node nearer to the mouth."""
    draw = np.random.default_rng(seed)
    start = np.arange(1, edges + 1)
    end = np.array([draw.integers(0, one) for one in start])
    seconds = draw.uniform(600, 3 * HOUR, edges)
    return Network(start, end, seconds * 0.3, seconds, both)


def sign(name: str, edge: int, hours: float, share: float = 0.5) -> Sign:
    return Sign(name, Spot(edge, share), round(hours * HOUR * SECOND))


def test_the_earliest_upstream_one_is_named_and_the_rest_hang_under_it() -> None:
    signs = [
        sign("late", 6, 20.0), sign("top", 0, 0.0), sign("below", 2, 2.2), sign("low", 4, 4.5),
        sign("elsewhen", 3, 90.0),
    ]  # fmt: skip
    found = {one.sign: one for one in judge(chain(8), signs, FIT)}
    assert set(found) == {"below", "low"}, "what came too late or too early has another cause"
    assert {one.cause for one in found.values()} == {"top"}
    assert found["below"].via == "top" and found["low"].via == "below"
    low = found["low"]
    assert low.metres == pytest.approx(4000) and low.usual_s == pytest.approx(4 * HOUR)
    assert low.delay_s == pytest.approx(4.5 * HOUR) and 0.9 < low.worth < 1


def test_nothing_flows_upstream_nor_from_one_branch_into_the_other() -> None:
    # two streams (0, 1) run into one (2)
    seconds = np.full(3, HOUR)
    network = Network(np.array([0, 1, 2]), np.array([2, 2, 3]), seconds / 3.6, seconds)
    signs = [sign("left", 0, 1.0), sign("right", 1, 1.5), sign("mouth", 2, 0.0)]
    assert judge(network, signs, FIT) == []
    signs[2] = sign("mouth", 2, 2.2)
    [only] = judge(network, signs, FIT)
    assert (only.sign, only.cause) == ("mouth", "left")


def test_on_one_edge_the_one_further_up_comes_first() -> None:
    signs = [sign("up", 1, 0.0, 0.9), sign("down", 1, 0.5, 0.1)]
    [only] = judge(chain(3), signs, FIT)
    assert only.cause == "up" and only.metres == pytest.approx(800)
    assert judge(chain(3), [sign("up", 1, 0.5, 0.1), sign("down", 1, 0.0, 0.9)], FIT)


def test_either_way_the_earlier_one_is_the_cause() -> None:
    signs = [sign("middle", 4, 0.0), sign("left", 2, 2.0), sign("right", 6, 2.5)]
    found = judge(chain(9, both=True), signs, FIT)
    assert {(one.sign, one.cause) for one in found} == {("left", "middle"), ("right", "middle")}


def test_where_water_runs_round_the_earliest_is_the_cause() -> None:
    at = np.arange(4)
    ring = Network(at, (at + 1) % 4, np.full(4, 100.0), np.full(4, 60.0))
    signs = [sign("b", 1, 0.02), sign("a", 0, 0.0), sign("d", 3, 0.01), sign("c", 2, 0.03)]
    found = judge(ring, signs, FIT)
    assert {(one.sign, one.cause) for one in found} == {("b", "a"), ("c", "a"), ("d", "a")}


def test_an_early_word_from_below_is_forgiven_within_the_slack() -> None:
    signs = [sign("up", 1, 0.01, 0.2), sign("down", 2, 0.0, 0.9)]
    [only] = judge(chain(3), signs, FIT)
    assert (only.sign, only.cause) == ("down", "up")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 14), st.booleans())
def test_causes_are_upstream_in_time_and_never_in_a_ring(seed: int, count: int, both: bool) -> None:
    network, draw = tree(30, seed, both=both), random.Random(seed)
    signs = [
        sign(f"s{n}", draw.randrange(30), draw.uniform(0, 12), draw.random()) for n in range(count)
    ]
    found = judge(network, signs, FIT)
    by_name = {one.id: one for one in signs}
    caused = {one.sign: one for one in found}
    assert len(caused) == len(found)
    for one in found:
        assert one.cause not in caused, "a cause has none itself"
        seen = {one.sign}
        step: Hung | None = one
        while step is not None:  # along the nearest ones up to the root
            up, here = by_name[step.via], by_name[step.sign]
            seconds = network.between([up.spot, here.spot])[0][0, 1]
            delay = (here.at - up.at) / SECOND
            assert np.isfinite(seconds) and seconds > 0
            assert seconds / FIT.faster - FIT.slack_s - 1 <= delay
            assert delay <= seconds * FIT.slower + FIT.slack_s + 1
            assert step.via not in seen, "a ring"
            seen.add(step.via)
            step = caused.get(step.via)
        assert one.cause in seen
    draw.shuffle(signs)
    assert judge(network, signs, FIT) == found, "the order in which they came is nothing"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_a_spill_is_found_among_other_alarms(seed: int) -> None:
    """Something goes in at one place of a river and comes past stations below at speeds that
    differ; other alarms rise elsewhere meanwhile."""
    network, draw = tree(40, seed), random.Random(seed)
    spots = [Spot(draw.randrange(40), draw.random()) for _ in range(12)]
    seconds, _ = network.between(spots)
    below = [n for n in range(12) if 0 < seconds[0, n] < np.inf]
    elsewhere = [
        n for n in range(1, 12) if n not in below and not np.isfinite(seconds[n, [0, *below]]).any()
    ]
    begins = 100 * HOUR
    signs = [Sign("source", spots[0], round(begins * SECOND))]
    pace = draw.uniform(0.7, 1.6)
    for n in below:
        delay = seconds[0, n] * pace * draw.uniform(0.95, 1.05) + draw.uniform(0, 300)
        signs.append(Sign(f"hit{n}", spots[n], round((begins + delay) * SECOND)))
    signs += [
        sign(f"other{n}", spots[n].edge, 100 + draw.uniform(-9, 9), spots[n].share)
        for n in elsewhere
    ]
    found = {one.sign: one.cause for one in judge(network, signs, FIT)}
    hit = {f"hit{n}" for n in below}
    assert {name for name, cause in found.items() if cause == "source"} == hit


def test_ways_are_the_shortest_by_another_reckoning() -> None:
    for seed, both in itertools.product(range(4), (False, True)):
        network = tree(12, seed, both=both)
        draw = random.Random(seed)
        spots = [Spot(draw.randrange(12), draw.random()) for _ in range(6)]
        seconds, metres = network.between(spots)
        for a, b in itertools.product(range(6), repeat=2):
            expected = _walked(network, spots[a], spots[b])
            assert seconds[a, b] == pytest.approx(expected), (seed, both, a, b)
            if np.isfinite(expected):
                assert metres[a, b] == pytest.approx(expected * 0.3, rel=1e-6)


def _walked(network: Network, one: Spot, other: Spot) -> float:
    """Seconds by trying every way, edge after edge."""
    if one == other:
        return 0.0
    lead = one.share - other.share
    best = float("inf")
    if one.edge == other.edge and (network.both or lead >= 0):
        best = abs(lead) * network.seconds[one.edge]
    starts = [(int(network.end[one.edge]), network.seconds[one.edge] * one.share)]
    if network.both:
        starts.append((int(network.start[one.edge]), network.seconds[one.edge] * (1 - one.share)))
    reached = {}
    while starts:
        starts.sort(key=lambda pair: pair[1])
        node, time = starts.pop(0)
        if node in reached:
            continue
        reached[node] = time
        for edge in range(len(network.start)):
            if network.start[edge] == node:
                starts.append((int(network.end[edge]), time + network.seconds[edge]))
            if network.both and network.end[edge] == node:
                starts.append((int(network.start[edge]), time + network.seconds[edge]))
    own = network.seconds[other.edge]
    ends = [(int(network.start[other.edge]), own * (1 - other.share))]
    if network.both:
        ends.append((int(network.end[other.edge]), own * other.share))
    return min([best, *(reached[node] + more for node, more in ends if node in reached)])


def test_nothing_and_one_are_no_trouble() -> None:
    assert judge(chain(3), [], FIT) == []
    assert judge(chain(3), [sign("one", 1, 0.0)], FIT) == []


@pytest.mark.parametrize("both", [False, True])
def test_metres_are_those_of_the_quickest_way(both: bool) -> None:
    """Beside the slow, obvious search; more beginnings than are looked for in one call."""
    draw = np.random.default_rng(3)
    start, end = draw.integers(0, 40, 90), draw.integers(0, 40, 90)
    seconds, metres = draw.uniform(10, 90, 90), draw.uniform(5, 50, 90)
    network = Network(start, end, metres, seconds, both)
    spots = [Spot(int(edge), 0.0) for edge in draw.choice(90, 50, replace=False)]
    time, length = network.between(spots)
    best = {node: {node: (0.0, 0.0)} for node in range(40)}
    for ways in best.values():
        for _ in range(40):
            for a, b, s, m in zip(start.tolist(), end.tolist(), seconds, metres, strict=True):
                for one, other in ((a, b), (b, a)) if both else ((a, b),):
                    if one in ways and ways[one][0] + s < ways.get(other, (np.inf,))[0] - 1e-9:
                        ways[other] = (ways[one][0] + s, ways[one][1] + m)
    for i, one in enumerate(spots):
        for j, other in enumerate(spots):
            if end[one.edge] == end[other.edge] or one.edge == other.edge:
                continue
            leave = best[int(end[one.edge])]
            goals = {int(start[other.edge]): 1.0} | ({int(end[other.edge]): 0.0} if both else {})
            on = seconds[other.edge], metres[other.edge]
            ways = [
                (leave[goal][0] + share * on[0], leave[goal][1] + share * on[1])
                for goal, share in goals.items()
                if goal in leave
            ]
            wanted = min(ways, default=(np.inf, np.inf))
            assert (time[i, j], length[i, j]) == pytest.approx(wanted)
