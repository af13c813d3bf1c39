"""What makes a case graver: casualties, place, period, trend, spread, limits that ran out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.city.city import City
from tianmu.city.level.grading import Condition, GradingRule, Period
from tianmu.city.pack import load
from tianmu.city.place.distance import metres
from tianmu.city.place.sensitive import SensitivePlace, SensitivePlaces
from tianmu.facts.place import Place
from tianmu.manage import intake
from tianmu.manage.case import fold
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.state import CaseState, Clock, Mark, Order
from tianmu.manage.levels import level
from tianmu.manage.signals.judge import Match
from tianmu.manage.steps import overdue
from tianmu.manage.steps.lifecycle import Command, Refusal, decide

from .test_lifecycle import Story, signal
from .town import (
    CHECKER,
    GRID,
    KIOSK,
    LAT,
    LON,
    METRE,
    MINUTE,
    MONDAY,
    OFFICER,
    RUBBISH,
    text,
    town,
)


def city(*rules: GradingRule, **more: Any) -> City:
    plain = town()
    grading = msgspec.structs.replace(plain.grading, rules=rules)
    return replace(plain, grading=grading, **more)


def rule(when: Condition, level: int | None = None, rise: int = 0) -> GradingRule:
    return GradingRule(code="r", name=text("the rule"), when=when, level=level, rise=rise)


def opened(where: City, **more: Any) -> Draft:
    draft = Draft("c1", None, MONDAY)
    intake.open_case(draft, where, signal(matter=RUBBISH, **more), "N1", intake.Policy())
    return draft


def joined(draft: Draft, where: City, at: int, east_m: float = 0.0, precision: float = 0.0) -> None:
    place = Place(
        longitude=LON + east_m * METRE / 0.6428, latitude=LAT, division="11", precision=precision
    )
    draft.now = at
    told = signal(id=f"s{at}-{east_m}", at=at, place=place)
    intake.join_case(draft, where, told, Match("c1", 1.0, ()), intake.Policy())


def reasons(draft: Draft) -> str:
    return " · ".join(one["en"] for one in draft.events[-1].data.get("why", ()))


def test_casualties_raise_and_what_is_corrected_never_lowers_by_itself() -> None:
    where = city(rule(Condition(dead_from=1), level=3), rule(Condition(dead_from=3), level=2))
    draft = opened(where)
    assert draft.state.level == "V"
    for dead, expected in ((1, "III"), (3, "II"), (0, "II")):
        found = decide(draft.state, Command("assess", data={"dead": dead}), GRID, MONDAY, where)
        assert not isinstance(found, Refusal)
        draft = Draft("c1", fold.fold(found, draft.state), MONDAY)
        assert (draft.state.level, draft.state.situation.dead) == (expected, dead)
    assert draft.state.situation.injured == 0


@pytest.mark.parametrize("data", [{}, {"dead": -1}, {"dead": 1.5}, {"dead": True}, {"loss": "x"}])
def test_a_situation_is_told_in_numbers(data: dict[str, object]) -> None:
    story = Story(signal(matter=RUBBISH))
    assert story.refused("assess", OFFICER, **data) == "data"
    assert story.refused("assess", KIOSK, dead=1) == "permission"


def test_what_a_person_has_set_stands() -> None:
    story = Story(signal(matter=RUBBISH))
    story.do("grade", OFFICER, "a drill of ours", level="IV")
    story.do("assess", CHECKER, dead=40)
    assert story.state.level == "IV"
    assert story.state.level_by_hand


def test_what_a_person_has_set_is_not_outgrown_in_silence() -> None:
    where = city(rule(Condition(dead_from=3), level=2), rule(Condition(dead_from=30), level=1))
    events = opened(where).events

    def after(step: str, reason: str = "", **data: object) -> list[str]:
        found = decide(fold.fold(events), Command(step, reason, data), OFFICER, MONDAY, where)
        assert not isinstance(found, Refusal), found
        events.extend(found)
        return [one.data["level"] for one in events if one.step == "advise"]

    assert after("grade", "a drill of ours", level="IV") == []
    assert after("assess", dead=2) == []
    assert after("assess", dead=3) == ["II"]
    assert fold.fold(events).level == "IV", "a person has set it, and a person decides"
    assert events[-1].data["rules"] == ["r"]
    assert events[-1].data["why"][0]["en"].endswith("the rule")
    assert after("assess", dead=4) == ["II"], "once"
    assert after("grade", "they are dummies", level="III") == ["II"]
    assert after("assess", dead=5) == ["II"], "whoever said III knew"
    assert after("assess", dead=40) == ["II", "I"], "but not of that"
    after("grade", "they are true", level="I")
    assert (fold.fold(events).level, fold.fold(events).advised) == ("I", 0)


def test_an_alarm_or_a_scenario_that_asks_for_more_than_a_person_has_set_is_heard() -> None:
    where = city(rule(Condition(signals_from=3), level=2))
    draft = opened(where)
    found = decide(draft.state, Command("grade", "ours", {"level": "IV"}), OFFICER, MONDAY, where)
    assert not isinstance(found, Refusal)
    draft = Draft("c1", fold.fold(found, draft.state), MONDAY)
    for minute in (1, 2, 3):
        joined(draft, where, MONDAY + minute * MINUTE)
    assert [one.data["level"] for one in draft.events if one.step == "advise"] == ["II"]
    assert not level.at_least(draft, where, 2, text("as judged"))
    assert not level.at_least(draft, where, 1, text("as judged"))
    assert [one.data["level"] for one in draft.events if one.step == "advise"] == ["II", "I"]
    assert draft.state.level == "IV"
    found = decide(draft.state, Command("grade", "seen", {"level": "III"}), OFFICER, MONDAY, where)
    assert not isinstance(found, Refusal)
    draft = Draft("c1", fold.fold(found, draft.state), MONDAY)
    assert not level.at_least(draft, where, 1, text("as judged at the next look"))
    assert not draft.events, "who said III had been told of it"


def test_so_many_signals_as_the_plan_waits_for_are_said_of_a_level_that_a_person_has_set() -> None:
    where = city()
    draft = opened(where)
    found = decide(draft.state, Command("grade", "ours", {"level": "III"}), OFFICER, MONDAY, where)
    assert not isinstance(found, Refusal)
    draft = Draft("c1", fold.fold(found, draft.state), MONDAY)
    for minute in range(1, 25):
        joined(draft, where, MONDAY + minute * MINUTE)
    said = [(one.data["level"], one.data["why"]) for one in draft.events if one.step == "advise"]
    assert [one for one, _ in said] == ["II"], "once"
    assert said[0][1][0]["en"] == "20 signals so far"
    assert (draft.state.level, draft.state.advised) == ("III", 2)


def test_near_a_school_it_is_graver_and_the_reason_names_it() -> None:
    school = SensitivePlace(
        label="school", name=text("North School"), longitude=LON, latitude=LAT, radius_m=200.0
    )
    where = city(rule(Condition(place=("school",)), rise=1), sensitive=SensitivePlaces([school]))
    draft = opened(where)
    assert draft.state.level == "IV"
    told = next(one for one in draft.events if one.step == "grade")
    assert "at North School" in [one["en"] for one in told.data["why"]]
    away = Place(longitude=LON, latitude=LAT + 300 * METRE, division="11")
    assert opened(where, place=away).state.level == "V"


def test_in_a_sensitive_period_it_is_graver() -> None:
    week = Period(code="week", name=text("week"), first="03-01", last="03-02")
    plain = city(rule(Condition(periods=("week",)), rise=1))
    where = replace(plain, grading=msgspec.structs.replace(plain.grading, periods=(week,)))
    assert opened(where).state.level == "IV", "2 March is in it"
    other = msgspec.structs.replace(week, first="03-03", last="03-09")
    where = replace(plain, grading=msgspec.structs.replace(plain.grading, periods=(other,)))
    assert opened(where).state.level == "V"


@given(st.dates(), st.dates(), st.dates())
def test_a_period_holds_on_its_days(first: object, last: object, day: object) -> None:
    a, b, d = (f"{one:%m-%d}" for one in (first, last, day))
    inside = a <= d <= b if a <= b else not b < d < a
    assert Period(code="p", name={}, first=a, last=b).holds(d) is inside


def test_signals_that_swell_raise_it_and_the_same_number_over_a_day_does_not() -> None:
    where = city(rule(Condition(pace_from=4.0), rise=1))
    quick, slow = opened(where), opened(where)
    for n in range(1, 5):
        joined(quick, where, MONDAY + n * MINUTE)
        joined(slow, where, MONDAY + n * 120 * MINUTE)
    assert (quick.state.level, slow.state.level) == ("IV", "V")
    assert slow.state.pace == pytest.approx(1.0, abs=0.1)


def test_what_spreads_is_graver_but_an_imprecise_place_is_no_spread() -> None:
    where = city(rule(Condition(spread_m_from=50.0), rise=1))
    near, far, vague = opened(where), opened(where), opened(where)
    joined(near, where, MONDAY + MINUTE, east_m=40.0)
    joined(far, where, MONDAY + MINUTE, east_m=60.0)
    joined(vague, where, MONDAY + MINUTE, east_m=60.0, precision=30.0)
    assert far.state.spread_m == pytest.approx(60.0, abs=1.0)
    assert [one.state.level for one in (near, far, vague)] == ["V", "IV", "V"]


def test_limits_that_run_out_are_counted() -> None:
    story = Story(signal(matter=RUBBISH))
    story.do("verify", CHECKER)
    story.do("file", OFFICER)
    story.wait(story.state.due)
    assert story.state.failed == 1
    story.do("escalate", OFFICER, "the mayor asks")
    assert story.state.failed == 1, "by hand no limit has run out"


def test_a_threshold_that_is_jumped_over_counts() -> None:
    where = city(rule(Condition(signals_from=3), rise=1), rule(Condition(devices_from=3), level=3))
    before = opened(where).state
    for name in ("signals", "devices"):
        one, many = (msgspec.structs.replace(before, **{name: n}) for n in (2, 4))
        assert level.may_rise(where, one, many, signal(id="s9")), name
        more = msgspec.structs.replace(many, **{name: 5})
        assert not level.may_rise(where, many, more, signal(id="s9")), name


def test_limits_that_run_out_together_count_all() -> None:
    where = city(rule(Condition(failed_from=2), level=2))
    draft = opened(where)
    state = draft.state
    marks = (Mark(share=1.0, at=MONDAY + MINUTE, step="escalate"),)
    clocks = tuple(
        Clock(name=name, started_at=MONDAY, due=marks[0].at, value=1, unit="minute", marks=marks)
        for name in ("accept:c1-7", "handle:c1-8", "handle:c1-9")
    )
    late = Draft("c1", msgspec.structs.replace(state, clocks=clocks), MONDAY + MINUTE)
    overdue.attend(late, where)
    assert (late.state.failed, late.state.level) == (3, "II")


@pytest.mark.parametrize(("late", "levels"), [(0, "III III"), (1, "II II"), (2, "II II")])
def test_limits_raise_what_a_signal_asked_for_as_the_plan_says(late: int, levels: str) -> None:
    """Of a plan whose next level says 0, as the shipped ones: no limit raises it beyond that."""
    where = city()
    plans = tuple(
        msgspec.structs.replace(
            one,
            rises=msgspec.structs.replace(one.rises, late_levels=0 if one.level == "II" else late),
        )
        for one in where.plans
    )
    where = replace(where, plans=plans)
    state = opened(where, severity="III").state
    assert (state.level, level.asked_in_time(where, state, MONDAY)) == ("III", 3)
    found = []
    for minute in (1, 2):
        at = MONDAY + minute * MINUTE
        mark = Mark(share=1.0, at=at, step="escalate")
        name = f"accept:c1-{minute}"
        clock = Clock(name=name, started_at=MONDAY, due=at, value=1, unit="minute", marks=(mark,))
        late_one = Draft("c1", msgspec.structs.replace(state, clocks=(clock,)), at)
        overdue.attend(late_one, where)
        state = late_one.state
        found.append(state.level)
    assert (" ".join(found), state.failed) == (levels, 2)


def _rises(where: City, state: CaseState, times: int) -> str:
    """The levels as limits run out, one after the other."""
    found = []
    for minute in range(1, times + 1):
        at = state.changed_at + minute * MINUTE
        mark = Mark(share=1.0, at=at, step="escalate")
        name = f"accept:c1-{minute}"
        clock = Clock(name=name, started_at=MONDAY, due=at, value=1, unit="minute", marks=(mark,))
        late = Draft("c1", msgspec.structs.replace(state, clocks=(clock,)), at)
        overdue.attend(late, where)
        state = late.state
        found.append(state.level)
    return " ".join(found)


def _by_two(where: City) -> City:
    """Limits raise by two levels at most, under every plan."""
    plans = (
        msgspec.structs.replace(one, rises=msgspec.structs.replace(one.rises, late_levels=2))
        for one in where.plans
    )
    return replace(where, plans=tuple(plans))


def test_how_far_limits_raise_counts_from_what_it_had_and_not_from_where_they_have_raised_it() -> (
    None
):
    where = _by_two(city())
    by_signal = opened(where, severity="IV").state
    assert _rises(where, by_signal, 3) == "III II II", "the rules alone ask for V"
    raised = opened(where)
    level.rise(raised, where, level.by_hand())
    assert (raised.state.level, raised.state.level_by_hand) == ("IV", False)
    assert _rises(where, raised.state, 3) == "III II II"
    asked = opened(where)
    level.at_least(asked, where, 3, level.by_hand())
    assert _rises(where, asked.state, 3) == "II I I", "as a scenario judged"


def test_what_a_signal_or_one_more_department_brings_is_not_put_down_to_limits() -> None:
    where = _by_two(city())
    late = msgspec.structs.replace(opened(where).state, failed=1)
    draft = Draft("c1", late, MONDAY)
    level.grade(draft, where, signal(id="s2", matter=RUBBISH, severity="III"), only_up=True)
    assert (draft.state.level, draft.state.risen_from) == ("III", 0)
    assert _rises(where, draft.state, 3) == "II I I", "from III, as if it had come before"
    needed = msgspec.structs.replace(where.profile.levels[-1].escalate, departments=2)
    lowest = msgspec.structs.replace(where.profile.levels[-1], escalate=needed)
    levels = (*where.profile.levels[:-1], lowest)
    where = replace(where, profile=msgspec.structs.replace(where.profile, levels=levels))
    called = Order(order="o1", unit="fire", task={}, due=0, sent_at=MONDAY, by="bea")
    draft = Draft("c1", msgspec.structs.replace(late, orders=(called,)), MONDAY)
    level.reconsider(draft, where)
    assert (draft.state.level, draft.state.risen_from) == ("IV", 0)


def test_how_far_limits_raise_counts_from_the_level_that_a_person_set() -> None:
    where = _by_two(city(rule(Condition(), level=2)))
    draft = opened(where)
    assert draft.state.level == "II"
    told = level.data(where, draft.state, where.profile.numbered(5), by_hand=True)
    draft.add("grade", told)
    assert _rises(where, draft.state, 3) == "IV III III", "the rules ask for II; a person said V"
    late = opened(_by_two(city(rule(Condition(failed_from=2), level=3))))
    found = _rises(_by_two(city(rule(Condition(failed_from=2), level=3))), late.state, 4)
    assert found == "IV III III III", "what limits bring by a rule is no ground to rise from"


@pytest.mark.parametrize("profile", ["severity", "hierarchy", "applications"])
def test_each_reading_of_the_five_levels_is_a_profile_of_the_same_engine(profile: str) -> None:
    pack = load("liyang")
    where = replace(pack, profile=pack.profiles[profile])
    draft = Draft("c1", None, MONDAY)
    fire = signal("alarm", "liyang:event:fire_alarm", priority=1, device="d1")
    intake.open_case(draft, where, fire, "N1", intake.Policy())
    expected = where.profile.numbered(draft.state.level_number)
    assert draft.state.level == expected.name
    assert draft.state.tier == expected.tier
    assert draft.state.orders
    assert level.rise(draft, where, level.by_hand())
    assert draft.state.tier == where.profile.numbered(expected.number - 1).tier


def test_the_shipped_sensitive_places_are_found_where_they_are() -> None:
    for name in ("liyang", "port_ellery"):
        places = load(name).sensitive
        assert places.given
        for one in places.given:
            assert one in places.at(one.longitude, one.latitude)
            north = one.latitude + one.radius_m * METRE * 1.01
            edge = Place(longitude=one.longitude, latitude=north)
            centre = Place(longitude=one.longitude, latitude=one.latitude)
            distance = metres(centre, edge)
            assert distance is not None
            assert distance > one.radius_m
            assert one not in places.at(edge.longitude, edge.latitude)


def test_what_is_of_the_highest_level_is_raised_no_further() -> None:
    story = Story(signal(matter=RUBBISH))
    story.do("grade", OFFICER, "the square is full of people", level="II")
    assert story.do("escalate", OFFICER, "and more come").level == "I"
    assert story.refused("escalate", OFFICER, "and more") == "highest"
