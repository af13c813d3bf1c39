"""How long is left, in words; and limits reckoned anew where the calendar has changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.city.reference import MINUTE, Minutes

from tianmu.city.calendar.calendar import Calendar, Span, WorkingTime
from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.manage.clocks import deadline
from tianmu.manage.clocks.remaining import left, of_case, of_clock
from tianmu.manage.kept.rebuild import TABLES, rebuild

from .house import House, house
from .test_lifecycle import CITY, filed
from .town import HOUR, MONDAY, OFFICER, at, due_of, town

__all__ = ["house"]


@pytest.mark.parametrize(
    ("due", "now", "unit", "en", "zh"),
    [
        (
            "2026-03-03T10:00",
            "2026-03-02T18:00",
            "work_hour",
            "2 working hours left, due tomorrow 10:00",
            "还剩2工作时，明天10:00到期",
        ),
        (
            "2026-03-02T15:00",
            "2026-03-02T18:30",
            "work_hour",
            "overdue by 3 working hours, was due today 15:00",
            "已超时3工作时，今天15:00到期",
        ),
        (
            "2026-03-02T18:00",
            "2026-03-03T07:00",
            "work_day",
            "overdue, was due yesterday 18:00",
            "已超时，昨天18:00到期",
        ),
        (
            "2026-03-10T11:00",
            "2026-03-02T09:59:30",
            "work_day",
            "6 working days 1 hour left, due 10 March 11:00",
            "还剩6个工作日1小时，3月10日11:00到期",
        ),
        (
            "2026-03-02T09:20",
            "2026-03-02T09:00",
            "urgent_hour",
            "20 minutes left, due today 09:20",
            "还剩20分钟，今天09:20到期",
        ),
        (
            "2026-03-02T10:01",
            "2026-03-02T09:00",
            "work_hour",
            "1 working hour 1 minute left, due today 10:01",
            "还剩1工作时1分钟，今天10:01到期",
        ),
        (
            "2027-03-01T09:00",
            "2026-03-02T08:00",
            "natural_day",
            "364 days 1 hour left, due 1 March 2027 09:00",
            "还剩364天1小时，2027年3月1日09:00到期",
        ),
        (
            "2026-03-02T09:00",
            "2026-03-02T09:00:30",
            "minute",
            "overdue, was due today 09:00",
            "已超时，今天09:00到期",
        ),
    ],
)
def test_words(due: str, now: str, unit: str, en: str, zh: str) -> None:
    assert left(CITY, at(due), at(now), unit) == {"en": en, "zh": zh}


def test_words_of_a_case_that_waits() -> None:
    story = filed()
    words = of_case(CITY, story.state, MONDAY)
    assert words and words["en"] == "15 minutes left, due today 09:15"
    story.now = MONDAY + HOUR
    story.do("suspend", OFFICER, "x")
    assert of_case(CITY, story.state, story.now) is None
    clock = story.state.clock("handle:c1-1")
    assert clock
    assert of_clock(CITY, story.state, clock, story.now)["en"] == "paused with 3 working hours left"


# -- against minutes counted one by one ----

FIRST = date(2028, 2, 24)
"""a leap day is among the days"""
days = st.integers(0, 20).map(lambda n: FIRST + timedelta(days=n))
spans = st.sampled_from(
    [
        (Span(480, 720), Span(840, 1080)),
        (Span(540, 1020),),
        (Span(0, 1440),),
        (Span(510, 690), Span(780, 900), Span(930, 1095)),
    ]
)
calendars = st.builds(
    lambda zone, hours, weekend, free, worked, half: WorkingTime(
        time_zone=zone,
        hours=hours,
        weekend=frozenset(weekend),
        free=frozenset(free),
        worked=frozenset(worked),
        half_days={day.isoformat(): (Span(480, 660),) for day in half},
    ),
    st.sampled_from(["UTC", "Asia/Shanghai", "America/Halifax"]),
    spans,
    st.sets(st.integers(0, 6), max_size=3),
    st.sets(days, max_size=4),
    st.sets(days, max_size=4),
    st.sets(days, max_size=3),
)
starts = st.integers(0, 12 * 1440).map(lambda n: at("2028-02-24T00:00") // MINUTE + n)


def slow(working: WorkingTime) -> Minutes:
    """The same working time, said without the calendar."""

    def hours(day: date) -> list[tuple[int, int]]:
        if day in working.worked:
            free = False
        elif day in working.free:
            free = True
        else:
            free = day.weekday() in working.weekend
        if free:
            return []
        return [tuple(span) for span in working.half_days.get(day.isoformat(), working.hours)]

    return Minutes(working.time_zone, hours)


@settings(max_examples=25, deadline=None)
@given(working=calendars, start=starts, need=st.integers(1, 1500), length=st.integers(0, 7000))
def test_any_calendar_agrees_with_counted_minutes(
    working: WorkingTime, start: int, need: int, length: int
) -> None:
    """Leap day, shifted and half days, any hours, a zone whose clocks change within the span."""
    calendar, reference = Calendar(working), slow(working)
    due = calendar.add(start * MINUTE, Limit(need / 60, LimitUnit.WORK_HOUR))
    assert due == reference.add(start, need) * MINUTE
    end = start + length
    assert calendar.worked(start * MINUTE, end * MINUTE) == reference.between(start, end) * MINUTE


@settings(max_examples=25, deadline=None)
@given(old=calendars, new=calendars, start=starts, halves=st.integers(2, 40))
def test_a_limit_reckoned_anew_is_one_that_began_under_the_new_calendar(
    old: WorkingTime, new: WorkingTime, start: int, halves: int
) -> None:
    limit = Limit(halves / 2, LimitUnit.WORK_HOUR)
    marks = [(0.5, "urge"), (1.0, "escalate")]
    clock = deadline.start(Calendar(old), "x", limit, start * MINUTE, marks)
    again = deadline.reckoned(Calendar(new), clock)
    reference = slow(new)
    assert again.due == reference.add(start, halves * 30) * MINUTE
    assert [mark.at for mark in again.marks] == [
        reference.add(start, halves * 15) * MINUTE,
        again.due,
    ]
    assert deadline.reckoned(Calendar(new), again) == again


@settings(max_examples=25, deadline=None)
@given(
    old=calendars,
    new=calendars,
    start=starts,
    ran=st.integers(0, 300),
    stood=st.integers(0, 4000),
    hours=st.integers(1, 20),
)
def test_after_a_pause_what_was_left_is_reckoned_anew(
    old: WorkingTime, new: WorkingTime, start: int, ran: int, stood: int, hours: int
) -> None:
    first = slow(old)
    clock = deadline.start(
        Calendar(old), "x", Limit(hours, LimitUnit.WORK_HOUR), start * MINUTE, [(1.0, "urge")]
    )
    stop, go = start + ran, start + ran + stood
    share = deadline.used(Calendar(old), clock, stop * MINUTE)
    gone = first.between(start, stop)
    if gone >= hours * 60:
        return
    assert share == pytest.approx(gone / (hours * 60), abs=1e-12)
    going = deadline.go_on(Calendar(old), clock, share, go * MINUTE)
    again = deadline.reckoned(Calendar(new), going)
    expected = slow(new).add(go, hours * 60 - gone) * MINUTE
    assert abs(again.due - expected) <= 1_000 or again.due == expected


# -- on a store ----


def test_open_limits_follow_a_changed_calendar(house: House) -> None:
    house.report("litter", east=3000)
    house.report("litter", east=9000)
    house.work()
    for case in ("c1", "c2"):
        house.manage.command(case, "verify", OFFICER)
        house.manage.command(case, "file", OFFICER)
    house.manage.command("c2", "suspend", OFFICER, reason="storm")
    due = at("2026-03-02T15:00")
    assert house.manage.case("c1").orders[0].due == due
    city = town()
    free = replace(city.working, free=frozenset({date(2026, 3, 2), date(2026, 3, 3)}))
    house.manage.set_city(replace(city, working=free))
    state = house.manage.case("c1")
    later = at("2026-03-04T12:00")
    assert state.orders[0].due == later == due_of(state, "handle:c1-1")
    assert house.topic()[-1].step == "reckon" and house.topic()[-1].actor == "@system"
    assert house.manage.case("c2").orders[0].due == due
    house.manage.command("c2", "resume", OFFICER, reason="over")
    assert house.manage.case("c2").orders[0].due == later
    events = len(house.topic())
    house.manage.set_city(replace(city, working=free, shifts=()))
    assert len(house.topic()) == events  # the same calendar: nothing to reckon
    before = house.tables()
    rebuild(house.hub, house.journal)
    assert house.tables() == before
    assert len(TABLES) == len(before)
    house.close()
    house.open()  # under the first calendar again: it was changed while the city stood still
    assert house.manage.case("c1").orders[0].due == due
