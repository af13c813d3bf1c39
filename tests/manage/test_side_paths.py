"""The side paths of a case: how often, by whom, and what becomes of its clocks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tianmu.facts.case import CaseEvent
from tianmu.manage.actor import Actor
from tianmu.manage.case.state import CaseState
from tianmu.manage.steps import lifecycle
from tianmu.manage.steps.lifecycle import actions, fold
from tianmu.manage.steps.step import needs_of

from .test_lifecycle import CITY, Story, filed, signal
from .town import (
    CHECKER,
    CLEANER,
    COMMANDER,
    FIRE,
    FIREMAN,
    GRID,
    HOUR,
    LAT,
    LON,
    METRE,
    MONDAY,
    OFFICER,
    RUBBISH,
    at,
    due_of,
)

ACCEPTOR = Actor("anna", ("acceptor",))
DISPATCHER = Actor("dora", ("dispatcher",))
TOWN = Actor("tom", ("duty_officer",), division="11", tier=2)
DAY = {"value": 1, "unit": "work_day"}
PHOTO = "a" * 64


def offered(story: Story, actor: Actor) -> list[str]:
    return [step.name for step in actions(story.state, actor, CITY)]


def picture(story: Story, digest: str = PHOTO) -> None:
    """Somebody has attached a picture."""
    state = story.state
    data = {"digest": digest, "media_type": "image/jpeg", "role": "handle_after"}
    event = CaseEvent(
        case="c1",
        sequence=state.version + 1,
        step="evidence",
        stage=state.stage,
        at=story.now,
        actor="greg",
        data=data,
    )
    story.events.append(event)


def late(story: Story) -> CaseState:
    """Handled three working hours after its limit, and closed."""
    story.do("accept", CLEANER)
    story.now = at("2026-03-02T18:00")
    story.do("feed_back", CLEANER, result="swept")
    story.do("check", CHECKER, result="pass")
    return story.do("close", OFFICER)


# -- returned, sent together ----


def test_a_department_returns_once_and_all_together_three_times() -> None:
    story = filed()
    story.do("return", CLEANER, "not ours")
    story.do("order", OFFICER, department="clean")
    assert story.refused("return", CLEANER, "not ours") == "returns"
    assert "return" not in offered(story, CLEANER)
    assert "dispute" in offered(story, CLEANER)
    for department in ("roads", "fire", "centre"):
        story.do("transfer", OFFICER, "theirs", department=department)
        worker = Actor("w", ("department_worker",), department=department)
        if department == "centre":
            assert story.refused("return", worker, "not ours either") == "returns"
        else:
            story.do("return", worker, "not ours either")


def test_a_case_has_one_lead() -> None:
    story = filed()
    assert story.refused("order", OFFICER, department="roads", lead=True) == "one_lead"
    state = story.do("order", OFFICER, department="roads")
    assert [(one.unit, one.lead) for one in state.orders] == [("clean", True), ("roads", False)]
    again = story.do("order", OFFICER, department="clean")
    assert [one.lead for one in again.open_orders] == [True, False, False]
    state = story.do("transfer", OFFICER, "theirs", department="fire")
    assert [one.unit for one in state.open_orders if one.lead] == ["fire"] == [state.lead]


def test_the_lead_named_by_an_order_is_the_cases_lead() -> None:
    story = filed()
    story.do("return", CLEANER, "not ours")
    state = story.do("order", OFFICER, department="roads", lead=True)
    assert (state.lead, state.orders[-1].lead) == ("roads", True)


def test_without_the_leads_result_there_is_nothing_to_check() -> None:
    story = filed()
    story.do("order", OFFICER, department="roads")
    road = Actor("r", ("department_worker",), department="roads")
    story.do("return", CLEANER, "not ours")
    assert story.state.stage == "handle"
    story.do("accept", road)
    state = story.do("feed_back", road, result="closed the lane")
    assert (state.stage, state.queue) == ("dispatch", "dispatch")
    assert state.clock("dispatch")


def test_what_was_done_before_it_was_reopened_is_not_its_result() -> None:
    story = filed()
    story.do("accept", CLEANER)
    story.do("feed_back", CLEANER, result="swept")
    story.do("check", CHECKER, result="pass")
    story.do("close", OFFICER)
    story.now += HOUR
    story.do("reopen", OFFICER, "it is there again")
    order = story.do("order", OFFICER).orders[-1]
    assert order.lead
    state = story.do("cancel", OFFICER, "a mistake", order=order.order)
    assert state.stage == "dispatch"


# -- on the spot ----


def fed_back() -> Story:
    story = filed()
    story.do("accept", CLEANER)
    story.do("feed_back", CLEANER, result="swept")
    return story


def test_a_check_on_the_spot_needs_the_place_and_a_picture() -> None:
    story = fed_back()
    here = {"longitude": LON, "latitude": LAT + 50 * METRE}
    [step] = [one for one in actions(story.state, GRID, CITY) if one.name == "check"]
    assert needs_of(story.state, step, GRID) == ("result", "place", "evidence")
    assert story.refused("check", GRID, result="pass") == "data"
    assert story.refused("check", GRID, result="pass", place={"longitude": 999.0}) == "data"
    far = {"longitude": LON, "latitude": LAT + 500 * METRE}
    assert story.refused("check", GRID, result="pass", place=far) == "not_there"
    assert story.refused("check", GRID, result="pass", place=here) == "no_photo"
    assert story.refused("check", GRID, result="pass", place=here, evidence=[PHOTO]) == "no_photo"
    picture(story)
    state = story.do("check", GRID, result="pass", place=here, evidence=[PHOTO])
    assert (state.stage, state.checked_by) == ("check", "greg")
    assert story.events[-1].data["place"] == here


def test_a_desk_checks_without_going_there() -> None:
    story = fed_back()
    assert story.do("check", ACCEPTOR, result="pass").stage == "check"


# -- suspended ----


def test_a_suspended_case_goes_on_by_itself_after_the_longest_time() -> None:
    story = filed()
    story.do("accept", CLEANER)
    story.now = MONDAY + HOUR
    state = story.do("suspend", OFFICER, "the river is high")
    assert state.suspended_until == at("2026-04-01T10:00")
    assert (state.due, due_of(story.state, "handle:c1-1")) == (0, at("2026-03-02T15:00"))
    state = story.wait(at("2026-04-01T10:30"))
    assert (state.suspended_at, state.suspended_until) == (0, 0)
    assert story.events[-1].step == "resume" and story.events[-1].actor == "@system"
    assert state.orders[0].due == at("2026-04-01T15:00")  # 3 working hours were left


def test_a_case_is_suspended_twice_at_most() -> None:
    story = filed()
    longest = {"value": 31, "unit": "natural_day"}
    assert story.refused("suspend", OFFICER, "x", limit=longest) == "data"
    for _ in range(2):
        state = story.do("suspend", OFFICER, "x", limit=DAY)
        assert state.suspended_until == at("2026-03-03T09:00")
        story.do("resume", OFFICER, "x")
    assert story.refused("suspend", OFFICER, "x") == "suspensions"
    assert "suspend" not in offered(story, OFFICER)


def test_some_clocks_run_while_it_is_suspended() -> None:
    story = filed()
    story.do("supervise", COMMANDER, "the mayor asks")
    state = story.do("suspend", OFFICER, "x")
    assert state.supervision
    assert state.due == state.supervision.due == at("2026-03-04T09:00")
    state = story.wait(at("2026-03-05T09:00"))
    assert state.urges == 2 and state.suspended_at
    resumed = story.do("resume", OFFICER, "x").supervision
    assert resumed and resumed.due == at("2026-03-04T09:00")


# -- a longer limit ----


def test_a_longer_limit_is_asked_for_and_approved_by_somebody_else() -> None:
    story = filed()
    story.do("accept", CLEANER)
    assert story.refused("ask_extension", CLEANER, "", limit=DAY) == "reason"
    assert story.refused("ask_extension", FIREMAN, "parts", limit=DAY) == "department"
    shorter = {"value": 5, "unit": "minute"}
    assert story.refused("ask_extension", CLEANER, "parts", limit=shorter) == "not_longer"
    state = story.do("ask_extension", CLEANER, "parts", limit=DAY)
    assert state.orders[0].due == at("2026-03-02T15:00")  # what runs, runs on
    assert state.clock("extension:c1-1")
    assert story.refused("ask_extension", CLEANER, "again", limit=DAY) == "extension_asked"
    both = Actor("cleo", ("department_worker", "commander"), department="clean")
    assert story.refused("extend", both, "fine") == "own_work"
    assert "extend" not in offered(story, both)
    state = story.do("extend", DISPATCHER, "granted")
    assert (state.orders[0].due, state.orders[0].extensions) == (at("2026-03-03T09:00"), 1)
    assert state.extension is None and not state.clock("extension:c1-1")
    assert story.refused("ask_extension", CLEANER, "more", limit=DAY) == "extensions"
    assert story.refused("extend", OFFICER, "more", limit=DAY) == "extensions"


def test_a_longer_limit_may_be_refused_and_is_not_asked_for_too_late() -> None:
    story = filed()
    story.do("accept", CLEANER)
    assert story.refused("refuse_extension", OFFICER, "no") == "no_extension"
    story.do("ask_extension", CLEANER, "parts", limit=DAY)
    state = story.do("refuse_extension", OFFICER, "no need")
    assert (state.extension, state.orders[0].due) == (None, at("2026-03-02T15:00"))
    story.wait(at("2026-03-02T16:00"))
    assert story.refused("ask_extension", CLEANER, "parts", limit=DAY) == "too_late"


def test_a_question_ends_with_its_order() -> None:
    for step, data in (("return", {}), ("feed_back", {"result": "done"})):
        story = filed()
        story.do("accept", CLEANER)
        story.do("ask_extension", CLEANER, "parts", limit=DAY)
        state = story.do(step, CLEANER, "x", **data)
        assert state.extension is None
        assert not [one for one in state.clocks if one.name.startswith("extension")]


# -- supervised ----


def test_a_higher_tier_supervises_and_closes() -> None:
    story = filed()
    low = Actor("low", ("duty_officer",), tier=3)
    assert story.refused("supervise", low, "look") == "tier"
    assert story.refused("supervise", DISPATCHER, "look") == "permission"
    state = story.do("supervise", COMMANDER, "the paper wrote of it")
    assert state.supervision and (state.supervision.tier, state.supervision.by) == (1, "cora")
    assert due_of(state, "supervise") == at("2026-03-04T09:00")
    assert story.refused("supervise", COMMANDER, "look") == "supervised"
    story.do("accept", CLEANER)
    story.do("feed_back", CLEANER, result="swept")
    story.do("check", CHECKER, result="pass")
    assert story.refused("close", TOWN) == "tier"
    assert story.refused("lift", TOWN, "enough") == "tier"
    state = story.do("close", OFFICER)
    assert state.supervision and not state.clocks  # the mark stays


def test_supervision_ends() -> None:
    story = filed()
    assert story.refused("lift", COMMANDER, "x") == "not_supervised"
    story.do("supervise", COMMANDER, "look", limit=DAY)
    state = story.do("lift", OFFICER, "it goes well")
    assert state.supervision is None and not state.clock("supervise")


# -- appealed ----


def test_an_overtime_is_kept_and_may_be_exempt() -> None:
    story = filed()
    state = late(story)
    assert (state.orders[0].late, state.orders[0].late_unit) == (3.0, "work_hour")
    assert story.refused("appeal", FIREMAN, "rain") == "department"
    assert story.refused("appeal", CLEANER) == "reason"
    state = story.do("appeal", CLEANER, "the road was flooded")
    assert state.appeal and (state.appeal.unit, state.appeal.state) == ("clean", "dispatcher")
    assert (state.queue, state.exempt) == ("appeal", False)
    assert story.refused("appeal", CLEANER, "again") == "appealed"
    assert story.refused("review", ACCEPTOR, result="pass") == "permission"
    state = story.do("review", DISPATCHER, result="pass")
    assert state.appeal and state.appeal.state == "acceptor"
    assert story.refused("review", DISPATCHER, result="pass") in ("permission", "own_work")
    state = story.do("review", ACCEPTOR, result="pass")
    assert state.appeal and (state.appeal.state, state.appeal.due) == ("approved", 0)
    assert (state.queue, state.exempt, state.orders[0].late) == ("", True, 3.0)
    assert story.refused("review", ACCEPTOR, result="pass") == "no_appeal"


def test_one_person_makes_one_review() -> None:
    story = filed()
    late(story)
    story.do("appeal", CLEANER, "rain")
    story.do("review", OFFICER, result="pass")
    assert story.refused("review", OFFICER, result="pass") == "own_work"
    assert story.refused("review", CHECKER, result="fail") == "reason"
    state = story.do("review", CHECKER, "it was dry", result="fail")
    assert state.appeal and state.appeal.state == "refused"
    assert (state.exempt, state.queue) == (False, "")


def test_only_what_was_late_and_is_closed_is_appealed_in_time() -> None:
    story = filed()
    assert story.refused("appeal", CLEANER, "rain") == "stage"
    story.do("accept", CLEANER)
    story.do("feed_back", CLEANER, result="swept")
    story.do("check", CHECKER, result="pass")
    story.do("close", OFFICER)
    assert story.refused("appeal", CLEANER, "rain") == "not_late"
    story = filed()
    late(story)
    assert "appeal" in offered(story, CLEANER)
    story.now = at("2026-03-10T09:00")
    assert story.refused("appeal", CLEANER, "rain") == "too_late"


def test_an_appeal_exempts_what_it_was_about_and_nothing_later() -> None:
    story = filed()
    late(story)
    story.do("appeal", CLEANER, "the road was flooded")
    story.do("review", DISPATCHER, result="pass")
    state = story.do("review", ACCEPTOR, result="pass")
    assert (state.exempt, state.exempted) == (True, ("c1-1",))
    story.now = at("2026-03-03T08:00")
    story.do("reopen", OFFICER, "it is there again")
    story.do("order", OFFICER)
    story.do("accept", CLEANER)
    assert story.state.exempt, "nothing new is late yet"
    story.now = at("2026-03-04T18:00")
    state = story.do("feed_back", CLEANER, result="swept again")
    assert [one.late > 0 for one in state.orders] == [True, True]
    assert (state.exempt, state.exempted) == (False, ("c1-1",))


# -- two axes ----


def test_the_two_axes_are_two_roles() -> None:
    story = Story(signal())
    assert story.refused("verify", DISPATCHER) == "permission"
    story.do("verify", ACCEPTOR)
    assert story.refused("file", DISPATCHER) == "permission"
    story.do("file", ACCEPTOR)
    assert story.refused("cancel", ACCEPTOR, "x", order="c1-1") == "permission"
    assert story.refused("urge", ACCEPTOR, "x") == "permission"
    story.do("urge", DISPATCHER, "x")
    story.do("accept", CLEANER)
    story.do("feed_back", CLEANER, result="swept")
    assert story.refused("check", DISPATCHER, result="pass") == "permission"
    story.do("check", ACCEPTOR, result="pass")
    assert story.refused("close", DISPATCHER) == "permission"
    assert story.do("close", ACCEPTOR).outcome == "closed"


def test_who_handled_it_does_not_rate_it() -> None:
    story = fed_back()
    both = Actor("cleo", ("department_worker", "duty_officer"), department="clean")
    story.do("check", CHECKER, result="pass")
    story.do("close", OFFICER)
    assert story.refused("evaluate", both, score=5) == "own_work"


@pytest.mark.parametrize("times", [0, 2])
def test_bounds_are_the_packs(times: int) -> None:
    paths = type(CITY.side_paths)(returns_per_unit=times)
    city = replace(CITY, side_paths=paths)
    story = filed()
    found = lifecycle.decide(
        story.state, lifecycle.Command("return", "not ours"), CLEANER, story.now, city
    )
    assert isinstance(found, lifecycle.Refusal) == (times == 0)
    assert fold(story.events) == story.state
    assert story.state.matter == RUBBISH != FIRE
