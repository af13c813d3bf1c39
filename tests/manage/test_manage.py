"""From signals to cases and their end."""

from __future__ import annotations

import pytest

from tianmu.access.scope import Scope
from tianmu.facts.alarm import AlarmState
from tianmu.facts.case import CaseEvent
from tianmu.facts.place import Place
from tianmu.manage.actor import Actor
from tianmu.manage.case.fold import fold
from tianmu.manage.kept import query
from tianmu.manage.kept.query import Query
from tianmu.manage.kept.rebuild import rebuild
from tianmu.manage.manage import Conflict, NotFound, Refused

from .house import House, house
from .town import (
    CHECKER,
    CLEANER,
    FIRE,
    FIREMAN,
    HOUR,
    LAT,
    LON,
    MINUTE,
    OFFICER,
    RUBBISH,
    SMOKE,
)

__all__ = ["house"]


def test_signals_of_one_problem_are_one_case(house: House) -> None:
    house.alarm()
    house.alarm(east=30, matter=SMOKE)
    house.report("there are flames on the roof", east=20)
    house.alarm(east=900)
    house.report("rubbish in the street", east=10)
    house.work()
    fire, far, rubbish = house.states()
    assert (fire.signals, fire.alarms, fire.reports, fire.level) == (3, 2, 1, "III")
    assert (far.signals, rubbish.signals, rubbish.matter) == (1, 1, RUBBISH)
    view = house.manage.case_view(fire.case, OFFICER)
    assert [one["kind"] for one in view["members"]] == ["alarm", "alarm", "report"]
    second = view["members"][1]
    assert 0.6 <= second["score"] <= 1
    words = [reason["en"] for reason in second["reasons"]]
    assert any("related matters" in one for one in words)
    assert any("30 m apart" in one for one in words)
    assert {"grade", "merge", "split"} <= {one["step"] for one in view["actions"]}
    assert house.manage.case_of(["a1", "a2", "a9"]) == {"a1": fire.case, "a2": fire.case}


def test_the_signals_of_many_cases_are_those_of_each(house: House) -> None:
    for number in range(12):
        house.alarm(east=1000 * (number % 3) + number)
    house.report("there are flames on the roof", east=20)
    house.work()
    cases = [state.case for state in house.states()]
    assert len(cases) == 3
    for most in (1000, 2):
        together = house.hub.read(lambda c, most=most: query.told_of(c, cases, most))
        for case in cases:
            alone = house.hub.read(lambda c, case=case, most=most: query.members_of(c, case, most))
            assert together[case] == [(one["told"], bool(one["returned"])) for one in alone]
            assert len(alone) == min(most, 5 if case == cases[0] else 4)


def test_equal_signals_are_one_and_a_test_is_none(house: House) -> None:
    for _ in range(5):
        house.alarm(device="same")
    house.alarm(test=True, east=5000)
    house.alarm(state=AlarmState.SHELVED, east=6000)
    house.alarm(matter="", priority=4, east=7000)
    house.work()
    assert (house.one().signals, house.one().reports) == (5, 0)


def test_an_alarm_that_returns_is_noted(house: House) -> None:
    event = house.alarm()
    house.work()
    assert house.one().active == 1
    back = {"transition": "return", "state": AlarmState.RETURNED_UNACKNOWLEDGED}
    for _ in range(2):
        house.alarm(alarm=event.alarm, device=event.device, **back)
    house.work()
    state = house.one()
    assert (state.active, state.open, state.signals) == (0, True, 1)
    steps = [one["step"] for one in house.manage.case_view(state.case)["events"]]
    assert steps.count("returned") == 1
    assert house.manage.case_view(state.case)["members"][0]["returned"] is True


def test_an_alarm_that_worsens_raises_the_level(house: House) -> None:
    event = house.alarm(matter=SMOKE)
    house.work()
    assert house.one().level == "IV"
    house.alarm(
        alarm=event.alarm, device=event.device, transition="worsen", severity="II", priority=1
    )
    house.work()
    assert (house.one().level, house.one().worst) == ("II", 1)


def test_an_alarm_that_says_more_exactly_where_it_is_moves_its_case(house: House) -> None:
    vague = Place(longitude=LON, latitude=LAT, precision=200.0, division="11")
    event = house.alarm(place=vague)
    house.work()
    sharp = Place(longitude=LON + 0.001, latitude=LAT, precision=30.0, division="12")
    house.alarm(alarm=event.alarm, device=event.device, transition="worsen", place=sharp)
    house.work()
    state = house.one()
    assert (state.place, state.division) == (sharp, "12"), "and whoever sees that division sees it"
    tables = house.tables()
    rebuild(house.hub, house.journal)
    assert house.tables() == tables


def test_a_trusted_alarm_files_what_was_to_be_verified(house: House) -> None:
    house.report("I see flames")
    house.work()
    assert house.one().stage == "verify"
    house.alarm(east=15)
    house.work()
    state = house.one()
    assert (state.stage, state.signals, len(state.orders)) == ("handle", 2, 2)


def test_many_signals_raise_the_level(house: House) -> None:
    for n in range(25):
        house.alarm(matter=SMOKE, device=f"s{n}", east=n)
    house.work()
    state = house.one()
    assert (state.signals, state.level) == (25, "II")  # 10 signals by a rule, 20 by the plan


