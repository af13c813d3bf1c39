"""A merge brings a level, and its undoing takes it back; how far limits may raise the case then
counts from the level that it had before any limit ran out, as if it had never been merged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tianmu.manage.case.state import CaseState

from .ladders import Reached
from .test_bequest import rebuilt
from .town import MINUTE, OFFICER, RUBBISH

TRAPPED = "someone is trapped under it"
"""what the rules make level II"""


class Bounded(Reached):
    """Limits raise a case by two levels at most, under every plan."""

    def open(self) -> None:
        plans = (
            msgspec.structs.replace(one, rises=msgspec.structs.replace(one.rises, late_levels=2))
            for one in self.city.plans
        )
        self.city = replace(self.city, plans=tuple(plans))
        super().open()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Reached]:
    made = Bounded(tmp_path)
    yield made
    made.close()


def level(state: CaseState) -> tuple[str, int, int]:
    return state.level, state.risen_from, state.held


def late(house: Reached, case: str) -> CaseState:
    """The case once the next of its limits has run out."""
    before = house.manage.case(case)
    while (state := house.manage.case(case)).failed == before.failed:
        house.pass_minutes(1)
    return state


def heap_and_call(house: Reached, text: str) -> tuple[CaseState, CaseState]:
    """A heap that limits have raised from V to IV, and a call about another spot."""
    house.alarm(matter=RUBBISH, priority=3)
    house.work()
    assert level(late(house, "c1")) == ("IV", 5, 4)
    house.report(text, matter=RUBBISH, east=900)
    house.work()
    one, other = house.states()
    return one, other


def test_limits_raise_a_case_no_further_for_a_merge_that_was_undone(house: Reached) -> None:
    one, other = heap_and_call(house, TRAPPED)
    assert level(other) == ("II", 0, 0)
    got = house.manage.merge(other.case, one.case, OFFICER, "one heap")
    assert level(got) == ("II", 0, 4), "II was asked for, by no limit"
    house.now += MINUTE // 2
    again, _ = house.manage.undo(one.case, "", OFFICER, "two heaps")
    assert level(again) == level(one)
    found = [late(house, one.case).level for _ in range(2)]
    assert found == ["III", "III"], "two above V and no more"
    rebuilt(house)


def test_limits_raise_both_from_the_graver_of_what_either_had(house: Reached) -> None:
    """One that limits have raised to III from V joins one of which an alarm said that it is IV."""
    house.alarm(matter=RUBBISH, priority=3)
    house.work()
    late(house, "c1")
    one = late(house, "c1")
    assert level(one) == ("III", 5, 3)
    house.alarm(matter=RUBBISH, priority=3, severity="IV", device="far", east=900)
    house.work()
    other = house.states()[1]
    assert level(other) == ("IV", 0, 0)
    got = house.manage.merge(one.case, other.case, OFFICER, "one heap")
    assert level(got) == ("III", 4, 3)
    assert [late(house, got.case).level for _ in range(2)] == ["II", "II"], "two above IV"
    rebuilt(house)
