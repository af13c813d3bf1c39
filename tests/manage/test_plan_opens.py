"""What a plan opens: checklist, conference, warning; and when the level falls again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tianmu.city import pack
from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.city.city import City
from tianmu.city.level.grading import Condition, GradingRule
from tianmu.city.level.plan import Conference, Fall, Item, Next, PlanWarning, Tell
from tianmu.manage import intake
from tianmu.manage.actor import Actor
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.fold import fold
from tianmu.manage.case.parties import parties
from tianmu.manage.levels import quiet
from tianmu.manage.signals.judge import Match
from tianmu.manage.steps.lifecycle import Command, Refusal, decide
from tianmu.manage.steps.overdue import attend

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


def _watched() -> City:
    """The city, with a plan that says who is next where somebody does nothing in time."""
    then = Next("centre:1", Limit(3, LimitUnit.MINUTE), "call")
    changed = {
        "tells": (
            Tell("centre:2", Limit(4, LimitUnit.MINUTE), "call", then),
            Tell("centre:1", Limit(5, LimitUnit.MINUTE), "message"),
        ),
        "checklist": (Item("out", text("out"), "lead", Limit(20, LimitUnit.MINUTE), then),),
        "conference": Conference(("lead",), Limit(30, LimitUnit.MINUTE), text("talk")),
    }
    plans = (
        msgspec.structs.replace(one, **changed) if one.code == "fire-III" else one
        for one in CITY.plans
    )
    return replace(CITY, plans=tuple(plans))


def _opened(where: City) -> Draft:
    draft = Draft("c1", None, MONDAY)
    alarm = signal("alarm", FIRE, priority=2, device="d1")
    intake.open_case(draft, where, alarm, "N1", intake.Policy())
    return draft


def _told(draft: Draft) -> list[tuple[str, str, str]]:
    return [
        (one["unit"], one["by"], event.data.get("task", ""))
        for event in draft.events
        if event.step == "tell"
        for one in event.data["tells"]
    ]


def test_what_nobody_does_in_time_is_told_to_the_next_by_the_plan() -> None:
    where = _watched()
    draft = _opened(where)
    knows = "fire-III/knows:centre:2=centre-north"
    assert [one.code for one in draft.state.tasks][1] == knows
    first = _told(draft)
    shares = {one.name: [mark.share for mark in one.marks] for one in draft.state.clocks}
    assert shares[f"task:{knows}"] == shares["task:fire-III/out"] == [0.5, 1.0], "with a warning"
    draft.now = MONDAY + 3 * MINUTE
    attend(draft, where)
    assert _told(draft) == first, "half of the limit: urged, and nobody else told"
    draft.now = MONDAY + 4 * MINUTE
    attend(draft, where)
    assert _told(draft)[len(first) :] == [("centre", "call", knows)]
    tell = next(one for one in reversed(draft.events) if one.step == "tell")
    assert tell.data["tells"][0]["due"] == draft.now + 3 * MINUTE
    assert tell.data["why"][0]["en"].startswith("not done in its time: ")
    draft.now = MONDAY + 30 * MINUTE
    attend(draft, where)
    assert _told(draft)[len(first) + 1 :].count(("centre", "call", "fire-III/out")) == 1
    assert not any(about == "fire-III/conference" for _, _, about in _told(draft))
    attend(draft, where)
    assert len([1 for _, _, about in _told(draft) if about]) == 2, "once each"


def test_whoever_does_something_on_the_case_knows_of_it() -> None:
    where = _watched()
    state = _opened(where).state
    other = Actor("x", ("duty_officer",), department="roads")
    above = Actor("carl", ("duty_officer",), department="centre")
    assert where.departments["centre-north"].parent == "centre"
    north = Actor("nora", ("duty_officer",), department="centre-north")
    for actor, done in ((other, 0), (above, 0), (north, MONDAY)):
        found = decide(state, Command("note", data={"text": "seen"}), actor, MONDAY, where)
        assert not isinstance(found, Refusal)
        state = fold(found, state)
        assert state.tasks[1].done_at == done
    assert state.tasks[1].done_by == "nora"
    assert state.clock(f"task:{state.tasks[1].code}") is None


def test_a_limit_is_due_soon_from_its_own_warning_on() -> None:
    draft = _opened(CITY)
    handle = draft.state.clock(f"handle:{draft.state.orders[0].order}")
    assert handle is not None
    assert handle.soon_at == MONDAY + HOUR, "half of two hours, as the level says"
    silent = tuple(
        msgspec.structs.replace(one, escalate=msgspec.structs.replace(one.escalate, remind_at=None))
        for one in CITY.profile.levels
    )
    quietly = replace(CITY, profile=msgspec.structs.replace(CITY.profile, levels=silent))
    draft = _opened(quietly)
    handle = draft.state.clock(f"handle:{draft.state.orders[0].order}")
    assert handle is not None
    assert handle.soon_at == MONDAY + 90 * MINUTE, "three quarters, as the city says"
    out = draft.state.clock("task:fire-III/out")
    assert out is not None
    draft.now = out.soon_at
    attend(draft, quietly)
    warned = [one for one in draft.events if one.step == "warn"]
    assert any("task:fire-III/out" in one.data["clocks_due"] for one in warned)
    urged = [one for one in draft.events if one.step == "urge" and "clocks_due" in one.data]
    assert not any("task:fire-III/out" in one.data["clocks_due"] for one in urged)


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
        (
            'level = "III"\nmatters = ["*"]',
            'level = "III"\nmatters = ["*"]\nacts = { coordinate = 1 }',
        ),
        ('then = { to = "centre:1"', 'then = { to = "no-one"'),
    ):
        assert good in broken
        broken = broken.replace(good, bad, 1)
    plans.write_text(broken)
    faults = [one for one in pack.check(folder) if one.file == "plans.toml"]
    what = " ".join(one.what for one in faults)
    assert len(faults) == 5, faults
    assert "'pink'" in what
    assert "'ignition'" in what
    assert "'nobody' is nobody" in what
    assert "'no-one' is nobody" in what
    assert "iii-any: tiers 2, 1, 3 cannot" in what, "coordinated above where it is commanded"
