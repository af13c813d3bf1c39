"""Dwell, repetition and confirmation, told by hand and by another way of reckoning them."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tianmu.sense.recognition.dwell import (
    MOST,
    SECOND,
    Box,
    Patience,
    Sight,
    Thing,
    leave,
    overlap,
    see,
)

HERE: Box = (0.1, 0.1, 0.3, 0.3)
THERE: Box = (0.6, 0.6, 0.9, 0.9)


def watched(
    sights: list[tuple[float, float, Box | None, str]], patience: Patience
) -> tuple[list[Thing], list[float]]:
    """(s, confidence, box, recogniser) → what is there at the end, and when something rose."""
    things: list[Thing] = []
    rose = []
    for number, (at, confidence, box, by) in enumerate(sights, 1):
        sight = Sight(round(at * SECOND), confidence, box, by)
        things, seen = see(things, sight, patience, number)
        if seen.rises:
            rose.append(at)
    return things, rose


def often(times: list[float], confidence: float = 0.9, box: Box | None = HERE) -> list:
    return [(at, confidence, box, "a") for at in times]


def test_it_must_stay_and_be_seen_again() -> None:
    patience = Patience(dwell_s=60, repeat=3, window_s=100, gone_s=50)
    assert watched(often([0, 10, 20, 59]), patience)[1] == []
    assert watched(often([0, 10, 40, 60]), patience)[1] == [60]
    assert watched(often([0, 40, 80]), patience)[1] == [80]
    assert watched(often([0, 49, 98, 147]), patience)[1] == [98], "three within 100 s"
    slower = Patience(dwell_s=60, repeat=3, window_s=90, gone_s=50)
    assert watched(often([0, 49, 98, 147]), slower)[1] == []


def test_what_was_not_seen_for_long_enough_begins_anew() -> None:
    patience = Patience(dwell_s=60, repeat=2, gone_s=50)
    assert watched(often([0, 51, 102, 153]), patience)[1] == []
    things, rose = watched(often([0, 50, 100, 151, 200, 240]), patience)
    assert rose == [100, 240] and [one.number for one in things] == [4]


def test_confirmation_is_one_sure_sight_or_two_recognisers() -> None:
    patience = Patience(repeat=2, sure=0.9)
    assert watched(often([0, 1, 2], 0.8), patience)[1] == []
    assert watched([*often([0, 1], 0.8), (2, 0.9, HERE, "a")], patience)[1] == [2]
    assert watched([*often([0, 1], 0.8), (2, 0.8, HERE, "b")], patience)[1] == [2]


def test_an_unsure_event_counts_for_nothing() -> None:
    things, rose = watched(often([0, 1], 0.49), Patience())
    assert things == [] and rose == []


def test_two_places_of_a_picture_are_two_things() -> None:
    patience = Patience(dwell_s=10, repeat=2)
    sights = [(at, 0.9, box, "a") for at in (0, 5, 10) for box in (HERE, THERE)]
    things, rose = watched(sights, patience)
    assert len(things) == 2 and rose == [10, 10]
    shifted: Box = (0.15, 0.1, 0.35, 0.3)
    assert overlap(HERE, shifted) > 0.3 > overlap(HERE, (0.28, 0.1, 0.48, 0.3))
    assert len(watched([(0, 0.9, HERE, ""), (5, 0.9, shifted, "")], patience)[0]) == 1


def test_an_event_without_a_box_tells_of_the_thing_seen_last() -> None:
    things, _ = watched([(0, 0.9, HERE, ""), (1, 0.9, THERE, ""), (2, 0.9, None, "")], Patience())
    assert [(one.box, one.count) for one in things] == [(HERE, 1), (THERE, 2)]


def test_late_events_move_nothing_back() -> None:
    patience = Patience(dwell_s=30, repeat=2, gone_s=60)
    things, rose = watched(often([100, 80, 120]), patience)
    assert rose == [120] and (things[0].since, things[0].last) == (80 * SECOND, 120 * SECOND)
    things, _ = watched(often([100, 39.9]), patience)
    assert things[0].count == 1, "longer ago than things last: of another time"


def test_gone_is_told_of_what_stood_alone() -> None:
    patience = Patience(dwell_s=5, repeat=2, gone_s=10)
    things, _ = watched([*often([0, 6]), (6, 0.9, THERE, "a")], patience)
    assert leave(things, 16 * SECOND, patience) == (things, ())
    here, gone = leave(things, 16 * SECOND + 1, patience)
    assert here == [] and [one.box for one in gone] == [HERE]


def test_the_things_of_a_camera_are_bounded_and_what_stands_is_kept() -> None:
    patience = Patience(dwell_s=1, repeat=2, gone_s=1e4)
    boxes: list[Box] = [(i / 200, 0.0, (i + 1) / 200, 1.0) for i in range(MOST + 20)]
    sights = [
        *often([0, 1], box=boxes[0]),
        *((2 + i, 0.9, box, "") for i, box in enumerate(boxes[1:])),
    ]
    things, rose = watched(sights, patience)
    assert len(things) == MOST and rose == [1]
    assert things[0].stands and things[-1].box == boxes[-1]


@pytest.mark.parametrize("wrong", [{"least": 1.1}, {"repeat": 0}, {"gone_s": 0}, {"dwell_s": -1}])
def test_impatience_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        Patience(**wrong)


def by_columns(times: list[int], sure: list[float], patience: Patience) -> list[int]:
    """The rows at which one thing in one place rises, from the columns as a whole: spells without
    a gap, in each the first row at which all that is asked for has come together."""
    kept = [row for row in range(len(times)) if sure[row] >= patience.least]
    spells: list[list[int]] = []
    for row in kept:
        if spells and times[row] - times[spells[-1][-1]] <= patience.gone_s * SECOND:
            spells[-1].append(row)
        else:
            spells.append([row])
    rises = []
    for spell in spells:
        for at in range(len(spell)):
            newest = spell[max(0, at + 1 - patience.repeat) : at + 1]
            if (
                times[spell[at]] - times[spell[0]] >= patience.dwell_s * SECOND
                and len(newest) == patience.repeat
                and times[newest[-1]] - times[newest[0]] <= patience.window_s * SECOND
                and max(sure[row] for row in spell[: at + 1]) >= patience.sure
            ):
                rises.append(spell[at])
                break
    return rises


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0.3, 0.6, 0.95])), max_size=40),
    st.integers(0, 60),
    st.integers(1, 4),
    st.integers(1, 120),
    st.sampled_from([0.0, 0.9]),
    st.integers(1, 50),
)
@example([(0, 0.6), (0, 0.6)], 0, 1, 1, 0.0, 1)  # a clock that stands at 1970
@settings(max_examples=150, deadline=None)
def test_event_by_event_is_as_by_columns(
    steps: list[tuple[int, float]], dwell: int, repeat: int, window: int, sure: float, gone: int
) -> None:
    patience = Patience(dwell_s=dwell, repeat=repeat, window_s=window, sure=sure, gone_s=gone)
    times, at = [], 0
    for step, _ in steps:
        at += step * SECOND
        times.append(at)
    confidences = [confidence for _, confidence in steps]
    things: list[Thing] = []
    rose = []
    for row, (time, confidence) in enumerate(zip(times, confidences, strict=True)):
        things, seen = see(things, Sight(time, confidence, HERE), patience, row + 1)
        if seen.rises:
            rose.append(row)
    assert rose == by_columns(times, confidences, patience)
