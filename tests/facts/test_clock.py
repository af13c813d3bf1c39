"""A drill's clock goes forward only, and all who map its file see the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tianmu.facts import clock
from tianmu.facts.clock import DrillClock, machine

HOUR = 3_600_000_000


def test_it_shows_what_it_was_moved_to_and_runs_on(tmp_path: Path) -> None:
    one = DrillClock.make(tmp_path / "clock", machine() + HOUR)
    other = DrillClock(tmp_path / "clock")
    target = machine() + 9 * HOUR
    one.move(target)
    assert target <= other.now() < target + HOUR
    one.attend(target)
    assert other.attended == target


def test_it_never_goes_back(tmp_path: Path) -> None:
    one = DrillClock.make(tmp_path / "clock", machine() + 5 * HOUR)
    before = one.now()
    one.move(machine())
    assert one.now() >= before


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("noon")
    with pytest.raises(ValueError, match="no clock of a drill"):
        DrillClock(tmp_path / "clock")


def test_the_city_goes_by_it_when_told_to(tmp_path: Path) -> None:
    DrillClock.make(tmp_path / "clock", machine() + 7 * HOUR)
    try:
        clock.use(str(tmp_path / "clock"))
        assert clock.drill() is not None
        assert clock.now() >= machine() + 6 * HOUR
    finally:
        clock.use("")
    assert clock.drill() is None
    assert clock.now() <= machine()


def test_what_lasts_counts_from_the_last_leap(tmp_path: Path) -> None:
    one = DrillClock.make(tmp_path / "clock", machine())
    try:
        clock.use(str(tmp_path / "clock"))
        leaps = clock.Leaps()
        assert leaps.last() == 0, "none so far"
        one.move(machine() + 7 * HOUR)
        seen = leaps.last()
        assert machine() + 6 * HOUR < seen <= clock.now()
        assert leaps.last() == seen, "the clock runs on: no leap"
    finally:
        clock.use("")
    assert clock.Leaps().last() == 0, "the machine's clock is nobody's to move"
