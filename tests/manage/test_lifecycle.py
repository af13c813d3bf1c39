"""The life of a case, step by step (DOMAIN.md §2.2)."""

from __future__ import annotations

from typing import Any

import pytest

from tianmu.facts.case import CaseEvent
from tianmu.facts.place import Place
from tianmu.manage import intake
from tianmu.manage.actor import SYSTEM, Actor
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.state import CaseState
from tianmu.manage.signals.signal import Signal
from tianmu.manage.steps import overdue
from tianmu.manage.steps.lifecycle import Command, Refusal, actions, decide, fold

from .town import (
    CHECKER,
    CLEANER,
    COMMANDER,
    FIRE,
    FIREMAN,
    GRID,
    HOUR,
    KIOSK,
    LAT,
    LON,
    MINUTE,
    MONDAY,
    OFFICER,
    POTHOLE,
    RUBBISH,
    at,
    due_of,
    town,
)

CITY = town()


def signal(kind: str = "report", matter: str = RUBBISH, **more: Any) -> Signal:
    return Signal(
        kind=kind,
        id=more.pop("id", "s1"),
        at=more.pop("at", MONDAY),
        matters=((matter, 1.0),) if matter else (),
        place=more.pop("place", Place(longitude=LON, latitude=LAT, division="11")),
        **more,
    )


class Story:
    """A case and all its events so far."""

    def __init__(self, first: Signal, now: int = MONDAY) -> None:
        draft = Draft("c1", None, now, first.probe)
        intake.open_case(draft, CITY, first, "N1", intake.Policy())
        self.events: list[CaseEvent] = draft.events
        self.now = now

    @property
    def state(self) -> CaseState:
        return fold(self.events)

    def do(self, step: str, actor: Actor, reason: str = "", **data: Any) -> CaseState:
        found = decide(self.state, Command(step, reason, data), actor, self.now, CITY)
        assert not isinstance(found, Refusal), (step, found)
        self.events += found
        return self.state

    def refused(self, step: str, actor: Actor, reason: str = "", **data: Any) -> str:
        found = decide(self.state, Command(step, reason, data), actor, self.now, CITY)
        assert isinstance(found, Refusal), found
        assert found.why["en"] and found.why["zh"] and found.remedy["en"] and found.remedy["zh"]
        return found.what

    def wait(self, until: int) -> CaseState:
        """Time passes; the machine attends to the clocks as they run."""
        while 0 < (due := self.state.next_mark_at) <= until:
            draft = Draft("c1", self.state, due)
            overdue.attend(draft, CITY)
            assert draft.events
            self.events += draft.events
        self.now = until
        return self.state

    def steps(self) -> list[str]:
        return [event.step for event in self.events]


def filed(matter: str = RUBBISH) -> Story:
    story = Story(signal(matter=matter))
    story.do("verify", OFFICER)
    story.do("file", OFFICER)
    return story


def test_a_report_goes_all_the_way() -> None:
    story = Story(signal())
    assert (story.state.stage, story.state.lead, story.state.level) == ("verify", "clean", "V")
    assert story.do("verify", OFFICER).stage == "file"
    state = story.do("file", OFFICER)
    assert (state.stage, state.standard) == ("handle", 1)
    [order] = state.orders
    assert (order.unit, order.lead, order.state) == ("clean", True, "sent")
    assert [person["account"] for person in order.persons] == ["cleo"]
    assert order.due == at("2026-03-02T15:00")  # 4 working hours from 9: 3 before noon, 1 after 14
    assert story.do("accept", CLEANER).orders[0].state == "accepted"
    assert story.do("handle", CLEANER).orders[0].state == "handling"
    state = story.do("feed_back", CLEANER, result="swept")
    assert (state.stage, state.open_orders, state.orders[0].result) == ("feed_back", (), "swept")
    assert story.do("check", CHECKER, result="pass").stage == "check"
    state = story.do("close", OFFICER)
    assert (state.stage, state.open, state.outcome, state.clocks) == ("close", False, "closed", ())
    assert story.do("evaluate", CHECKER, score=5).stage == "evaluate"
    assert [event.sequence for event in story.events] == list(range(1, len(story.events) + 1))


