"""A case that is merged leaves its orders, calls and clocks to the other, and gets them back."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.manage.actor import Actor
from tianmu.manage.case.estate import runs_for
from tianmu.manage.case.fold import fold
from tianmu.manage.case.state import OPEN_ORDER, STAGES, CaseState
from tianmu.manage.kept.rebuild import rebuild
from tianmu.manage.manage import Refused

from .forces import armed
from .house import House, house
from .ladders import LEVEL, NIGHT, Reached
from .test_case_walks import DATA, REFUSED
from .test_regroup import same
from .town import CHECKER, CLEANER, COMMANDER, FIRE, FIREMAN, GRID, MINUTE, OFFICER, RUBBISH

__all__ = ["house"]

ROADS = Actor("rolf", ("department_worker",), department="roads")
DAY = {"value": 1, "unit": "work_day"}


def two(house: House, later: int = 10) -> tuple[CaseState, CaseState]:
    """Two heaps of rubbish, the second some minutes after the first."""
    for east in (0, 900):
        house.alarm(east=east, matter=RUBBISH, priority=3)
        house.work()
        house.now += later * MINUTE
    one, other = house.states()
    return one, other


def do(house: House, case: str, step: str, who: Actor, **data: Any) -> CaseState:
    return house.manage.command(case, step, who, reason="because", data=data)


def rebuilt(house: House) -> None:
    """The tables are what the events add up to."""
    by_case: dict[str, list[Any]] = {}
    for event in house.topic():
        by_case.setdefault(event.case, []).append(event)
    for case, events in by_case.items():
        assert fold(events) == house.manage.case(case)
    tables = house.tables()
    rebuild(house.hub, house.journal)
    assert house.tables() == tables


def sound(state: CaseState) -> None:
    """What holds of every case."""
    names = [clock.name for clock in state.clocks]
    assert len(set(names)) == len(names)
    assert all(runs_for(state, name) for name in names)
    leads = [one for one in state.open_orders if one.lead]
    assert len(leads) <= 1 and all(one.unit == state.lead for one in leads)
    if not state.open:
        assert not state.clocks and not state.open_orders
        return
    assert (state.stage == "handle") == bool(state.open_orders)
    for order in state.open_orders:
        clock = state.clock(f"handle:{order.order}")
        assert clock is not None and (clock.due == order.due or state.suspended_at)
    for call in state.calls:
        clock = state.clock(f"arrive:{call.unit}")
        assert not call.waits or (clock is not None and clock.due == call.due)
    if state.stage in ("verify", "file", "dispatch", "feed_back", "check"):
        assert state.clock(state.stage)
    for held in state.contacts:
        clock = state.clock(held.clock)
        assert (clock is not None) == held.running
        assert clock is None or clock.due == held.due or state.suspended_at
    if state.supervision:
        assert state.clock("supervise")
    if state.extension:
        assert state.clock(f"extension:{state.extension.order}")
    assert {name for name, _ in state.paused} <= set(names)


def test_orders_calls_and_clocks_go_over_and_come_back(house: House) -> None:
    one, other = two(house)
    case = other.case
    do(house, case, "order", OFFICER, department="roads")
    do(house, case, "whistle", GRID, departments=["fire"])
    do(house, case, "supervise", COMMANDER)
    do(house, case, "assess", OFFICER, injured=2)
    do(house, case, "accept", CLEANER)
    other = house.manage.case(case)
    got = house.manage.merge(case, one.case, OFFICER, "the same heap")
    sound(got)
    by_hand = next(order for order in got.orders if order.unit == "roads")
    assert (by_hand.order, by_hand.state, by_hand.lead) == (f"{case}-2", "sent", False)
    assert by_hand.due == other.orders[1].due
    assert got.clock(f"accept:{case}-2") == other.clock(f"accept:{case}-2")
    assert [call.unit for call in got.calls] == ["fire"]
    assert got.clock("arrive:fire") == other.clock("arrive:fire")
    assert got.supervision == other.supervision
    assert got.clock("supervise") == other.clock("supervise")
    assert got.situation.injured == 2
    assert got.hands == ("cleo",), "who handled it does not check it"
    cleaning = [order for order in got.orders if order.unit == "clean"]
    assert [order.state for order in cleaning] == ["accepted"], "one order, as far as the further"
    ended = house.manage.case(case)
    assert not ended.clocks and not ended.calls
    assert [order.order for order in ended.orders] == [f"{case}-1"]
    rebuilt(house)
    # what is done meanwhile is done
    house.now += MINUTE
    do(house, one.case, "accept", ROADS, order=f"{case}-2")
    do(house, one.case, "arrive", FIREMAN)
    again, back = house.manage.undo(one.case, "", OFFICER, "two heaps")
    assert again.hands == ("rolf",), "he had a hand in what was one case then, and checks neither"
    same(one, msgspec.structs.replace(again, hands=()))
    assert [order.state for order in back.orders] == ["accepted", "accepted"]
    assert back.calls[0].arrived_by == "fred"
    assert (back.supervision, back.situation) == (other.supervision, other.situation)
    assert back.clock(f"accept:{case}-2") is None
    assert back.clock("arrive:fire") is None
    assert "rolf" in back.hands
    sound(back)
    rebuilt(house)


def test_the_earlier_limit_of_both_counts(house: House) -> None:
    one, other = two(house)
    due = one.orders[0].due
    assert due < other.orders[0].due
    got = house.manage.merge(one.case, other.case, OFFICER, "the same heap")
    [order] = got.orders
    assert (order.order, order.due) == (f"{other.case}-1", due)
    clock = got.clock(f"handle:{order.order}")
    assert clock is not None and clock.due == due
    again, back = house.manage.undo(other.case, "", OFFICER, "two heaps")
    same(other, again)
    same(one, back)


def test_a_report_that_takes_in_a_case_in_hand_is_in_hand(house: House) -> None:
    house.report("flames behind the yard", matter=FIRE)
    house.work()
    house.alarm(east=2000, matter=FIRE)
    house.work()
    told, fire = house.states()
    assert (told.stage, fire.stage) == ("verify", "handle")
    house.manage.command(fire.case, "accept", FIREMAN)
    got = house.manage.merge(fire.case, told.case, OFFICER, "the same fire")
    assert got.stage == "handle"
    assert [one.order for one in got.open_orders] == [one.order for one in fire.open_orders]
    assert got.clock("verify") is None and got.queue == ""
    sound(got)
    new = do(house, told.case, "order", OFFICER, department="roads").orders[-1]
    assert new.order == f"{told.case}-1"
    again, back = house.manage.undo(told.case, "", OFFICER, "two fires")
    assert [one.order for one in again.open_orders] == [new.order]
    assert [one.state for one in back.open_orders][:1] == ["accepted"]
    for state in (again, back):
        sound(state)
    rebuilt(house)


def test_a_case_that_was_not_in_hand_is_where_it_was_again(house: House) -> None:
    house.report("flames behind the yard", matter=FIRE)
    house.work()
    house.alarm(east=2000, matter=FIRE)
    house.work()
    told, fire = house.states()
    house.manage.merge(fire.case, told.case, OFFICER, "the same fire")
    again, back = house.manage.undo(told.case, "", OFFICER, "two fires")
    assert (again.stage, again.queue) == ("verify", "verify")
    assert again.clock("verify") == told.clock("verify")
    same(fire, back)


def test_what_was_fed_back_is_looked_at_again(house: House) -> None:
    one, other = two(house)
    do(house, other.case, "accept", CLEANER)
    do(house, other.case, "feed_back", CLEANER, result="swept")
    do(house, other.case, "check", CHECKER, result="pass")
    done = house.manage.case(other.case)
    got = house.manage.merge(one.case, other.case, OFFICER, "the same heap")
    assert (got.stage, got.checked_by) == ("handle", "")
    do(house, other.case, "accept", CLEANER)
    got = do(house, other.case, "feed_back", CLEANER, result="swept the rest")
    assert got.stage == "feed_back"
    with pytest.raises(Refused) as refused:
        do(house, other.case, "check", CLEANER, result="pass")
    assert refused.value.refusal.what in ("permission", "own_work")
    again, back = house.manage.undo(other.case, f"alarm:a{1}", OFFICER, "two heaps")
    assert (again.stage, again.checked_by) == (done.stage, done.checked_by)
    assert (back.stage, back.orders[0].result) == ("feed_back", "swept the rest")
    for state in (again, back):
        sound(state)
    rebuilt(house)


def test_a_longer_limit_that_is_asked_for_goes_along_and_two_are_not_mixed(house: House) -> None:
    one, other = two(house)
    for case in (one.case, other.case):
        do(house, case, "accept", CLEANER)
    do(house, other.case, "ask_extension", CLEANER, limit=DAY)
    other = house.manage.case(other.case)
    got = house.manage.merge(other.case, one.case, OFFICER, "the same heap")
    assert got.extension == other.extension
    sound(got)
    granted = do(house, one.case, "extend", COMMANDER)
    assert granted.orders[-1].due > other.orders[0].due
    again, back = house.manage.undo(one.case, "", OFFICER, "two heaps")
    assert (again.extension, back.extension) == (None, None)
    assert (back.orders[0].due, back.orders[0].extensions) == (granted.orders[-1].due, 1)
    do(house, one.case, "ask_extension", CLEANER, limit=DAY)
    do(house, other.case, "order", OFFICER, department="roads")
    do(house, other.case, "ask_extension", ROADS, limit={"value": 2, "unit": "work_day"})
    with pytest.raises(Refused) as refused:
        house.manage.merge(other.case, one.case, OFFICER, "the same heap")
    assert refused.value.refusal.what == "extension_asked"


def test_a_dispute_and_a_suspension_go_along(house: House) -> None:
    one, other = two(house)
    do(house, other.case, "dispute", CLEANER, department="roads")
    do(house, other.case, "suspend", OFFICER)
    other = house.manage.case(other.case)
    house.now += 60 * MINUTE
    got = house.manage.merge(other.case, one.case, OFFICER, "the same heap")
    assert (got.queue, got.suspended_at) == ("disputed", 0)
    rule, before = got.clock("rule"), other.clock("rule")
    assert rule is not None and before is not None
    assert rule.due > before.due, "it stood still, and goes on here"
    sound(got)
    again, back = house.manage.undo(one.case, "", OFFICER, "two heaps")
    same(one, again)
    same(other, back)
    house.manage.merge(one.case, other.case, OFFICER, "the same heap")
    held = house.manage.case(other.case)
    assert held.suspended_at and {name for name, _ in held.paused} == {c.name for c in held.clocks}
    sound(held)
    again, back = house.manage.undo(other.case, "alarm:a1", OFFICER, "two heaps")
    same(other, again)
    same(one, msgspec.structs.replace(back, clocks=one.clocks))
    assert [clock.due for clock in back.clocks] == [clock.due for clock in one.clocks]
    rebuilt(house)


def test_who_was_sent_by_name_goes_along(house: House) -> None:
    house.manage.set_city(armed())
    one, other = two(house)
    do(house, other.case, "order", OFFICER, unit="s1")
    do(house, other.case, "order", OFFICER, unit="p1")
    other = house.manage.case(other.case)
    assert [order.force for order in other.orders] == ["s1", "p1"]
    got = house.manage.merge(other.case, one.case, OFFICER, "the same heap")
    assert [(order.unit, order.force) for order in got.orders] == [("clean", "s1"), ("roads", "p1")]
    rebuilt(house)
    again, back = house.manage.undo(one.case, "", OFFICER, "two heaps")
    same(one, again)
    same(other, back)
    rebuilt(house)


def test_what_came_through_two_merges_comes_back_in_turn(house: House) -> None:
    for east in (0, 900, 1800):
        house.alarm(east=east, matter=RUBBISH, priority=3)
        house.now += MINUTE
        house.work()
    one, two_, three = (state.case for state in house.states())
    do(house, three, "order", OFFICER, department="roads")
    do(house, two_, "whistle", GRID, departments=["fire"])
    before = [house.manage.case(case) for case in (one, two_, three)]
    house.manage.merge(three, two_, OFFICER, "same")
    got = house.manage.merge(two_, one, OFFICER, "same")
    assert {order.order for order in got.open_orders} == {f"{one}-1", f"{three}-2"}
    assert [call.unit for call in got.calls] == ["fire"]
    house.manage.undo(one, "alarm:a3", OFFICER, "not the same")
    house.manage.undo(two_, "alarm:a3", OFFICER, "not the same")
    for was in before:
        same(was, house.manage.case(was.case))
    rebuilt(house)


PLAYED = (
    "accept", "handle", "feed_back", "order", "whistle", "arrive", "call_off", "supervise", "lift",
    "assess", "suspend", "resume", "ask_extension", "extend", "return", "dispute", "transfer",
    "cancel", "check", "escalate",
)  # fmt: skip
HANDS = (OFFICER, CHECKER, COMMANDER, FIREMAN, CLEANER, ROADS, GRID)


def play(house: House, draw: random.Random, case: str, times: int) -> None:
    """People take what is offered to them."""
    for _ in range(times):
        who = draw.choice(HANDS)
        offered = [one["step"] for one in house.manage.actions(case, who)]
        steps = [step for step in offered if step in PLAYED]
        if not steps:
            continue
        step = draw.choice(steps)
        data = {"whistle": {"departments": [draw.choice(("fire", "roads"))]}, **DATA}.get(step, {})
        try:
            house.manage.command(case, step, who, reason="because", data=data)
        except Refused as refused:
            assert refused.refusal.what in (*REFUSED, "no_call", "order")
        sound(house.manage.case(case))
        house.now += draw.randrange(8 * MINUTE)
        house.work()


@given(st.integers(0, 1 << 30), st.booleans())
@settings(max_examples=10, deadline=None)
def test_whatever_people_do_nothing_is_lost_or_twice(seed: int, turned: bool) -> None:
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        house = Reached(Path(folder), LEVEL, NIGHT)
        house.gateways = {"message": "w", "call": "w"}
        try:
            house.alarm(matter=draw.choice((RUBBISH, FIRE)), priority=draw.choice((2, 3)))
            house.report("rubbish in the yard", matter=RUBBISH, east=900.0)
            house.work()
            one, other = (state.case for state in house.states())
            if turned:
                one, other = other, one
            for case in (one, other):
                play(house, draw, case, draw.randrange(10))
            states = [house.manage.case(case) for case in (one, other)]
            if not all(state.open for state in states):
                return
            try:
                got = house.manage.merge(one, other, OFFICER, "the same")
            except Refused as refused:
                assert refused.refusal.what == "extension_asked"
                return
            sound(got)
            sound(house.manage.case(one))
            _none_lost(states, got)
            play(house, draw, other, draw.randrange(12))
            now = house.manage.case(other)
            if not now.open:
                return
            again, back = (
                house.manage.undo(other, "", OFFICER, "two")
                if not turned
                else (
                    house.manage.undo(other, "alarm:a1", OFFICER, "two")
                    if states[0].alarms
                    else house.manage.undo(other, "", OFFICER, "two")
                )
            )
            for state in (again, back):
                sound(state)
            names = [order.order for state in (again, back) for order in state.orders]
            assert len(set(names)) == len(names)
            held = {order.order: order for state in (again, back) for order in state.orders}
            assert {order.order for order in now.orders} <= set(held), "none is lost"
            for order in now.orders:
                if order.state not in OPEN_ORDER:
                    assert held[order.order].state == order.state, "what was done stays done"
            rebuilt(house)
        finally:
            house.close()


def _none_lost(before: list[CaseState], got: CaseState) -> None:
    one, other = before
    assert STAGES.index(got.stage) >= min(STAGES.index(other.stage), STAGES.index("handle"))
    for state in before:
        for order in state.open_orders:
            ours = [mine for mine in got.open_orders if mine.unit == order.unit]
            assert (ours and min(mine.due for mine in ours) <= order.due) or state.suspended_at
        if not state.suspended_at and not other.suspended_at:
            for call in state.calls:
                mine = got.waiting_for(call.unit)
                assert not call.waits or (mine is not None and mine.due <= call.due)
        for name, value in vars_of(state.situation).items():
            assert vars_of(got.situation)[name] >= value
        assert set(state.hands) <= set(got.hands)
        assert state.supervision is None or got.supervision is not None
    assert got.failed == one.failed + other.failed


def vars_of(situation: Any) -> dict[str, float]:
    return {name: getattr(situation, name) for name in situation.__struct_fields__}
