"""Working time against a minute-by-minute reference, and against the published arrangements."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.city.reference import MINUTE, Minutes

from tianmu.city import pack
from tianmu.city.calendar.calendar import Calendar, Span, WorkingTime
from tianmu.city.calendar.limit import Limit, LimitUnit

DAY_H = [(480, 720), (840, 1080)]


def days(first: str, last: str) -> set[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return {start + timedelta(days=i) for i in range((end - start).days + 1)}


# General Office of the State Council, yearly notices on the arrangement of holidays.
OFF = {
    2025: days("2025-01-01", "2025-01-01")
    | days("2025-01-28", "2025-02-04")
    | days("2025-04-04", "2025-04-06")
    | days("2025-05-01", "2025-05-05")
    | days("2025-05-31", "2025-06-02")
    | days("2025-10-01", "2025-10-08"),
    2026: days("2026-01-01", "2026-01-03")
    | days("2026-02-15", "2026-02-23")
    | days("2026-04-04", "2026-04-06")
    | days("2026-05-01", "2026-05-05")
    | days("2026-06-19", "2026-06-21")
    | days("2026-09-25", "2026-09-27")
    | days("2026-10-01", "2026-10-07"),
}
WORKED = {
    date(2025, 1, 26), date(2025, 2, 8), date(2025, 4, 27), date(2025, 9, 28), date(2025, 10, 11),
    date(2026, 1, 4), date(2026, 2, 14), date(2026, 2, 28), date(2026, 5, 9), date(2026, 9, 20),
    date(2026, 10, 10),
}  # fmt: skip


def china(day: date) -> bool:
    """By the notices; beyond them weekends only."""
    if day in WORKED:
        return True
    if day in OFF.get(day.year, ()):
        return False
    return day.weekday() < 5


@pytest.fixture(scope="module")
def liyang() -> Calendar:
    return pack.load("liyang").calendar


@pytest.fixture(scope="module")
def ellery() -> Calendar:
    return pack.load("port_ellery").calendar


def test_every_day_of_two_published_years(liyang: Calendar) -> None:
    for year in (2025, 2026):
        assert liyang.published(year)
        for day in sorted(days(f"{year}-01-01", f"{year}-12-31")):
            assert liyang.is_working_day(day) == china(day), day


def test_beyond_the_last_published_year_weekends_only(liyang: Calendar) -> None:
    year = next(y for y in range(2026, 2060) if not liyang.published(y))
    for day in sorted(days(f"{year}-01-01", f"{year}-12-31")):
        assert liyang.is_working_day(day) == (day.weekday() < 5), day
    start = at("Asia/Shanghai", f"{year - 1}-12-30 09:00")
    end = at("Asia/Shanghai", f"{year}-01-05 09:00")
    assert liyang.unpublished(start, end) == [year]
    assert liyang.unpublished(start, start) == []


def test_years_listed_by_the_pack_count_as_published() -> None:
    working = pack.load("liyang").working
    import dataclasses

    later = dataclasses.replace(
        working, published_years=frozenset({2040}), free=frozenset({date(2040, 2, 13)})
    )
    calendar = Calendar(later)
    assert calendar.published(2040)
    assert not calendar.is_working_day(date(2040, 2, 13))


def at(zone: str, wall: str) -> int:
    local = datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone))
    return round((local - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000


def wall(zone: str, instant: int) -> str:
    return f"{datetime.fromtimestamp(instant / 1e6, ZoneInfo(zone)):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("start", "value", "unit", "due"),
    [
        ("2026-11-23 08:00", 1, "work_day", "2026-11-23 18:00"),
        ("2026-11-23 08:00", 4, "work_hour", "2026-11-23 12:00"),
        ("2026-11-23 11:00", 4, "work_hour", "2026-11-23 17:00"),
        ("2026-11-23 13:00", 1, "work_hour", "2026-11-23 15:00"),
        ("2026-11-27 17:00", 2, "work_hour", "2026-11-30 09:00"),
        ("2026-11-28 09:00", 1, "work_day", "2026-11-30 18:00"),
        ("2026-11-28 09:00", 2, "urgent_hour", "2026-11-28 11:00"),
        ("2026-09-30 17:00", 2, "work_hour", "2026-10-08 09:00"),
        ("2026-09-30 17:00", 2, "urgent_day", "2026-10-02 17:00"),
        ("2026-02-14 17:00", 1, "work_day", "2026-02-24 17:00"),
        ("2026-05-08 17:00", 2, "work_hour", "2026-05-09 09:00"),
        ("2026-11-23 08:00", 15, "minute", "2026-11-23 08:15"),
        ("2024-02-28 17:00", 2, "work_hour", "2024-02-29 09:00"),
        ("2026-11-23 03:00", 0, "work_day", "2026-11-23 03:00"),
    ],
)
def test_worked_examples(liyang: Calendar, start: str, value: float, unit: str, due: str) -> None:
    zone = "Asia/Shanghai"
    assert wall(zone, liyang.add(at(zone, start), Limit(value, LimitUnit(unit)))) == due


FIRST, LAST = at("UTC", "2024-12-20 00:00") // MINUTE, at("UTC", "2026-12-25 00:00") // MINUTE
minutes_of_two_years = st.integers(FIRST, LAST)


@settings(max_examples=60, deadline=None)
@given(start=minutes_of_two_years, need=st.integers(1, 3 * 480))
def test_add_agrees_with_counting_minutes_in_china(start: int, need: int) -> None:
    calendar = pack_calendar("liyang")
    slow = Minutes("Asia/Shanghai", lambda day: DAY_H if china(day) else [])
    if datetime.fromtimestamp(start * 60, UTC).year < 2025:
        start = at("UTC", "2025-01-01 00:00") // MINUTE
    due = calendar.add(start * MINUTE, Limit(need / 60, LimitUnit.WORK_HOUR))
    assert due == slow.add(start, need) * MINUTE


@settings(max_examples=60, deadline=None)
@given(start=minutes_of_two_years, length=st.integers(0, 12 * 1440))
def test_worked_agrees_with_counting_minutes_across_clock_changes(start: int, length: int) -> None:
    calendar = pack_calendar("port_ellery")
    slow = Minutes("America/Halifax", lambda day: [(s.start, s.end) for s in calendar.hours(day)])
    end = start + length
    assert calendar.worked(start * MINUTE, end * MINUTE) == slow.between(start, end) * MINUTE


NIGHT = WorkingTime(
    time_zone="America/Halifax", hours=(Span(0, 300), Span(1320, 1440)), weekend=frozenset({6})
)


@settings(max_examples=60, deadline=None)
@given(
    start=st.one_of(
        st.integers(
            at("UTC", "2026-03-07 00:00") // MINUTE, at("UTC", "2026-03-10 00:00") // MINUTE
        ),
        st.integers(
            at("UTC", "2026-10-31 00:00") // MINUTE, at("UTC", "2026-11-03 00:00") // MINUTE
        ),
    ),
    need=st.integers(1, 1200),
)
def test_night_work_over_the_hour_that_is_left_out_or_repeated(start: int, need: int) -> None:
    calendar = Calendar(NIGHT)
    slow = Minutes("America/Halifax", lambda day: [(s.start, s.end) for s in calendar.hours(day)])
    limit = Limit(need / 60, LimitUnit.WORK_HOUR)
    assert calendar.add(start * MINUTE, limit) == slow.add(start, need) * MINUTE


def pack_calendar(name: str, known: dict[str, Calendar] = {}) -> Calendar:  # noqa: B006
    if name not in known:
        known[name] = pack.load(name).calendar
    return known[name]


instants = st.integers(at("UTC", "2020-01-01 00:00"), at("UTC", "2034-01-01 00:00"))
units = st.sampled_from(list(LimitUnit))


@settings(max_examples=200, deadline=None)
@given(
    start=instants,
    value=st.integers(0, 400),
    unit=units,
    name=st.sampled_from(["liyang", "port_ellery"]),
)
def test_elapsed_undoes_add(start: int, value: int, unit: LimitUnit, name: str) -> None:
    calendar = pack_calendar(name)
    due = calendar.add(start, Limit(value / 4, unit))
    assert due >= start
    assert calendar.elapsed(start, due, unit) == pytest.approx(value / 4, abs=1e-9)
    assert calendar.remaining(due, start, unit) == pytest.approx(value / 4, abs=1e-9)
    assert calendar.remaining(start, due, unit) == pytest.approx(-value / 4, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(
    times=st.lists(instants, min_size=3, max_size=3),
    name=st.sampled_from(["liyang", "port_ellery"]),
)
def test_worked_time_adds_up_and_never_exceeds_real_time(times: list[int], name: str) -> None:
    calendar = pack_calendar(name)
    a, b, c = sorted(times)
    assert calendar.worked(a, b) + calendar.worked(b, c) == calendar.worked(a, c)
    assert 0 <= calendar.worked(a, b) <= b - a
    assert calendar.worked(b, a) == -calendar.worked(a, b)


@settings(max_examples=100, deadline=None)
@given(start=instants, first=st.integers(1, 200), second=st.integers(1, 200))
def test_limits_one_after_the_other_are_their_sum(start: int, first: int, second: int) -> None:
    calendar = pack_calendar("liyang")

    def hours(n: int) -> Limit:
        return Limit(n, LimitUnit.WORK_HOUR)

    assert calendar.add(calendar.add(start, hours(first)), hours(second)) == calendar.add(
        start, hours(first + second)
    )


def test_half_days_and_free_days_of_the_pack(ellery: Calendar) -> None:
    assert ellery.hours(date(2026, 12, 24)) == (Span(540, 720),)
    assert ellery.hours(date(2026, 12, 25)) == ()
    assert not ellery.is_working_day(date(2026, 8, 17))
    zone = "America/Halifax"
    due = ellery.add(at(zone, "2026-12-24 11:00"), Limit(2, LimitUnit.WORK_HOUR))
    assert wall(zone, due) == "2026-12-28 10:00" or wall(zone, due) == "2026-12-29 10:00"
    assert ellery.elapsed(at(zone, "2026-12-24 11:00"), due, "work_hour") == 2


def test_open_hours(liyang: Calendar) -> None:
    zone = "Asia/Shanghai"
    assert liyang.is_open(at(zone, "2026-11-23 08:00"))
    assert not liyang.is_open(at(zone, "2026-11-23 12:00"))
    assert not liyang.is_open(at(zone, "2026-11-22 09:00"))


def test_years_that_cannot_be_reckoned_are_refused(liyang: Calendar) -> None:
    with pytest.raises(ValueError, match="cannot be reckoned"):
        liyang.add(at("UTC", "1970-01-02 00:00"), Limit(1, LimitUnit.WORK_HOUR))
    with pytest.raises(ValueError, match="out of range"):
        Limit(-1, LimitUnit.WORK_HOUR)


def test_who_begins_later_is_never_due_sooner(liyang: Calendar) -> None:
    start, limit = at("UTC", "2026-03-01 00:00"), Limit(3, LimitUnit.WORK_DAY)
    due = [liyang.add(start + i * 61_000_000, limit) for i in range(5_000)]
    assert due == sorted(due) and len(set(due)) > 1
