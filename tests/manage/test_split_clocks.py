"""Whoever is split off has no new time: what has run for a thing has run."""

from __future__ import annotations

from typing import Any

import pytest

from tianmu.manage.case.fold import fold
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept.rebuild import rebuild

from .house import House, house
from .test_regroup import same
from .town import CHECKER, CLEANER, MINUTE, MONDAY, OFFICER, RUBBISH, due_of

__all__ = ["house"]


def rebuilt(house: House) -> None:
    tables = house.tables()
    rebuild(house.hub, house.journal)
    assert house.tables() == tables


def two_reports(house: House, later: int = 0, matter: str = RUBBISH) -> tuple[CaseState, str]:
    """One case of two reports, the second ``later`` minutes after the first."""
    house.report("rubbish one", matter=matter)
    house.work()
    house.now += later * MINUTE
    second = house.report("rubbish two", matter=matter, east=10.0)
    house.work()
    state = house.one()
    assert (state.signals, state.stage) == (2, "verify")
    return state, f"report:{second}"


def said(house: House, case: str) -> list[str]:
    [event] = [one for one in house.topic() if (one.case, one.step) == (case, "split")]
    return [one["en"] for one in event.data["why"]]


def test_a_case_split_off_has_the_limit_it_would_have_had(house: House) -> None:
    state, key = two_reports(house)
    house.now = MONDAY + 20 * MINUTE
    kept, made = house.manage.split(state.case, [key], OFFICER, "two heaps")
    assert due_of(kept, "verify") == MONDAY + 30 * MINUTE
    assert due_of(made, "verify") == MONDAY + 30 * MINUTE
    assert made.opened_at == MONDAY
    assert said(house, made.case) == [
        f"split off from {state.number}: its limits run from when its first signal came"
    ]
    rebuilt(house)
    house.now = MONDAY + 31 * MINUTE
    house.work()
    assert [house.manage.case(one.case).urges for one in (kept, made)] == [1, 1]


def test_it_runs_from_when_its_own_signal_came(house: House) -> None:
    state, key = two_reports(house, later=10)
    house.now = MONDAY + 20 * MINUTE
    kept, made = house.manage.undo(state.case, key, OFFICER, "two heaps")
    assert due_of(kept, "verify") == MONDAY + 30 * MINUTE
    assert due_of(made, "verify") == MONDAY + 40 * MINUTE


def test_what_is_over_is_over_and_says_so(house: House) -> None:
    state, key = two_reports(house)
    house.now = MONDAY + 50 * MINUTE
    house.work()
    kept, made = house.manage.split(state.case, [key], OFFICER, "two heaps")
    assert due_of(made, "verify") == MONDAY + 30 * MINUTE == due_of(kept, "verify")
    assert said(house, made.case)[1:] == ["limit passed: verify"]
    house.now += MINUTE
    house.work()
    assert house.manage.case(made.case).urges
    rebuilt(house)


@pytest.mark.parametrize("held", [False, True], ids=["resumed", "suspended"])
def test_while_the_case_stood_still_it_stood_still_too(house: House, held: bool) -> None:
    state, key = two_reports(house)
    house.now = MONDAY + 10 * MINUTE
    house.manage.command(state.case, "suspend", OFFICER, reason="the owner is away")
    house.now = MONDAY + 70 * MINUTE
    if not held:
        house.manage.command(state.case, "resume", OFFICER, reason="he is back")
        house.now += 5 * MINUTE
    kept, made = house.manage.split(state.case, [key], OFFICER, "two heaps")
    assert due_of(made, "verify") == MONDAY + 90 * MINUTE
    if not held:
        assert due_of(kept, "verify") == MONDAY + 90 * MINUTE
    rebuilt(house)


def test_a_signal_split_off_what_is_in_hand_is_handled_in_its_own_time(house: House) -> None:
    for east in (0.0, 10.0):
        house.alarm(east=east, matter=RUBBISH, priority=3)
        house.work()
    state = house.one()
    [asked] = state.open_orders
    house.now = MONDAY + 5 * MINUTE
    _, made = house.manage.split(state.case, ["alarm:a2"], OFFICER, "two heaps")
    [order] = made.open_orders
    assert order.due == asked.due == due_of(made, f"handle:{order.order}")
    accept = due_of(state, f"accept:{asked.order}")
    assert due_of(made, f"accept:{order.order}") == accept, "they were asked it already"
    rebuilt(house)


def test_what_is_asked_for_the_first_time_begins_with_the_split(house: House) -> None:
    for east in (0.0, 10.0):
        house.alarm(east=east, matter=RUBBISH, priority=3)
        house.work()
    state = house.one()
    [asked] = state.open_orders
    house.manage.command(state.case, "accept", CLEANER)
    house.now = MONDAY + 40 * MINUTE
    _, made = house.manage.split(state.case, ["alarm:a2"], OFFICER, "two heaps")
    [order] = made.open_orders
    assert order.due == asked.due
    took = due_of(state, f"accept:{asked.order}") - MONDAY
    assert due_of(made, f"accept:{order.order}") == house.now + took


def test_time_counts_from_before_a_merge_it_came_through(house: House) -> None:
    house.report("rubbish one", matter=RUBBISH)
    keys: list[Any] = [
        house.report("rubbish " + word, matter=RUBBISH, east=900.0) for word in ("two", "three")
    ]
    house.work()
    one, other = house.states()
    house.now = MONDAY + 10 * MINUTE
    house.manage.merge(other.case, one.case, OFFICER, "one heap")
    house.now = MONDAY + 20 * MINUTE
    _, made = house.manage.split(one.case, [f"report:{keys[1]}"], OFFICER, "two heaps")
    assert made.case not in (one.case, other.case)
    assert (made.opened_at, due_of(made, "verify")) == (MONDAY, MONDAY + 30 * MINUTE)
    rebuilt(house)


def test_a_case_that_comes_back_has_the_clocks_it_had(house: House) -> None:
    house.report("rubbish one", matter=RUBBISH)
    house.work()
    house.now += 5 * MINUTE
    house.report("rubbish two", matter=RUBBISH, east=900.0)
    house.work()
    one, other = house.states()
    house.now += 5 * MINUTE
    house.manage.merge(other.case, one.case, OFFICER, "one heap")
    house.now += 10 * MINUTE
    house.manage.command(one.case, "verify", CHECKER)
    again, back = house.manage.undo(one.case, "", OFFICER, "two heaps")
    same(other, back)
    assert due_of(back, "verify") == MONDAY + 35 * MINUTE
    assert again.stage == "file"
    rebuilt(house)


def test_an_old_split_is_replayed_as_it_was(house: House) -> None:
    """Written before this was: no event ``split``, no time when a signal first came."""
    state, key = two_reports(house)
    house.now = MONDAY + 20 * MINUTE
    _, made = house.manage.split(state.case, [key], OFFICER, "two heaps")
    events = [one for one in house.topic() if one.case == made.case and one.step != "split"]
    assert due_of(fold(events), "verify") == MONDAY + 50 * MINUTE
