"""Watch on real files: one alarm per condition, deeds, rule sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tianmu.facts.alarm import AlarmState
from tianmu.facts.batch import BAD, TEST
from tianmu.facts.registry import Device, MaintenanceChanged, RulesPublished
from tianmu.prevent.alarm import table as alarm_table

from .town import FIRE, HIGH, LEVEL_RULES, RULES, Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


def test_a_fire_from_frame_to_alarm(town: Town) -> None:
    town.observe("p0", [2.0], side={0: {"description": "floor 3"}})
    (event,) = town.events()
    assert (event.identity, event.transition) == (FIRE, "raise")
    assert event.state is AlarmState.UNACKNOWLEDGED and event.before is AlarmState.NORMAL
    assert event.text == {"zh": "火警", "en": "Fire"}
    assert (event.severity, event.matter, event.priority) == ("III", "m:fire", 1)
    assert (event.department, event.place.division, event.source) == ("fire", "t1", "s0")
    assert event.data == {"description": "floor 3"}
    assert not event.test and not event.probe
    (alarm,) = town.alarms()
    assert alarm.alarm == event.alarm and alarm.condition and alarm.open
    assert town.live.alarm[0] == 1
    assert town.totals()["observations"] == 1


def test_many_equal_signals_make_one_alarm(town: Town) -> None:
    for _ in range(5):
        for _ in range(20):
            town.observe("p0", [2.0] * 50, step=False)
            town.now += 1000
        town.watch.step(0)
    town.observe("p0", [2.0], at=[town.now - 2000])  # late
    town.observe("p0", [2.0, 2.0], at=[town.now, town.now])  # the same twice
    assert town.said() == [(FIRE, "raise", "unacknowledged")]
    assert len(town.alarms()) == 1
    town.wait(1)
    totals = town.totals()
    assert totals["observations"] == 5003
    assert totals["late"] >= 1 and totals["duplicates"] >= 1
    assert totals["transitions"] == 1


def test_the_life_of_a_latching_alarm(town: Town) -> None:
    town.observe("p0", [2.0])
    alarm = town.alarms()[0].alarm
    town.now += 1
    town.observe("p0", [0.0])
    town.do("acknowledge", alarm)
    town.do("reset", alarm)
    assert [s for _, _, s in town.said()] == [
        "unacknowledged",
        "latched_unacknowledged",
        "latched_acknowledged",
        "normal",
    ]
    (row,) = town.alarms()
    assert row.acknowledged_by == "officer" and row.cleared_at is not None
    assert town.live.alarm[0] == 0
    steps = town.records.read(lambda c: alarm_table.transitions(c, alarm))
    assert [s["transition"] for s in steps] == ["raise", "return", "acknowledge", "reset"]


def test_deeds_that_cannot_be_done_are_kept_with_their_reason(town: Town) -> None:
    town.observe("p0", [2.0])
    alarm = town.alarms()[0].alarm
    town.events()
    town.do("reset", alarm)
    town.do("explode", alarm)
    town.do("acknowledge", "a0")
    town.do("shelve", "nothing@p0/state")
    assert town.said() == []
    refused = town.records.read(lambda c: alarm_table.refusals(c, alarm))
    assert [r["verb"] for r in refused] == ["alarm.reset", "alarm.explode"]
    assert "only a latched alarm" in refused[0]["why"]
    assert town.records.read(lambda c: alarm_table.refusals(c, "a0"))[0]["why"]
    assert len(town.alarms()) == 1


def test_shelving_ends_by_itself_in_the_state_the_condition_has(town: Town) -> None:
    town.observe("g0", [3.5])
    alarm = town.alarms()[0].alarm
    town.do("shelve", alarm, minutes=10)
    assert town.alarms()[0].shelved_until == town.now + 600_000_000
    town.now += 1
    town.observe("g0", [1.0])
    town.wait(300)
    town.observe("g0", [3.6])
    town.wait(301)
    assert town.said() == [
        (HIGH, "raise", "unacknowledged"),
        (HIGH, "shelve", "shelved"),
        ("slow@g0/level", "raise", "unacknowledged"),
        (HIGH, "unshelve", "unacknowledged"),
    ]
    town.do("shelve", town.watch.ledger.open["slow@g0/level"].alarm, minutes=10)
    assert town.said() == []  # not shelvable
    town.do("shelve", alarm, minutes=1e6)
    assert town.alarms()[-1].shelved_until == town.now + 86_400_000_000  # the longest there is


def test_a_condition_can_be_taken_out_of_service_in_advance(town: Town) -> None:
    town.do("remove_from_service", HIGH)
    town.observe("g0", [9.0])
    assert town.said() == [(HIGH, "remove_from_service", "out_of_service")]
    assert town.live.alarm[1] == 0
    town.do("return_to_service", HIGH)
    assert town.said() == [(HIGH, "return_to_service", "unacknowledged")]
    assert town.live.alarm[1] == 2


def test_suppression_by_design(town: Town) -> None:
    fault = "fault@p0/state"
    town.observe("p0", [6.0])  # both at once: the fault is never announced
    assert town.said() == [
        (FIRE, "raise", "unacknowledged"),
        (fault, "suppress", "suppressed_by_design"),
    ]
    town.do("unsuppress", fault)
    assert "by design" in town.records.read(lambda c: alarm_table.refusals(c, fault))[0]["why"]
    town.now += 1
    town.observe("p0", [4.0])
    assert town.said() == [
        (FIRE, "return", "latched_unacknowledged"),
        (fault, "unsuppress", "unacknowledged"),
    ]
    town.now += 1
    town.observe("p0", [6.0])
    town.now += 1
    town.observe("p0", [0.0])
    assert town.said() == [
        (FIRE, "raise", "unacknowledged"),
        (fault, "suppress", "suppressed_by_design"),
        (FIRE, "return", "latched_unacknowledged"),
        (fault, "unsuppress", "normal"),
    ]


def test_test_mode_is_marked_and_a_real_fire_after_it_is_real(town: Town) -> None:
    town.observe("p0", [2.0], quality=TEST)
    assert town.live.alarm[0] == 0  # the map shows no alarm for it
    town.now += 1
    town.observe("p0", [2.0])
    assert town.live.alarm[0] == 1
    first, end, real = town.events()
    assert first.test and first.transition == "raise"
    assert (end.alarm, end.transition, end.state) == (first.alarm, "return", AlarmState.NORMAL)
    assert real.transition == "raise" and not real.test and real.alarm != first.alarm
    town.now += 1
    town.observe("p0", [2.0], quality=TEST)
    town.now += 1
    town.observe("p0", [0.0], quality=BAD)
    assert town.events() == []


def test_silence_and_maintenance(town: Town) -> None:
    silent = "silent@p0/state"
    town.observe("p0", [1.0])
    town.wait(59)
    assert town.said() == []
    town.wait(3)
    assert town.said() == [(silent, "raise", "unacknowledged")]
    town.observe("p0", [1.0])
    town.wait(1)
    assert town.said() == [(silent, "return", "returned_unacknowledged")]
    town.do("acknowledge", silent)
    town.events()
    town.publish(
        MaintenanceChanged(
            object="s0", start=town.now, end=town.now + 200_000_000, at=town.now, actor="x"
        )
    )
    town.wait(100)
    (event,) = town.events()
    assert event.test and event.identity == silent
    town.crash()
    town.wait(101)
    end, real = town.events()
    assert end.transition == "return" and real.transition == "raise" and not real.test


def test_windows_of_one_source_stand_side_by_side(town: Town) -> None:
    """A window planned for later does not end the one that runs; the same one may be shortened."""
    hour = 3_600_000_000

    def window(start: int, end: int) -> None:
        town.publish(MaintenanceChanged(object="s0", start=start, end=end, at=town.now, actor="x"))

    begin = town.now
    town.observe("p0", [1.0])
    window(begin, begin + hour)
    window(begin + 24 * hour, begin + 25 * hour)
    town.wait(100)
    (event,) = town.events()
    assert event.test and event.identity == "silent@p0/state"
    window(begin, town.now)
    town.wait(2)
    end, real = town.events()
    assert end.transition == "return" and real.transition == "raise" and not real.test


def test_chattering_is_one_alarm_with_a_count(town: Town) -> None:
    for i in range(40):
        town.observe("g0", [3.5 if i % 2 == 0 else 1.0])
        town.now += 1_000_000
    told = town.said()
    assert told[-1] == (HIGH, "worsen", "unacknowledged")
    assert len(told) < 10
    (alarm,) = [a for a in town.alarms() if a.identity == HIGH]
    assert alarm.count == 20 and alarm.chattering and not alarm.condition
    town.wait(30)
    assert town.said() == []
    town.wait(40)
    (event,) = town.events()
    assert event.transition == "return" and event.count == 20
    town.do("acknowledge", alarm.alarm)
    town.wait(100)
    town.observe("g0", [3.5])
    *_, event = town.events()
    assert event.count == 1 and event.alarm != alarm.alarm


def test_a_rise_soon_after_is_the_same_alarm(town: Town) -> None:
    town.observe("g0", [3.5])
    alarm = town.alarms()[0].alarm
    town.do("acknowledge", alarm)
    town.now += 1
    town.observe("g0", [1.0])
    assert town.alarms()[0].cleared_at is not None
    town.crash()
    town.wait(5)
    town.observe("g0", [3.5])
    *_, event = town.events()
    assert (event.alarm, event.count, event.transition) == (alarm, 2, "raise")
    assert len(town.alarms()) == 1


def test_rule_sets_switch_without_losing_state(town: Town) -> None:
    town.observe("g0", [3.5])
    town.observe("g1", [2.45])
    town.observe("p0", [4.0])
    town.wait(5)
    assert [i for i, _, _ in town.said()] == [HIGH, "fault@p0/state"]
    changed = [{**r, "kind": "gauge"} for r in LEVEL_RULES]
    changed[0]["limit"] = 2.4  # now g1 is too high as well
    kept = [{**RULES[0], "kind": "panel"}]  # the fault is no condition any more

    def publish(version: int, rules: list[dict[str, Any]]) -> None:
        town.publish(RulesPublished(version=version, rules=tuple(rules), at=town.now, actor="a"))
        town.watch.step(0)

    publish(1, [*changed, *kept])
    assert sorted(town.said()) == [
        ("fault@p0/state", "return", "returned_unacknowledged"),
        ("high@g1/level", "raise", "unacknowledged"),
    ]
    town.wait(6)  # the delays of the slow rule have gone on running
    assert sorted(i for i, _, _ in town.said()) == ["slow@g0/level", "slow@g1/level"]
    publish(2, [{**changed[0], "limit": "much"}])
    (event,) = town.events()
    assert event.rule == "rules_refused" and "limit" in event.text["en"]
    assert len(town.watch.evaluator.compiled.rules) == 3
    town.crash()
    assert town.said() == []
    publish(3, [*[{**r, "kind": "gauge"} for r in LEVEL_RULES], *kept])
    assert sorted(town.said()) == [
        ("high@g1/level", "return", "returned_unacknowledged"),
        ("rules_refused@rules", "return", "returned_unacknowledged"),
    ]
    assert town.watch.vitals()["rules_version"] == 3


def test_new_devices_are_judged_at_once(town: Town) -> None:
    town.register([Device(device="g9", kind="gauge", properties=("level",), probe="drill")])
    town.observe("g9", [5.0])
    (event,) = town.events()
    assert event.identity == "high@g9/level" and event.probe == "drill"
    assert town.watch.vitals()["devices"] == 5
