"""What a deed on many cases did is taken back to how each stood, or said not to be."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Any

import msgspec

from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.city.city import City
from tianmu.city.level.plan import Item
from tianmu.manage.actor import Actor
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.fold import evolve
from tianmu.manage.case.state import CaseState
from tianmu.manage.levels import quiet
from tianmu.manage.steps import overdue
from tianmu.manage.steps.step import Command, Refusal
from tianmu.manage.steps.taking_back import UNDO, back, decide

from .test_lifecycle import CITY, Story, filed, signal
from .town import CHECKER, CLEANER, COMMANDER, HOUR, MONDAY, OFFICER, text

BOTH = Actor("bea", ("duty_officer", "commander"))


def did(
    state: CaseState, step: str, data: dict[str, Any], city: City = CITY, now: int = MONDAY
) -> CaseState:
    found = decide(state, Command(step, "a slip", data), BOTH, now, city)
    assert not isinstance(found, Refusal), (step, found)
    return reduce(evolve, found, state)


def taken_back(
    before: CaseState, step: str, data: dict[str, Any] | None = None, city: City = CITY
) -> CaseState | None:
    """The case after the step was done and taken back; None where it cannot be."""
    after = did(before, step, data or {}, city)
    steps = back(before, step, after, BOTH, MONDAY, city)
    return did(after, UNDO, {"steps": msgspec.to_builtins(steps)}, city) if steps else None


def looks(state: CaseState) -> tuple[Any, ...]:
    orders = [(one.unit, one.lead) for one in state.open_orders]
    return state.stage, state.lead, state.joint, state.level, state.level_by_hand, orders


def test_a_dispute_that_was_settled_by_mistake_cannot_be_begun_anew() -> None:
    story = filed()
    disputed = story.do("dispute", CLEANER, "not ours", department="roads")
    for step in ("assign", "transfer"):
        assert taken_back(disputed, step, {"department": "roads"}) is None, step
    verified = Story(signal()).do("verify", OFFICER)
    ended = taken_back(verified, "assign", {"department": "roads"})
    assert ended is not None and looks(ended) == looks(verified)


def test_who_was_joint_without_an_order_would_not_be_so_again() -> None:
    story = Story(signal())
    story.do("verify", OFFICER)
    story.do("assign", OFFICER, "both", department="clean", joint=["roads"])
    before = story.do("file", OFFICER)
    assert (before.joint, [one.unit for one in before.open_orders]) == (("roads",), ["clean"])
    assert taken_back(before, "transfer", {"department": "roads"}) is None
    ended = taken_back(before, "transfer", {"department": "fire"})
    assert ended is not None and looks(ended) == looks(before)


def test_what_was_voided_by_mistake_is_as_it_was() -> None:
    """With its orders and their limits, whoever joins in, what was done, and supervised."""
    story = filed()
    story.do("order", OFFICER, department="roads", lead=False)
    story.do("accept", CLEANER)
    watched = story.do("supervise", COMMANDER, "the mayor asks")
    done = story.do("cancel", OFFICER, "not needed", order=watched.open_orders[1].order)
    story.do("feed_back", CLEANER, result="swept")
    told = story.do("check", CHECKER, result="pass")
    for before in (watched, done, told):
        assert before.supervision is not None
        ended = taken_back(before, "void")
        assert ended is not None and looks(ended) == looks(before)
        assert (ended.orders, ended.clocks) == (before.orders, before.clocks)
        assert (ended.supervision, ended.reopened) == (before.supervision, 0)
        assert (ended.open, ended.outcome, ended.kept) == (True, "", None)
    again = did(did(told, "void", {}), "reopen", {})
    assert (again.stage, again.kept, again.reopened) == ("dispatch", None, 1), "by hand: anew"


def test_what_is_void_for_long_is_reopened_and_not_taken_back() -> None:
    void = did(filed().state, "void", {})
    command = Command(UNDO, "a slip", {"steps": [{"step": "reopen"}]})
    last = CITY.calendar.add(MONDAY, CITY.side_paths.void_back)
    in_time = decide(void, command, BOTH, last, CITY)
    assert not isinstance(in_time, Refusal) and reduce(evolve, in_time, void).open
    late = decide(void, command, BOTH, last + 1, CITY)
    assert isinstance(late, Refusal) and late.what == "void_for_long"
    again = did(void, "reopen", {}, now=last + 1)
    assert (again.open, again.reopened, again.stage) == (True, 1, "dispatch")


def up_and_down(state: CaseState) -> tuple[str, str]:
    """Its level once the next limit has run out, and once all has been quiet for long."""
    late = state
    while late.failed == state.failed:
        draft = Draft("c1", late, late.next_mark_at)
        overdue.attend(draft, CITY)
        late = draft.state
    silent = Draft("c1", state, state.changed_at)
    quiet.fall(silent, CITY)
    return late.level, silent.state.level


def test_a_level_raised_by_hand_and_taken_back_is_held_where_it_was() -> None:
    story = filed()
    story.wait(story.state.due)
    before = story.state
    assert (before.level, before.held, before.risen_from) == ("IV", 4, 5)
    ended = taken_back(before, "escalate")
    assert ended is not None and looks(ended) == looks(before)
    assert (ended.held, ended.risen_from) == (4, 5)
    raised = did(before, "escalate", {})
    assert up_and_down(raised) == ("II", "III")
    assert up_and_down(ended) == up_and_down(before) == ("III", "IV")
    for wrong in ("x", True, 9):
        steps = [{"step": "grade", "data": {"level": "IV", "rules": True, "held": wrong}}]
        command = Command(UNDO, "a slip", {"steps": steps})
        assert isinstance(decide(before, command, BOTH, MONDAY, CITY), Refusal), wrong


def test_a_suspension_that_is_taken_back_does_not_count() -> None:
    before = filed().state
    ended = taken_back(before, "suspend")
    assert ended is not None and (ended.suspensions, ended.suspended_at) == (0, 0)
    late = did(did(before, "suspend", {}), UNDO, {"steps": [{"step": "resume"}]}, now=MONDAY + HOUR)
    assert (late.suspensions, late.paused) == (0, ())
    assert late.clocks == before.clocks, "what does not count has not stopped them either"
    waited = did(did(before, "suspend", {}), "note", {"text": "no parts yet"}, now=MONDAY + HOUR)
    resumed = did(waited, UNDO, {"steps": [{"step": "resume"}]}, now=MONDAY + 2 * HOUR)
    assert resumed.suspensions == 1, "it has stood still, and something has come of it"
    assert did(did(before, "suspend", {}), "resume", {}).suspensions == 1


def test_what_a_plan_has_opened_ends_with_the_filing_that_is_taken_back() -> None:
    plans = tuple(
        msgspec.structs.replace(
            one,
            checklist=tuple(
                Item(code=code, text=text(code), by="lead", within=Limit(30, LimitUnit.MINUTE))
                for code in ("close-road", "tell-school")
            ),
        )
        for one in CITY.plans
    )
    city = replace(CITY, plans=plans)
    story = Story(signal())
    before = story.do("verify", OFFICER)
    after = did(before, "file", {}, city)
    assert [one.name for one in after.clocks if one.name.startswith("task:")]
    ended = taken_back(before, "file", {}, city)
    assert ended is not None and looks(ended) == looks(before)
    assert not [one for one in ended.clocks if one.name.startswith("task:")], "nobody need do it"
    assert (ended.plans, ended.tasks, ended.warnings) == ((), (), ())
    first = after.tasks[0].code
    ticked = did(after, "tick", {"task": first}, city)
    back_again = did(ticked, "cancel", {"order": ticked.open_orders[0].order}, city)
    waiting = did(back_again, "return", {}, city)
    filed_again = did(waiting, "file", {}, city)
    assert [one.code for one in filed_again.tasks] == [one.code for one in after.tasks]
    assert [one.done_at > 0 for one in filed_again.tasks] == [True, False]
    assert not filed_again.clock(f"task:{first}")
    assert filed_again.clock(f"task:{after.tasks[1].code}")


def test_an_order_that_made_it_graver_is_withdrawn_with_that() -> None:
    lowest = CITY.profile.levels[-1]
    two = msgspec.structs.replace(lowest.escalate, departments=2)
    graver = msgspec.structs.replace(lowest, escalate=two)
    levels = (*CITY.profile.levels[:-1], graver)
    profile = msgspec.structs.replace(CITY.profile, levels=levels)
    city = replace(CITY, profile=profile, profiles={"severity": profile})
    before = filed().state
    after = did(before, "order", {"department": "roads"}, city)
    assert (before.level, after.level) == ("V", "IV")
    ended = taken_back(before, "order", {"department": "roads"}, city)
    assert ended is not None and looks(ended) == looks(before)


def test_no_plan_sends_anybody_as_a_level_is_set_back() -> None:
    story = filed()
    waiting = story.do("cancel", OFFICER, "wrong", order=story.state.open_orders[0].order)
    assert (waiting.stage, waiting.lead, waiting.open_orders) == ("dispatch", "clean", ())
    deeds: list[tuple[str, dict[str, Any]]] = [("escalate", {}), ("grade", {"level": "II"})]
    for step, data in deeds:
        assert did(waiting, step, data).open_orders, "its plan sends the lead"
        ended = taken_back(waiting, step, data)
        assert ended is not None and looks(ended) == looks(waiting), step
