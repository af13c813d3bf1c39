"""What is read ahead while the facts before it are written takes effect once, whatever fails."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tianmu.manage import intake, reader
from tianmu.store.records import DiskFull

from .house import House, house

__all__ = ["house"]

FEW = 5
SIGNALS = 4 * FEW + 3
"""several batches, and a rest"""


@pytest.fixture
def told(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house in which so many alarms wait, each of a place of its own."""
    monkeypatch.setattr(reader, "BATCH", FEW)
    for number in range(SIGNALS):
        house.alarm(east=900.0 * number)
    return house


def each_once(house: House) -> None:
    found = house.manage.case_of([f"a{number + 1}" for number in range(SIGNALS)])
    assert [state.signals for state in house.states()] == [1] * len(found)
    assert sorted(found.values()) == sorted(state.case for state in house.states())
    assert len(found) == SIGNALS - house.manage.failed
    assert not any(one.entries for one in house.manage.lag())


def test_all_that_waits_is_taken_once(told: House) -> None:
    assert told.manage.behind()
    assert told.manage.step(0.0) == FEW
    assert len(told.states()) == FEW
    assert told.manage.behind()
    while told.manage.behind():
        assert told.manage.step(0.0) == FEW
    assert len(told.states()) == 4 * FEW, "what one commit takes in is not behind"
    told.work()
    each_once(told)


def test_what_comes_after_a_full_batch_that_was_the_last_is_taken(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BATCH", FEW)
    for number in range(FEW):
        house.alarm(east=900.0 * number)
    house.work()
    house.alarm(east=900.0 * FEW)
    house.work()
    assert len(house.states()) == FEW + 1
    assert not any(one.entries for one in house.manage.lag())


def test_a_fact_that_fails_holds_nothing_up(told: House, monkeypatch: pytest.MonkeyPatch) -> None:
    real = intake.open_case

    def broken(draft: Any, city: Any, signal: Any, *args: Any, **more: Any) -> None:
        if signal.id in ("a2", "a7"):
            raise KeyError("no such thing")
        real(draft, city, signal, *args, **more)

    monkeypatch.setattr(intake, "open_case", broken)
    told.work()
    assert told.manage.failed == 2
    each_once(told)


def test_a_full_disk_is_gone_back_behind(told: House) -> None:
    assert told.manage.step(0.0) == FEW
    told.hub.reserve = 1 << 60
    for _ in range(2):
        with pytest.raises(DiskFull):
            told.manage.step(0.0)
    assert len(told.states()) == FEW
    told.hub.reserve = 0
    told.work()
    each_once(told)


def test_reading_ahead_that_fails_undoes_nothing(
    told: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failed = told.journal.read, threading.Event()

    def fails_once(topic: str, after: int, **more: Any) -> Any:
        if topic == "alarm" and after and not failed.is_set():
            failed.set()
            raise OSError("the file cannot be read just now")
        return real(topic, after, **more)

    monkeypatch.setattr(told.journal, "read", fails_once)
    with pytest.raises(OSError, match="just now"):
        told.manage.step(0.0)
    assert len(told.states()) == FEW
    told.work()
    each_once(told)
