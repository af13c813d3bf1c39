"""Duty checks that nobody orders: each a deed once, at times that follow from the seed alone."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from tianmu.city.charter.attendance import Attendance
from tianmu.facts.deed import Deed
from tianmu.facts.encoding import decode
from tianmu.facts.topic import DEED
from tianmu.scenarios.fire_alarms import tend as rounds
from tianmu.scenarios.fire_alarms.event import MINUTE
from tianmu.scenarios.world import World
from tianmu.web.present import tending

from .control_rooms import add_rooms

ADDRESSES = [f"0000000000b{n}" for n in range(3)]
UNITS = [f"gbt26875-{address}" for address in ADDRESSES]


def tell(world: Any, stream: str, value: float) -> None:
    [at] = world.hub.registry.datastream_index([stream])
    world.live.value[at], world.live.time[at] = value, world.hub.clock()
    world.live.count[at] += 1


HOUR = 3_600_000_000
OFTEN = Attendance(per_day=24.0, minutes=7)


@pytest.fixture(scope="module")
def rooms(world: Any) -> Any:
    """Three control rooms: two are linked, one is not."""
    hub = world.hub
    add_rooms(world, ADDRESSES)
    world.live.grow(hub.registry.count_datastreams, hub.registry.count_devices)
    for unit, up in zip(UNITS, (1, 1, 0), strict=True):
        tell(world, f"{unit}/link", up)
    hub.city = replace(hub.city, attendance=OFTEN)
    hub.records.create(tending.metadata)
    return world


def checks(world: Any) -> list[Deed]:
    journal = world.hub.journal()
    found, position = [], 0
    while entries := journal.read(DEED.name, position):
        found += [decode(entry.payload) for entry in entries]
        position = entries[-1].position
    return [one for one in found if isinstance(one, Deed) and one.actor == "scenario:fire-alarms"]


def at(world: Any, monkeypatch: pytest.MonkeyPatch, now: int) -> int:
    monkeypatch.setattr(world.hub, "clock", lambda: now)
    return tending.give_out(world.hub)


def test_what_falls_due_is_a_deed_once(rooms: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    start = rooms.hub.clock()
    assert at(rooms, monkeypatch, start) == 0, "nothing is owed for the time before"
    given = sum(at(rooms, monkeypatch, start + n * HOUR // 4) for n in range(1, 33))
    deeds = checks(rooms)
    assert given == len(deeds) >= 4
    assert {one.object for one in deeds} == set(UNITS[:2]), "the third has no link"
    assert {one.data["minutes"] for one in deeds} == {7}
    assert at(rooms, monkeypatch, start + 8 * HOUR) == 0, "the same moment again"
    assert at(rooms, monkeypatch, start + HOUR) == 0, "a clock that was set back owes nothing"
    assert len({one.deed for one in deeds}) == len(deeds)
    with rooms.client("audit_admin") as auditor:
        trail = auditor.get("/api/audit", params={"verb": rounds.VERB, "limit": 200}).json()
    assert len(trail["items"]) == len(deeds)


def test_a_commit_that_fails_gives_out_nothing_and_owes_it_still(
    rooms: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(checks(rooms))
    held = rooms.hub.records.read(lambda c: c.execute(sa.select(tending.table)).first())
    real = tending._append

    def fail(*given: Any) -> None:
        real(*given)
        raise OSError("the machine goes down")

    monkeypatch.setattr(tending, "_append", fail)
    until = held.until
    while True:
        until += HOUR // 4
        monkeypatch.setattr(rooms.hub, "clock", lambda now=until: now)
        assert tending.give_out(rooms.hub) == 0
        if rooms.hub.records.read(
            lambda c: c.execute(sa.select(tending.table.c.until)).scalar()
        ) < until:  # fmt: skip
            break
    assert len(checks(rooms)) == before, "deed and position are one commit"
    monkeypatch.setattr(tending, "_append", real)
    assert at(rooms, monkeypatch, until) >= 1


def test_what_is_too_late_is_told_and_not_done(
    rooms: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    held = rooms.hub.records.read(lambda c: c.execute(sa.select(tending.table)).first())
    given = at(rooms, monkeypatch, held.until + 12 * HOUR)
    assert "fell due while the city was down" in caplog.text
    assert given <= 8, "of the last half hour alone"


def test_times_follow_from_the_seed_and_from_nothing_else() -> None:
    day, asked = date(2026, 4, 1), Attendance(per_day=2.5, hours=(8, 18))
    first = rounds.times(b"a" * 32, "unit", day, asked)
    assert first == rounds.times(b"a" * 32, "unit", day, asked)
    assert first != rounds.times(b"b" * 32, "unit", day, asked)
    assert all(480 <= minute < 1080 for minute in first)
    many = [rounds.times(b"a" * 32, f"u{n}", day, asked) for n in range(400)]
    assert {len(one) for one in many} == {2, 3}
    assert 2.4 < sum(map(len, many)) / len(many) < 2.6
    assert rounds.times(b"a" * 32, "unit", day, Attendance()) == []


def drawn_afresh(world: World, units: list[str], seed: bytes, days: list[date]) -> set[Any]:
    midnight, asked = world.city.calendar.instant, world.city.attendance
    return {
        (midnight(day, 0) + round(minute * MINUTE), unit)
        for day in days
        for unit in units
        for minute in rounds.times(seed, unit, day, asked)
    }


def test_a_day_is_drawn_once_and_gives_the_same_checks(
    rooms: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, seed = rooms.hub, b"c" * 32
    world = World(hub.city, hub.clock(), hub.registry, None, hub.live(), Path())
    day = hub.city.calendar.local(hub.clock()).date()
    days = [day + timedelta(days=n) for n in range(-1, 3)]
    expected = drawn_afresh(world, UNITS[:2], seed, days)
    real, asked = rounds.times, []

    def times(seed: bytes, unit: str, *more: Any) -> list[float]:
        asked.append(unit)
        return real(seed, unit, *more)

    monkeypatch.setattr(rounds, "times", times)
    since = hub.city.calendar.instant(day, 20 * 60)
    for step in (HOUR // 180, HOUR):  # 20 s, and an hour: too long for late_min
        found, late = [], 0
        for until in range(since + step, since + 5 * HOUR, step):
            given = rounds.errands(world, until - step, until, seed)
            assert list(given.due) == sorted(given.due, key=lambda one: (one.at, one.object))
            found += [(one.at, one.object) for one in given.due]
            late += given.late
        wanted = {one for one in expected if since < one[0] <= until}
        assert len(found) == len(set(found))
        assert set(found) <= wanted
        assert len(found) + late == len(wanted) > 4, "over midnight too"
        assert bool(late) == (step == HOUR)
    assert set(UNITS) <= set(asked)
    assert {asked.count(one) for one in asked} == {2}, "each unit once for each of the two days"

    added = "gbt26875-0000000000b9"
    add_rooms(rooms, [added.removeprefix("gbt26875-")])
    rooms.live.grow(hub.registry.count_datastreams, hub.registry.count_devices)
    tell(rooms, f"{added}/link", 1)
    world = World(hub.city, hub.clock(), hub.registry, None, hub.live(), Path())
    end = hub.city.calendar.instant(day, 1440)
    given = rounds.errands(world, end - HOUR // 2, end, seed)
    wanted = drawn_afresh(world, [*UNITS[:2], added], seed, [day])
    assert {(one.at, one.object) for one in given.due} == {
        one for one in wanted if end - HOUR // 2 < one[0] <= end
    }
    assert asked.count(added) >= 1, "a room that was registered since is drawn for"


class Leaps(selectors.DefaultSelector):
    """Of an event loop whose clock leaps over what it would sleep."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout:
            self.now, timeout = self.now + timeout, 0.0
        return super().select(timeout)


