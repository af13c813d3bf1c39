"""Duty checks by plan, from hub's draw to the panels: over real sockets, answered and not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tianmu.city.charter.attendance import Attendance
from tianmu.facts.batch import ObservationBatch
from tianmu.facts.registry import SourceChanged
from tianmu.facts.topic import OBSERVATION_LIFE
from tianmu.rehearse.panel.panel import Nature, Panel
from tianmu.sense.gate import Gate, Plug
from tianmu.sense.gbt26875.connector import Gbt26875Connector
from tianmu.sense.gbt26875.options import Options
from tianmu.sense.intake import Intake
from tianmu.sense.source import Sources
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records
from tianmu.store.registry import Registry
from tianmu.web.present import tending
from waiting import until

from .control_rooms import add_rooms

HOUR = 3_600_000_000
ATTENDED, EMPTY, GONE = addresses = [f"0000000000c{n}" for n in range(3)]


def unit(address: str) -> str:
    return f"gbt26875-{address}"


class Rooms:
    """Three control rooms of the small city, and a gate with a door for their panels."""

    def __init__(self, world: Any) -> None:
        self.world, hub = world, world.hub
        add_rooms(world, addresses, "rooms")
        hub.registrar.write(
            lambda tx: SourceChanged(
                source="rooms", number=77, protocol="gbt26875", life_safety=True,
                allow=tuple(addresses), settings={"synchronise": False}, at=1, actor="test",
            )
        )  # fmt: skip
        world.live.grow(hub.registry.count_datastreams, hub.registry.count_devices)
        hub.records.create(tending.metadata)
        self.life = Records(hub.data / "gate-life.sqlite")

    def gate(self) -> Gate:
        data = self.world.hub.data
        intake = Intake(self.world.gate, self.life, Registry(data), Sources())
        door = Gbt26875Connector(
            intake, "Asia/Shanghai", Options(patience=0.3, settle=0.0, minute=0.3)
        )
        plugs = {"gbt26875": Plug(door, "127.0.0.1", 0)}
        return Gate(intake, SqliteJournal(data), plugs, platform=lambda: (), platform_source="")

    def told(self, address: str, name: str) -> list[tuple[float, dict[str, Any]]]:
        """What gate has written of a room, as watch reads it."""
        found = []
        with SqliteJournal(self.world.hub.data) as journal:
            entries = journal.read(OBSERVATION_LIFE.name, 0)
        for entry in entries:
            batch = ObservationBatch.decode(entry.payload)
            for row, stream in enumerate(batch.datastream.tolist()):
                if self.world.hub.registry.datastream(stream) == f"{unit(address)}/{name}":
                    found.append((float(batch.value[row]), batch.side.get(row, {})))
        return found

    def watch(self) -> None:
        """Play watch: the links that gate has written become live."""
        for address in addresses:
            for value, _ in self.told(address, "link")[-1:]:
                [at] = self.world.hub.registry.datastream_index([f"{unit(address)}/link"])
                self.world.live.value[at] = value
                self.world.live.time[at] = self.world.hub.clock()
                self.world.live.count[at] += 1


def test_rooms_are_asked_by_plan_and_what_they_answer_is_a_reading(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms, hub = Rooms(world), world.hub
    monkeypatch.setattr(hub, "city", replace(hub.city, attendance=Attendance(per_day=24.0)))
    here, nobody = (Nature(heartbeat=0.2, reconnect=0.1, attended_after=after)
                    for after in (0.05, None))  # fmt: skip

    async def scene() -> None:
        gate = rooms.gate()
        await gate.start()
        port = gate.ports["gbt26875"]
        async with (
            Panel(ATTENDED, "127.0.0.1", port, nature=here) as first,
            Panel(EMPTY, "127.0.0.1", port, nature=nobody) as second,
        ):
            await until(lambda: rooms.told(ATTENDED, "link") and rooms.told(EMPTY, "link"))
            rooms.watch()
            now = hub.clock()
            monkeypatch.setattr(hub, "clock", lambda: now)
            assert tending.give_out(hub) == 0
            given = 0
            for quarter in range(1, 25):
                monkeypatch.setattr(hub, "clock", lambda at=quarter: now + at * HOUR // 4)
                given += tending.give_out(hub)
            assert given >= 4

            def done() -> int:
                return sum(len(rooms.told(one, "duty_check")) for one in addresses)

            await until(lambda: done() == given)
            assert {value for value, _ in rooms.told(ATTENDED, "duty_check")} == {1.0}
            empty = rooms.told(EMPTY, "duty_check")
            assert {value for value, _ in empty} == {0.0} and empty
            assert all(side["asked_by"] == "scenario:fire-alarms" for _, side in empty)
            assert "nobody answered" in empty[0][1]["reason"]
            assert not rooms.told(GONE, "duty_check"), "its lost link is an alarm already"
            asked = first.counts.duty_checks + second.counts.duty_checks
            assert asked == given
            await gate.stop()
            again = rooms.gate()
            await again.start()
            await asyncio.sleep(0.3)
            await again.stop()
            assert done() == given, "a gate that starts again asks nobody twice"

    try:
        asyncio.run(scene())
    finally:
        rooms.life.close()
