"""Units as they are kept: what was told last, what orders they have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tianmu.facts.unit import UnitTold
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept import table as case_table
from tianmu.manage.kept.rebuild import TABLES, rebuild
from tianmu.manage.steps.lifecycle import Command, Refusal, decide
from tianmu.manage.units import unit
from tianmu.manage.units.unit import Untellable
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records

from .forces import CITY
from .house import House
from .test_lifecycle import Story, signal
from .town import FIRE, FIREMAN, MONDAY, OFFICER


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    held = Records(tmp_path / "hub.sqlite")
    held.create(case_table.metadata)
    yield held
    held.close()


def told(code: str = "e1", seconds: int = 0, **more: Any) -> UnitTold:
    when = MONDAY + seconds * 1_000_000
    return UnitTold(unit=code, at=when, received_at=when, by="fred", **more)


def test_the_newest_place_and_status_stand_whatever_comes_late_or_twice(
    records: Records, tmp_path: Path
) -> None:
    def tell(one: UnitTold) -> bool:
        return records.transact(lambda tx: unit.tell(tx, one))

    assert tell(told(longitude=10.0, latitude=50.0, precision_m=8.0))
    assert tell(told(seconds=5, status="en_route"))
    assert tell(told(seconds=9, longitude=10.1, latitude=50.0))
    assert not tell(told(seconds=9, longitude=10.1, latitude=50.0)), "the same again"
    assert not tell(told(seconds=4, longitude=11.0, latitude=50.0, status="free")), "late"
    last = records.read(unit.lasts)["e1"]
    assert (last.longitude, last.status, last.version) == (10.1, "en_route", 3)
    assert last.placed_at - last.status_at == 4_000_000
    journal = SqliteJournal(tmp_path)
    assert len(journal.read("unit", 0)) == 3
    journal.close()


def test_it_is_there_after_a_start(records: Records, tmp_path: Path) -> None:
    records.transact(lambda tx: unit.tell(tx, told(longitude=10.0, latitude=50.0, status="busy")))
    again = Records(tmp_path / "hub.sqlite", readonly=True)
    assert again.read(unit.lasts)["e1"].status == "busy"
    again.close()


def test_only_the_newest_facts_are_kept(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit, "KEPT", 20)
    monkeypatch.setattr(unit, "_STEP", 10)

    def many(tx: Any) -> None:
        for second in range(65):
            unit.tell(tx, told(seconds=second, longitude=10.0, latitude=50.0))

    records.transact(many)
    journal = SqliteJournal(records.path.parent)
    with pytest.raises(Exception, match=r"first that is kept|purged|gone"):
        journal.read("unit", 0)
    assert 20 <= len(journal.read("unit", 40)) <= 30
    journal.close()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"longitude": 10.0}, "go together"),
        ({"longitude": 200.0, "latitude": 0.0}, "not on earth"),
        ({"longitude": float("nan"), "latitude": 0.0}, "not on earth"),
        ({"status": "asleep"}, "is none of"),
        ({}, "neither"),
        ({"status": "free", "at": MONDAY + 3600 * 10**6}, "in the future"),
    ],
)
def test_what_cannot_be_so_is_refused(records: Records, wrong: dict[str, Any], words: str) -> None:
    one = UnitTold(**{"unit": "e1", "at": MONDAY, "received_at": MONDAY, "by": "fred", **wrong})
    with pytest.raises(Untellable, match=words):
        records.transact(lambda tx: unit.tell(tx, one))
    assert records.read(unit.lasts) == {}


def do(story: Story, unit: str, **data: Any) -> CaseState | str:
    found = decide(
        story.state, Command("order", "", {"unit": unit, **data}), OFFICER, story.now, CITY
    )
    if isinstance(found, Refusal):
        assert found.why["zh"] and found.remedy["en"]
        return found.what
    story.events += found
    return story.state


def test_a_unit_is_named_on_the_order_its_department_has_and_gets_none_of_its_own() -> None:
    story = Story(signal("alarm", FIRE))
    before = [one for one in story.state.orders if one.unit == "fire"]
    assert len(before) == 1 and before[0].force == ""
    after = do(story, "e1")
    assert isinstance(after, CaseState)
    assert [one.force for one in after.orders if one.unit == "fire"] == ["e1"]
    assert story.steps()[-1] == "send" and after.stage == "handle"
    assert do(story, "e1") == "unit_sent"
    second = do(story, "e2")
    assert isinstance(second, CaseState)
    assert [one.force for one in second.orders if one.unit == "fire"] == ["e1", "e2"]
    story.do("accept", FIREMAN, order=second.orders[0].order)
    assert story.state.orders[0].force == "e1" and story.state.orders[0].state == "accepted"


def test_an_order_to_a_unit_that_is_none_or_of_another_department() -> None:
    story = Story(signal("alarm", FIRE))
    assert do(story, "nobody") == "data"
    assert do(story, "e1", department="clean") == "data"
    marked = Story(signal("alarm", FIRE, probe="p1"))
    prober = replace(OFFICER, probe="p1")
    found = decide(marked.state, Command("order", "", {"unit": "e1"}), prober, MONDAY, CITY)
    assert isinstance(found, Refusal) and found.what == "unit_probe"


def test_load_follows_orders_and_is_rebuilt_from_events(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.manage.set_city(CITY)
    house.alarm(matter=FIRE)
    while house.manage.step(0.0):
        pass
    case = house.hub.read(lambda one: one.execute(case_table.case.select()).first())
    name = case_table.case_id(case.serial)
    house.manage.command(name, "order", OFFICER, data={"unit": "e1"})
    assert house.hub.read(unit.loads) == {"e1": 1}
    kept = house.hub.read(lambda one: one.execute(case_table.sent.select()).all())
    assert case_table.sent in TABLES
    rebuild(house.hub, house.journal)
    assert house.hub.read(lambda one: one.execute(case_table.sent.select()).all()) == kept
    order = house.manage.case(name).orders[0].order
    house.manage.command(name, "accept", FIREMAN, data={"order": order})
    assert house.hub.read(unit.loads) == {"e1": 1}
    house.manage.command(name, "feed_back", FIREMAN, data={"order": order, "result": "out"})
    assert house.hub.read(unit.loads) == {}
    house.close()