def looks(
    monkeypatch: pytest.MonkeyPatch, behind: Callable[[float], bool], most: int, end: float = 1e9
) -> list[float]:
    """Seconds at which errands are given out, ``most`` of them or until ``end``."""
    leaps, found, stop = Leaps(), [], asyncio.Event()

    def new_loop() -> asyncio.AbstractEventLoop:
        loop = asyncio.SelectorEventLoop(leaps)
        monkeypatch.setattr(loop, "time", lambda: leaps.now)
        return loop

    def give_out(hub: Any) -> int:
        found.append(round(leaps.now, 3))
        if len(found) == most:
            stop.set()
        return 0

    async def at_once(job: Callable[..., Any], *given: Any) -> Any:
        return job(*given)

    async def scene() -> None:
        asyncio.get_running_loop().call_later(end, stop.set)
        await tending.tend(hub, stop)

    hub: Any = SimpleNamespace(
        records=SimpleNamespace(create=lambda metadata: None),
        manage=SimpleNamespace(behind=lambda: behind(leaps.now)),
    )
    monkeypatch.setattr(tending, "give_out", give_out)
    monkeypatch.setattr(asyncio, "to_thread", at_once)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(scene())
    return found


def test_errands_give_way_to_cases_that_are_behind_but_not_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert looks(monkeypatch, lambda now: False, 3) == [0, 20, 40]
    assert looks(monkeypatch, lambda now: 19 < now < 22.5, 3) == [0, 23, 43], "until they have"
    assert looks(monkeypatch, lambda now: True, 3) == [10, 40, 70], "ten seconds and no more"
    assert looks(monkeypatch, lambda now: True, 3, end=4.5) == [], "whoever stops waits for none"


def test_a_look_that_fails_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails_once(now: float) -> bool:
        if now < 20:
            raise OSError("the journal cannot be read just now")
        return False

    assert looks(monkeypatch, fails_once, 2) == [20, 40]
