"""What has made a level fall keeps it down: alarms that had all returned say nothing any more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.city.level.grading import Condition, GradingRule
from tianmu.city.level.plan import Fall
from tianmu.facts.alarm import AlarmEvent, AlarmState
from tianmu.manage import intake
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.fold import fold
from tianmu.manage.levels import quiet
from tianmu.manage.merging.bequest import take_over
from tianmu.manage.signals.judge import Match
from tianmu.manage.steps.lifecycle import Command, Refusal, decide
from tianmu.manage.steps.overdue import attend

from .test_lifecycle import signal
from .town import FIRE, HOUR, MINUTE, MONDAY, OFFICER, text, town

PLAIN = town()
UP = AlarmState.UNACKNOWLEDGED
RULES = (
    GradingRule(code="grave", name=text("grave"), when=Condition(priority=1), level=2),
    GradingRule(code="wide", name=text("wide"), when=Condition(devices_from=2), level=2),
    GradingRule(code="many", name=text("many"), when=Condition(signals_from=4), level=2),
    GradingRule(code="hurt", name=text("hurt"), when=Condition(injured_from=1), level=2),
    GradingRule(code="word", name=text("word"), when=Condition(words=("trapped",)), level=2),
)
CITY = replace(
    PLAIN,
    grading=msgspec.structs.replace(PLAIN.grading, rules=RULES),
    plans=tuple(
        msgspec.structs.replace(one, falls=Fall(Limit(1, LimitUnit.URGENT_HOUR)))
        for one in PLAIN.plans
    ),
)


def add(draft: Draft, name: str, *, kind: str = "alarm", **more: Any) -> None:
    told = signal(kind, FIRE, id=name, at=draft.now, **more)
    new = bool(more.get("device"))
    intake.join_case(draft, CITY, told, Match("c1", 1.0, ()), intake.Policy(), new_device=new)


def calmed(*alarms: tuple[int, str]) -> Draft:
    """A case of alarms (priority, device), all of which have returned, and whose level has fallen
    from II to III for that."""
    draft = Draft("c1", None, MONDAY)
    for index, (priority, device) in enumerate(alarms):
        if index:
            add(draft, f"s{index + 1}", priority=priority, device=device)
            continue
        first = signal("alarm", FIRE, id="s1", priority=priority, device=device)
        intake.open_case(draft, CITY, first, "N1", intake.Policy())
    assert draft.state.level == "II"
    stopped = [one.name for one in draft.state.clocks]
    for index in range(len(alarms)):
        member = {"kind": "alarm", "id": f"s{index + 1}"}
        draft.add("returned", {"member": member, "at": draft.now, "stopped": stopped})
    quiet.begin(draft, CITY)
    draft.now += HOUR
    attend(draft, CITY)
    assert (draft.state.level, draft.state.active) == ("III", 0)
    return draft


def did(draft: Draft, step: str, **data: object) -> Draft:
    found = decide(draft.state, Command(step, "because", data), OFFICER, draft.now, CITY)
    assert not isinstance(found, Refusal), found
    return Draft("c1", fold(found, draft.state), draft.now)


GRAVE = ((1, "d1"),)
WIDE = ((3, "d1"), (3, "d2"))


@pytest.mark.parametrize("alarms", [GRAVE, WIDE])
def test_what_says_nothing_new_does_not_raise_it_again(alarms: tuple[tuple[int, str], ...]) -> None:
    draft = calmed(*alarms)
    assert did(draft, "assess", dead=0, area_ha=0.5).state.level == "III"
    assert did(draft, "order", department="roads", lead=False).state.level == "III"
    by_rules = did(did(draft, "grade", level="IV"), "grade", level="III", rules=True)
    assert (by_rules.state.level, by_rules.state.level_by_hand) == ("III", False)
    by_hand = did(did(draft, "grade", level="III"), "assess", area_ha=0.5)
    assert not by_hand.state.advised, "nor is anybody advised to raise it"
    add(draft, "r1", kind="report", text="it smells of smoke")
    assert draft.state.level == "III", "a report that asks for nothing by itself"
    draft.now += 10 * MINUTE
    attend(draft, CITY)
    assert draft.state.level == "III"


@pytest.mark.parametrize("alarms", [GRAVE, WIDE])
def test_what_is_new_and_asks_for_more_raises_it(alarms: tuple[tuple[int, str], ...]) -> None:
    assert did(calmed(*alarms), "assess", injured=1).state.level == "II"
    said = calmed(*alarms)
    add(said, "r1", kind="report", text="somebody is trapped")
    assert said.state.level == "II"
    grave = calmed(*alarms)
    add(grave, "s8", priority=1, device="d1")
    assert grave.state.level == "II", "as grave as the one that has returned"
    wide = calmed(*alarms)
    add(wide, "s8", priority=3, device="d8")
    assert wide.state.level == "III", "one device of those that alarm now"
    add(wide, "s9", priority=3, device="d9")
    assert wide.state.level == "II"
    worse = calmed(*alarms)
    add(worse, "s8", priority=3, device="d8")
    event = AlarmEvent(
        alarm="s8", identity="r@d8/x", transition="worsen", rule="r", device="d8",
        datastream="d8/x", state=UP, before=UP, priority=1,
        observed_at=worse.now, at=worse.now,
    )  # fmt: skip
    intake.worsen(worse, CITY, event)
    assert worse.state.level == "II"


def test_of_the_signals_those_count_that_have_not_calmed() -> None:
    draft = calmed((1, "d1"), (3, "d2"), (3, "d3"))
    for index in range(3):
        add(draft, f"r{index}", kind="report", text="smoke")
        assert draft.state.level == "III", "six signals, three of which have calmed"
    add(draft, "r9", kind="report", text="smoke")
    assert (draft.state.level, draft.state.signals) == ("II", 7)


def test_a_calmed_case_that_is_taken_in_makes_the_other_no_graver() -> None:
    one = calmed(*GRAVE).state
    other = Draft("c2", None, MONDAY)
    first = signal("alarm", FIRE, id="s7", priority=3, device="d7")
    intake.open_case(other, CITY, first, "N2", intake.Policy())
    taken, _ = take_over(CITY, one, other.state, MONDAY + HOUR)
    assert (taken["calmed"], taken["worst_since"]) == (1, 3)
