"""What memory says was just written is what the journal holds, and never more than that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tianmu.facts.case import CaseEvent
from tianmu.manage.desk.work import Work
from tianmu.manage.kept import fresh
from tianmu.manage.kept.fresh import Fresh, Placed, decode_step

from .house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def written(house: House, after: int = 0) -> list[Placed]:
    """As the journal has it."""
    entries = house.journal.read("case", after, entries=10_000)
    return [(entry.position, decode_step(entry.payload)) for entry in entries]


def told(house: House, after: int = 0, most: int = 10_000) -> list[Placed] | None:
    """As memory has it."""
    found = house.manage.fresh.between(after, house.journal.last("case"), most)
    return None if found is None else list(found)


def test_steps_are_those_of_the_journal(house: House) -> None:
    assert told(house) is None  # nothing was written yet: the journal knows
    for east in (0.0, 5.0, 900.0):
        house.alarm(east=east)
    house.work()
    first = written(house)
    begin = first[0][0] - 1
    assert len(first) > 3
    assert told(house, begin) == first
    assert told(house, begin, most=2) == first[:2]
    assert told(house, first[2][0]) == first[3:]
    house.alarm(east=10.0)
    house.work()
    assert told(house, first[-1][0]) == written(house, first[-1][0]) != []
    assert told(house, written(house)[-1][0]) == []


def test_what_did_not_reach_the_disk_is_never_told(house: House) -> None:
    house.alarm()
    house.work()
    before = written(house)
    state = house.one()

    def fails(work: Work) -> None:
        draft = work.draft(state.case)
        draft.add("note", {"text": "lost"})
        work.take(state, draft)
        work.finish()
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        house.manage._work(fails)
    assert told(house, before[0][0]) in (None, before[1:])
    house.alarm(east=3.0)
    house.work()
    after = written(house, before[-1][0])
    assert [one.step for _, one in after] == ["join"]
    assert told(house, before[-1][0]) in (None, after)
    assert told(house, after[0][0] - 1) == after


def test_whoever_asks_meanwhile_sees_one_memory_and_no_mixture() -> None:
    """As it is replaced, and forgotten, between any two looks of another thread."""

    def event(number: int) -> tuple[CaseEvent, int]:
        told = CaseEvent(case="c1", sequence=number, step="note", stage="handle", at=1, actor="a")
        return told, number

    class Restless(Fresh):
        looks = 0

        def __getattribute__(self, name: str) -> Any:
            held = super().__getattribute__(name)
            if name == "_held":
                Restless.looks += 1
                if Restless.looks == 2:
                    super().__setattr__("_held", None)
            return held

    restless = Restless()
    restless.add([event(1), event(2)])
    Restless.looks = 1
    assert [position for position, _ in restless.between(0, 9, 9) or ()] == [1, 2]
    assert restless.between(0, 9, 9) is None


def test_memory_is_bounded_and_says_how_far_it_reaches(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "KEPT", 4)
    for east in (0.0, 900.0, 1800.0):
        house.alarm(east=east)
        house.work()
    every = written(house)
    assert len(every) > 4
    assert told(house, every[-5][0]) == every[-4:]
    assert told(house, every[-6][0]) is None
