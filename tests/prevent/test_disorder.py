"""What late, double and disordered observations mean for the present and for the rules: the
sentences of docs/observations.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .town import Town

S = 1_000_000
MINUTE = 60 * S


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.close()


def now_of(town: Town, device: str) -> tuple[float, int, int]:
    """Value, time and count of what is now."""
    index = town.book.find(device)
    assert index is not None
    at = town.book.datastreams_of(index)[0]
    return float(town.live.value[at]), int(town.live.time[at]), int(town.live.count[at])


def total(town: Town, name: str) -> int:
    town.wait(1)
    return town.totals()[name]


def test_a_late_one_moves_nothing(town: Town) -> None:
    first = town.now
    town.observe("p0", [0.0])
    town.now += MINUTE
    town.observe("p0", [2.0], at=[first - 1])  # a fire, told late
    assert now_of(town, "p0") == (0.0, first, 1)
    assert town.said() == [] and total(town, "late") == 1


def test_the_order_of_a_message_is_the_order_of_its_rows(town: Town) -> None:
    t = town.now
    town.now += MINUTE
    town.observe("p0", [0.0, 2.0, 0.0], at=[t + 2, t, t + 1])
    assert now_of(town, "p0") == (0.0, t + 2, 1)
    assert town.said() == [] and total(town, "late") == 2


def test_the_same_again_takes_effect_once(town: Town) -> None:
    t = town.now
    for _ in range(3):
        town.observe("p0", [2.0], at=[t])
        town.now += S
    assert now_of(town, "p0") == (2.0, t, 1)
    assert [step for _, step, _ in town.said()] == ["raise"]
    assert total(town, "duplicates") == 2


def test_a_correction_of_the_newest_is_for_history(town: Town) -> None:
    t = town.now
    town.observe("p0", [0.0], at=[t])
    town.now += S
    town.observe("p0", [2.0], at=[t])
    assert now_of(town, "p0") == (0.0, t, 1)
    assert town.said() == []


def test_a_higher_sequence_at_the_same_time_is_news(town: Town) -> None:
    t = town.now
    town.observe("p0", [0.0, 2.0], at=[t, t], sequence=[0, 1])
    assert now_of(town, "p0") == (2.0, t, 2)
    town.observe("p0", [0.0], at=[t], sequence=[0])
    assert now_of(town, "p0") == (2.0, t, 2)
    assert [step for _, step, _ in town.said()] == ["raise"]


def test_a_clock_ahead_is_believed_for_an_hour(town: Town) -> None:
    town.observe("p0", [2.0], at=[town.now + 61 * MINUTE])
    assert town.said() == [] and total(town, "ahead") == 1
    at = town.now + 59 * MINUTE
    town.observe("p0", [2.0], at=[at])
    assert now_of(town, "p0") == (2.0, at, 1)
    assert [step for _, step, _ in town.said()] == ["raise"]


@pytest.mark.parametrize("crash", [False, True])
def test_a_clock_that_was_set_back_is_heard_at_once(town: Town, crash: bool) -> None:
    town.observe("p0", [0.0], at=[town.now + 40 * MINUTE])
    town.now += 10 * S
    if crash:
        town.crash()
    town.observe("p0", [2.0], at=[town.now - S])
    assert now_of(town, "p0") == (2.0, town.now - S, 2)
    town.now += 10 * S
    town.observe("p0", [0.0], at=[town.now - S])
    # and from there on by the clock that it has now
    town.observe("p0", [2.0], at=[town.now - 2 * S])
    assert now_of(town, "p0") == (0.0, town.now - S, 3)
    assert [step for _, step, _ in town.said()] == ["raise", "return"]
    assert total(town, "late") == 1


def test_disorder_of_a_clock_that_stays_ahead_is_late(town: Town) -> None:
    ahead = 40 * MINUTE
    town.observe("p0", [0.0], at=[town.now + ahead])
    town.now += S
    town.observe("p0", [2.0], at=[town.now + ahead - 5 * S])
    # one that had happened before the newest arrived may be a backlog of a clock that is right
    town.observe("p0", [2.0], at=[town.now - 2 * S])
    assert town.said() == [] and total(town, "late") == 2


def test_a_clock_a_little_ahead_keeps_its_order(town: Town) -> None:
    """Two seconds are no reason to believe that a clock was set."""
    town.observe("p0", [0.0], at=[town.now + 2 * S])
    town.now += S
    town.observe("p0", [2.0], at=[town.now])
    assert town.said() == [] and total(town, "late") == 1
