"""What anomaly detection keeps: what people said outlives a crash, what is old is let go of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tianmu.facts.case import CaseEvent
from tianmu.facts.encoding import encode
from tianmu.prevent.anomaly import older, record
from tianmu.prevent.anomaly.layout import RARE, STRICT
from tianmu.prevent.anomaly.learnt import NAME
from tianmu.store.live.snapshot import Frozen

from .test_learner import G0, anomalies, found
from .town import LEARNT, S, Watched

DAY = 86_400 * S


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
    town.now += 31 * DAY
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
    town.now += 3000 * DAY
    assert town.learner is not None
    town.learner.save()
    assert len(found(town)) == 1


def test_what_an_earlier_release_had_learnt_is_taken_over(town: Watched) -> None:
    town.feed(0, town.usual(LEARNT))
    town.feed(1, town.usual(LEARNT, 3.0))
    town.learn()
    assert town.learner is not None
    learnt = town.learner.learnt
    rows = learnt.rows
    small, exact = learnt.small[:rows].copy(), learnt.exact[:rows].copy()
    was = small[:, : older.FORMER].copy()
    was[:, RARE] = -0.3  # another thing stood there
    positions = {**town.learner.positions}
    columns = {"exact": exact, "small": was, "row": learnt.row[:, None].copy()}
    Frozen(town.data, positions, {}, columns, NAME).write()
    town.fall()
    assert town.learner is not None
    now = town.learner.learnt
    assert now.rows == rows and rows > 1
    np.testing.assert_array_equal(now.exact[:rows], exact)
    small[:, RARE] = small[:, older.FORMER :] = 0
    np.testing.assert_array_equal(now.small[:rows], small)
    assert not now.small[rows:].any()
    town.feed(0, town.usual(3, 1.6))
    town.learn()
    assert anomalies(town) == [(f"anomaly@{G0}", "raise")]
