"""Together and apart again: nothing is lost on the way."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.facts.place import Place
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept import query as case_query
from tianmu.manage.kept.rebuild import rebuild
from tianmu.manage.manage import Refused
from tianmu.manage.signals.judge import Match

from .house import House, house
from .town import CHECKER, CLEANER, FIRE, KIOSK, LAT, LON, MINUTE, OFFICER, RUBBISH, SMOKE

__all__ = ["house"]


def same(one: CaseState, other: CaseState) -> None:
    """All but what says that something has happened to it since."""
    told = {"version", "edited", "changed_at", "apart"}
    before, after = (
        {name: getattr(state, name) for name in state.__struct_fields__ if name not in told}
        for state in (one, other)
    )
    assert before == after


def members(house: House, case: str) -> list[str]:
    rows = house.hub.read(lambda connection: case_query.members_of(connection, case))
    return sorted(f"{row['told']['kind']}:{row['told']['id']}:{row['returned']}" for row in rows)


SIGNALS = st.lists(st.sampled_from(("alarm", "report", "return")), min_size=1, max_size=3)
"""too few together for a rule that counts them"""


def tell(house: House, kind: str, east: float, told: list[Any]) -> None:
    if kind == "alarm":
        told.append(house.alarm(east=east + len(told), matter=RUBBISH, priority=3))
    elif kind == "report":
        house.report(f"rubbish {len(told)}", matter=RUBBISH, east=east)
    elif told:
        first = told.pop()
        house.alarm(
            alarm=first.alarm, device=first.device, transition="return", matter=RUBBISH,
            state="normal", before=first.state,
        )  # fmt: skip
    house.now += MINUTE
    house.work()


@given(SIGNALS, SIGNALS, st.booleans(), st.booleans(), st.integers(0, 3))
@settings(max_examples=10, deadline=None)
def test_merged_and_taken_apart_is_as_before(
    one: list[str], other: list[str], accepted: bool, late: bool, minutes: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        try:
            for east, kinds in ((0.0, ["alarm", *one]), (900.0, ["alarm", *other])):
                told: list[Any] = []
                for kind in kinds:
                    tell(house, kind, east, told)
            first, second = house.states()
            if accepted:
                house.manage.command(second.case, "accept", CLEANER)
                second = house.manage.case(second.case)
            kept = (members(house, first.case), members(house, second.case))
            got = house.manage.merge(second.case, first.case, OFFICER, "the same heap")
            assert got.signals == first.signals + second.signals
            assert got.reports == first.reports + second.reports
            assert members(house, first.case) == sorted(kept[0] + kept[1])
            house.now += minutes * MINUTE
            if late:  # one more comes to it meanwhile and stays
                tell(house, "alarm", 0.0, [])
            key = kept[1][0].rsplit(":", 1)[0]
            again, back = house.manage.undo(first.case, key, OFFICER, "two heaps")
            same(second, back)
            assert members(house, second.case) == kept[1]
            if late:
                assert again.signals == first.signals + 1
            else:
                same(first, again)
                assert members(house, first.case) == kept[0]
            tables = house.tables()
            rebuild(house.hub, house.journal)
            assert house.tables() == tables
        finally:
            house.close()


def test_a_case_is_where_the_signals_are_that_it_still_has(house: House) -> None:
    vague = Place(longitude=LON, latitude=LAT, precision=80.0, division="11")
    sharp = Place(longitude=LON + 0.0003, latitude=LAT, precision=5.0, division="12")
    house.alarm(place=vague, device="d1")
    house.work()
    before = house.one()
    house.now += MINUTE
    house.alarm(place=sharp, device="d2", matter=SMOKE)
    house.work()
    moved = house.one()
    assert (moved.signals, moved.place, moved.division) == (2, sharp, "12")
    again, made = house.manage.undo(moved.case, "", OFFICER, "another house")
    assert (again.place, again.division, again.spread_m) == (vague, "11", before.spread_m)
    assert made.place == sharp
    tables = house.tables()
    rebuild(house.hub, house.journal)
    assert house.tables() == tables


def test_the_last_that_joined_is_taken_back(house: House) -> None:
    house.alarm()
    house.work()
    house.now += 9 * MINUTE
    house.alarm(east=20, matter=SMOKE)
    house.work()
    before = house.one()
    state, made = house.manage.undo(before.case, "", OFFICER, "the kitchen next door")
    assert (state.signals, made.signals) == (1, 1)
    assert made.matter == SMOKE
    assert made.opened_at == house.now  # it has waited since its signal came
    assert state.last_at == state.first_at
    house.now += MINUTE
    house.alarm(east=20, matter=SMOKE, device="d2", alarm="a9")
    house.work()
    assert [one.signals for one in house.states()] == [1, 2]  # never put together again
    with pytest.raises(Refused) as refused:
        house.manage.undo(before.case, "", OFFICER, "once more")
    assert refused.value.refusal.what == "last_member"
    with pytest.raises(Refused):
        house.manage.undo(made.case, "alarm:nobody", OFFICER, "what")
    with pytest.raises(Refused):
        house.manage.undo(made.case, "", KIOSK, "no")


def test_a_case_in_a_case_in_a_case_comes_back_in_turn(house: House) -> None:
    for east in (0, 900, 1800):
        house.alarm(east=east, matter=RUBBISH, priority=3)
        house.now += MINUTE
        house.work()
    one, two, three = house.states()
    house.manage.merge(three.case, two.case, OFFICER, "same")
    middle = house.manage.case(two.case)
    house.manage.merge(two.case, one.case, OFFICER, "same")
    assert house.manage.case(one.case).signals == 3
    _, back = house.manage.undo(one.case, "alarm:a3", OFFICER, "not the same")
    same(middle, back)
    _, last = house.manage.undo(two.case, "alarm:a3", OFFICER, "not the same")
    same(three, last)
    same(one, house.manage.case(one.case))
    same(two, house.manage.case(two.case))


def test_two_cases_that_a_signal_proves_one_are_put_together(house: House) -> None:
    house.alarm(matter=FIRE)
    house.alarm(east=180, matter=FIRE)
    house.work()
    one, two = house.states()
    house.alarm(east=90, matter=FIRE)  # between them
    house.work()
    assert house.manage.case(two.case).open  # near both, which are far from each other
    house.alarm(east=60, matter=FIRE)
    house.alarm(east=120, matter=FIRE)
    house.work()
    state = house.manage.case(one.case)
    gone = house.manage.case(two.case)
    assert (gone.outcome, gone.merged_into) == ("merged", one.case)
    assert state.signals == 5
    assert state.devices == 5
    reasons = [
        row["reasons"][0]["en"]
        for row in house.hub.read(lambda one_: case_query.members_of(one_, state.case))
    ]
    assert "one signal fits both cases" in reasons
    _, back = house.manage.undo(state.case, "alarm:a2", OFFICER, "two houses")
    assert back.case == two.case
    assert back.open
    house.alarm(east=90, matter=FIRE)
    house.work()
    assert house.manage.case(two.case).open  # what a person took apart stays apart


def test_what_a_person_has_a_hand_in_is_left_to_him_and_shown(house: House) -> None:
    house.alarm(matter=RUBBISH, priority=3)
    house.alarm(east=70, matter=RUBBISH, priority=3)
    house.work()
    one, two = house.states()
    [(state, _)] = house.manage.alike(one.case)
    assert state.case == two.case  # too far to be sure, near enough to be shown
    house.manage.command(one.case, "accept", CLEANER)
    house.alarm(east=35, matter=RUBBISH, priority=3)
    house.work()
    [(state, match)] = house.manage.alike(one.case)
    assert state.case == two.case
    assert match.score >= 0.4
    assert match.reasons[0]["en"] == "the same matter"


def test_whoever_told_of_a_merged_case_is_answered_like_the_first(house: House) -> None:
    told = [
        house.report(f"rubbish {east}", matter=RUBBISH, east=float(east)) for east in (0, 20, 900)
    ]
    house.work()
    one, two = house.states()
    assert (one.reports, two.reports) == (2, 1)
    house.manage.merge(two.case, one.case, OFFICER, "one heap along the wall")
    house.manage.command(one.case, "file", OFFICER)
    house.manage.command(one.case, "accept", CLEANER)
    house.manage.command(one.case, "feed_back", CLEANER, data={"result": "cleared away"})
    house.manage.command(one.case, "check", CHECKER, data={"result": "pass"})
    assert not [event for event in house.topic() if event.step == "answer"]
    ended = house.manage.command(one.case, "close", OFFICER)
    [answer] = [event for event in house.topic() if event.step == "answer"]
    assert answer.case == one.case
    assert answer.sequence == ended.version
    assert sorted(answer.data["reports"]) == sorted(told)
    assert answer.data["text"] == "cleared away"
    tables = house.tables()
    rebuild(house.hub, house.journal)
    assert house.tables() == tables


def test_an_alarm_that_has_worsened_keeps_its_worst(house: House) -> None:
    first = house.alarm(matter=RUBBISH, priority=3)
    second = house.alarm(east=900, matter=RUBBISH, priority=3)
    house.work()
    one, two = house.states()
    house.manage.merge(two.case, one.case, OFFICER, "same")
    for alarm, worse in ((first, 2), (second, 1)):
        house.alarm(
            alarm=alarm.alarm, device=alarm.device, transition="worsen", matter=RUBBISH,
            priority=worse,
        )  # fmt: skip
    house.work()
    assert house.manage.case(one.case).worst == 1
    again, back = house.manage.undo(one.case, "", OFFICER, "two heaps")
    assert (again.worst, back.worst) == (2, 1), "each the worst of its own"
    house.alarm(east=10, matter=RUBBISH, priority=4)
    house.work()
    state, _ = house.manage.undo(one.case, "", OFFICER, "another")
    assert state.worst == 2
    tables = house.tables()
    rebuild(house.hub, house.journal)
    assert house.tables() == tables


def test_rules_that_count_signals_hold_for_what_a_merge_adds_at_once(house: House) -> None:
    for east in (0.0, 900.0):
        for n in range(7):
            house.alarm(east=east + n, matter=RUBBISH, priority=3)
    house.work()
    one, two = house.states()
    assert (one.signals, two.signals, one.level, two.level) == (7, 7, "V", "V")
    got = house.manage.merge(two.case, one.case, OFFICER, "one heap along the wall")
    assert (got.signals, got.level) == (14, "IV")
    grade = next(event for event in reversed(house.topic()) if event.step == "grade")
    assert grade.data["rules"] == ["many"]
    again, back = house.manage.undo(one.case, "", OFFICER, "two heaps")
    assert (again.level, back.level) == ("V", "V")
    house.manage.command(one.case, "grade", OFFICER, reason="a drill", data={"level": "III"})
    got = house.manage.merge(two.case, one.case, OFFICER, "one heap")
    assert (got.level, got.level_by_hand) == ("III", True), "what a person has set stands"


def test_a_merge_that_reaches_the_plans_count_says_so_once_where_a_person_has_set_the_level(
    house: House,
) -> None:
    for east in (0.0, 900.0, 1800.0):
        for n in range(11):
            house.alarm(east=east + n, matter=RUBBISH, priority=3)
    house.work()
    one, two, three = house.states()
    house.manage.command(one.case, "grade", OFFICER, reason="I saw it", data={"level": "III"})
    got = house.manage.merge(two.case, one.case, OFFICER, "one heap")
    assert (got.signals, got.level, got.level_by_hand) == (22, "III", True)
    house.manage.merge(three.case, one.case, OFFICER, "one heap")
    [advice] = [one for one in house.topic() if one.step == "advise"]
    assert (advice.case, advice.data["level"]) == (one.case, "II")
    assert advice.data["why"][0]["en"] == "22 signals so far"


def test_what_a_person_had_set_on_the_graver_case_stays_set_by_a_person(house: House) -> None:
    for east in (0.0, 900.0):
        house.alarm(east=east, matter=RUBBISH, priority=3)
    house.work()
    one, two = house.states()
    house.manage.command(two.case, "grade", OFFICER, reason="I saw it", data={"level": "III"})
    got = house.manage.merge(two.case, one.case, OFFICER, "one heap")
    assert (got.level, got.level_by_hand) == ("III", True)
    again, back = house.manage.undo(one.case, "", OFFICER, "two heaps")
    assert (again.level, again.level_by_hand) == ("V", False)
    assert (back.level, back.level_by_hand) == ("III", True)


def test_a_level_held_up_by_limits_that_ran_out_is_held_up_again_after_an_undo(
    house: House,
) -> None:
    house.alarm(matter=RUBBISH, priority=3)
    house.work()
    house.now += 20 * MINUTE
    house.work()
    (one,) = house.states()
    assert one.held and one.level_number == one.held < 5
    house.alarm(east=900, matter=RUBBISH, priority=3, severity="II")
    house.work()
    _, two = house.states()
    got = house.manage.merge(two.case, one.case, OFFICER, "the same heap")
    assert got.level == "II"
    again, _ = house.manage.undo(one.case, "", OFFICER, "two heaps")
    assert (again.level, again.held, again.level_by_hand) == (one.level, one.held, False)


def test_whom_names_place_is_looked_at_once_with_each_work(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a second time while cases are put together: what is found then nobody would follow."""
    house.alarm(matter=FIRE)
    house.alarm(east=180, matter=FIRE)
    house.work()
    house.alarm(east=90, matter=FIRE)
    house.work()
    index = house.manage._desk.index
    asked = Mock(side_effect=index.again)
    monkeypatch.setattr(index, "again", asked)
    for east in (60, 120):
        house.alarm(east=east, matter=FIRE)
    house.work()
    assert house.manage.case("c2").merged_into == "c1"
    assert asked.call_count == 1


