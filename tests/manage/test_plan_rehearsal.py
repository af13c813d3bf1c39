"""A plan is tried on the past before it takes effect."""

from __future__ import annotations

import msgspec

from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.city.level.plan import Acts, OrderTemplate, Tell
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


def changed(code: str, **more: object) -> tuple[object, ...]:
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
    assert change.parts() == ["tells", "orders"]
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
