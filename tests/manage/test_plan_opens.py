"""What a plan opens: checklist, conference, warning; and when the level falls again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tianmu.city import pack
from tianmu.city.grading import Condition, GradingRule
from tianmu.city.limit import Limit, LimitUnit
from tianmu.city.plan import Conference, Fall, Item, PlanWarning
from tianmu.manage import intake
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.fold import fold
from tianmu.manage.case.ledger import parties
from tianmu.manage.clocks.overdue import attend
from tianmu.manage.levels import quiet
from tianmu.manage.merging.merge import Match
from tianmu.manage.steps.lifecycle import Command, Refusal, decide

from .test_lifecycle import signal
from .town import FIRE, FIREMAN, HOUR, KIOSK, MINUTE, MONDAY, OFFICER, text, town

PLAIN = town()
QUIET = Limit(1, LimitUnit.URGENT_HOUR)


LIST = (
    Item("out", text("Everybody is out"), "lead", Limit(20, LimitUnit.MINUTE)),
    Item("watch", text("Somebody stays to watch")),
)
OPENS = {
    "fire-III": {
        "checklist": LIST,
        "conference": Conference(("lead", "joint"), Limit(15, LimitUnit.MINUTE), text("Fire")),
        "warning": PlanWarning("orange", text("Keep away")),
        "falls": Fall(QUIET),
    },
    "plan-II": {"falls": Fall(QUIET)},
}
CITY = replace(
    PLAIN,
    plans=tuple(msgspec.structs.replace(one, **OPENS.get(one.code, {})) for one in PLAIN.plans),
)


def fire(**more: object) -> Draft:
    draft = Draft("c1", None, MONDAY)
    alarm = signal("alarm", FIRE, priority=2, device="d1", **more)
    intake.open_case(draft, CITY, alarm, "N1", intake.Policy())
    return draft


def test_a_plan_opens_checklist_conference_and_warning_once() -> None:
    draft = fire()
    state = draft.state
    assert (state.level, state.plans) == ("III", ("fire-III",))
    assert [one.code for one in state.tasks] == [
        "fire-III/out", "fire-III/watch", "fire-III/conference",
    ]  # fmt: skip
    out, watch, conference = state.tasks
    assert (out.units, out.due) == (("fire",), MONDAY + 20 * MINUTE)
    assert (watch.units, watch.due) == ((), 0)
    assert (conference.units, conference.due) == (("fire", "centre-north"), MONDAY + 15 * MINUTE)
    assert [(one.colour, one.plan) for one in state.warnings] == [("orange", "fire-III")]
    assert {"fire", "centre", "centre-north"} <= parties(state), "they see it"
    draft.now += MINUTE
    told = signal("alarm", FIRE, id="s2", device="d2", at=draft.now)
    intake.join_case(draft, CITY, told, Match("c1", 1.0, ()), intake.Policy())
    assert len(draft.state.tasks) == 3


def test_points_are_ticked_off_by_who_takes_part_and_their_clocks_stop() -> None:
    state = fire().state
    assert state.clock("task:fire-III/out")
    found = decide(state, Command("tick", data={"task": "fire-III/out"}), FIREMAN, MONDAY, CITY)
    assert not isinstance(found, Refusal)
    after = fold(found, state)
    assert (after.tasks[0].done_by, after.tasks[0].done_at) == ("fred", MONDAY)
    assert after.clock("task:fire-III/out") is None
    for task, actor in (("fire-III/out", OFFICER), ("nothing", OFFICER), ("fire-III/watch", KIOSK)):
        refused = decide(after, Command("tick", data={"task": task}), actor, MONDAY, CITY)
        assert isinstance(refused, Refusal)


def _returned(draft: Draft) -> None:
    draft.add("returned", {"member": {"kind": "alarm", "id": "s1"}, "at": draft.now})
    quiet.begin(draft, CITY)


def test_a_quiet_case_falls_by_one_down_to_its_matters_own_level() -> None:
    draft = fire(severity="II")
    assert draft.state.level == "II"
    for order in draft.state.orders:
        stopped = {"order": order.order, "stopped": [f"accept:{order.order}"]}
        draft.add("accept", stopped, actor="fred")
    due = draft.state.due
    _returned(draft)
    assert draft.state.due == due > MONDAY + HOUR, "no work is due when a level falls"
    draft.now = MONDAY + HOUR
    attend(draft, CITY)
    grade = next(one for one in reversed(draft.events) if one.step == "grade")
    assert (draft.state.level, grade.data["before"], grade.actor) == ("III", "II", "@system")
    assert grade.data["why"][0]["en"]
    assert draft.state.clock("fall") is None, "the matter's own level is the floor"


@pytest.mark.parametrize("stir", ["signal", "hand"])
def test_what_stirs_again_or_was_set_by_hand_does_not_fall(stir: str) -> None:
    draft = fire(severity="II")
    _returned(draft)
    draft.now += 30 * MINUTE
    if stir == "signal":
        told = signal("alarm", FIRE, id="s2", device="d2", at=draft.now)
        intake.join_case(draft, CITY, told, Match("c1", 1.0, ()), intake.Policy())
        assert draft.state.clock("fall") is None
    else:
        found = decide(
            draft.state, Command("grade", "I know", {"level": "II"}), OFFICER, draft.now, CITY
        )
        assert not isinstance(found, Refusal)
        draft = Draft("c1", fold(found, draft.state), draft.now)
    draft.now = MONDAY + 2 * HOUR
    level = draft.state.level_number
    attend(draft, CITY)
    assert draft.state.level_number <= level


def _after_the_quiet(draft: Draft) -> str:
    """Its units have come and work on it; all is quiet for an hour."""
    clocks = [one.name for one in draft.state.clocks]
    draft.add("note", {"text": "they work on it", "stopped": clocks})
    _returned(draft)
    draft.now += HOUR
    attend(draft, CITY)
    return draft.state.level


def _did(draft: Draft, step: str, **data: object) -> Draft:
    found = decide(draft.state, Command(step, "because", data), OFFICER, draft.now, CITY)
    assert not isinstance(found, Refusal)
    return Draft("c1", fold(found, draft.state), draft.now)


def test_it_does_not_fall_below_what_still_holds() -> None:
    told = fire(text="trapped")
    assert told.state.level == "II"
    assert _after_the_quiet(told) == "II", "people told of it, and nobody has said otherwise"
    assert told.state.clock("fall") is None


def test_what_holds_for_a_season_is_looked_at_again() -> None:
    night = GradingRule(code="night", name=text("night"), when=Condition(hours=(9, 11)), rise=1)
    grading = msgspec.structs.replace(CITY.grading, rules=(night,))
    where = replace(CITY, grading=grading)
    draft = Draft("c1", None, MONDAY)
    intake.open_case(
        draft, where, signal("alarm", FIRE, priority=2, device="d1"), "N1", intake.Policy()
    )
    assert draft.state.level == "II"
    stopped = [one.name for one in draft.state.clocks]
    draft.add("returned", {"member": {"kind": "alarm", "id": "s1"}, "stopped": stopped})
    quiet.begin(draft, where)
    levels = []
    for _ in range(2):
        draft.now += HOUR
        attend(draft, where)
        levels.append(draft.state.level)
    assert levels == ["II", "III"], "at ten it still holds, at eleven it does not"


def test_what_a_person_or_a_limit_has_raised_it_to_stays() -> None:
    draft = _did(fire(), "escalate")
    assert (draft.state.level, draft.state.level_by_hand, draft.state.held) == ("II", False, 2)
    assert _after_the_quiet(draft) == "II"
    late = fire()
    late.now = late.state.next_mark_at + 5 * MINUTE
    attend(late, CITY)
    assert (late.state.level, late.state.failed) == ("II", 1)
    assert _after_the_quiet(late) == "II", "its units had not come: that stays"
    lowered = _did(draft, "grade", level="III")
    assert (lowered.state.level, lowered.state.held) == ("III", 0), "a person may lower it"


def test_faults_of_a_plan_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "liyang"
    shutil.copytree(pack.locate("liyang"), folder)
    plans = folder / "plans.toml"
    broken = plans.read_text()
    for good, bad in (
        ('colour = "red"', 'colour = "pink"'),
        ('code = "valve"', 'code = "ignition"'),
        ('conference = { parties = ["lead", "joint"], ', 'conference = { parties = ["nobody"], '),
    ):
        assert good in broken
        broken = broken.replace(good, bad, 1)
    plans.write_text(broken)
    faults = [one for one in pack.check(folder) if one.file == "plans.toml"]
    what = " ".join(one.what for one in faults)
    assert len(faults) == 3, faults
    assert "'pink'" in what
    assert "'ignition'" in what
    assert "'nobody' is nobody" in what