def surely(_one: str, other: str) -> Match:
    return Match(other, 0.9, ())


@pytest.fixture
def bridged(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Three cases far apart; puts those together that are named, as if a bridge were found."""
    for east in (0, 900, 1800):
        house.alarm(east=east, matter=FIRE)
    house.work()
    monkeypatch.setattr(house.manage._desk.index, "alike", surely)
    return lambda *pairs: house.manage._work(lambda work: work.bridges.extend(pairs))


def test_what_waits_is_put_together_with_the_next_work(
    house: House, bridged: Callable[..., None]
) -> None:
    """What a case has just been given is not written yet when it is to go on itself."""
    bridged(("c3", "c2"), ("c2", "c1"))
    assert house.manage.case("c3").merged_into == "c2"
    assert house.manage.case("c2").open
    house.alarm(east=2700, matter=FIRE)
    house.work()
    assert house.manage.case("c2").merged_into == "c1"
    assert house.manage.case("c1").signals == 3


def test_what_waits_is_not_forgotten_with_the_process(
    house: House, bridged: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bridged(("c3", "c2"), ("c2", "c1"))
    house.close()
    house.open()
    assert house.manage._desk.index.later == [("c2", "c1")]
    monkeypatch.setattr(house.manage._desk.index, "alike", surely)
    house.alarm(east=2700, matter=FIRE)
    house.work()
    assert house.manage.case("c2").merged_into == "c1"
    house.close()
    house.open()
    assert house.manage._desk.index.later == []


def test_who_went_into_another_meanwhile_is_looked_for_there(
    house: House, bridged: Callable[..., None]
) -> None:
    bridged(("c2", "c1"), ("c3", "c2"))
    assert house.manage.case("c3").merged_into == "c1"
    assert house.manage.case("c1").signals == 3
