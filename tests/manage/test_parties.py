"""Whom a case concerns, and whom it does no more: and that the tables say so."""

from __future__ import annotations

import random

import pytest

from tianmu.manage.actor import Actor
from tianmu.manage.case.fold import fold
from tianmu.manage.case.parties import parties
from tianmu.manage.kept.rebuild import rebuild
from tianmu.manage.manage import Refused

from .house import House, house
from .test_lifecycle import Story, filed
from .town import CHECKER, CLEANER, FIRE, FIREMAN, OFFICER, RUBBISH

__all__ = ["house"]
ROADMAN = Actor("rod", ("department_worker",), department="roads")


def handed_on() -> tuple[Story, frozenset[str]]:
    """A case of ``clean`` with an order for ``roads``, and whom it concerns beside them."""
    story = filed()
    story.do("order", OFFICER, department="roads", lead=False)
    return story, parties(story.state) - {"clean", "roads"}


def of(story: Story, unit: str) -> str:
    return next(one.order for one in story.state.open_orders if one.unit == unit)


def test_an_order_that_was_not_done_ties_nobody_once_it_is_gone() -> None:
    for step, who in (("cancel", OFFICER), ("return", ROADMAN), ("dispute", ROADMAN)):
        story, others = handed_on()
        assert parties(story.state) == {"clean", "roads", *others}
        more = {"department": "fire"} if step == "dispute" else {}
        story.do(step, who, "not theirs", order=of(story, "roads"), **more)
        assert parties(story.state) == {"clean", *others}, step


def test_a_case_that_was_transferred_is_the_new_departments_and_back_the_old_ones() -> None:
    story, others = handed_on()
    story.do("transfer", OFFICER, "theirs", department="fire")
    assert parties(story.state) == {"fire", "roads", *others}
    story.do("transfer", OFFICER, "a slip", department="clean")
    assert parties(story.state) == {"clean", "roads", *others}


def test_whoever_did_its_order_or_came_is_concerned_to_the_end() -> None:
    story, others = handed_on()
    story.do("accept", ROADMAN)
    story.do("feed_back", ROADMAN, result="swept", order=of(story, "roads"))
    story.do("whistle", OFFICER, "come", departments=["fire"])
    story.do("arrive", FIREMAN)
    story.do("transfer", OFFICER, "theirs", department="roads")
    assert parties(story.state) == {"roads", "fire", *others}


def test_whoever_is_called_off_is_concerned_no_more() -> None:
    story, others = handed_on()
    story.do("whistle", OFFICER, "come", departments=["fire"])
    assert "fire" in parties(story.state)
    story.do("call_off", OFFICER, "not needed", department="fire")
    assert parties(story.state) == {"clean", "roads", *others}


def test_the_end_of_a_case_takes_it_from_nobody_who_was_at_it() -> None:
    story, others = handed_on()
    story.do("transfer", OFFICER, "theirs", department="fire")
    story.do("void", OFFICER, "told twice")
    assert not story.state.open_orders
    assert parties(story.state) == {"fire", "roads", *others}
    story.do("reopen", OFFICER, "it is there")
    assert parties(story.state) == {"fire", *others}, "it begins anew, without old orders"


def test_who_leads_already_is_said() -> None:
    story = filed()
    assert story.refused("transfer", OFFICER, "theirs", department="clean") == "leads_already"


def held(house: House) -> set[tuple[str, str]]:
    """(department, case) as the table has them."""
    asked = "SELECT department, serial FROM case_party"
    rows = house.hub.read(lambda connection: connection.exec_driver_sql(asked).all())
    return {(department, f"c{serial}") for department, serial in rows}


DEPARTMENTS = ("clean", "roads", "fire")


@pytest.mark.parametrize("walk", [1, 2, 3])
def test_tables_say_whom_cases_concern_and_so_does_a_rebuild(house: House, walk: int) -> None:
    """Cases are handed about, void and begun again, merged and taken apart."""
    seed = random.SystemRandom().randrange(1 << 30)
    print(f"walk {walk} by seed {seed}")
    draw = random.Random(seed)
    for number in range(3):
        house.alarm(east=number * 900, matter=FIRE)
        house.report("litter", east=number * 900 + 5000.0, matter=RUBBISH)
    house.work()
    names = [state.case for state in house.states()]
    steps = (
        *("transfer", "order", "cancel", "return", "dispute", "accept", "feed_back"),
        *("void", "reopen", "verify", "file", "merge", "undo"),
    )
    roads = {"department": "roads", "lead": False}
    for case in names:  # each has let one department go before the walk
        for step in ("verify", "file"):
            if step in {one["step"] for one in house.manage.actions(case, OFFICER)}:
                house.manage.command(case, step, OFFICER)
        state = house.manage.command(case, "order", OFFICER, data=roads)
        order = {"order": next(one.order for one in state.open_orders if one.unit == "roads")}
        assert ("roads", case) in held(house)
        house.manage.command(case, "cancel", OFFICER, reason="not needed", data=order)
        assert ("roads", case) not in held(house)
    for _ in range(150):
        house.now += draw.randrange(60_000_000)
        case, step = draw.choice(names), draw.choice(steps)
        who = draw.choice((OFFICER, CHECKER, CLEANER, FIREMAN, ROADMAN))
        state = house.manage.case(case)
        data: dict[str, object] = {"result": "done", "department": draw.choice(DEPARTMENTS)}
        if state.open_orders:
            data["order"] = draw.choice(state.open_orders).order
        if step == "order":
            data["lead"] = False
        try:
            if step == "merge":
                house.manage.merge(case, draw.choice(names), OFFICER, "the same")
            elif step == "undo":
                house.manage.undo(case, f"alarm:a{draw.randrange(1, 4)}", OFFICER, "another")
            else:
                house.manage.command(case, step, who, None, "because", data)
        except (Refused, LookupError):
            continue
    names = [state.case for state in house.states()]  # what was taken out is a case of its own
    assert held(house) == {
        (department, name) for name in names for department in parties(house.manage.case(name))
    }, seed
    tables = house.tables()
    for name in names:
        told = [one for one in house.topic() if one.case == name]
        assert fold(told) == house.manage.case(name), (seed, name)
    rebuild(house.hub, house.journal)
    assert house.tables() == tables, seed
