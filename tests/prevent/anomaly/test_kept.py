"""What anomaly detection keeps: what people said outlives a crash, what is old is let go of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tianmu.facts.case import CaseEvent
from tianmu.facts.encoding import encode
from tianmu.prevent.anomaly import older, record
from tianmu.prevent.anomaly.layout import (
    ASTRAY,
    ASTRAY_LONGEST,
    DAY,
    HOURS,
    RARE,
    RARER,
    SMALL,
    STRICT,
    WEEK,
)
from tianmu.prevent.anomaly.learnt import NAME
from tianmu.prevent.anomaly.season import NODES, season
from tianmu.store.live.snapshot import Frozen

from .test_learner import G0, anomalies, found
from .town import LEARNT, S, Watched

DAY_US = 86_400 * S


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path)
    yield made
    made.close()


def strict(town: Watched, gauge: int) -> float:
    assert town.learner is not None
    return float(town.learner.learnt.small[town.learner.learnt.row_of(gauge + 1), STRICT])


def told(town: Watched) -> int:
    """One anomaly of gauge 0; since when."""
    town.feed(0, town.usual(LEARNT))
    town.feed(0, town.usual(2, 1.7))
    town.learn()
    (one,) = found(town)
    return one.since


def test_a_threshold_that_people_moved_is_the_same_after_a_crash(town: Watched) -> None:
    since = told(town)
    assert town.learner is not None
    town.say("anomaly.found", "a1", datastream=G0, since=since, real=False)
    town.learn()
    town.learner.save()  # this one the snapshot knows
    before = strict(town, 0)
    assert before > 1
    town.fall()
    assert strict(town, 0) == pytest.approx(before)

    town.say("anomaly.found", "a1", datastream=G0, since=since, real=True)
    town.learn()
    after = strict(town, 0)
    assert after < before - 1
    town.fall()  # no snapshot since
    assert strict(town, 0) == pytest.approx(after)
    town.fall()
    assert strict(town, 0) == pytest.approx(after), "nor is it moved twice"
    assert town.learner is not None
    town.learner.save()
    town.fall()
    assert strict(town, 0) == pytest.approx(after)


def test_what_ended_long_ago_is_let_go_of_and_what_stands_is_not(town: Watched) -> None:
    since = told(town)
    member = {"kind": "alarm", "id": "a1", "at": since, "identity": f"anomaly@{G0}"}
    event = CaseEvent(
        case="c1", sequence=1, step="open", stage="check", at=town.now, actor="officer",
        data={"member": member},
    )  # fmt: skip
    town.hub.transact(lambda tx: tx.append("case", encode(event)))
    town.learn()
    town.fall(kept_days=30)
    assert town.learner is not None
    town.now += 31 * DAY_US
    town.learner.save()
    assert len(found(town)) == 1, "it stands"
    assert town.works.read(lambda c: record.members(c, "c1")) == [(G0, since)]

    town.feed(0, town.usual(200))
    town.learn()
    assert found(town)[0].ended_at is not None
    town.learner.save()
    assert found(town) == []
    assert town.works.read(lambda c: record.members(c, "c1")) == []
    town.say("anomaly.found", "a1", datastream=G0, since=since, real=False)
    town.learn()  # nothing is known of it any more
    assert found(town) == []


def test_without_a_limit_all_is_kept(town: Watched) -> None:
    told(town)
    town.feed(0, town.usual(200))
    town.learn()
    town.now += 3000 * DAY_US
    assert town.learner is not None
    town.learner.save()
    assert len(found(town)) == 1


@pytest.mark.parametrize("width", older.FORMER)
def test_what_an_earlier_release_had_learnt_is_taken_over(town: Watched, width: int) -> None:
    town.feed(0, town.usual(LEARNT))
    town.feed(1, town.usual(LEARNT, 3.0))
    town.learn()
    assert town.learner is not None
    learnt = town.learner.learnt
    rows = learnt.rows
    small, exact = learnt.small[:rows].copy(), learnt.exact[:rows].copy()
    was = _then(small, width)
    positions = {**town.learner.positions}
    columns = {"exact": exact, "small": was, "row": learnt.row[:, None].copy()}
    Frozen(town.data, positions, {}, columns, NAME).write()
    town.fall()
    assert town.learner is not None
    now = town.learner.learnt
    assert now.rows == rows and rows > 1
    np.testing.assert_array_equal(now.exact[:rows], exact)
    small[:, RARER] = 0
    if width == 92:
        small[:, RARE] = small[:, ASTRAY : ASTRAY_LONGEST + 1] = 0
    for place in (slice(0, DAY), slice(HOURS, SMALL)):
        np.testing.assert_array_equal(now.small[:rows, place], small[:, place])
    assert not now.small[rows:].any()
    town.feed(0, town.usual(3, 1.6))
    town.learn()
    assert anomalies(town) == [(f"anomaly@{G0}", "raise")]


def _then(small: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Rows as an earlier release had them: no weekends, and the week in 28 blocks."""
    was = np.zeros((len(small), width), np.float32)
    was[:, :WEEK] = small[:, :WEEK]
    was[:, WEEK + 28 :] = small[:, HOURS : HOURS + width - WEEK - 28]
    if width == 92:
        was[:, RARE] = -0.3  # another thing stood there
    return was


def test_seasons_of_an_earlier_release_go_on_by_the_clock_of_the_place() -> None:
    """Many rows, so that they are moved in several pieces."""
    draw = np.random.default_rng(5)
    rows, clock = 40_000, 6 * 3600.0
    was = np.zeros((rows, 94), np.float32)
    was[:, DAY : DAY + 24] = draw.normal(0, 3, (rows, 24))
    workday, weekend = draw.normal(0, 1, 24), draw.normal(0, 1, 24)
    for block in range(28):  # of a week that is one on workdays, another on weekends, by the place
        local = (6 * block + 6) % 168
        was[:, WEEK + block] = (weekend if local >= 120 else workday)[local % 24 // 6 * 6]
    was[:, 0] = np.arange(rows)
    small = np.zeros((older.rows_for(rows, 94), SMALL), np.float32)
    older.room(small, rows, 94)[:] = was
    older.take_over(small, rows, 94, clock)
    np.testing.assert_array_equal(small[:rows, 0], np.arange(rows))
    assert not small[rows:].any()
    for hour in range(168):
        if hour % 24 < 23 and (hour % 24 in NODES or hour < 120):
            then, block = hour - 6, (hour - 6) % 168 // 6
            expected = was[:, DAY + then % 24] + was[:, WEEK + block]
            found = [season(small[row], float(hour % 24), hour // 24) for row in (0, 7, rows - 1)]
            np.testing.assert_allclose(found, expected[[0, 7, rows - 1]], atol=1e-4)
