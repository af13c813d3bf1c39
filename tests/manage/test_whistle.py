"""The whistle: departments are called to the place and their arrival is clocked."""

from __future__ import annotations

from tianmu.manage.actor import Actor

from .test_lifecycle import Story, signal
from .town import CLEANER, FIREMAN, GRID, KIOSK, MINUTE, MONDAY, OFFICER, RUBBISH

LOOK = "three of us are needed here"


def test_a_grid_worker_calls_departments_and_their_arrival_is_clocked() -> None:
    story = Story(signal(matter=RUBBISH))
    assert story.state.stage == "verify"
    state = story.do("whistle", GRID, LOOK, departments=["clean", "fire"])
    assert state.stage == "verify", "a call is beside the stages"
    assert [call.unit for call in state.calls] == ["clean", "fire"]
    assert {clock.name for clock in state.clocks} >= {"arrive:clean", "arrive:fire"}
    assert state.calls[0].due == MONDAY + 30 * MINUTE, "the level's on-site limit"
    story.now += 10 * MINUTE
    state = story.do("arrive", CLEANER)
    call = state.calls[0]
    assert (call.unit, call.arrived_by) == ("clean", "cleo")
    assert call.arrived_at == MONDAY + 10 * MINUTE
    assert state.clock("arrive:clean") is None
    assert state.clock("arrive:fire") is not None


def test_who_does_not_come_is_urged_at_half_and_at_the_end() -> None:
    story = Story(signal(matter=RUBBISH))
    story.do("whistle", GRID, LOOK, departments=["fire"])
    urges = story.state.urges
    story.wait(MONDAY + 30 * MINUTE)
    told = [one for one in story.events if "arrive:fire" in one.data.get("clocks_due", {})]
    assert [one.step for one in told] == ["urge", "urge"]
    assert story.state.urges >= urges + 2
    story.now = MONDAY + 40 * MINUTE
    state = story.do("arrive", FIREMAN)
    assert state.calls[0].arrived_at > state.calls[0].due


def test_without_names_those_who_answer_are_called_once() -> None:
    story = Story(signal(matter=RUBBISH))
    story.do("whistle", GRID, LOOK)
    assert [call.unit for call in story.state.calls] == ["clean"]
    assert story.refused("whistle", GRID, LOOK) == "nobody_to_call"
    story.do("arrive", GRID, department="clean")
    story.do("whistle", GRID, LOOK)
    assert [bool(call.arrived_at) for call in story.state.calls] == [True, False]


def test_who_may_whistle_and_who_may_say_that_he_is_there() -> None:
    story = Story(signal(matter=RUBBISH))
    assert story.refused("whistle", KIOSK, LOOK) == "permission"
    assert story.refused("whistle", GRID) == "reason"
    assert story.refused("whistle", GRID, LOOK, departments=["nobody"]) == "data"
    assert story.refused("arrive", CLEANER) == "no_call"
    story.do("whistle", GRID, LOOK, departments=["fire"])
    assert story.refused("arrive", CLEANER) == "department"
    assert story.refused("arrive", KIOSK) == "permission"
    assert story.refused("arrive", FIREMAN, department="clean") == "no_call"


def test_a_marked_case_hears_only_its_own() -> None:
    story = Story(signal(matter=RUBBISH, probe="p1"))
    assert story.refused("whistle", GRID, LOOK) == "probe"
    prober = Actor("p", ("grid_worker",), probe="p1")
    story.do("whistle", prober, LOOK)
    assert story.events[-1].data.get("nobody") is None, "nobody real is looked for"


def test_a_call_is_called_off_and_its_clock_stops() -> None:
    story = Story(signal(matter=RUBBISH))
    assert story.refused("call_off", GRID, LOOK) == "no_call"
    story.do("whistle", GRID, LOOK, departments=["fire", "clean"])
    assert story.refused("call_off", GRID) == "reason"
    assert story.refused("call_off", CLEANER, LOOK) == "permission"
    assert story.refused("call_off", GRID, LOOK) == "data", "which of the two"
    assert story.refused("call_off", GRID, LOOK, department="roads") == "no_call"
    state = story.do("call_off", GRID, "it is out", department="fire")
    assert (state.calls[0].ended_by, state.calls[0].arrived_at) == ("greg", 0)
    assert state.clock("arrive:fire") is None and state.clock("arrive:clean")
    assert story.refused("arrive", FIREMAN) == "department"
    story.do("call_off", GRID, "all is well")
    assert story.refused("arrive", CLEANER) == "no_call"
    story.do("whistle", GRID, LOOK, departments=["fire"])
    assert [call.waits for call in story.state.calls] == [False, False, True]


def test_who_is_waited_for_can_be_told_of_while_the_case_is_suspended() -> None:
    story = Story(signal(matter=RUBBISH))
    story.do("whistle", GRID, LOOK, departments=["fire", "clean"])
    story.do("suspend", OFFICER, "the water is high")
    assert story.state.clock("arrive:fire") in story.state.running
    story.do("arrive", FIREMAN)
    assert story.do("call_off", GRID, "not needed").calls[1].ended_by == "greg"
