"""Anomaly detection in a running city: it learns, tells, ends, heeds people, and comes back."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tianmu.facts.alarm import AlarmState
from tianmu.facts.case import CaseEvent
from tianmu.facts.encoding import encode
from tianmu.prevent.anomaly import record
from tianmu.prevent.anomaly.judging import Begun
from tianmu.prevent.anomaly.layout import COUNT
from tianmu.prevent.anomaly.learner import run
from tianmu.prevent.anomaly.learnt import Glance, Learnt

from .town import LEARNT, STEP, Watched

G0 = "g0/level"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path)
    yield made
    made.close()


def found(town: Watched) -> list[record.Record]:
    return town.works.read(
        lambda c: [record._of(row) for row in c.execute(record.RECORD.select()).mappings()]
    )


def anomalies(town: Watched) -> list[tuple[str, str]]:
    return [(e.identity, e.transition) for e in town.events() if e.rule == "anomaly"]


def test_a_shift_alarms_says_why_and_ends(town: Watched) -> None:
    town.feed(0, town.usual(LEARNT))
    town.learn()
    assert not anomalies(town)
    town.feed(0, town.usual(3, 1.6))
    town.learn()
    (event,) = [e for e in town.events() if e.rule == "anomaly"]
    assert (event.identity, event.transition) == (f"anomaly@{G0}", "raise")
    assert (event.priority, event.matter, event.device_kind) == (4, "", "gauge")
    assert event.value == pytest.approx(1.6, abs=0.1)
    assert event.data["expected"] == pytest.approx(1.0, abs=0.1)
    assert 0.9 < event.data["low"] < 1.0 < event.data["high"] < 1.1  # as before the shift
    assert event.limit == event.data["high"] and 0 <= event.data["chance"] < 1e-3
    assert event.data["since"] == town.begun + LEARNT * STEP
    assert (
        event.text["en"].startswith("Level unusually high: 1.") and "expected" in event.text["en"]
    )
    assert event.text["zh"].startswith("Level异常偏高")
    (one,) = found(town)
    assert one.ended_at is None and one.why == "above" and one.kind == "gauge"
    (alarm,) = [a for a in town.alarms() if a.rule == "anomaly"]
    assert alarm.shelvable and alarm.state is AlarmState.UNACKNOWLEDGED
    town.feed(0, town.usual(60))
    town.learn()
    assert anomalies(town) == [(f"anomaly@{G0}", "return")]
    assert found(town)[0].ended_at is not None
    glance = Glance(town.data)
    stream = town.book.datastreams_of(town.book.find("g0") or 0)[0]
    middle, low, high = glance.band(stream, town.now) or (0, 0, 0)
    assert low < middle < high and middle == pytest.approx(1.0, abs=0.1)
    assert glance.band(0, town.now) is None  # the panel is not watched
    glance.close()


def test_what_becomes_far_worse_is_told_of_the_alarm_that_goes_on(town: Watched) -> None:
    town.feed(0, town.usual(4 * LEARNT))
    town.feed(0, [1.15, 1.0, 1.0, 40.0])
    town.learn()
    (one,) = found(town)
    assert one.value == 40.0 and one.since == town.begun + 4 * LEARNT * STEP
    events = [e for e in town.events() if e.rule == "anomaly"]
    assert [e.transition for e in events] == ["raise", "worsen"]
    assert len({e.alarm for e in events}) == 1
    assert events[1].value == 40.0 and events[1].data["chance"] < events[0].data["chance"]
    assert events[1].data["since"] == events[0].data["since"] == one.since
    assert "40" in events[1].text["en"]
    assert town.works.read(record.policies)["gauge"].told == 1
    town.feed(0, town.usual(60))
    town.learn()
    assert anomalies(town)[-1] == (f"anomaly@{G0}", "return") and found(town)[0].ended_at


def test_it_can_be_shelved_before_it_holds_and_survives_new_rules(town: Watched) -> None:
    town.feed(0, town.usual(LEARNT))
    town.learn()
    town.do("shelve", f"anomaly@{G0}", minutes=60)
    assert anomalies(town) == [(f"anomaly@{G0}", "shelve")]
    town.feed(0, town.usual(2, 1.7))
    town.learn()
    assert anomalies(town) == []
    town.crash()  # watch begins again: what the evaluator does not judge still stands
    (alarm,) = [a for a in town.alarms() if a.rule == "anomaly"]
    assert alarm.condition and alarm.state is AlarmState.SHELVED


def test_what_is_unwatched_or_not_believed_teaches_nothing(town: Watched) -> None:
    town.observe("p0", [2.0] * 50, step=False)
    town.observe("g1", [9.0], quality=2, step=False)
    town.observe("g1", [9.0], at=[town.now + 2 * 3_600_000_000], step=False)
    town.feed(0, [1.0, 1.1, 1.2])
    town.observe("g0", [1.0], at=[town.begun], step=False)  # late
    town.learn()
    assert town.learner is not None and town.learner.learnt.rows == 1
    town.now += 2_000_000
    town.learner.step(0)
    totals = town.works.read(record.totals)
    assert totals == {"learnt": 3, "late": 1, "bad": 1, "ahead": 1}


def test_a_crash_learns_nothing_twice_and_tells_nothing_twice(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole, falling = Watched(tmp_path / "a"), Watched(tmp_path / "b")
    try:
        for round_ in range(8):
            for gauge in range(3):
                shifted = 1.5 if round_ == 6 and gauge == 1 else 1.0
                values = whole.usual(100, shifted)
                whole.feed(gauge, values)
                falling.feed(gauge, values)
            whole.learn()
            falling.learn()
            assert falling.learner is not None
            if round_ % 3 == 1:
                falling.learner.save()
            falling.feed(0, falling.usual(0))
            falling.fall()
        whole.now = falling.now = whole.now + 2_000_000
        whole.learn()
        falling.learn()
        assert whole.learner is not None and falling.learner is not None
        ours, theirs = whole.learner.learnt, falling.learner.learnt
        assert ours.rows == theirs.rows == 3
        np.testing.assert_array_equal(ours.exact[:3], theirs.exact[:3])
        np.testing.assert_array_equal(ours.small[:3, COUNT], theirs.small[:3, COUNT])
        np.testing.assert_allclose(ours.small[:3], theirs.small[:3], rtol=0.02, atol=0.02)
        assert whole.works.read(record.totals) == falling.works.read(record.totals)
        assert anomalies(whole) == anomalies(falling) != []
        assert len(found(whole)) == len(found(falling))
    finally:
        whole.close()
        falling.close()


def test_a_step_that_fails_half_way_leaves_nothing_behind(
    town: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had found by then is not told, and told once when the same is read again."""
    learner = town.learner
    assert learner is not None
    town.feed(0, town.usual(LEARNT))
    town.learn()
    learner.save()
    town.feed(0, town.usual(3, 1.8))
    begun = learner.book.begun

    def fails(what: Begun, now: int) -> None:
        begun(what, now)
        raise ValueError("half way")

    monkeypatch.setattr(learner.book, "begun", fails)
    monkeypatch.setattr(learner, "start", lambda: None)
    stop = threading.Event()
    threading.Timer(10, stop.set).start()
    with pytest.raises(ValueError, match="half way"):
        run(learner, stop)
    assert not found(town)
    town.fall()
    town.learn()
    assert len(found(town)) == 1
    assert anomalies(town) == [("anomaly@g0/level", "raise")]


