"""From a panel's socket to the journal on disk, with the real intake."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tianmu.facts.batch import TEST, ObservationBatch
from tianmu.facts.encoding import decode
from tianmu.facts.intake import UnknownSeen
from tianmu.facts.registry import SourceChanged
from tianmu.facts.topic import INTAKE, OBSERVATION_LIFE
from tianmu.rehearse.panel.panel import Nature, Panel
from tianmu.rehearse.panel.script import (
    TEST as TEST_OPERATION,
)
from tianmu.rehearse.panel.script import (
    Component,
    fire,
    unit_operation,
    unit_state,
)
from tianmu.sense import hold
from tianmu.sense.gbt26875.connector import Gbt26875Connector
from tianmu.sense.gbt26875.options import Options
from tianmu.sense.intake import Intake
from tianmu.sense.source import Sources
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import DiskFull, Records
from tianmu.store.registry import Registry

ADDRESS, OTHER = "320481000001", "320481000002"
SMOKE = Component(40, 25, "三楼走廊")
PROPERTIES = {
    "fire_transmission_unit": ("state", "operation", "link"),
    "fire_system": ("state", "operation"),
    "fire_component": ("state",),
}


class City:
    """Gate's files, and a connector at their door."""

    def __init__(self, data: Path) -> None:
        self.main, self.life = Records(data / "gate.sqlite"), Records(data / "gate-life.sqlite")
        self.registry, self.sources = Registry(data), Sources()
        self.journal = SqliteJournal(data)
        self.sources.apply(
            SourceChanged(
                source="fire", number=7, protocol="gbt26875", life_safety=True, allow=(ADDRESS,),
                settings={"synchronise": False}, at=0, actor="test",
            )
        )  # fmt: skip
        self.intake = Intake(self.main, self.life, self.registry, self.sources)

    def register(self, panel: Panel) -> None:
        devices = panel.devices(PROPERTIES, source="fire")
        self.registry.apply(self.registry.registration(devices, at=1, actor="test"))

    async def connector(self) -> tuple[Gbt26875Connector, int]:
        made = Gbt26875Connector(self.intake, "Asia/Shanghai", Options(settle=0.0))
        return made, await made.start("127.0.0.1", 0)

    def observations(self) -> list[tuple[str, float, int]]:
        found = []
        for entry in self.journal.read(OBSERVATION_LIFE.name, 0):
            batch = ObservationBatch.decode(entry.payload)
            assert batch.quality is not None
            found += [
                (self.registry.datastream(int(d)), float(v), int(q))
                for d, v, q in zip(batch.datastream, batch.value, batch.quality, strict=True)
            ]
        return found

    def noted(self) -> list[Any]:
        return [decode(entry.payload) for entry in self.journal.read(INTAKE.name, 0)]

    def close(self) -> None:
        for one in (self.main, self.life, self.journal):
            one.close()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    made = City(tmp_path)
    yield made
    made.close()


def run(scene: Any) -> None:
    asyncio.run(asyncio.wait_for(scene, 30))


def test_a_confirmed_fire_is_in_the_life_safety_lane(city: City) -> None:
    async def scene() -> None:
        connector, port = await city.connector()
        panel = Panel(ADDRESS, "127.0.0.1", port, components=[SMOKE])
        city.register(panel)
        async with panel:
            await panel.send(fire(SMOKE))
            stream = f"gbt26875-{ADDRESS}-1-1-40-25/state"
            assert (stream, 3.0, 0) in city.observations()
            await panel.send(unit_operation(TEST_OPERATION))
            await panel.send(fire(SMOKE))
            assert city.observations()[-1] == (stream, 3.0, TEST)
        await connector.stop()

    run(scene())


def test_a_frame_sent_again_after_a_restart_takes_effect_once(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        heard: list[bytes] = []
        connector, port = await city.connector()
        panel = Panel(ADDRESS, "127.0.0.1", port, components=[SMOKE])
        city.register(panel)
        async with panel:
            await panel.send(unit_state())
            real = panel._frame  # the very bytes, to send them again

            def hear(*given: Any) -> bytes:
                heard.append(real(*given))
                return heard[-1]

            monkeypatch.setattr(panel, "_frame", hear)
            await panel.send(fire(SMOKE))
        await connector.stop()
        before = city.observations()
        again, port = await city.connector()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(heard[0])
        answer = await reader.readexactly(30)
        assert (answer[2:4], answer[26]) == (heard[0][2:4], 3)
        assert city.observations() == before
        writer.close()
        await again.stop()

    run(scene())


def test_a_disk_that_is_full_is_not_confirmed(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        connector, port = await city.connector()
        nature = Nature(patience=0.4)
        panel = Panel(ADDRESS, "127.0.0.1", port, components=[SMOKE], nature=nature)
        city.register(panel)
        async with panel:
            await panel.send(unit_state())

            async def refuse(*args: Any, **more: Any) -> Any:
                raise DiskFull(Path("gate-life.sqlite"), 0, 1)

            with monkeypatch.context() as patch:
                patch.setattr(city.life, "write_async", refuse)
                sending = asyncio.create_task(panel.send(fire(SMOKE)))
                await asyncio.sleep(0.15)
                assert not sending.done()
            await sending
            assert panel.counts.denied >= 1
            assert [v for name, v, _ in city.observations() if "40-25" in name] == [3.0]
        await connector.stop()

    run(scene())


def test_unregistered_components_and_panels_are_kept(city: City) -> None:
    async def scene() -> None:
        connector, port = await city.connector()
        city.register(Panel(ADDRESS, "", 0))
        for address in (ADDRESS, OTHER):
            panel = Panel(address, "127.0.0.1", port, components=[SMOKE])
            async with panel:
                await panel.send(fire(SMOKE))
        await connector.stop()
        unknown = {fact.unknown for fact in city.noted() if isinstance(fact, UnknownSeen)}
        assert {f"gbt26875/{ADDRESS}/1-1-40-25", f"gbt26875/{OTHER}"} <= unknown
        table = hold.quarantine
        kept = city.main.read(lambda connection: connection.execute(sa.select(table)).all())
        assert kept
        assert all(OTHER in row.reason for row in kept)
        # once it may speak, what was kept is played again
        city.sources.apply(
            SourceChanged(
                source="fire", number=7, protocol="gbt26875", life_safety=True,
                allow=(ADDRESS, OTHER), at=2, actor="test",
            )
        )  # fmt: skip
        panel = Panel(OTHER, "", 0, components=[SMOKE])
        city.register(panel)
        for row in kept:
            assert await connector.replay(row.payload, source=row.source, peer=row.peer)
        assert (f"gbt26875-{OTHER}-1-1-40-25/state", 3.0, 0) in city.observations()

    run(scene())
