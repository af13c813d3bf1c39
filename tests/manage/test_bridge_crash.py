"""Killed while pairs of cases wait to be put together: none is forgotten, none half done."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

import pytest

from killed import killed_after
from tianmu.manage.desk.refused import NotFound
from tianmu.manage.signals.judge import Match
from tianmu.manage.signals.open_cases import OpenCases

from .house import House
from .town import FIRE

CHAINS = 12
"""chains of three cases that are made before the kill, at least"""


def _surely(_index: OpenCases, _one: str, other: str) -> Match:
    return Match(other, 0.9, ())


def _three(house: House, number: int) -> tuple[str, str, str]:
    """Three cases far apart of which the third has gone into the second, and the second waits to
    go into the first; what waited before is put together first."""
    first = 3 * number + 1
    for east in range(3):
        house.alarm(east=(3 * number + east) * 900, matter=FIRE)
    house.work()
    a, b, c = (f"c{first + place}" for place in range(3))
    house.manage._work(lambda work: work.bridges.extend([(c, b), (b, a)]))
    return a, b, c


def _went_into(house: House, case: str) -> str:
    """The case that has taken this one in; empty where none has, or there is no such case."""
    try:
        return house.manage.case(case).merged_into
    except NotFound:
        return ""


def test_pairs_that_wait_outlive_a_kill_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenCases, "alike", _surely)

    def work(write: int) -> None:
        house = House(tmp_path)
        for number in count():
            _three(house, number)
            os.write(write, f"{number}\n".encode())

    said = killed_after(CHAINS, work)
    house = House(tmp_path)
    house.alarms = 9_000  # those of the one that was killed are known
    waiting = list(house.manage._desk.index.later)
    begun = [
        number
        for number in range(len(said) + 1)
        if _went_into(house, f"c{3 * number + 3}") == f"c{3 * number + 2}"
    ]
    assert begun[: len(said)] == said  # what was said to wait was written
    for number in begun:
        a, b = f"c{3 * number + 1}", f"c{3 * number + 2}"
        went = _went_into(house, b) == a
        assert went != ((b, a) in waiting)  # put together, or still waiting: never both or neither
    house.alarm(east=-9000, matter=FIRE)
    house.work()
    for number in begun:
        assert _went_into(house, f"c{3 * number + 2}") == f"c{3 * number + 1}"
        assert house.manage.case(f"c{3 * number + 1}").signals == 3
    assert house.manage._desk.index.later == []
    house.close()
    house.open()
    assert house.manage._desk.index.later == []
    house.close()
