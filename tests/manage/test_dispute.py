"""Disputed and nobody's matters: a queue with a clock, and a ruling that becomes a rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from tianmu.city.calendar.limit import LimitUnit
from tianmu.manage.kept.rebuild import rebuild
from tianmu.manage.manage import Refused

from .house import House
from .test_lifecycle import CITY, Story, signal
from .town import CHECKER, CLEANER, COMMANDER, FIREMAN, MONDAY, OFFICER, POTHOLE, RUBBISH, due_of

NOT_OURS = "the yard is private ground"


def sent(matter: str = RUBBISH) -> Story:
    story = Story(signal(matter=matter))
    story.do("verify", CHECKER)
    story.do("file", OFFICER)
    return story


def test_what_a_department_disputes_waits_for_a_ruling_with_a_clock() -> None:
    story = sent()
    state = story.do("dispute", CLEANER, NOT_OURS, department="roads")
    assert (state.stage, state.queue) == ("dispatch", "disputed")
    clock = state.clock("rule")
    assert clock is not None
    within = CITY.ruling_within
    assert (clock.value, clock.unit) == (within.value, within.unit)
    assert clock.due == CITY.calendar.add(MONDAY, within)
    assert within.unit is LimitUnit.WORK_HOUR
    assert story.refused("rule", OFFICER, "clean", department="roads") == "permission"
    assert story.refused("rule", COMMANDER, department="roads") == "reason"


def test_the_ruling_sends_the_order_and_stops_the_clock() -> None:
    story = sent()
    story.do("dispute", CLEANER, NOT_OURS)
    state = story.do("rule", COMMANDER, "the road is public", department="roads", joint=["clean"])
    assert (state.lead, state.joint, state.queue, state.stage) == (
        "roads",
        ("clean",),
        "",
        "handle",
    )
    assert [one.unit for one in state.open_orders if one.lead] == ["roads"]
    assert state.clock("rule") is None
    assert state.ruling is None, "it stands for later cases only where somebody says so"
    assert story.refused("rule", COMMANDER, "again", department="clean") == "no_dispute"


def test_nobody_rules_and_the_case_rises() -> None:
    story = sent()
    before = story.do("dispute", CLEANER, NOT_OURS).level_number
    state = story.wait(due_of(story.state, "rule"))
    assert state.level_number == before - 1


def test_what_nobody_answers_for_is_ruled_too() -> None:
    story = sent(POTHOLE)
    assert (story.state.lead, story.state.stage) == ("", "dispatch")
    state = story.do("rule", COMMANDER, "holes are the roads'", department="roads")
    assert (state.lead, state.stage) == ("roads", "handle")


def test_only_the_unit_itself_disputes_its_order() -> None:
    story = sent()
    assert story.refused("dispute", FIREMAN, NOT_OURS) == "department"
    assert story.refused("dispute", CLEANER) == "reason"
    assert story.refused("dispute", CLEANER, NOT_OURS, department="clean") == "data"
    assert story.refused("dispute", CLEANER, NOT_OURS, department="nobody") == "data"


def test_a_ruling_that_stands_decides_later_cases_until_it_is_withdrawn(tmp_path: Path) -> None:
    house = House(tmp_path)
    holes = iter(range(0, 90_000, 5_000))

    def told() -> str:
        report = house.report("a pothole", matter=POTHOLE, east=next(holes))
        house.work()
        return house.manage.case_of([report], "report")[report]

    first = told()
    assert house.manage.case(first).lead == ""
    house.manage.command(first, "verify", CHECKER)
    house.manage.command(first, "file", OFFICER)
    ruling = {"department": "roads", "standing": "city"}
    state = house.manage.command(first, "rule", COMMANDER, reason="holes are theirs", data=ruling)
    assert state.ruling is not None
    second = told()
    assert house.manage.case(second).lead == "roads"
    events = house.manage.case_view(second)["events"]
    said = next(one["data"]["why"] for one in events if one["step"] == "assign")
    assert [one["en"] for one in said] == [f"by the ruling on case {state.number}"]
    house.close()
    house.open()  # it outlives a restart, and follows from the events alone
    rebuild(house.hub, house.journal)
    third = told()
    assert house.manage.case(third).lead == "roads"
    house.manage.command(first, "withdraw_ruling", COMMANDER, reason="the law has changed")
    assert house.manage.case(told()).lead == ""
    assert house.manage.case(third).lead == "roads", "what was decided stays"
    house.close()


def test_a_ruling_that_simply_stands_stands_in_its_division_and_another_word_is_told_the_right_ones(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    report = house.report("a pothole", matter=POTHOLE)
    house.work()
    case = house.manage.case_of([report], "report")[report]
    house.manage.command(case, "verify", CHECKER)
    house.manage.command(case, "file", OFFICER)
    told: dict[str, object] = {"department": "roads", "standing": "always"}
    with pytest.raises(Refused) as refused:
        house.manage.command(case, "rule", COMMANDER, reason="holes are theirs", data=told)
    assert "division" in refused.value.refusal.remedy["en"]
    told["standing"] = True
    state = house.manage.command(case, "rule", COMMANDER, reason="holes are theirs", data=told)
    assert state.ruling is not None and state.ruling.division == state.division
    house.close()


def test_a_dispute_settled_otherwise_stops_its_clock_and_help_meanwhile_does_not() -> None:
    story = sent()
    story.do("dispute", CLEANER, NOT_OURS)
    helped = story.do("order", OFFICER, department="fire", lead=False)
    assert helped.queue == "disputed", "who helps is not who answers"
    assert helped.clock("rule")
    settled = story.do("transfer", OFFICER, "it is theirs", department="roads")
    assert (settled.queue, settled.lead) == ("", "roads")
    assert settled.clock("rule") is None


def test_a_disputed_case_sent_back_to_be_filed_again_is_disputed_no_more() -> None:
    story = sent()
    story.do("dispute", CLEANER, NOT_OURS)
    back = story.do("return", OFFICER, "another matter")
    assert (back.stage, back.queue) == ("file", "returned")
    assert back.clock("rule") is None


def test_who_is_ruled_to_lead_gets_the_leading_order_beside_the_one_it_has() -> None:
    story = sent()
    story.do("order", OFFICER, department="roads", lead=False)
    story.do("dispute", CLEANER, NOT_OURS)
    state = story.do("rule", COMMANDER, "the road is theirs", department="roads")
    assert [one.unit for one in state.open_orders if one.lead] == ["roads"]


def test_departments_are_named_by_codes() -> None:
    story = sent()
    story.do("dispute", CLEANER, NOT_OURS)
    assert story.refused("rule", COMMANDER, "x", department="roads", joint=[[]]) == "data"
    assert story.refused("whistle", OFFICER, "come", departments=[{}]) == "data"


def test_what_is_disputed_is_not_late_before_its_ruling_is() -> None:
    story = sent()
    state = story.do("dispute", CLEANER, NOT_OURS)
    assert due_of(state, "dispatch") == due_of(state, "rule")
    ruled = due_of(state, "rule")
    halfway = story.wait((MONDAY + ruled) // 2)
    assert halfway.due == ruled, "urged, and nobody is late"
    settled = story.do("assign", OFFICER, "both agree", department="roads")
    assert (settled.stage, settled.queue, settled.clock("rule")) == ("dispatch", "", None)
    assert due_of(settled, "dispatch") < ruled, "now it waits for whoever dispatches"


def test_who_helps_neither_settles_a_dispute_nor_sends_it_back_and_the_leads_result_ends_it() -> (
    None
):
    for step, told in (("feed_back", {"result": "cordoned off"}), ("return", {})):
        story = sent()
        story.do("order", OFFICER, department="fire", lead=False)
        story.do("dispute", CLEANER, NOT_OURS)
        story.do("accept", FIREMAN)
        state = story.do(step, FIREMAN, "there is nothing for us", **told)
        assert (state.stage, state.queue) == ("dispatch", "disputed"), step
        assert due_of(state, "dispatch") == due_of(state, "rule")
        assert story.do("rule", COMMANDER, "so it is", department="roads").queue == ""
    story = sent()
    story.do("order", OFFICER, department="fire", lead=False)
    story.do("dispute", FIREMAN, "no fire here")
    story.do("accept", CLEANER)
    state = story.do("feed_back", CLEANER, result="swept")
    assert (state.stage, state.queue, state.clock("rule")) == ("feed_back", "", None)
