"""A case that is opened again waits, with clocks, for whatever it had waited for."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.city.city import City
from tianmu.city.level.plan import Item
from tianmu.manage.actor import Actor
from tianmu.manage.case.state import CaseState
from tianmu.manage.steps import lifecycle

from .test_lifecycle import CITY, Story, signal
from .town import CHECKER, CLEANER, FIREMAN, GRID, HOUR, MINUTE, OFFICER, RUBBISH, due_of


def test_what_is_waited_for_has_a_clock_again_after_a_case_is_reopened() -> None:
    within = Limit(20, LimitUnit.MINUTE)
    items = (Item("look", {"en": "look", "zh": "look"}, "", within), Item("rest", {"en": "rest"}))
    plans = tuple(
        msgspec.structs.replace(plan, checklist=items) if plan.code == "plan-V" else plan
        for plan in CITY.plans
    )
    story = Story(signal(matter=RUBBISH))
    city = replace(CITY, plans=plans)

    def do(step: str, actor: Actor, where: City = city, **data: object) -> CaseState:
        command = lifecycle.Command(step, "because", data)
        found = lifecycle.decide(story.state, command, actor, story.now, where)
        assert not isinstance(found, lifecycle.Refusal), found
        story.events += found
        return story.state

    do("verify", CHECKER)
    do("file", OFFICER)
    do("whistle", GRID, departments=["fire", "roads"])
    do("arrive", FIREMAN)
    do("accept", CLEANER)
    do("feed_back", CLEANER, result="swept")
    do("check", CHECKER, result="pass")
    do("close", OFFICER)
    story.now += HOUR
    state = do("reopen", OFFICER)
    due = story.now + 30 * MINUTE
    assert [(one.unit, one.waits) for one in state.calls] == [("fire", False), ("roads", True)]
    assert state.calls[1].due == due_of(state, "arrive:roads") == due
    look = state.tasks[0]
    assert look.due == due_of(state, "task:plan-V/look") == story.now + 20 * MINUTE
    assert state.clock("task:plan-V/rest") is None and state.clock("arrive:fire") is None
    # a plan that is gone: as long as it was from when the point was opened
    long = state.tasks[0].due - state.tasks[0].opened_at
    do("void", OFFICER)
    story.now += HOUR
    state = do("reopen", OFFICER, CITY)
    assert state.tasks[0].due == story.now + long


def test_what_was_void_before_it_was_filed_waits_where_it_did() -> None:
    for steps, stage in (((), "verify"), (("verify",), "file"), (("verify", "file"), "dispatch")):
        story = Story(signal("report", RUBBISH))
        for step in steps:
            story.do(step, OFFICER)
        story.do("void", OFFICER, "a mistake")
        state = story.do("reopen", OFFICER, "it is real")
        assert (state.open, state.stage, state.queue) == (True, stage, "returned")
        assert [clock.name for clock in state.running] == [stage], "its stage has a clock again"
