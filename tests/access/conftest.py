"""A real SQLite file for each test, and a clock that the test turns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tianmu.access.entrance import Entrance
from tianmu.access.keys import Keys
from tianmu.access.session import Sessions
from tianmu.store.records import Records


class Clock:
    """µs; stands still until turned."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.now

    def minutes(self, count: float) -> None:
        self.now += int(count * 60_000_000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    held = Records(tmp_path / "hub.sqlite")
    yield held
    held.close()


@pytest.fixture
def sessions(records: Records, clock: Clock) -> Sessions:
    return Sessions(records, clock, divisions={"C": "", "T1": "C"}, departments={})


@pytest.fixture
def entrance(records: Records, sessions: Sessions, clock: Clock, tmp_path: Path) -> Entrance:
    return Entrance(sessions, records, clock, Keys(tmp_path / "keys"))
