"""Whatever floods: a well-behaved source and the fire panels are taken, and bounds hold."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.facts.registry import SourceChanged
from tianmu.facts.topic import OBSERVATION_LIFE
from tianmu.sense import state
from tianmu.sense.admission import LATE, SPELL, Admission, Bounds
from tianmu.sense.behind import Behind
from tianmu.sense.contract import Readings
from tianmu.sense.http.connector import HttpConnector
from tianmu.store.records import Records

from .door import NOW, Door, post, run

SMALL = Bounds(messages=40, size=40_000, small=1_000)


class Clock:
    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s

    def now(self) -> int:
        return round(self.s * 1_000_000)


def source(name: str, *, life: bool = False) -> SourceChanged:
    return SourceChanged(
        source=name, number=1, protocol="http", life_safety=life, at=0, actor="test"
    )


def admission(clock: Clock, bounds: Bounds = SMALL) -> Admission:
    return Admission(bounds, clock=clock, now=clock.now)


@settings(max_examples=150, deadline=None)
@given(
    floods=st.integers(1, 9),
    life_floods=st.integers(0, 3),
    steps=st.lists(
        st.tuples(st.integers(0, 11), st.integers(1, 20_000), st.booleans()), max_size=300
    ),
    lag=st.floats(0.0, 39.0),
)
def test_no_flood_keeps_out_a_good_source_or_a_panel(
    floods: int, life_floods: int, steps: list[tuple[int, int, bool]], lag: float
) -> None:
    clock = Clock()
    doors = admission(clock)
    doors.look({"watch": lag})  # twice what it may be is 40 s
    bad = [source(f"flood{i}") for i in range(floods)]
    bad += [source(f"alarms{i}", life=True) for i in range(life_floods)]
    under_way: list[tuple[SourceChanged, int]] = []
    for which, size, end in steps:
        clock.s += 0.01
        if end and under_way:
            doors.leave(*under_way.pop(which % len(under_way)))
        one = bad[which % len(bad)]
        while not doors.enter(one, size):  # as much as it can get
            under_way.append((one, size))
            assert len(under_way) <= 2 * SMALL.messages * (1 + SMALL.reserve)
        # neither has anything under way, and both send little
        for good in (source("good"), source("panel", life=True)):
            assert doors.enter(good, 10) == 0.0
            doors.leave(good, 10)
    for name in ("good", "panel"):
        assert name not in doors.slowed
    for one, size in under_way:
        doors.leave(one, size)
    assert doors.under_way == 0


@given(k=st.integers(2, 8))
def test_equal_floods_get_equal_parts(k: int) -> None:
    doors = admission(Clock())
    bad = [source(f"flood{i}") for i in range(k)]
    got = dict.fromkeys(range(k), 0)
    under_way: list[int] = []
    for _ in range(4_000):
        for i, one in enumerate(bad):
            if not doors.enter(one, 100):
                got[i] += 1
                under_way.append(i)
        doors.leave(bad[under_way.pop(0)], 100)
    assert max(got.values()) <= 1.2 * min(got.values())


def test_readers_far_behind_hold_all_but_life_safety_and_say_how_long() -> None:
    clock = Clock()
    doors = admission(clock)
    doors.look({"watch": 50.0, "history": 30.0})
    wait = doors.enter(source("good"), 10)
    assert wait == 50.0 - SMALL.watch_s
    assert doors.enter(source("panel", life=True), 10) == 0.0
    doors.look({"watch": 1e6})
    assert doors.enter(source("good"), 10) == LATE
    doors.look({"watch": 0.0, "history": SMALL.history_s - 1})
    assert doors.enter(source("good"), 10) == 0.0


def test_who_sent_most_is_slowed_first_and_taken_again_when_it_was_told() -> None:
    clock = Clock()
    doors = admission(clock)
    flood, good = source("flood"), source("good")
    for one, times in ((flood, 200), (good, 20)):
        for _ in range(times):
            assert doors.enter(one, 10_000) == 0.0
            doors.leave(one, 10_000)
    doors.look({"watch": SMALL.watch_s * 1.5})
    for _ in range(10):  # refused or not, the flood is who wants most
        wait = doors.enter(flood, 10_000)
        assert wait == SMALL.watch_s / 2
        assert doors.enter(good, 1_000) == 0.0
        doors.leave(good, 1_000)
    clock.s += wait
    # the readers have read meanwhile what was too much for them
    doors.look({"watch": SMALL.watch_s * 1.5 - wait - 0.01})
    assert doors.enter(flood, 10_000) == 0.0


@run
async def test_a_spell_ends_when_nobody_is_turned_away_any_more() -> None:
    clock = Clock()
    doors = admission(clock)
    await doors.refused(source("s"))
    began = doors.slowed["s"].since
    clock.s += 5
    await doors.refused(source("s"))
    assert (doors.slowed["s"].refused, doors.slowed["s"].since) == (2, began)
    clock.s += SPELL + 1
    doors.look({})
    assert (doors.slowed["s"].refused, doors.slowed["s"].since) == (2, 0)
    assert doors.turned() == 2


@run
async def test_a_reading_door_waits_and_loses_nothing(tmp_path: Path) -> None:
    door = Door(tmp_path, 3)
    doors = door.intake.admission
    ordinary, panel = door.source("plain", number=1), door.source("panel", number=2, life=True)
    doors.look({"watch": 1e6})

    def reading(i: int) -> Readings:
        return Readings(
            address=[f"d{i}"], property=["value"], time=np.array([NOW]), value=np.array([1.0])
        )

    waiting = asyncio.create_task(
        door.intake.take(reading(0), source=ordinary, key=b"k", peer="test")
    )
    await asyncio.sleep(0)
    await door.intake.take(reading(1), source=panel, key=None, peer="test")
    await door.intake.place(reading(2), source=ordinary, key=None, peer="the city itself")
    assert not waiting.done() and door.observations(OBSERVATION_LIFE.name) == [(1, NOW)]
    assert doors.slowed["plain"].delayed == 1 and doors.slowed["plain"].since
    doors.look({"watch": 0.0})
    assert (await waiting).known == 1
    assert door.observations() == [(0, NOW), (2, NOW)] and doors.under_way == 0
    door.close()


@run
async def test_what_is_refused_over_http_says_when_to_come_again(tmp_path: Path) -> None:
    door = Door(tmp_path, 20)
    door.source("plain", number=1)
    door.source("panel", number=2, life=True)
    app = HttpConnector(door.intake)
    body = f'{{"datastream":"d0/value","time":{NOW // 1000},"value":1}}'.encode()
    door.intake.admission.look({"watch": 40.3})
    status, answer, headers = await post(app, "plain", body)
    assert status == 429 and headers["retry-after"] == "21"  # 20.3 s, in whole seconds
    assert "Retry-After" in answer["remedy"]
    assert (await post(app, "panel", body))[0] == 200
    door.intake.admission.look({"watch": 0.0})
    assert (await post(app, "plain", body))[0] == 200
    assert door.intake.admission.slowed["plain"].refused == 1
    assert door.observations() == [(0, NOW)]
    door.close()


@run
async def test_a_flood_over_http_loses_nothing_and_keeps_nobody_out(tmp_path: Path) -> None:
    """One source sends from 60 connections and heeds no refusal; another and a panel send too."""
    door = Door(tmp_path, 100)
    door.intake.admission = Admission(Bounds(messages=16, size=1 << 20))
    for number, name in enumerate(("flood", "good", "panel"), 1):
        door.source(name, number=number, life=name == "panel")
    app = HttpConnector(door.intake)
    acknowledged: dict[str, list[int]] = {"flood": [], "good": [], "panel": []}
    refused = dict.fromkeys(acknowledged, 0)

    async def send(name: str, device: int, times: int, pause: float) -> None:
        for i in range(times):
            at = NOW // 1000 - 1_000 * device - i
            rows = f'[{{"datastream":"d{device}/value","time":{at},"value":1}}]'
            status, *_ = await post(app, name, rows.encode())
            if status == 200:
                acknowledged[name].append(at * 1000)
            else:
                assert status == 429
                refused[name] += 1
            await asyncio.sleep(pause)

    await asyncio.gather(
        *(send("flood", device, 6, 0.0) for device in range(60)),
        send("good", 70, 20, 0.002),
        send("panel", 71, 20, 0.002),
    )
    assert refused["flood"] and not refused["good"] and not refused["panel"]
    assert len(acknowledged["good"]) == len(acknowledged["panel"]) == 20
    ordinary = [at for _, at in door.observations()]
    assert sorted(ordinary) == sorted(acknowledged["flood"] + acknowledged["good"])
    panel = [at for _, at in door.observations(OBSERVATION_LIFE.name)]
    assert sorted(panel) == sorted(acknowledged["panel"])
    door.close()


def test_behind_is_the_age_of_the_oldest_unread_entry(tmp_path: Path) -> None:
    with Records(tmp_path / "gate.sqlite") as gate, Records(tmp_path / "watch.sqlite") as watch:
        positions = [gate.transact(lambda tx: tx.append("observation", b"x")) for _ in range(3)]
        told = 0
        behind = Behind(tmp_path, lambda: told)
        at = [entry.at for entry in behind._journal.read("observation", 0)]
        assert behind.look() == {"watch": 0.0, "history": 0.0}  # nobody has begun to read
        watch.transact(lambda tx: tx.advance("watch", "observation", positions[0].position))
        told = at[1] + 7_000_000
        assert behind.look()["watch"] == pytest.approx(7.0)
        watch.transact(lambda tx: tx.advance("watch", "observation", positions[2].position))
        assert behind.look()["watch"] == 0.0
        behind.close()


def test_what_a_source_has_met_with_is_written_for_the_wall(tmp_path: Path) -> None:
    door = Door(tmp_path, 1)
    door.main.create(state.metadata)
    write = door.main.transact
    write(lambda tx: state.write_sources(tx, {"s": state.SourceState(5, 10, 2, 1, 77)}))
    write(lambda tx: state.write_sources(tx, {"s": state.SourceState(0, 3, 1, 0, 0)}))
    assert door.main.read(state.sources) == {"s": state.SourceState(5, 13, 3, 1, 0)}
    write(lambda tx: state.write_sources(tx, {"t": state.SourceState(0, 0, 1, 0, 9)}))
    write(state.end_spells)
    assert door.main.read(state.sources)["t"] == state.SourceState(0, 0, 1, 0, 0)
    door.close()
