"""Points of checklists and conferences when a case gets another lead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.city.city import City
from tianmu.city.level.plan import Conference, Item, Plan, Tell
from tianmu.manage import intake
from tianmu.manage.actor import Actor
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.fold import fold
from tianmu.manage.case.parties import parties
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept.rebuild import rebuild
from tianmu.manage.steps.lifecycle import Command, Refusal, decide

from .house import House
from .test_lifecycle import signal
from .town import FIRE, FIREMAN, MINUTE, MONDAY, OFFICER, text, town

ROADMAN = Actor("rod", ("department_worker",), department="roads")
SOON = Limit(20, LimitUnit.MINUTE)
CALL = Tell("lead", Limit(2, LimitUnit.MINUTE), "call")
OWN = (
    Item("out", text("Everybody is out"), "lead", SOON),
    Item("gas", text("The gas is cut"), "lead"),
    Item("watch", text("Somebody stays to watch")),
)


def city(*points: Item, tells: tuple[Tell, ...] = ()) -> City:
    """The town with these points for a grave fire, and who confers."""

    def changed(plan: Plan) -> Plan:
        if plan.code != "fire-III":
            return plan
        confer = Conference(("lead", "joint"), Limit(15, LimitUnit.MINUTE), text("Fire"))
        return msgspec.structs.replace(
            plan, checklist=points or OWN, conference=confer, tells=(*plan.tells, *tells)
        )

    plain = town()
    return replace(plain, plans=tuple(changed(one) for one in plain.plans))


CITY = city()


def fire(where: City = CITY) -> CaseState:
    draft = Draft("c1", None, MONDAY)
    alarm = signal("alarm", FIRE, priority=2, device="d1")
    intake.open_case(draft, where, alarm, "N1", intake.Policy())
    return draft.state


def do(
    state: CaseState,
    step: str,
    where: City = CITY,
    now: int = MONDAY,
    who: Actor = OFFICER,
    **data: object,
) -> CaseState:
    found = decide(state, Command(step, "so it is", data), who, now, where)
    assert not isinstance(found, Refusal), found
    return fold(found, state)


def whose(state: CaseState) -> dict[str, tuple[str, ...]]:
    return {one.code.rpartition("/")[2]: one.units for one in state.tasks}


def test_open_points_of_the_lead_pass_to_the_new_lead_with_their_time_anew() -> None:
    state = fire()
    assert whose(state)["out"] == ("fire",)
    later = MONDAY + 7 * MINUTE
    after = do(state, "transfer", now=later, department="roads")
    assert whose(after) == {
        "out": ("roads",),
        "gas": ("roads",),
        "watch": (),
        "conference": ("roads", "centre-north"),
    }
    assert after.tasks[0].due == later + 20 * MINUTE
    clock = after.clock("task:fire-III/out")
    assert clock is not None
    assert clock.due == after.tasks[0].due
    assert [one.due for one in after.tasks if one.code.endswith("conference")] == [
        MONDAY + 15 * MINUTE
    ], "those who stay confer in the time that was said"
    assert "fire" not in parties(after)
    assert {"roads", "centre-north"} <= parties(after)


def test_what_the_former_lead_has_done_stays_said_and_gives_no_right() -> None:
    state = do(fire(), "tick", who=FIREMAN, task="fire-III/out")
    assert "fire" in parties(state)
    after = do(state, "transfer", department="roads")
    assert (after.tasks[0].units, after.tasks[0].done_by) == (("fire",), "fred")
    assert "fire" not in parties(after)


def test_who_did_a_point_for_itself_and_was_sent_nowhere_else_is_concerned_on() -> None:
    where = city(Item("road", text("The road is closed"), "roads"))
    state = do(fire(where), "tick", where, who=ROADMAN, task="fire-III/road")
    assert state.tasks[0].done_by == "rod"
    assert "roads" in parties(do(state, "transfer", where, department="clean"))


def test_a_department_that_the_plan_names_keeps_its_own_point() -> None:
    where = city(Item("water", text("Water holds"), "fire", SOON), *OWN)
    after = do(fire(where), "transfer", where, department="roads")
    assert whose(after)["water"] == ("fire",)
    assert whose(after)["out"] == ("roads",)
    assert "fire" in parties(after), "it has something to do"


def test_who_was_told_as_the_lead_need_not_know_on() -> None:
    where = city(tells=(CALL,))
    state = fire(where)
    assert "fire" in state.told
    after = do(state, "transfer", where, department="roads")
    assert "fire" not in parties(after)
    assert "fire" not in dict(after.means)


def test_a_plan_that_is_no_more_leaves_its_points_to_the_new_lead() -> None:
    state = fire()
    after = do(state, "transfer", town(), MONDAY + MINUTE, department="roads")
    assert whose(after)["out"] == ("roads",)
    assert after.tasks[0].due == MONDAY + 21 * MINUTE
    assert "fire" not in parties(after)


def test_back_with_the_first_lead_its_points_are_its_own_again() -> None:
    state = do(fire(), "transfer", department="roads")
    back = do(state, "transfer", department="fire")
    assert whose(back)["out"] == ("fire",)
    assert "roads" not in parties(back)


@pytest.fixture
def grave(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    house.manage.set_city(CITY)
    yield house
    house.close()


def test_tables_and_a_rebuild_agree_on_whose_points_are(grave: House) -> None:
    grave.alarm(matter=FIRE)
    grave.work()
    grave.manage.command("c1", "tick", FIREMAN, data={"task": "fire-III/gas"})
    to = {"department": "roads"}
    state = grave.manage.command("c1", "transfer", OFFICER, reason="theirs", data=to)
    rows = "SELECT department FROM case_party WHERE serial = 1"
    held = grave.hub.read(lambda one: set(one.exec_driver_sql(rows).scalars()))
    assert held == parties(state)
    assert "fire" not in held
    assert fold(grave.topic()) == state
    tables = grave.tables()
    rebuild(grave.hub, grave.journal)
    assert grave.tables() == tables
