"""A real SQLite file for each test, and a clock that the test turns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tianmu.access import account as accounts
from tianmu.access import password
from tianmu.access.entrance import Entrance
from tianmu.access.keys import Keys
from tianmu.access.session import Sessions
from tianmu.store.records import Records, Transaction

GOOD = "Correct-horse-7"


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


@pytest.fixture
def officer(records: Records, sessions: Sessions, clock: Clock) -> str:
    kept = password.digest(GOOD)

    def make(tx: Transaction) -> None:
        accounts.create(tx.connection, "wang", "王", at=clock())
        accounts.set_roles(tx.connection, "wang", ["duty_officer"])
        accounts.set_password(tx.connection, "wang", kept, at=clock())

    records.transact(make)
    return "wang"