def test_what_cannot_begin_leaves_no_file_open(
    town: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = town.learner
    assert learner is not None

    def full(*_: object, **__: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(learner, "_commit", full)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(OSError, match="no room"):
            learner.start()
    # the three tables of the learner that ran until then were let go of, not closed
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    monkeypatch.undo()
    town.fall()


def test_where_there_is_no_room_the_rest_is_learnt_on(
    town: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    learnt = Learnt(town.data)
    assert learnt.give(np.array([5, 3, 5], np.uint32)).tolist() == [0, 1, 0]

    def grow(table: str, rows: int) -> None:
        if rows > len(learnt._shared[table]):
            raise OSError("no room")

    monkeypatch.setattr(learnt._shared, "grow", grow)
    many = np.array([3, 70_000, 7, 80_000], np.uint32)
    for _ in range(3):
        assert learnt.give(many).tolist() == [1, -1, 2, -1]
    assert learnt.refused == 6 and len(caplog.records) == 1
    learnt.close()


def test_a_fire_is_judged_before_what_was_found_unusual(town: Watched) -> None:
    town.feed(0, town.usual(LEARNT))
    town.learn()
    town.feed(0, town.usual(3, 1.7))
    assert town.learner is not None
    while town.learner.step(0):
        pass
    town.observe("p0", [2.0], step=False)
    town.watch.step(0)
    raised = [e.rule for e in town.events() if e.transition == "raise"]
    assert raised.index("fire") < raised.index("anomaly")


def test_without_a_snapshot_all_is_learnt_again_from_the_journal(town: Watched) -> None:
    town.feed(0, town.usual(LEARNT))
    town.learn()
    assert town.learner is not None
    before = np.array(town.learner.learnt.small[:1])
    town.fall()
    np.testing.assert_array_equal(before, town.learner.learnt.small[:1])


def test_a_damaged_snapshot_is_not_taken_for_what_was_learnt(town: Watched) -> None:
    town.feed(0, town.usual(300))
    town.learn()
    assert town.learner is not None
    left = town.data / "snapshot" / ".draft-anomaly-1-1"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"of one that was killed")
    town.learner.save()
    assert not left.exists()
    town.feed(1, town.usual(300))
    town.learn()
    town.learner.save()
    before = np.array(town.learner.learnt.small[:2])
    first, second = sorted((town.data / "snapshot").glob("anomaly-*.snap"))
    for damaged in (second, first):  # the one before is taken, then the journal alone
        damaged.write_bytes(damaged.read_bytes()[:-40])
        town.fall()
        np.testing.assert_array_equal(before, town.learner.learnt.small[:2])
        assert town.learner.learnt.rows == 2


def test_what_is_no_longer_watched_ends(town: Watched) -> None:
    town.feed(0, town.usual(LEARNT))
    town.feed(0, town.usual(2, 1.7))
    town.learn()
    assert anomalies(town) == [(f"anomaly@{G0}", "raise")]
    kind = town.city.kinds["gauge"]
    level = kind.properties["level"]
    kind.properties["level"] = type(level)(level.code, level.name, level.unit)
    town.fall()
    town.learn()
    assert anomalies(town) == [(f"anomaly@{G0}", "return")]
    assert found(town)[0].ended_at is not None


def test_people_move_the_threshold(town: Watched) -> None:
    """A kind whose alarms are judged false becomes stricter, one whose misses are told less so."""
    town.feed(0, town.usual(LEARNT))
    town.feed(0, town.usual(2, 1.7))
    town.learn()
    (one,) = found(town)

    def strict() -> float:
        return town.works.read(record.policies)["gauge"].strict

    told = strict()
    assert told > 0  # it counts as false until it is judged
    town.say("anomaly.found", "a1", datastream=G0, since=one.since, real=False)
    town.learn()
    false = strict()
    assert false > told
    town.say("anomaly.found", "a1", datastream=G0, since=one.since, real=False)  # once more
    town.learn()
    assert strict() == pytest.approx(false)
    town.say("anomaly.found", "a1", datastream=G0, since=one.since, real=True)  # on second thoughts
    town.learn()
    assert strict() < told
    policy = town.works.read(record.policies)["gauge"]
    assert (policy.told, policy.false, policy.real, policy.missed) == (1, 0, 1, 0)
    assert (policy.changed_by, policy.actor) == ("real", "officer")
    before = strict()
    town.say("anomaly.missed", "g1/level")
    town.say("anomaly.missed", "p0/state")  # not watched: nothing moves
    town.learn()
    policy = town.works.read(record.policies)["gauge"]
    assert strict() == pytest.approx(before - math.log(2), abs=1e-6) and policy.missed == 1
    (one,) = found(town)
    assert one.real is True and one.judged_by == "officer"
    town.fall()
    assert town.learner is not None and town.learner.book.policies["gauge"] == policy


@pytest.mark.parametrize(("step", "real"), [("close", True), ("void", False)])
def test_a_case_that_ends_says_what_its_anomalies_were(
    tmp_path: Path, step: str, real: bool
) -> None:
    town = Watched(tmp_path, matter="m:fire")
    town.feed(0, town.usual(LEARNT))
    town.feed(0, town.usual(2, 1.7))
    town.learn()
    (event,) = [e for e in town.events() if e.rule == "anomaly"]
    assert event.matter == "m:fire"
    member = {"kind": "alarm", "id": event.alarm, "at": event.observed_at,
              "identity": event.identity}  # fmt: skip

    def append(number: int, name: str, **data: object) -> None:
        fact = CaseEvent(
            case="c1", sequence=number, step=name, stage="check", at=town.now, actor="officer",
            data=data,
        )  # fmt: skip
        town.hub.transact(lambda tx: tx.append("case", encode(fact)))

    append(1, "open", member=member)
    town.learn()
    town.fall()
    append(2, step)
    town.learn()
    (one,) = found(town)
    assert one.real is real and one.judged_by == "officer"
    assert town.works.read(lambda c: record.members(c, "c1")) == []
    town.close()


def test_what_has_left_a_case_is_judged_by_the_one_that_it_went_to(tmp_path: Path) -> None:
    town = Watched(tmp_path, matter="m:fire")
    town.feed(0, town.usual(LEARNT))
    town.feed(0, town.usual(2, 1.7))
    town.learn()
    (event,) = [e for e in town.events() if e.rule == "anomaly"]
    member = {"kind": "alarm", "id": event.alarm, "at": event.observed_at,
              "identity": event.identity}  # fmt: skip

    def append(case: str, number: int, name: str, **data: object) -> None:
        fact = CaseEvent(
            case=case, sequence=number, step=name, stage="check", at=town.now, actor="officer",
            data=data,
        )  # fmt: skip
        town.hub.transact(lambda tx: tx.append("case", encode(fact)))

    append("c1", 1, "open", member=member)
    town.learn()
    for number in (2, 4):  # split off, merged again, split off: as it stands at the end counts
        append("c1", number, "leave", member=member, to="c2")
        append("c1", number + 1, "join", member=member)
    append("c1", 6, "leave", member=member, to="c2")
    append("c2", 1, "join", member=member)
    append("c1", 7, "void")
    town.learn()
    assert found(town)[0].real is None
    append("c2", 2, "close")
    town.learn()
    assert found(town)[0].real is True
    assert town.works.read(lambda c: c.execute(record.MEMBER.select()).all()) == []
    town.close()
