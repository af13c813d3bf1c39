"""A house of cases without its processes: signals in, work by hand, tables out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tianmu.facts.alarm import AlarmEvent, AlarmState
from tianmu.facts.case import CaseEvent
from tianmu.facts.encoding import decode, encode
from tianmu.facts.place import Place
from tianmu.facts.report import Report
from tianmu.manage.actor import Actor
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept.query import Query
from tianmu.manage.kept.rebuild import TABLES
from tianmu.manage.manage import Manage
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records

from .town import (
    FIRE,
    LAT,
    LON,
    METRE,
    MONDAY,
    OFFICER,
    town,
)


class House:
    """A city's files in a folder: watch writes alarms, hub keeps cases."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.now = MONDAY
        self.alarms = 0
        self.open()

    def open(self) -> None:
        self.watch = Records(self.data / "watch.sqlite")
        self.hub = Records(self.data / "hub.sqlite")
        self.journal = SqliteJournal(self.data)
        self.manage = Manage(self.hub, self.journal, town(), lambda: self.now, self.data)
        self.manage.start()

    def close(self) -> None:
        self.journal.close()
        self.hub.close()
        self.watch.close()

    def alarm(self, **more: Any) -> AlarmEvent:
        self.alarms += 1
        metres = more.pop("east", 0.0)
        device = more.pop("device", f"d{self.alarms}")
        fields: dict[str, Any] = {
            "alarm": f"a{self.alarms}",
            "identity": f"rule@{device}",
            "transition": "raise",
            "state": AlarmState.UNACKNOWLEDGED,
            "before": AlarmState.NORMAL,
            "at": self.now,
            "observed_at": self.now,
            "rule": "rule",
            "priority": 2,
            "matter": FIRE,
            "device": device,
            "text": {"en": "fire", "zh": "fire"},
            "place": Place(longitude=LON + metres * METRE * 1.5557, latitude=LAT, division="11"),
            **more,
        }
        event = AlarmEvent(**fields)
        self.watch.transact(lambda tx: tx.append("alarm", encode(event)))
        return event

    def report(self, text: str, actor: Actor = OFFICER, key: str = "", **more: Any) -> str:
        metres = more.pop("east", 0.0)
        fields: dict[str, Any] = {
            "report": f"r{len(text)}-{self.now}-{metres}",
            "at": self.now,
            "channel": "hotline",
            "text": text,
            "place": Place(longitude=LON + metres * METRE * 1.5557, latitude=LAT, division="11"),
            **more,
        }
        return self.manage.submit_report(Report(**fields), actor, key)

    def work(self) -> None:
        while self.manage.step(0.0):
            pass

    def states(self) -> list[CaseState]:
        items = self.manage.cases(Query(sort="opened", limit=500))["items"]
        return [self.manage.case(item["case"]) for item in reversed(items)]

    def one(self) -> CaseState:
        [state] = self.states()
        return state

    def topic(self) -> list[CaseEvent]:
        found: list[CaseEvent] = []
        after = 0
        while entries := self.journal.read("case", after):
            for entry in entries:
                fact = decode(entry.payload)
                assert isinstance(fact, CaseEvent)
                found.append(fact)
            after = entries[-1].position
        return found

    def tables(self) -> dict[str, list[Any]]:
        def look(connection: Any) -> dict[str, list[Any]]:
            return {
                one.name: sorted(map(repr, connection.execute(one.select()).all()))
                for one in TABLES
            }

        return self.hub.read(look)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()
