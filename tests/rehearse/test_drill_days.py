"""A drill in a city whose clock is past its start begins where such days come again."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from tianmu.city import pack
from tianmu.rehearse.drill.days import later, moved
from tianmu.rehearse.drill.read import read
from tianmu.rehearse.drill.script import moment

CALENDAR = pack.load("liyang").calendar


def liyang(first: date, days: int) -> list[object]:
    return [CALENDAR.hours(first + timedelta(days=n)) for n in range(days)]


def test_it_begins_when_it_says_where_that_is_still_to_come() -> None:
    drill = read("appeal")
    assert later(drill, drill.start - timedelta(days=9), liyang) is drill


def test_it_begins_on_the_next_days_that_are_worked_alike() -> None:
    drill = read("appeal")  # a Monday and the Tuesday after it, and a day for what is left
    found = later(drill, datetime(2026, 9, 30, 12), liyang)
    assert found is not None and found.start.time() == drill.start.time()
    # the 1st to the 8th of October are holidays, the 10th is a Saturday that is worked
    assert found.start.date().isoformat() == "2026-10-12"
    moments = [moment(found, play.at) for play in found.play]
    assert moments == [moment(drill, play.at) for play in drill.play]


def test_a_week_with_its_holidays_does_not_come_again_before_they_are_published() -> None:
    assert later(read("shifted_days"), datetime(2026, 11, 1), liyang) is None


def test_all_of_it_moves() -> None:
    drill, shift = read("half_days"), timedelta(days=7)
    found = moved(drill, shift)
    assert [one.at - two.at for one, two in zip(found.play, drill.play, strict=True)] == [
        shift for _ in drill.play
    ]
    for one, two in zip(found.expect, drill.expect, strict=True):
        for name, due in (two.clocks or {}).items():
            assert (one.clocks or {})[name] == due + shift
