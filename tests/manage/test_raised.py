"""What a merge has sent by the level that it brought goes with that level, as it is undone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.city.level.plan import Item, OrderTemplate, Plan, PlanWarning
from tianmu.facts.case import CaseEvent
from tianmu.manage.case.state import CaseState

from .ladders import LEVEL, Reached
from .test_bequest import ROADS, do, rebuilt, sound
from .town import CLEANER, MINUTE, OFFICER, RUBBISH, text

LADDERS = tuple(
    msgspec.structs.replace(LEVEL, code=code, name=text(code), levels=(code,))
    for code in ("V", "II")
)


class Wide(Reached):
    """The plan of level II sends one department more, opens two points and proposes a warning."""

    def open(self) -> None:
        within = Limit(30, LimitUnit.MINUTE)
        items = tuple(
            Item(code=code, text=text(code), by="lead", within=within) for code in ("close", "tell")
        )
        more = {
            "orders": (*self._plan("II").orders, OrderTemplate("roads", text("Close the road"))),
            "checklist": items,
            "warning": PlanWarning(colour="yellow", text=text("smoke")),
        }
        plans = [one for one in self.city.plans if one.code != "plan-II"]
        plans.append(msgspec.structs.replace(self._plan("II"), **more))
        self.city = replace(self.city, plans=tuple(plans))
        super().open()

    def _plan(self, level: str) -> Plan:
        return next(one for one in self.city.plans if one.code == f"plan-{level}")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Reached]:
    made = Wide(tmp_path, *LADDERS)
    made.gateways = {"message": "w", "call": "w"}
    yield made
    made.close()


def heap_and_call(house: Reached) -> tuple[CaseState, CaseState]:
    """A heap of rubbish that is in hand, and a call that nobody has verified, which is graver."""
    house.alarm(matter=RUBBISH, priority=3)
    house.work()
    house.now += MINUTE
    house.work()
    house.report("someone is trapped under it", matter=RUBBISH, east=900)
    house.work()
    house.now += MINUTE // 2
    one, other = house.states()
    assert (one.level, one.stage, other.level, other.stage) == ("V", "handle", "II", "verify")
    return one, other


def bare(state: CaseState) -> dict[str, object]:
    """All of a case but for its trail, what was said or taken apart, withdrawn orders, ladders."""
    fields = msgspec.structs.asdict(state)
    for name in (
        "version",
        "edited",
        "changed_at",
        "told",
        "means",
        "merged",
        "pace",
        "contacts",
        "apart",
    ):
        del fields[name]
    fields["orders"] = [one for one in state.orders if one.state != "cancelled"]
    fields["clocks"] = {one for one in state.clocks if not one.name.startswith("contact:")}
    return fields


def ladders(state: CaseState) -> list[tuple[str, str]]:
    return [(one.ladder, one.state) for one in state.contacts]


def last(house: Reached, case: str, step: str) -> CaseEvent:
    return next(one for one in reversed(house.topic()) if (one.case, one.step) == (case, step))


def test_whom_the_level_sent_is_called_off_with_it(house: Reached) -> None:
    one, other = heap_and_call(house)
    got = house.manage.merge(other.case, one.case, OFFICER, "one heap")
    assert {order.unit for order in got.open_orders} == {"clean", "roads"}
    assert (got.level, len(got.tasks), len(got.warnings)) == ("II", 2, 1)
    sound(got)
    house.now += MINUTE // 2
    again, back = house.manage.undo(one.case, "", OFFICER, "two heaps")
    assert bare(again) == bare(one)
    assert bare(back) == bare(other)
    assert [order.state for order in again.orders] == ["sent", "cancelled"]
    assert "why" not in last(house, one.case, "give_back").data
    sound(again)
    rebuilt(house)
    # and once more: it is asked anew, and taken back anew
    twice = house.manage.merge(other.case, one.case, OFFICER, "one heap after all")
    assert {order.unit for order in twice.open_orders} == {"clean", "roads"}
    assert (len(twice.tasks), len(twice.warnings)) == (2, 1)
    again, _ = house.manage.undo(one.case, "", OFFICER, "two heaps")
    assert bare(again) == bare(one)
    rebuilt(house)


def test_a_running_ladder_ends_with_the_level_that_began_it(house: Reached) -> None:
    one, other = heap_and_call(house)
    assert ladders(one) == [("V", "running")]
    got = house.manage.merge(other.case, one.case, OFFICER, "one heap")
    assert ladders(got) == [("V", "replaced"), ("II", "running")]
    house.now += MINUTE // 2
    again, _ = house.manage.undo(one.case, "", OFFICER, "two heaps")
    assert ladders(again) == [("V", "over"), ("II", "over"), ("V", "running")]
    assert [one.name for one in again.clocks if one.name.startswith("contact:")] == ["contact:k3"]
    moves = len(house.moves(one.case))
    house.pass_minutes(3)
    [move] = house.moves(one.case)[moves:]
    assert move.data["contact"]["contact"] == "k3", "who is called is called for its own level"
    sound(house.manage.case(one.case))
    rebuilt(house)


def test_who_has_begun_goes_on_and_the_trail_names_them(house: Reached) -> None:
    one, other = heap_and_call(house)
    got = house.manage.merge(other.case, one.case, OFFICER, "one heap")
    held = next(order for order in got.open_orders if order.unit == "roads")
    do(house, one.case, "accept", ROADS, order=held.order)
    do(house, one.case, "tick", CLEANER, task=got.tasks[0].code)
    ladder = next(held for held in got.contacts if held.running)
    house.manage.answer_contact(one.case, ladder.contact, OFFICER)
    again, _ = house.manage.undo(one.case, "", OFFICER, "two heaps")
    assert again.level == "V"
    assert [(order.unit, order.state) for order in again.open_orders] == [
        ("clean", "sent"), ("roads", "accepted"),
    ]  # fmt: skip
    assert [(task.code, task.done_at > 0) for task in again.tasks] == [(got.tasks[0].code, True)]
    assert ladders(again)[1] == ("II", "answered"), "who has answered did"
    assert last(house, one.case, "give_back").data["why"] == [
        {"zh": "roads已着手，其派遣保留", "en": "roads has begun: its order stays"}
    ]
    sound(again)
    rebuilt(house)


def test_what_waited_for_dispatch_waits_again_by_the_same_clock(house: Reached) -> None:
    one, other = heap_and_call(house)
    do(house, one.case, "return", CLEANER)
    one = house.manage.case(one.case)
    assert (one.stage, one.queue) == ("dispatch", "returned")
    house.now += MINUTE // 2
    got = house.manage.merge(other.case, one.case, OFFICER, "one heap")
    assert (got.stage, bool(got.open_orders)) == ("handle", True)
    house.now += MINUTE // 2
    again, _ = house.manage.undo(one.case, "", OFFICER, "two heaps")
    assert bare(again) == bare(one)
    sound(again)
    rebuilt(house)


def test_all_that_was_sent_stays_where_a_person_has_set_the_level_since(house: Reached) -> None:
    one, other = heap_and_call(house)
    house.manage.merge(other.case, one.case, OFFICER, "one heap")
    do(house, one.case, "grade", OFFICER, level="III")
    again, _ = house.manage.undo(one.case, "", OFFICER, "two heaps")
    assert {order.unit for order in again.open_orders} == {"clean", "roads"}
    assert (again.level, len(again.tasks), len(again.warnings)) == ("III", 2, 1)
    sound(again)
