"""A city with contact ladders, its staff, and a house that tells what the ladders did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tianmu.access import account as accounts
from tianmu.access import table as access_table
from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.city.city import City
from tianmu.city.people.contact import Contact as Reaching
from tianmu.city.people.contact import Ladder, Rung
from tianmu.city.people.roster import Person, Shift
from tianmu.facts.case import CaseEvent
from tianmu.facts.contact import UNREACHED
from tianmu.facts.deed import Deed
from tianmu.facts.encoding import decode
from tianmu.manage.case.state import CaseState
from tianmu.manage.contact import reach
from tianmu.manage.manage import Manage
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records

from .house import House
from .town import (
    MINUTE,
    text,
    town,
)


def minutes(value: float) -> Limit:
    return Limit(value, LimitUnit.MINUTE)


def person(account: str, department: str, order: int = 1, phone: str = "1") -> Shift:
    return Shift(
        person=Person(
            name=account.title(), account=account, phone=phone, department=department,
            division="1", post=f"{department}-duty", order=order,
        )
    )  # fmt: skip


STAFF = (
    person("fred", "fire"),
    person("faye", "fire", 2),
    person("carl", "centre"),
    person("cora", "centre", 2, phone=""),
)


LEVEL = Ladder(
    code="serious",
    name=text("serious"),
    levels=("III",),
    rungs=(Rung("app", minutes(1)), Rung("message", minutes(2)), Rung("call", minutes(3))),
)


NIGHT = Ladder(
    code="night",
    name=text("night"),
    alarm_priority=2,
    to="centre:1",
    rungs=(Rung("app", minutes(2)), Rung("call", minutes(2))),
)


def city(*ladders: Ladder) -> City:
    return replace(town(), shifts=STAFF, contact=Reaching(ladders=ladders))


class Reached(House):
    """A house whose city has ladders; gateways are what ``gateways`` says."""

    def __init__(self, data: Path, *ladders: Ladder) -> None:
        self.city = city(*ladders)
        self.gateways: dict[str, str] = {}
        super().__init__(data)

    def open(self) -> None:
        self.watch = Records(self.data / "watch.sqlite")
        self.hub = Records(self.data / "hub.sqlite")
        self.hub.create(access_table.metadata)
        self.journal = SqliteJournal(self.data)
        self.manage = Manage(
            self.hub, self.journal, self.city, lambda: self.now, self.data,
            providers=lambda _: self.gateways, present=reach.present,
        )  # fmt: skip
        self.manage.start()

    def pass_minutes(self, value: float) -> None:
        self.now += round(value * MINUTE)
        self.work()

    def case(self, **more: Any) -> CaseState:
        self.alarm(**{"priority": 3, **more})
        self.work()
        return self.manage.case("c1")

    def held(self, name: str = "k1") -> Any:
        found = self.manage.case("c1").contacts
        return next(one for one in found if one.contact == name)

    def moves(self, case: str = "c1") -> list[CaseEvent]:
        events = (decode(one.payload) for one in self.journal.read("case", 0, entries=10_000))
        return [
            one
            for one in events
            if isinstance(one, CaseEvent) and one.case == case and one.step == "contact"
        ]

    def told(self) -> list[Deed]:
        deeds = (decode(one.payload) for one in self.journal.read("deed", 0))
        return [one for one in deeds if isinstance(one, Deed) and one.verb == UNREACHED]

    def account(self, account: str, role: str) -> None:
        """Of somebody who is not signed in."""

        def job(tx: Any) -> None:
            accounts.create(tx.connection, account, account, at=self.now)
            accounts.set_roles(tx.connection, account, [role])

        self.hub.transact(job)
        self.manage.look_again()

    def sign_in(self, account: str, role: str) -> None:
        def job(tx: Any) -> None:
            accounts.create(tx.connection, account, account, at=self.now)
            accounts.set_roles(tx.connection, account, [role])
            tx.connection.execute(
                access_table.session.insert().values(
                    digest=account, account=account, kind="person", created_at=self.now,
                    seen_at=self.now, expires_at=self.now + 10**12,
                )
            )  # fmt: skip

        self.hub.transact(job)
        self.manage.look_again()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Reached]:
    made = Reached(tmp_path, LEVEL)
    yield made
    made.close()
