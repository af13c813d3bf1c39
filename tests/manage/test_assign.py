"""The assignment of many cases to units: exact on small ones, sound and stable on any."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.manage.units.assign import Pairs, Task, assign, greedy, total

NEVER = float("inf")


@st.composite
def tasks(draw: st.DrawFn, *, cases: int = 6, units: int = 7, several: bool = True) -> Task:
    rows, columns = draw(st.integers(1, cases)), draw(st.integers(1, units))
    cell = st.one_of(st.floats(0, 200).map(lambda one: round(one, 2)), st.just(NEVER))
    cells = draw(st.lists(cell, min_size=rows * columns, max_size=rows * columns))
    room = st.integers(0, 3 if several else 1)
    return Task(
        costs=np.array(cells).reshape(rows, columns),
        places=draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows)),
        room=draw(st.lists(room, min_size=columns, max_size=columns)),
        unmet=draw(st.lists(st.sampled_from([100.0, 300.0]), min_size=rows, max_size=rows)),
        load=draw(st.sampled_from([0.0, 10.0])),
    )


def sound(task: Task, pairs: Pairs) -> None:
    for case in range(len(task.places)):
        assert sum(1 for one, _ in pairs if one == case) <= task.places[case]
    for unit in range(len(task.room)):
        assert sum(1 for _, one in pairs if one == unit) <= task.room[unit]
    assert all(np.isfinite(task.costs[pair]) for pair in pairs)


@given(tasks())
@settings(max_examples=150, deadline=None)
def test_nobody_is_sent_twice_and_never_worse_than_one_after_the_other(task: Task) -> None:
    found = assign(task)
    sound(task, found)
    sound(task, greedy(task))
    assert total(task, found) <= total(task, greedy(task)) + 1e-6
    assert total(task, found) <= total(task, frozenset()) + 1e-6


@given(tasks(cases=3, units=3))
@settings(max_examples=60, deadline=None)
def test_units_go_where_trying_everything_would_send_them(task: Task) -> None:
    cells = [
        pair
        for pair in itertools.product(range(len(task.places)), range(len(task.room)))
        if np.isfinite(task.costs[pair])
    ]
    best = total(task, frozenset())
    for size in range(1, len(cells) + 1):
        for some in itertools.combinations(cells, size):
            pairs = frozenset(some)
            try:
                sound(task, pairs)
            except AssertionError:
                continue
            best = min(best, total(task, pairs))
    assert abs(total(task, assign(task)) - best) < 1e-6


@given(tasks())
@settings(max_examples=60, deadline=None)
def test_where_nothing_changes_nothing_does(task: Task) -> None:
    task = replace(task, change=3.0, before=assign(task))
    once = assign(task)
    again = assign(replace(task, before=once))
    assert total(task, once) <= total(task, frozenset(task.before)) + 1e-6
    assert again == once == task.before


@given(tasks(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_what_changes_by_less_than_a_change_costs_changes_nothing(
    task: Task, random: object
) -> None:
    task = replace(task, places=[min(one, 1) for one in task.places], load=0.0)
    task = replace(task, room=[min(one, 1) for one in task.room])
    before = assign(task)
    change = 8.0
    # all together the costs move by less than half of what one change costs
    noise = np.random.default_rng(len(before)).uniform(-1, 1, task.costs.shape)
    noise *= change / 4 / max(1, task.costs.shape[0])
    costs = np.maximum(task.costs + noise, 0)
    kept = assign(replace(task, costs=costs, change=change, before=before))
    # of those that had a unit; who had none may get one that gains on being open
    had = {case for case, _ in before}
    if all(case in had for case in range(len(task.places))):
        assert kept == before


def test_a_unit_goes_where_it_is_missed_most_and_the_next_best_elsewhere() -> None:
    costs = np.array([[5.0, 6.0], [4.0, 40.0]])
    task = Task(costs=costs, places=[1, 1], room=[1, 1], unmet=[240.0, 240.0])
    # one after the other: unit 0 to case 1 (4), unit 1 to case 0 (6)
    assert assign(task) == {(0, 1), (1, 0)}
    costs = np.array([[5.0, 6.0], [5.5, 40.0]])
    task = Task(costs=costs, places=[1, 1], room=[1, 1], unmet=[240.0, 240.0])
    assert greedy(task) == {(0, 0), (1, 1)}
    assert assign(task) == {(0, 1), (1, 0)}


def test_better_by_more_than_a_change_costs_is_taken() -> None:
    task = Task(
        costs=np.array([[10.0, 5.0]]),
        places=[1],
        room=[1, 1],
        unmet=[240.0],
        change=3.0,
        before=frozenset({(0, 0)}),
    )
    assert assign(task) == {(0, 1)}
    assert assign(replace(task, costs=np.array([[7.0, 5.0]]))) == {(0, 0)}


def test_of_too_few_units_the_gravest_case_gets_one() -> None:
    task = Task(
        costs=np.array([[10.0 * 5], [2.0]]), places=[1, 1], room=[1], unmet=[240.0 * 5, 240.0]
    )
    assert assign(task) == {(0, 0)}


def test_no_cases_no_units_no_room() -> None:
    empty = Task(costs=np.zeros((0, 3)), places=[], room=[1, 1, 1], unmet=[])
    assert assign(empty) == frozenset()
    none = Task(costs=np.zeros((2, 0)), places=[1, 1], room=[], unmet=[1.0, 1.0])
    assert assign(none) == frozenset()
    full = Task(costs=np.zeros((1, 1)), places=[1], room=[0], unmet=[1.0])
    assert assign(full) == frozenset()