def test_a_case_goes_to_its_end(house: House) -> None:
    house.report("rubbish everywhere")
    house.work()
    case = house.one().case
    state = house.manage.command(case, "verify", OFFICER)
    state = house.manage.command(case, "file", OFFICER, state.version)
    with pytest.raises(Conflict) as conflict:
        house.manage.command(case, "accept", CLEANER, state.version - 1)
    assert conflict.value.state == state
    house.manage.command(case, "accept", CLEANER)
    house.manage.command(case, "feed_back", CLEANER, data={"result": "clean"})
    with pytest.raises(Refused) as refused:
        house.manage.command(case, "check", CLEANER, data={"result": "pass"})
    assert refused.value.refusal.what == "permission"
    house.manage.command(case, "check", CHECKER, data={"result": "pass"})
    state = house.manage.command(case, "close", OFFICER)
    assert not state.open
    with pytest.raises(NotFound):
        house.manage.command("c99", "note", OFFICER, data={"text": "x"})
    assert house.manage.vitals()["cases"]["today_closed"] == 1
    # the same problem later is another case
    house.now += HOUR
    house.report("rubbish again")
    house.work()
    assert [one.open for one in house.states()] == [False, True]


def test_tables_are_what_the_events_add_up_to(house: House) -> None:
    for n in range(6):
        house.alarm(east=n * 700, matter=FIRE if n % 2 else SMOKE)
        house.alarm(east=n * 700 + 20)
    house.report("litter", east=3000)
    house.work()
    house.manage.merge("c2", "c1", OFFICER, "one fire")
    house.manage.split("c1", ["alarm:a2"], OFFICER, "another house")
    house.manage.command("c3", "accept", FIREMAN)
    house.manage.command("c4", "void", OFFICER, reason="a drill")
    house.now += 3 * HOUR
    house.work()
    by_case: dict[str, list[CaseEvent]] = {}
    for event in house.topic():
        by_case.setdefault(event.case, []).append(event)
    for case, events in by_case.items():
        assert fold(events) == house.manage.case(case)
    before = house.tables()
    assert rebuild(house.hub, house.journal, batch=7) == sum(map(len, by_case.values()))
    after = house.tables()
    for name in before:
        assert after[name] == before[name], name
    house.manage.start()
    house.alarm(east=90_000)
    house.work()
    assert len({state.number for state in house.states()}) == len(house.states())


def test_merge_by_hand_and_back(house: House) -> None:
    house.alarm()
    house.now += MINUTE
    house.alarm(east=500)
    house.work()
    one, two = house.states()
    merged = house.manage.merge(two.case, one.case, OFFICER, "it is one fire")
    assert (merged.signals, merged.active, merged.merged) == (2, 2, (two.case,))
    gone = house.manage.case(two.case)
    assert (gone.open, gone.outcome, gone.merged_into, gone.signals) == (
        False,
        "merged",
        one.case,
        0,
    )
    assert house.manage.case_of(["a2"]) == {"a2": one.case}
    left, back = house.manage.split(one.case, ["alarm:a2"], OFFICER, "no, two")
    assert back.case == two.case
    assert (left.signals, back.signals, back.open, back.stage) == (1, 1, True, "handle")
    assert house.manage.case_of(["a2"]) == {"a2": two.case}


def test_what_was_taken_apart_stays_apart(house: House) -> None:
    first = house.alarm(device="x")
    second = house.alarm(device="y", east=20)
    house.work()
    case = house.one().case
    with pytest.raises(Refused):
        house.manage.split(case, ["alarm:zz"], OFFICER, "wrong")
    with pytest.raises(Refused) as refused:
        house.manage.split(case, ["alarm:a1", "alarm:a2"], OFFICER, "all")
    assert refused.value.refusal.what == "last_member"
    _, new = house.manage.split(case, [f"alarm:{second.alarm}"], OFFICER, "another room")
    assert (new.signals, new.lead, new.stage) == (1, "fire", "handle")
    house.manage.command(new.case, "void", OFFICER, reason="false")
    house.alarm(device="y", east=20)
    house.work()
    assert house.manage.case(case).signals == 1
    assert house.manage.case_of(["a3"])["a3"] not in (case, new.case)
    assert first.alarm == "a1"
    # memory and tables say the same after a new start
    house.close()
    house.open()
    house.alarm(device="y", east=20)
    house.work()
    assert house.manage.case(case).signals == 1


def test_overdue_rises_as_time_passes(house: House) -> None:
    house.alarm()
    house.work()
    assert house.one().level == "III"
    house.now += 10 * MINUTE
    house.work()
    state = house.one()
    assert (state.level, state.urges >= 1, state.escalations) == ("II", True, 1)
    vitals = house.manage.vitals()
    assert vitals["cases"]["by_level"]["II"] == 1
    house.now += 24 * HOUR
    house.work()
    assert house.manage.vitals()["cases"]["overdue"] == 1
    assert house.manage.vitals()["departments"][0]["overdue"] == 1


def test_marked_cases_stay_apart_and_uncounted(house: House) -> None:
    house.alarm(device="d")
    house.alarm(device="d", probe="p")
    house.work()
    assert house.one().signals == 1
    [marked] = house.manage.cases(Query(probe="p"))["items"]
    assert (marked["signals"], marked["number"][0]) == (1, "P")
    assert house.manage.vitals()["cases"]["open"] == 1
    with pytest.raises(Refused) as refused:
        house.manage.merge(marked["case"], "c1", OFFICER, "x")
    assert refused.value.refusal.what == "probe"
    actor = Actor("p1", ("probe_command",), probe="p")
    assert house.report("fire", actor, east=3) and house.work() is None
    assert len(house.manage.cases(Query(), Scope(probe="p"))["items"]) == 1
    assert house.manage.cases(Query(), Scope(probe="p"))["items"][0]["signals"] == 2
