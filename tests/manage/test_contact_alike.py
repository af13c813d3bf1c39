"""Cases that open alike in one moment: their ladders begin alike, and differently as soon as who
is there, or on duty, is another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from .ladders import LEVEL, STAFF, Reached


def open_one(house: Reached, number: int) -> Any:
    """The first move of the ladder of case ``number``, far from the others."""
    house.alarm(priority=3, east=2_000.0 * number)
    house.work()
    return house.moves(f"c{number}")[0].data


def test_alike_begins_alike_until_something_is_another(tmp_path: Path) -> None:
    house = Reached(tmp_path, LEVEL)
    try:
        first, second = open_one(house, 1), open_one(house, 2)
        assert first["did"] == second["did"] == "exhausted"
        assert first == second and len(first["tries"]) == 12
        # each has its own ladder, clock and event, and counts for itself
        assert [one.data["count"] for one in house.told()] == [1, 2]

        house.sign_in("fred", "department_worker")  # within the seconds that a look holds
        third, fourth = open_one(house, 3), open_one(house, 4)
        for number, data in ((3, third), (4, fourth)):
            assert data["did"] == "call" and data["contact"]["account"] == "fred"
            held = house.manage.case(f"c{number}").contacts[0]
            assert held.running and house.manage.case(f"c{number}").clock(held.clock)

        house.city = replace(house.city, shifts=STAFF[1:])  # fred has gone
        house.manage.set_roster(house.city)
        fifth = open_one(house, 5)
        assert fifth["tries"][0]["account"] == "faye"
    finally:
        house.close()
