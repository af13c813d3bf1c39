"""Watch on real files: one alarm per condition, deeds, floods, rule sets, restarts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tianmu.facts.alarm import AlarmState
from tianmu.facts.batch import BAD, TEST
from tianmu.facts.registry import Device, MaintenanceChanged, RulesPublished
from tianmu.prevent import alarm_table
from tianmu.prevent.settings import Settings
from tianmu.prevent.target import Targets

from .town import LEVEL_RULES, RULES, Town

FIRE = "fire@p0/state"
HIGH = "high@g0/level"


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
    town.now += 1
    town.observe("p0", [2.0])
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


def test_flood(tmp_path: Path) -> None:
    town = Town(tmp_path, gauges=30, targets=Targets(flood_begins=10, flood_ends=5))
    for i in range(12):
        town.observe(f"g{i}", [3.5])
    flood = "alarm_flood@position/water"
    told = town.events()
    assert [e.identity for e in told].count(flood) == 1
    begun = next(e for e in told if e.identity == flood)
    assert begun.data == {"system": True} and begun.text["en"] == (
        "Alarm flood: 11 within 10 minutes"
    )
    town.wait(11)  # the slow rule of low priority follows: grouped under the flood
    grouped = [e for e in town.events() if e.rule == "slow"]
    assert len(grouped) == 12
    assert {e.data["grouped"] for e in grouped} == {begun.alarm}
    town.crash()
    town.wait(620)
    assert (flood, "return", "returned_unacknowledged") in town.said()
    town.close()


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


def test_restart_from_snapshot_and_journal(town: Town) -> None:
    town.observe("g0", [3.5])
    town.observe("g1", [2.5])  # the slow rule's delay runs
    town.watch.snapshot()
    town.watch._snapshots.finish()
    town.now += 4_000_000
    town.observe("g2", [3.5])
    town.observe("g0", [1.0])
    town.wait(1)
    before = town.totals()
    town.events()
    town.crash()
    assert town.said() == [] and town.totals() == before
    assert town.live.value[1] == 1.0 and town.live.value[3] == 3.5
    town.wait(6)
    assert town.said() == [("slow@g1/level", "raise", "unacknowledged")]
    town.now += 1
    town.observe("g2", [1.0])
    assert town.said() == [("high@g2/level", "return", "returned_unacknowledged")]
    assert len([a for a in town.alarms() if a.identity == HIGH]) == 1


def test_a_large_city_is_looked_at_for_silence_less_often(town: Town) -> None:
    # five streams, one a second
    town.watch.settings = Settings(snapshot_s=1e9, silence_per_s=1)
    town.wait(1)  # looks, and again in five seconds
    town.observe("g0", [1.0])
    looked: list[bool] = []
    sweep = town.watch.evaluator.sweep

    def told(now: int, **more: object) -> object:
        looked.append(bool(more["silence"]))
        return sweep(now, **more)  # type: ignore[arg-type]

    town.watch.evaluator.sweep = told  # type: ignore[method-assign, assignment]
    streams = town.watch.evaluator.datastreams
    for _ in range(2 * streams):
        town.wait(1)
    assert looked.count(True) == 2 and len(looked) == 2 * streams


def test_silence_before_the_start_is_ours(town: Town) -> None:
    town.observe("p0", [1.0])
    town.wait(0.5)
    town.now += 3_600_000_000  # the whole city was down
    town.crash()
    town.wait(30)
    assert town.said() == []
    town.wait(31)
    assert town.said() == [("silent@p0/state", "raise", "unacknowledged")]


def test_unreadable_entries_are_counted_and_passed(town: Town) -> None:
    town.gate.transact(lambda tx: tx.append("observation", b"rubbish"))
    town.observe("g0", [3.5])
    assert town.said() == [(HIGH, "raise", "unacknowledged")]
    assert town.totals()["unreadable"] == 1


def test_lists_pages_and_counts(tmp_path: Path) -> None:
    town = Town(tmp_path, gauges=25, targets=Targets(flood_begins=1000))
    for i in range(25):
        town.observe(f"g{i}", [3.5], step=False)
        town.now += 1
    town.observe("p0", [2.0])
    seen: list[str] = []
    cursor = None
    while True:
        page = town.records.read(lambda c, at=cursor: alarm_table.active(c, cursor=at, limit=10))
        seen += [a.identity for a in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 26 and seen[0] == FIRE
    counts = town.records.read(alarm_table.counts)
    assert counts.active == counts.unacknowledged == 26
    assert counts.by_priority == [1, 25, 0, 0]
    assert counts.by_department == {"fire": 1, "water": 25} and counts.by_division["t1"] == 1
    found = town.records.read(
        lambda c: alarm_table.active(c, alarm_table.Scope(q="High level", department="water"))
    )
    assert len(found.items) == 0  # the text is the template's
    found = town.records.read(
        lambda c: alarm_table.active(c, alarm_table.Scope(division_prefix="t", priority=1))
    )
    assert [a.identity for a in found.items] == [FIRE]
    with pytest.raises(alarm_table.BadCursor):
        town.records.read(lambda c: alarm_table.active(c, cursor="x"))
    assert town.records.read(lambda c: alarm_table.of_device(c, "p0"))[0].identity == FIRE
    assert town.records.read(lambda c: alarm_table.of_identity(c, FIRE))[0].device == "p0"
    town.close()


def test_a_mass_silence_does_not_hold_up_a_fire(tmp_path: Path) -> None:
    town = Town(tmp_path, gauges=1, targets=Targets(flood_begins=10**6))
    town.register(
        [Device(device=f"p{i}", kind="panel", properties=("state",)) for i in range(1, 3001)]
    )
    town.observe_all([f"p{i}" for i in range(3001)], 1.0)
    town.now += 61_000_000
    steps = 0
    while len(town.alarms()) < 3002 and steps < 10:
        town.watch.step(0)
        steps += 1
        if steps == 1:
            town.observe("p0", [2.0])
            assert FIRE in {identity for identity, _, _ in town.said()}
    assert steps <= 5
    assert len({a.identity for a in town.alarms() if a.rule == "silent"}) == 3001
    town.close()


def test_ordinary_observations_gather_and_life_does_not_wait(town: Town) -> None:
    town.watch.settings = Settings(snapshot_s=1e9, gather_s=0.1)
    town.observe("g0", [1.0])
    assert town.watch.evaluator.counters[0] == 1, "what comes alone is judged at once"
    town.now += 10_000
    town.observe("g1", [1.0])
    town.observe("g2", [1.0])
    assert town.watch.evaluator.counters[0] == 1
    town.observe("p0", [1.0])
    assert town.watch.evaluator.counters[0] == 2, "of the life-safety lane"
    town.wait(0.1)
    assert town.watch.evaluator.counters[0] == 4
    town.observe("g0", [2.0])
    assert town.watch.evaluator.counters[0] == 4
    town.now -= 5_000_000  # the clock is set back
    town.watch.step(0)
    assert town.watch.evaluator.counters[0] == 5


def test_a_backlog_does_not_gather(town: Town) -> None:
    town.watch.settings = Settings(snapshot_s=1e9, gather_s=0.1, entries=2)
    for _ in range(5):
        town.observe("g0", [1.0], step=False)
        town.now += 1
    for _ in range(3):
        town.watch.step(0)
    assert town.watch.evaluator.counters[0] == 5
