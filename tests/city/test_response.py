"""Who answers, who is on duty, what a plan means here and now, and how grave a case is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.city import pack
from tianmu.city.calendar.limit import MINUTE, Limit, LimitUnit
from tianmu.city.city import City
from tianmu.city.level.grading import Known
from tianmu.city.matter.matter import matches
from tianmu.city.people.roster import Person, Roster, Shift

LIYANG = pack.load("liyang")
ELLERY = pack.load("port_ellery")


def at(city: City, wall: str) -> int:
    local = datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(city.time_zone))
    return round((local - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000


def test_the_narrowest_duty_wins() -> None:
    owner = LIYANG.owner_of
    general = owner("gbt30428.2-2013:event:0112", "320481114000")
    narrow = owner("gbt30428.2-2013:event:0126", "320481114000")
    here = owner("liyang:event:crowd_density", "320481106200")
    elsewhere = owner("liyang:event:crowd_density", "320481114000")
    assert general and general.department == "urban-management"
    assert narrow and narrow.department == "water" and "ecology" in narrow.joint
    assert here and here.department == "tianmu-lake"
    assert elsewhere and elsewhere.department == "police"


def test_centres_resolve_to_the_division_in_question() -> None:
    duty = LIYANG.owner_of("liyang:event:fire_alarm", "320481103213")
    assert duty and duty.department == "fire"
    assert duty.joint == ("centre-320481103000", "centre-320481103213")
    town_only = LIYANG.owner_of("liyang:event:fire_alarm", "320481103000")
    assert town_only and town_only.joint == ("centre-320481103000",)
    unknown = LIYANG.owner_of("liyang:event:other", "")
    assert unknown and unknown.department == "centre-320481000000"
    assert ELLERY.duties.resolve("centre:2", "PE-MIL") == "centre-PE"


@pytest.mark.parametrize("city", [LIYANG, ELLERY])
def test_every_matter_has_an_owner_everywhere(city: City) -> None:
    for key in city.matters:
        for division in city.divisions:
            duty = city.owner_of(key, division)
            assert duty is not None and duty.department in city.departments
            assert all(code in city.departments for code in duty.joint)


@pytest.mark.parametrize("city", [LIYANG, ELLERY])
def test_every_level_and_matter_has_a_plan_that_resolves(city: City) -> None:
    now = at(city, "2026-11-23 10:00")
    for level in city.profile.levels:
        for key in city.matters:
            response = city.respond(level.name, key, city.root.code, now)
            assert response.plan and response.lead and response.orders
            for order in response.orders:
                assert order.department in city.departments
                assert order.due is None or order.due >= now


def test_a_plan_names_persons_on_duty_or_nobody() -> None:
    day, night = at(LIYANG, "2026-11-23 10:00"), at(LIYANG, "2026-11-23 23:30")
    fire = "liyang:event:fire_alarm"
    response = LIYANG.respond("III", fire, "320481103213", day)
    assert response.plan == "iii-fire"
    told = {one.department: one for one in response.tells}
    assert told["fire"].persons and told["centre-320481103213"].persons
    assert told["fire"].due == day + MINUTE
    village = LIYANG.respond("III", fire, "320481103213", night)
    told = {one.department: one for one in village.tells}
    assert told["fire"].persons
    assert told["centre-320481103213"].persons == ()
    lead = next(one for one in response.orders if one.lead)
    assert lead.department == "fire" and lead.due == day + 60 * MINUTE
    assert lead.limit == Limit(1, LimitUnit.URGENT_HOUR)


def test_the_deadline_is_the_matters_own_before_the_levels() -> None:
    start = at(LIYANG, "2026-11-27 17:00")
    response = LIYANG.respond("V", "gbt30428.2-2013:event:0112", "320481002000", start)
    assert response.close_limit == Limit(2, LimitUnit.WORK_HOUR)
    assert response.orders[0].due == at(LIYANG, "2026-11-30 09:00")


def shift(city: City, **changes: Any) -> Shift:
    person = Person(
        name="x", account="x", department=next(iter(city.departments)),
        division=city.root.code, post="watch",
    )  # fmt: skip
    return Shift(person=person, **changes)


@settings(max_examples=100, deadline=None)
@given(hours=st.integers(0, 24 * 400))
def test_a_rotation_always_has_exactly_one(hours: int) -> None:
    turns = [shift(LIYANG, cycle=4, offset=i) for i in range(4)]
    roster = Roster(turns, LIYANG.calendar, LIYANG.divisions)
    now = at(LIYANG, "2026-01-01 00:30") + hours * 60 * MINUTE
    assert len(roster.on_duty("watch", "", now)) == 1


def test_a_night_shift_belongs_to_the_day_it_begins() -> None:
    night = shift(LIYANG, days="fri", start=22 * 60, end=6 * 60)
    roster = Roster([night], LIYANG.calendar, LIYANG.divisions)
    assert roster.on_duty("watch", "", at(LIYANG, "2026-11-27 23:00"))
    assert roster.on_duty("watch", "", at(LIYANG, "2026-11-28 05:59"))
    assert not roster.on_duty("watch", "", at(LIYANG, "2026-11-28 06:00"))
    assert not roster.on_duty("watch", "", at(LIYANG, "2026-11-27 05:00"))


def test_working_days_of_the_roster_are_those_of_the_calendar() -> None:
    roster = Roster(
        [shift(LIYANG, days="working"), shift(LIYANG, days="free")],
        LIYANG.calendar,
        LIYANG.divisions,
    )
    for day in ("2026-10-01", "2026-10-10", "2026-11-23"):
        assert len(roster.on_duty("watch", "", at(LIYANG, f"{day} 10:00"))) == 1


def test_those_nearest_to_the_division_are_called() -> None:
    morning = at(LIYANG, "2026-11-23 10:00")
    code = "centre-320481103000"
    assert LIYANG.roster.on_duty(code, "320481103213", morning)
    assert LIYANG.roster.on_duty(code, "320481001000", morning) == []
    assert LIYANG.roster.on_duty("nobody", "", morning) == []


@pytest.mark.parametrize(
    ("known", "number"),
    [
        (Known(), 5),
        (Known(matter="gbt30428.2-2013:event:0110"), 5),
        (Known(matter="liyang:event:fire_alarm"), 3),
        (Known(matter="liyang:event:fire_alarm", devices=3), 2),
        (Known(matter="gbt30428.2-2013:event:0110", suggested=4), 4),
        (Known(dead=1), 4),
        (Known(dead=3), 3),
        (Known(dead=10), 2),
        (Known(dead=29), 2),
        (Known(dead=30), 1),
        (Known(injured=100), 1),
        (Known(loss=49_999_999), 3),
        (Known(loss=50_000_000), 2),
        (Known(matter="liyang:event:forest_smoke", area_ha=1), 3),
        (Known(matter="liyang:event:forest_smoke", area_ha=150), 2),
        (Known(matter="liyang:event:forest_smoke", area_ha=1, month=1), 2),
        (Known(matter="gbt30428.2-2013:event:0110", signals=10), 4),
        (Known(text="我们被困在电梯里"), 3),
        (Known(priority=1), 3),
        (Known(dead=30, signals=50), 1),
    ],
)
def test_grading_by_the_packs_rules(known: Known, number: int) -> None:
    found = LIYANG.grade(known)
    assert found.number == number
    assert all(rule.name["zh"] and rule.name["en"] for rule in found.reasons)


@settings(max_examples=100)
@given(
    dead=st.integers(0, 40), injured=st.integers(0, 120), signals=st.integers(0, 60),
    priority=st.one_of(st.none(), st.integers(1, 4)),
)  # fmt: skip
def test_worse_never_grades_lower(
    dead: int, injured: int, signals: int, priority: int | None
) -> None:
    mild = LIYANG.grade(Known(dead=dead, injured=injured, signals=signals, priority=priority))
    grave = LIYANG.grade(
        Known(dead=dead + 1, injured=injured + 1, signals=signals + 1, priority=priority)
    )
    assert 1 <= grave.number <= mild.number <= 5


def test_patterns() -> None:
    assert matches("a:event:01*", "a:event:0101")
    assert not matches("a:event:01*", "a:event:0201")
    assert not matches("a:event:01", "a:event:0101")
    assert matches("*", "anything")
