"""Who is on duty, through absences: against a slow reading of the same words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.city import pack
from tianmu.city.calendar.calendar import Calendar, Span, WorkingTime
from tianmu.city.calendar.clock import DAYS
from tianmu.city.people.absence import Absence
from tianmu.city.people.contact import FILE
from tianmu.city.people.roster import Person, Roster, Shift
from tianmu.city.place.division import Division
from tianmu.city.substitute import candidates, clash

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NAMES = ("a", "b", "c", "d")
ZONES = ("Asia/Shanghai", "America/Halifax", "Pacific/Auckland")
# around the ends of summer time of all three zones, and far from them
MONDAYS = (date(2026, 3, 2), date(2026, 4, 2), date(2026, 10, 30), date(2026, 12, 28))


def _us(when: datetime) -> int:
    return int(when.timestamp()) * 1_000_000


def calendar(zone: str) -> Calendar:
    return Calendar(
        WorkingTime(time_zone=zone, hours=(Span(480, 1080),), weekend=frozenset((5, 6)))
    )


def shift(account: str, department: str, days: str, start: int, end: int, cycle: int, off: int):
    return Shift(
        person=Person(
            name=account.upper(), account=account, department=department, division="1", post="p"
        ),
        days=days,
        start=start,
        end=end,
        cycle=cycle,
        offset=off % cycle,
    )


SHIFTS = st.builds(
    shift,
    st.sampled_from(NAMES),
    st.sampled_from(("x", "y")),
    st.sampled_from(("daily", "working", "free", "mon|wed|sun")),
    st.integers(0, 1439),
    st.integers(1, 1440),
    st.integers(1, 3),
    st.integers(0, 2),
)
AWAY = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(("", *NAMES)),
    st.integers(-30, 120),
    st.integers(1, 90),
)


def absences(found: list[tuple[str, str, int, int]], base: int) -> list[Absence]:
    return [
        Absence(
            absence=n,
            account=account,
            substitute=substitute,
            since=base + start * HOUR,
            until=base + (start + hours) * HOUR,
        )
        for n, (account, substitute, start, hours) in enumerate(found, 1)
    ]


def slow(shifts: list[Shift], away: list[Absence], zone: str, who: str, at: int) -> list[str]:
    """Look at every shift, every day around, every absence, one after the other."""
    wall = datetime.fromtimestamp(at // 1_000_000, ZoneInfo(zone)).replace(tzinfo=None)
    found = set()
    for one in shifts:
        if who not in (one.person.department, one.person.post):
            continue
        for back in (0, 1):
            day = wall.date() - timedelta(days=back)
            if (day - date(2024, 1, 1)).days % one.cycle != one.offset:
                continue
            working = day.weekday() < 5
            if (one.days == "working" and not working) or (one.days == "free" and working):
                continue
            if "|" in one.days and DAYS[day.weekday()] not in one.days.split("|"):
                continue
            midnight = datetime.combine(day, datetime.min.time())
            begin = midnight + timedelta(minutes=one.start)
            length = (one.end - one.start) if one.end > one.start else one.end + 1440 - one.start
            if not begin <= wall < begin + timedelta(minutes=length):
                continue
            account, passed = one.person.account, []
            while True:
                why = [a for a in away if a.account == account and a.since <= at < a.until]
                if not why:
                    found.add(account)
                    break
                passed.append(account)
                account = max(why, key=lambda a: a.absence).substitute
                if not account or account in passed:
                    break
    return sorted(found)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(SHIFTS, max_size=6),
    st.lists(AWAY, max_size=6),
    st.sampled_from(ZONES),
    st.sampled_from(MONDAYS),
    st.lists(st.integers(-24 * 60, 120 * 60), min_size=1, max_size=8),
)
def test_on_duty_is_what_a_slow_reading_says(
    shifts: list[Shift],
    away: list[tuple[str, str, int, int]],
    zone: str,
    day: date,
    minutes: list[int],
) -> None:
    base = _us(datetime(day.year, day.month, day.day, tzinfo=UTC))
    gone = absences(away, base)
    divisions = {"1": Division(code="1", name={}, kind="c", tier=1, parent="")}
    roster = Roster(shifts, calendar(zone), divisions, gone)
    for minute in minutes:
        at = base + minute * MINUTE
        for who in ("x", "y", "p"):
            expected = slow(shifts, gone, zone, who, at)
            assert sorted(one.account for one in roster.on_duty(who, "", at)) == expected
            assert sorted(one.account for one in roster.on_duty(who, "1", at)) == expected


@settings(max_examples=60, deadline=None)
@given(
    st.lists(SHIFTS, min_size=1, max_size=4),
    st.lists(AWAY, max_size=5),
    st.lists(st.integers(0, 6 * 24 * 60 - 1), min_size=1, max_size=10),
)
def test_a_week_is_kept_as_its_moments_are(
    shifts: list[Shift], away: list[tuple[str, str, int, int]], minutes: list[int]
) -> None:
    base = _us(datetime(2026, 3, 2, tzinfo=UTC))
    gone = absences(away, base)
    roster = Roster(shifts, calendar("Asia/Shanghai"), {}, gone)
    pieces = roster.spans("p", base, base + 6 * DAY)
    for one in pieces:
        assert one.start < one.end
    for minute in minutes:
        at = base + minute * MINUTE
        there = {one.person.account for one in pieces if one.person and one.start <= at < one.end}
        assert there == {one.account for one in roster.on_duty("p", "", at)}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(SHIFTS, min_size=2, max_size=5),
    st.lists(AWAY, max_size=3),
    st.integers(0, 48),
    st.integers(1, 72),
)
def test_a_free_substitute_is_in_one_place_at_a_time(
    shifts: list[Shift], away: list[tuple[str, str, int, int]], start: int, hours: int
) -> None:
    base = _us(datetime(2026, 3, 2, tzinfo=UTC))
    city = replace(pack.load("port_ellery"), shifts=tuple(shifts))
    since, until = base + start * HOUR, base + (start + hours) * HOUR
    held = [one for one in absences(away, base) if one.account != "a"]
    city = city.staffed(shifts, held)
    if clash(city, "a", "b", since, until) is not None:
        return
    asked = Absence(absence=99, account="a", since=since, until=until, substitute="b")
    after = city.staffed(shifts, [*held, asked]).roster
    own = after.duties_of("b", since, until)
    theirs = after.duties_of("a", since, until)
    for at in range(since, until, 30 * MINUTE):
        needed = any(one.start <= at < one.end for one in theirs)
        if needed:
            assert not any(one.start <= at < one.end for one in own)
            stands = [one for one in theirs if one.start <= at < one.end]
            assert all(after.standing(one.planned, at) is not None for one in stands)


def test_the_packs_order_proposes_and_says_who_is_not_free() -> None:
    city = pack.load("liyang")
    centre = city.duties.resolve("centre:1", "")
    at = 1_795_399_200_000_000
    today = city.roster.on_duty(centre, "", at)
    absent = next(one for one in today if one.post == "duty_officer")
    found = candidates(city, absent.account, at, at + HOUR)
    assert [one.clash is not None for one in found] == sorted(
        one.clash is not None for one in found
    )
    assert found[0].by == "post" and found[0].person.post == absent.post
    other = next(one for one in today if one.account != absent.account)
    busy = next(one for one in found if one.person.account == other.account)
    assert busy.clash is not None and busy.clash.why == "on_post"


def test_a_roster_without_absences_costs_nothing_new() -> None:
    city = pack.load("liyang")
    made = city.staffed(city.shifts, ())
    assert made.places is not city.places or "places" in city.__dict__
    city.places  # noqa: B018
    assert city.staffed(city.shifts, ()).places is city.places


@pytest.mark.parametrize(
    ("was", "wrong", "what"),
    [
        ('"post", "department", "above"', '"post", "post"', "no order of substitution"),
        ('levels = ["III"]', 'levels = ["I"]', "starts another ladder already"),
        ('by = "call"', 'by = "pigeon"', "nobody is reached by 'pigeon'"),
        ('to = "lead"', 'to = "nowhere"', "'nowhere' is nobody"),
        ('posts = ["duty_officer"]', 'posts = ["night_owl"]', "is no post"),
        ("persons = 2", "persons = 0", "0 persons of a unit"),
        ("value = 1, ", "value = 0, ", "waits for nothing"),
    ],
)
def test_a_faulty_file_is_named_by_line(tmp_path: Path, was: str, wrong: str, what: str) -> None:
    import shutil

    folder = tmp_path / "liyang"
    shutil.copytree(pack.locate("liyang"), folder)
    text = (folder / FILE).read_text()
    assert was in text
    (folder / FILE).write_text(text.replace(was, wrong, 1))
    faults = [one for one in pack.check(folder) if one.file == FILE]
    assert any(what in one.what for one in faults), faults
    line = text[: text.index(was)].count("\n") + 1
    assert line in {one.line for one in faults}
    assert all(one.remedy for one in faults)
