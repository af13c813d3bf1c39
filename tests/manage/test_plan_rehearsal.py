"""A plan is tried on the past before it takes effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.city.level.plan import Acts, Conference, Item, Next, OrderTemplate, Plan, Tell
from tianmu.manage.levels.rehearsal import rehearse

from .test_lifecycle import CITY, Story, signal
from .town import CHECKER, FIRE, MONDAY, OFFICER, RUBBISH, text


def past() -> list[Story]:
    fire, rubbish = Story(signal("alarm", FIRE, device="d1")), Story(signal(matter=RUBBISH))
    rubbish.do("verify", CHECKER)
    rubbish.do("file", OFFICER)
    rubbish.do("escalate", OFFICER, "the mayor asks")
    waiting = Story(signal(matter=RUBBISH))
    return [fire, rubbish, waiting]


def changed(code: str, **more: Any) -> tuple[Plan, ...]:
    return tuple(
        msgspec.structs.replace(one, **more) if one.code == code else one for one in CITY.plans
    )


def test_the_same_plans_change_nothing() -> None:
    found = rehearse([story.events for story in past()], CITY, CITY.plans)
    assert (found.cases, found.moments, found.changes) == (3, 3, ())


def test_a_changed_plan_shows_what_it_would_have_changed_and_where() -> None:
    plan = next(one for one in CITY.plans if one.code == "fire-III")
    more = changed(
        "fire-III",
        tells=(*plan.tells, Tell("roads", Limit(1, LimitUnit.MINUTE), "call")),
        orders=(OrderTemplate("lead", text("Out"), Limit(1, LimitUnit.URGENT_HOUR)),),
    )
    found = rehearse([story.events for story in past()], CITY, more)
    (change,) = found.changes
    assert (change.case, change.level, change.at) == ("c1", "III", MONDAY)
    assert change.parts() == ["tells", "orders", "words"]
    assert change.after.tells.keys() - change.before.tells.keys() == {"roads"}
    assert change.before.orders.keys() - change.after.orders.keys() == {"centre-north"}
    assert (change.before.orders["fire"], change.after.orders["fire"]) == ("case", "1 urgent_hour")


def test_other_tiers_are_a_change() -> None:
    other = changed("fire-III", acts=Acts(handle=2, coordinate=1, command=1))
    (change,) = rehearse([past()[0].events], CITY, other).changes
    assert change.parts() == ["acts"]
    assert (change.before.acts, change.after.acts) == ("2 2 2", "2 1 1")


def test_a_level_that_rose_is_asked_for_again() -> None:
    found = rehearse([past()[1].events], CITY, changed("plan-IV", tells=()))
    assert found.moments == 2
    assert [one.level for one in found.changes] == ["IV"]


def test_points_of_checklists_conferences_and_who_is_told_then_are_a_change() -> None:
    minute = LimitUnit.MINUTE
    next_one = Next("centre:1", Limit(5, minute), "call")
    item = Item("out", text("Everybody is out"), "lead", Limit(20, minute), next_one)
    meets = Conference(("lead", "joint"), Limit(15, minute), text("fire"))
    tell = Tell("roads", Limit(5, minute), "call", next_one)
    opened: dict[str, Any] = {"checklist": (item,), "conference": meets, "tells": (tell,)}
    before = replace(CITY, plans=changed("fire-III", **opened))
    replaced = msgspec.structs.replace
    cases: dict[str, dict[str, Any]] = {
        "tasks": {"checklist": (replaced(item, within=Limit(5, minute)),)},
        "tasks by": {"checklist": (replaced(item, by="roads"),)},
        "tasks then": {"checklist": (replaced(item, then=None),)},
        "tasks conference": {"conference": replaced(meets, parties=("lead",))},
        "tasks soon": {"conference": replaced(meets, within=Limit(5, minute))},
        "tells": {"tells": (replaced(tell, then=None),)},
        "words": {"checklist": (replaced(item, text=text("All are out")),)},
    }
    for part, change in cases.items():
        after = changed("fire-III", **{**opened, **change})
        (found,) = rehearse([past()[0].events], before, after).changes
        assert found.parts() == [part.split()[0]], part
    assert rehearse([past()[0].events], before, before.plans).changes == ()
    assert found.before.tasks == {
        "out": "fire 20 minute → centre call 5 minute",
        "conference": "fire centre-north 15 minute",
    }
