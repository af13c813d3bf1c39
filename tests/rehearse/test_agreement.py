"""The scorer against what its words say, counted slowly."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.rehearse.truth.agreement import agree

CLUSTERS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=14)


@given(CLUSTERS)
def test_precision_and_recall_are_what_they_say(told: list[tuple[int, int]]) -> None:
    truth = {str(n): thing for n, (thing, _) in enumerate(told)}
    found = {str(n): case for n, (_, case) in enumerate(told)}
    pairs = list(combinations(truth, 2))
    same = {one for one in pairs if truth[one[0]] == truth[one[1]]}
    joined = {one for one in pairs if found[one[0]] == found[one[1]]}
    got = agree(truth, found)
    both = len(same & joined)
    assert got.pairwise_precision == pytest.approx(both / len(joined) if joined else 1.0)
    assert got.pairwise_recall == pytest.approx(both / len(same) if same else 1.0)
    precise = recalled = 0.0
    for one in list(truth):
        thing = {other for other in truth if truth[other] == truth[one]}
        case = {other for other in truth if found[other] == found[one]}
        precise += len(thing & case) / len(case)
        recalled += len(thing & case) / len(thing)
    assert got.bcubed_precision == pytest.approx(precise / len(truth))
    assert got.bcubed_recall == pytest.approx(recalled / len(truth))


def test_what_is_in_no_case_costs_recall_alone() -> None:
    truth = {"a": 1, "b": 1, "c": 2}
    assert agree(truth, {"a": "x", "b": "x", "c": "y"}).pairwise_recall == 1.0
    lost = agree(truth, {"a": "x", "c": "y"})
    assert (lost.pairwise_precision, lost.pairwise_recall) == (1.0, 0.0)
    assert lost.bcubed_precision == 1.0
    empty = agree({}, {})
    assert (empty.pairwise_precision, empty.bcubed_recall) == (1.0, 1.0)
