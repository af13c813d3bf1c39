"""Incidents: who sees them, who tells of them; and the truth is written before any signal."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tianmu.rehearse.feed.citizens import Citizens
from tianmu.rehearse.feed.seeded import Rhythm, SeededCity
from tianmu.rehearse.truth.fleet import Fleet, make
from tianmu.rehearse.truth.incident import METRES, Effect, Incidents, Queue
from tianmu.rehearse.truth.words import Words

from .small import NAMES, SEEDING, TOWNS


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return make(SEEDING, TOWNS, 1_500, 7)


def incidents(fleet: Fleet, seed: int = 1, **more: Any) -> Incidents:
    return Incidents(SEEDING, TOWNS, fleet, np.random.default_rng(seed), **more)


def test_rates_are_those_of_the_pack(fleet: Fleet) -> None:
    natural = incidents(fleet)
    assert natural.per_hour == pytest.approx(3.0 / 24), "per day and 100,000 inhabitants"
    some = incidents(fleet, per_hour=60.0)
    waits = [some.next_after(0.0) for _ in range(2_000)]
    assert np.mean(waits) == pytest.approx(60.0, rel=0.1) and min(waits) > 0
    assert incidents(fleet, per_hour=0.0).next_after(5.0) == math.inf
    codes = [some.draw(0.0).code for _ in range(300)]
    assert set(codes) == {"house_fire", "cooking"}, "what happens never is not drawn"
    assert codes.count("house_fire") / 300 == pytest.approx(2 / 3, abs=0.1)


def test_those_who_are_near_see_it_and_tell_of_it(fleet: Fleet) -> None:
    some = incidents(fleet, 3)
    drawn = [h for h in (some.draw(1_000.0) for _ in range(60)) if h.code == "house_fire"]
    assert len({h.incident for h in drawn}) == len(drawn)
    for happening in drawn:
        assert happening.truth and 2 <= len(happening.effects) <= 3
        stretch = math.cos(math.radians(happening.latitude))
        for effect in happening.effects:
            owner = int(fleet.owner[effect.datastream])
            assert fleet.name[effect.datastream] == f"{fleet.device(owner)}/state"
            east = (fleet.longitude[owner] - happening.longitude) * METRES * stretch
            north = (fleet.latitude[owner] - happening.latitude) * METRES
            assert math.hypot(east, north) <= 3_010
            assert 1_000.0 <= effect.start <= 1_030.0 < effect.end
        assert 1 <= len(happening.tellings) <= 2
        for telling in happening.tellings:
            assert 1_060.0 <= telling.at <= 1_090.0 and telling.matter == "m:fire"
        record = happening.record(fleet)
        assert json.loads(json.dumps(record)) == record
        assert record["devices"] == sorted(
            {fleet.device(int(fleet.owner[e.datastream])) for e in happening.effects}
        )
        assert record["reports"] == len(happening.tellings)


def test_what_an_effect_shows() -> None:
    def shape(name: str, value: float = 8.0, over: float = 0.0) -> Effect:
        return Effect(0, name, value, 100.0, 200.0, over)

    assert shape("step").at(150.0, 1.0) == 8.0
    assert shape("bits", 6.0).at(150.0, 1.0) == 7.0
    assert shape("silent").at(150.0, 1.0) is None
    ramp = [shape("ramp", over=40.0).at(at, 4.0) for at in (100.0, 110.0, 140.0, 190.0)]
    assert ramp == [4.0, 5.0, 8.0, 8.0]


def test_a_queue_gives_what_is_due_in_order() -> None:
    queue = Queue()
    for at, thing in ((3.0, "c"), (1.0, "a"), (1.0, "b"), (9.0, "late")):
        queue.put(at, thing)
    assert queue.due(0.5) == [] and queue.due(3.0) == ["a", "b", "c"] and queue.due(3.0) == []


def test_everything_speaks_once_soon_and_then_by_its_rhythm(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr("tianmu.rehearse.feed.seeded.time", SimpleNamespace(time=lambda: now[0]))
    rhythm = Rhythm(fleet, np.random.default_rng(1), 1.0)
    heard = np.zeros(len(fleet.period), dtype=int)
    for _ in range(61):
        heard[rhythm.due(now[0])] += 1
        now[0] += 1.0
    assert heard.min() >= 1, "within a minute of the beginning"
    heard[:] = 0
    for _ in range(3_600):
        heard[rhythm.due(now[0])] += 1
        now[0] += 1.0
    depth = np.array(fleet.property) == "depth"
    assert set(heard[depth].tolist()) == {12}, "every 300 s"


class Wire:
    """Keeps what devices and people send, with what the file of truth said at that moment."""

    def __init__(self, truth: Path) -> None:
        self.truth = truth
        self.rows: list[tuple[str, Any, bool]] = []
        self.told: list[tuple[dict[str, Any], bool]] = []

    def known(self) -> set[str]:
        if not self.truth.exists():
            return set()
        lines = map(json.loads, self.truth.read_text(encoding="utf-8").splitlines())
        return {device for line in lines for device in line.get("devices", ())}

    async def send(self, body: bytes, key: str) -> None:
        known, batch = self.known(), json.loads(body)
        for name, value in zip(batch["datastream"], batch["value"], strict=True):
            self.rows.append((name, value, name.split("/")[0] in known))

    def post(self, path: str, report: dict[str, Any]) -> None:
        self.told.append((report, len(self.known()) > 0))


def test_the_truth_is_written_before_any_signal(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_790_000_000.0]
    monkeypatch.setattr("tianmu.rehearse.feed.seeded.time", SimpleNamespace(time=lambda: now[0]))
    random = np.random.default_rng(2)
    wire: Any = Wire(tmp_path / "truth.jsonl")
    citizens = Citizens(
        wire, SEEDING, TOWNS, Words(SEEDING, NAMES, "en"), random, per_hour=0,
    )  # fmt: skip
    city = SeededCity(
        fleet, incidents(fleet, 4, per_hour=600.0), citizens, {True: wire, False: wire},
        zone="Europe/Berlin", truth=wire.truth, speed=1.0, random=random,
    )  # fmt: skip
    ticks = 0

    async def second(seconds: float) -> None:
        nonlocal ticks
        now[0] += 1.0
        ticks += 1
        if ticks > 200:
            raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        # Its own name only: other loops of this process sleep as they always do.
        patched.setattr("tianmu.rehearse.feed.seeded.asyncio", SimpleNamespace(sleep=second))
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(city.run())
    fires = [row for row in wire.rows if row[0].endswith("/state") and int(row[1]) & 2]
    assert len(fires) > 5 and all(known for _, _, known in fires), "no fire without its truth"
    calm = [row for row in wire.rows if row[0].endswith("/state") and not int(row[1]) & 2]
    assert calm and wire.told and all(known for _, known in wire.told)
    lines = [json.loads(line) for line in wire.truth.read_text(encoding="utf-8").splitlines()]
    happened = {line["incident"]: line for line in lines if "incident" in line}
    assert {line["code"] for line in happened.values()} <= {"house_fire", "cooking"}
    assert {line["truth"] for line in happened.values()} == {True, False}
    known = [line["told"] for line in lines if "told" in line]
    assert known and len(known) == len(set(known)) and set(known) <= set(happened)