def test_a_trusted_alarm_is_sent_at_once() -> None:
    story = Story(signal("alarm", FIRE, priority=1))
    state = story.state
    assert (state.stage, state.level, state.lead, state.joint) == (
        "handle",
        "III",
        "fire",
        ("centre-north",),
    )
    assert [order.unit for order in state.orders] == ["fire", "centre-north"]
    assert state.told == ("centre",)
    assert all(order.due for order in state.orders)
    nobody = next(event for event in story.events if "nobody" in event.data)
    assert nobody.data["nobody"]["en"] == "nobody on duty"


def test_an_alarm_of_an_untrusted_source_is_verified_first() -> None:
    draft = Draft("c1", None, MONDAY)
    policy = intake.Policy(untrusted=frozenset(("cheap",)))
    intake.open_case(draft, CITY, signal("alarm", FIRE, source="cheap"), "N1", policy)
    assert (draft.state.stage, draft.state.queue) == ("verify", "verify")


def test_a_matter_nobody_answers_for_waits_for_dispatch() -> None:
    story = filed(POTHOLE)
    state = story.state
    assert (state.stage, state.lead, state.queue) == ("dispatch", "", "dispatch")
    assert state.clock("dispatch")
    assert story.refused("order", OFFICER) == "no_owner"
    state = story.do("order", OFFICER, department="roads")
    assert (state.stage, state.lead, state.queue) == ("handle", "roads", "")
    assert state.orders[0].due == at("2026-03-03T09:00")  # one working day of 8 hours
    assert not state.clock("dispatch")


def test_nobody_checks_his_own_work() -> None:
    both = Actor("both", ("department_worker", "duty_officer"), department="clean")
    story = filed()
    story.do("accept", both)
    story.do("feed_back", CLEANER, result="done")
    assert story.refused("check", both, result="pass") == "own_work"
    assert "check" not in [step.name for step in actions(story.state, both, CITY)]
    story.do("check", CHECKER, result="pass")
    assert story.refused("close", both) == "own_work"
    story.do("close", CHECKER)


def test_nobody_verifies_what_he_himself_told() -> None:
    story = Story(signal(collector="greg"))
    assert story.refused("verify", GRID) == "own_work"
    assert story.refused("check", SYSTEM, result="pass") == "stage"
    story.do("verify", OFFICER)


def test_the_machine_verifies_and_checks_nothing() -> None:
    story = Story(signal())
    assert story.refused("verify", SYSTEM) == "own_work"


def test_rework_is_for_whoever_answers_by_now() -> None:
    """Reopened, given to another, and only a helper has fed back since: what was done before, by
    who answered then, is not done again by them."""
    story = filed()
    first = story.state.lead
    story.do("accept", CLEANER)
    story.do("feed_back", CLEANER, result="done")
    story.do("check", CHECKER, result="pass")
    story.do("close", CHECKER)
    story.do("reopen", OFFICER, "it is there again")
    story.do("assign", OFFICER, "theirs by the new duties", department="fire", joint=[first])
    state = story.do("order", OFFICER, department=first, lead=False)
    helper = state.open_orders[0].order
    story.do("accept", CLEANER, order=helper)
    state = story.do("feed_back", CLEANER, order=helper, result="done")
    if state.stage == "feed_back":  # all of it in one instant
        state = story.do("check", CHECKER, "still there", result="fail")
    assert (state.stage, state.lead) == ("dispatch", "fire")
    assert not state.open_orders and state.clock("dispatch")
    (sent,) = story.do("order", OFFICER).open_orders
    assert (sent.unit, sent.lead) == ("fire", True)


