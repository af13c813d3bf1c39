"""Contact ladders of cases that are put together and taken apart: nobody is called again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tianmu.manage.case.fold import fold
from tianmu.manage.case.state import CaseState

from .ladders import LEVEL, NIGHT, Reached
from .test_bequest import sound
from .test_regroup import same
from .town import FIREMAN, MINUTE, OFFICER


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Reached]:
    made = Reached(tmp_path, LEVEL)
    made.gateways = {"message": "w", "call": "w"}
    yield made
    made.close()


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Reached]:
    made = Reached(tmp_path, NIGHT)
    made.gateways = {"call": "w"}
    yield made
    made.close()


def two(house: Reached, first: int = 3, second: int = 3) -> tuple[CaseState, CaseState]:
    """Two fires five minutes apart."""
    for east, priority in ((0, first), (2000, second)):
        house.alarm(east=east, priority=priority)
        house.work()
        house.now += 5 * MINUTE
        house.work()
    return house.manage.case("c1"), house.manage.case("c2")


def calls(house: Reached, case: str) -> list[tuple[str, str]]:
    return [
        (one["account"], one["by"])
        for move in house.moves(case)
        for one in move.data["tries"]
        if one["outcome"] == "handed_over"
    ]


def folded(house: Reached) -> None:
    for case in ("c1", "c2"):
        events = [one for one in house.topic() if one.case == case]
        assert fold(events) == house.manage.case(case)
        sound(house.manage.case(case))


def test_each_has_its_ladder_while_they_are_one_and_after(house: Reached) -> None:
    one, other = two(house)
    assert [c.contacts[0].running for c in (one, other)] == [True, True]
    got = house.manage.merge("c2", "c1", OFFICER, "one fire")
    assert [held.contact for held in got.contacts] == ["k1"], "one of the sort goes on alone"
    assert got.clock("contact:k1") == one.clock("contact:k1")
    again, back = house.manage.undo("c1", "", OFFICER, "two fires")
    same(one, again)
    same(other, back)
    before = calls(house, "c1"), calls(house, "c2")
    for _ in range(9):
        house.pass_minutes(3)
    for case, known in zip(("c1", "c2"), before, strict=True):
        tried = calls(house, case)
        assert tried[: len(known)] == known and len(set(tried)) == len(tried)
        assert tried[-1][0] != "fred", "the next persons were called"
    folded(house)


def test_who_has_answered_for_the_one_is_not_called_for_the_other(night: Reached) -> None:
    two(night, first=3, second=2)
    state = night.manage.answer_contact("c2", "k1", OFFICER)
    night.now += 60 * MINUTE
    before = len(night.moves("c1")), len(night.moves("c2"))
    got = night.manage.merge("c2", "c1", OFFICER, "one fire")
    (held,) = got.contacts
    assert (held.contact, held.state, held.answered_by) == ("c2-k1", "answered", "olga")
    again, back = night.manage.undo("c1", "", OFFICER, "two fires")
    assert again.contacts == () and back.contacts == state.contacts
    assert (len(night.moves("c1")), len(night.moves("c2"))) == before
    folded(night)


def test_who_is_called_for_the_one_goes_on_being_called_for_both(night: Reached) -> None:
    _, other = two(night, first=3, second=2)
    assert other.contacts[0].waits
    got = night.manage.merge("c2", "c1", OFFICER, "one fire")
    assert [held.contact for held in got.contacts] == ["c2-k1"]
    night.manage.answer_contact("c1", "c2-k1", OFFICER)
    _, back = night.manage.undo("c1", "", OFFICER, "two fires")
    assert (back.contacts[0].contact, back.contacts[0].state) == ("k1", "answered")
    assert night.told()[-1].data["count"] == 0
    folded(night)


def test_a_running_ladder_moves_on_there_and_comes_back_where_it_is(house: Reached) -> None:
    house.alarm(priority=3, matter="t:event:3")
    house.work()
    house.alarm(east=2000, priority=3)
    house.work()
    other = house.manage.case("c2")
    got = house.manage.merge("c2", "c1", OFFICER, "one fire")
    (held,) = got.contacts
    assert (held.contact, held.account, held.by) == ("c2-k1", "fred", "message")
    sound(got)
    house.pass_minutes(2)
    got = house.manage.case("c1")
    assert [held.by for held in got.contacts] == ["call"], "the next rung, none left out"
    clock = got.clock("contact:c2-k1")
    assert clock is not None and clock.due == got.contacts[0].due
    again, back = house.manage.undo("c1", "", OFFICER, "two fires")
    assert not any(one.contact == "c2-k1" for one in again.contacts)
    assert (back.contacts[0].contact, back.contacts[0].by) == ("k1", "call")
    mine = back.clock("contact:k1")
    assert mine is not None and (mine.due, mine.started_at) == (clock.due, clock.started_at)
    assert other.contacts[0].by == "message"
    folded(house)


def test_alarms_that_come_with_a_case_or_are_taken_out_wake_nobody(night: Reached) -> None:
    two(night, first=3, second=2)
    night.alarm(east=2001, priority=2)
    night.work()
    night.manage.answer_contact("c2", "k1", OFFICER)
    night.now += 60 * MINUTE
    night.work()
    moves = len(night.moves("c1")) + len(night.moves("c2"))
    night.manage.merge("c2", "c1", OFFICER, "one fire")
    night.manage.undo("c1", "", OFFICER, "two fires")
    _, made = night.manage.split("c2", ["alarm:a3"], OFFICER, "another fire")
    assert made.contacts == ()
    assert len(night.moves("c1")) + len(night.moves("c2")) == moves


def test_the_lead_who_has_accepted_is_not_called_for_the_case_that_inherits(
    house: Reached,
) -> None:
    one, _ = two(house)
    house.manage.command("c2", "accept", FIREMAN)
    assert one.contacts[0].running
    got = house.manage.merge("c2", "c1", OFFICER, "one fire")
    assert [order.state for order in got.open_orders if order.lead] == ["accepted"]
    assert [(held.state, held.answered_by) for held in got.contacts] == [("answered", "fred")]
    before = calls(house, "c1")
    house.pass_minutes(60)
    assert calls(house, "c1") == before
    folded(house)


def test_no_ladder_to_the_lead_begins_where_their_order_is_accepted(tmp_path: Path) -> None:
    grave = msgspec.structs.replace(LEVEL, code="grave", levels=("II",))
    house = Reached(tmp_path, LEVEL, grave)
    house.case()
    house.manage.command("c1", "accept", FIREMAN)
    house.manage.command("c1", "grade", OFFICER, reason="it spreads", data={"level": "II"})
    assert [held.ladder for held in house.manage.case("c1").contacts] == ["serious"]
    house.close()
