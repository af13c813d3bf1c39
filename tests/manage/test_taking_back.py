"""What a deed on many cases did is taken back to how each stood, or said not to be."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Any

import msgspec

from tianmu.city.city import City
from tianmu.manage.actor import Actor
from tianmu.manage.case.fold import evolve
from tianmu.manage.case.state import CaseState
from tianmu.manage.steps.step import Command, Refusal
from tianmu.manage.steps.taking_back import UNDO, back, decide

from .test_lifecycle import CITY, Story, filed, signal
from .town import CLEANER, COMMANDER, MONDAY, OFFICER

BOTH = Actor("bea", ("duty_officer", "commander"))


def did(state: CaseState, step: str, data: dict[str, Any], city: City = CITY) -> CaseState:
    found = decide(state, Command(step, "a slip", data), BOTH, MONDAY, city)
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


def test_what_was_supervised_is_begun_again_by_hand() -> None:
    story = filed()
    ended = taken_back(story.state, "void")
    assert ended is not None and looks(ended) == looks(story.state)
    watched = story.do("supervise", COMMANDER, "the mayor asks")
    assert watched.supervision is not None
    assert taken_back(watched, "void") is None


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