def test_a_failed_check_is_rework_with_a_new_deadline() -> None:
    story = filed()
    story.do("accept", CLEANER)
    story.do("feed_back", CLEANER, result="done")
    story.now += HOUR
    assert story.refused("check", CHECKER, result="fail") == "reason"
    assert story.refused("check", CHECKER, "?", result="perhaps") == "data"
    before = story.state.orders[0].due
    state = story.do("check", CHECKER, "still there", result="fail")
    assert (state.stage, state.reworks, state.orders[0].state) == ("handle", 1, "accepted")
    assert state.orders[0].due > before
    clock = state.clock(f"handle:{state.orders[0].order}")
    assert clock and clock.due == state.orders[0].due
    story.do("feed_back", CLEANER, result="really done")
    story.do("check", CHECKER, result="pass")


def test_a_department_returns_what_is_not_its_task() -> None:
    story = filed()
    assert story.refused("return", CLEANER) == "reason"
    state = story.do("return", CLEANER, "not ours")
    assert (state.stage, state.queue, state.returns) == ("dispatch", "returned", 1)
    assert state.orders[0].state == "returned"
    assert state.clock("dispatch") and not state.clock(f"handle:{state.orders[0].order}")
    state = story.do("transfer", OFFICER, "the road is theirs", department="roads")
    assert (state.stage, state.lead) == ("handle", "roads")
    assert story.refused("accept", CLEANER) == "department"


def test_a_report_may_be_asked_back_and_supplemented() -> None:
    story = Story(signal(matter=""))
    assert story.state.queue == "verify"
    assert story.refused("file", OFFICER) == "data"  # no matter
    state = story.do("return", OFFICER, "where is it?")
    assert state.stage == "collect"
    waits = state.clock("collect")
    assert waits is not None and waits.due > story.now, "nobody forgets it there"
    story.wait(waits.due)
    assert [one.step for one in story.events if one.actor == "@system"].count("urge") == 2
    state = story.do("supplement", GRID, text="behind the school")
    assert state.stage == "verify" and state.clock("collect") is None and state.clock("verify")
    state = story.do("verify", OFFICER, matter=RUBBISH)
    assert (state.matter, state.lead) == (RUBBISH, "clean")


@pytest.mark.parametrize(
    ("step", "data"),
    [
        ("grade", {"level": "I"}),
        ("cancel", {"order": "c1-1"}),
        ("void", {}),
        ("suspend", {}),
        ("urge", {}),
        ("escalate", {}),
        ("extend", {"limit": {"value": 3, "unit": "work_day"}}),
    ],
)
def test_steps_that_need_a_reason(step: str, data: dict[str, Any]) -> None:
    story = filed()
    assert story.refused(step, OFFICER, "  ", **data) == "reason"
    assert story.do(step, OFFICER, "because", **data)


@pytest.mark.parametrize("step", ["verify", "file", "void", "grade", "note", "transfer"])
def test_a_wall_does_nothing(step: str) -> None:
    assert Story(signal()).refused(step, KIOSK, "x") in ("permission", "stage")
    assert actions(Story(signal()).state, KIOSK, CITY) == []


def test_an_order_of_another_department_is_not_mine() -> None:
    story = filed()
    assert story.refused("accept", FIREMAN) == "department"
    below = Actor("nora", ("department_worker",), department="clean-north")
    assert story.refused("accept", below) == "department"
    above = filed()
    order = above.do("order", OFFICER, department="clean-north", task="help").orders[1]
    assert above.do("accept", CLEANER, order=order.order).orders[1].state == "accepted"


def test_joint_orders_must_all_be_done() -> None:
    story = Story(signal("alarm", FIRE))
    north = Actor("nina", ("department_worker",), department="centre-north")
    story.do("accept", FIREMAN)
    story.do("feed_back", FIREMAN, result="out")
    assert story.state.stage == "handle"
    story.do("accept", north)
    assert story.do("feed_back", north, result="street closed").stage == "feed_back"


def test_suspended_clocks_stand_still() -> None:
    story = filed()
    due = story.state.orders[0].due
    story.now = MONDAY + HOUR
    state = story.do("suspend", OFFICER, "storm")
    assert (state.due, state.next_mark_at) == (0, state.suspended_until)
    assert story.refused("accept", CLEANER) == "suspended"
    story.now = at("2026-03-03T10:00")
    state = story.do("resume", OFFICER, "storm is over")
    assert state.orders[0].due == at("2026-03-03T15:00") != due  # 3 of 4 working hours were left
    assert due_of(state, "handle:c1-1") == state.orders[0].due
    assert story.refused("resume", OFFICER, "x") == "not_suspended"


