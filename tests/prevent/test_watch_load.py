"""Watch with much to do: floods, lists, silence of a whole city, restarts, entries that gather."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tianmu.facts.registry import Device
from tianmu.prevent.alarm import table as alarm_table
from tianmu.prevent.alarm.target import Targets
from tianmu.prevent.watch.settings import Settings

from .town import FIRE, HIGH, Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


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


def test_a_large_city_is_looked_at_for_silence_less_often(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    # five streams, one a second
    town.watch.settings = Settings(snapshot_s=1e9, silence_per_s=1)
    town.wait(1)  # looks, and again in five seconds
    town.observe("g0", [1.0])
    looked: list[bool] = []
    sweep = town.watch.evaluator.sweep

    def told(now: int, **more: Any) -> Any:
        looked.append(bool(more["silence"]))
        return sweep(now, **more)

    monkeypatch.setattr(town.watch.evaluator, "sweep", told)
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
