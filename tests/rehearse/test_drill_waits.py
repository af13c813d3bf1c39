"""A drill waits for an alarm of a rule that waits itself: the drill's time goes on meanwhile."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tianmu.facts.clock import DrillClock
from tianmu.rehearse.drill import play
from tianmu.rehearse.drill.ground import Ground
from tianmu.rehearse.drill.play import Player
from tianmu.rehearse.drill.read import read

DRILL = read("fire")
ZONE = ZoneInfo("Asia/Shanghai")
START = int(DRILL.start.replace(tzinfo=ZONE).timestamp() * 1e6)
NEXT, DELAY = timedelta(minutes=3), timedelta(seconds=90)


class Still(Ground):
    """A city that has always attended to everything."""

    def settle(self) -> None:
        pass


def player(tmp_path: Path, speed: float) -> tuple[Player, DrillClock]:
    """One that has just played something, before the next thing after ``NEXT``."""
    clock = DrillClock.make(tmp_path / "clock", START)
    ground = Still(tmp_path, own=None, zone=ZONE, clock=clock)  # type: ignore[arg-type]
    made = Player(DRILL, ground, speed=speed)
    made._next = NEXT
    return made, clock


def passed(clock: DrillClock) -> timedelta:
    return timedelta(microseconds=clock.now() - START)


@pytest.mark.parametrize("speed", [0.0, 60.0])
def test_an_alarm_that_comes_before_the_next_thing_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speed: float
) -> None:
    if speed:  # at this speed it comes when the city's time to follow is long over
        monkeypatch.setattr(play, "FOLLOWS", 0.2)
    made, clock = player(tmp_path, speed)
    began = time.monotonic()
    made._until(lambda: passed(clock) >= DELAY)
    assert DELAY <= passed(clock) < NEXT
    if speed:
        assert time.monotonic() - began >= DELAY.total_seconds() / speed - 0.2, "not faster"


def test_what_does_not_come_is_waited_for_until_the_next_thing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play, "FOLLOWS", 0.2)
    made, clock = player(tmp_path, 200.0)
    made._until(lambda: False)
    assert NEXT <= passed(clock) < NEXT + timedelta(seconds=30)
    assert made._now == NEXT, "which is not put off"