def test_extending_gives_more_time_and_never_less() -> None:
    story = filed()
    due = story.state.orders[0].due
    assert story.refused("extend", OFFICER, "x", limit={"value": 1, "unit": "work_hour"}) == (
        "not_longer"
    )
    assert story.refused("extend", OFFICER, "x", limit={"value": 1, "unit": "moon"}) == "data"
    state = story.do("extend", OFFICER, "parts", limit={"value": 2, "unit": "work_day"})
    assert state.orders[0].due > due
    assert story.refused("extend", CLEANER, "x", limit={"value": 9, "unit": "work_day"}) == (
        "permission"
    )


def test_reopened_cases_are_sent_again() -> None:
    story = filed()
    story.do("void", OFFICER, "a mistake")
    assert (story.state.outcome, story.state.open_orders) == ("void", ())
    assert story.refused("accept", CLEANER) == "closed"
    state = story.do("reopen", OFFICER, "it is real")
    assert (state.open, state.stage, state.reopened) == (True, "dispatch", 1)
    assert story.do("order", OFFICER).stage == "handle"


def test_levels_by_hand_and_by_escalation() -> None:
    story = filed()
    assert story.refused("grade", OFFICER, "x", level="VI") == "data"
    state = story.do("grade", OFFICER, "the mayor is near", level="IV")
    assert (state.level, state.level_by_hand, state.tier) == ("IV", True, 2)
    state = story.do("escalate", COMMANDER, "it grows")
    assert state.level == "III"


def test_overdue_rises_by_the_plan() -> None:
    story = filed()
    first = story.state.clock("accept:c1-1")
    assert first
    state = story.wait(MONDAY + 8 * MINUTE)
    assert (state.urges, state.level) == (1, "V")
    state = story.wait(MONDAY + 15 * MINUTE)
    assert (state.level, state.escalations) == ("IV", 1)
    again = state.clock("accept:c1-1")
    assert again and again.due == MONDAY + 27 * MINUTE  # 12 minutes at the new level
    assert story.wait(again.due).level == "III"
    assert story.do("accept", CLEANER).clock("accept:c1-1") is None
    level = story.state.level
    state = story.wait(story.state.orders[0].due)
    assert (state.level, level) == ("II", "III")  # not handled in time either
    assert state.told[-1] == "centre"


def test_many_marks_at_once_raise_one_level() -> None:
    story = Story(signal("alarm", FIRE))
    draft = Draft("c1", story.state, MONDAY + 30 * 24 * HOUR)
    overdue.attend(draft, CITY)
    assert [event.step for event in draft.events].count("escalate") == 1
    assert draft.state.level == "II"


def test_marked_and_real_do_not_mix() -> None:
    marked = Story(signal("alarm", FIRE, probe="p"))
    assert all(event.probe == "p" for event in marked.events)
    assert all(order.persons == () for order in marked.state.orders)
    assert marked.refused("accept", FIREMAN) == "probe"
    assert filed().refused("accept", Actor("x", ("probe_handle",), probe="p")) == "probe"
    handler = Actor("h", ("probe_handle",), probe="p")
    command = Actor("c", ("probe_command",), probe="p")
    for order in marked.state.orders:
        marked.do("accept", handler, order=order.order)
        marked.do("feed_back", handler, order=order.order, result="ok")
    assert marked.refused("check", handler, result="pass") == "permission"
    marked.do("check", command, result="pass")
    assert marked.do("close", command).outcome == "closed"


def test_unknown_steps_and_orders() -> None:
    story = filed()
    assert story.refused("explode", OFFICER) == "unknown_step"
    assert story.refused("accept", CLEANER, order="c1-9") == "order"
    story.do("accept", CLEANER)
    assert story.refused("accept", CLEANER) == "order"
