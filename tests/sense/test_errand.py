"""What people order to be done at devices: done by the connector that can, and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from tianmu.facts.batch import ObservationBatch
from tianmu.facts.deed import Deed
from tianmu.facts.encoding import encode
from tianmu.facts.registry import Device, SourceChanged
from tianmu.facts.text import Text
from tianmu.facts.topic import DEED, OBSERVATION_LIFE, REGISTRY
from tianmu.rehearse.panel.panel import Nature, Panel
from tianmu.sense.contract import DoesDeeds, Work
from tianmu.sense.errand import Errands
from tianmu.sense.gate import Gate, Plug
from tianmu.sense.gbt26875.connector import Gbt26875Connector
from tianmu.sense.gbt26875.options import Options
from tianmu.sense.intake import Intake
from tianmu.sense.source import Sources
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records
from tianmu.store.registry import Registry
from waiting import until

ADDRESS = "320481000007"
UNIT = Device(
    device="unit", kind="k", properties=("link", "state", "operation", "duty_check", "clock"),
    source="panels", labels={"address": f"gbt26875/{ADDRESS}"},
)  # fmt: skip
NATURE = Nature(heartbeat=0.2, patience=1.0, reconnect=0.1, attended_after=0.05, clock_off=500.0)


class House:
    """A gate with a fire panel's door on real files, and hub's file for registry and deeds."""

    def __init__(self, data: Path) -> None:
        self.main, self.life = Records(data / "gate.sqlite"), Records(data / "gate-life.sqlite")
        self.hub, self.journal = Records(data / "hub.sqlite"), SqliteJournal(data)
        self.registry = Registry(data)
        self.intake = Intake(self.main, self.life, self.registry, Sources())
        self.connector = Gbt26875Connector(
            self.intake, "Asia/Shanghai", Options(patience=0.3, settle=0.0, minute=0.2)
        )
        self.gate = Gate(
            self.intake,
            self.journal,
            {"gbt26875": Plug(self.connector, "127.0.0.1", 0)},
            platform=lambda: (),
            platform_source="",
        )
        self._append(REGISTRY.name, self.registry.registration([UNIT], at=1, actor="t"))
        self._append(
            REGISTRY.name,
            SourceChanged(
                source="panels", number=1, protocol="gbt26875", life_safety=True,
                allow=(ADDRESS,), settings={"synchronise": False}, at=1, actor="t",
            ),
        )  # fmt: skip

    def _append(self, topic: str, fact: Any) -> None:
        self.hub.transact(lambda tx: tx.append(topic, encode(fact)))

    def order(self, verb: str, deed: str = "d1", **data: Any) -> None:
        self._append(
            DEED.name,
            Deed(deed=deed, verb=verb, object="unit", actor="officer", at=1, data=data),
        )

    def told(self, name: str) -> list[tuple[float, dict[str, Any]]]:
        found = []
        for entry in self.journal.read(OBSERVATION_LIFE.name, 0):
            batch = ObservationBatch.decode(entry.payload)
            for row, stream in enumerate(batch.datastream.tolist()):
                if self.registry.datastream(stream) == f"unit/{name}":
                    found.append((float(batch.value[row]), batch.side.get(row, {})))
        return found

    def close(self) -> None:
        for one in (self.main, self.life, self.hub, self.journal):
            one.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def left(house: House) -> int:
    from tianmu.sense import errand

    return len(house.main.read(errand._left))


def test_a_duty_check_is_answered_or_not_and_either_is_a_reading(house: House) -> None:
    async def scene() -> None:
        await house.gate.start()
        port = house.gate.ports["gbt26875"]
        async with Panel(ADDRESS, "127.0.0.1", port, nature=NATURE) as panel:
            await until(lambda: house.told("link"))
            house.order("panel.duty_check", minutes=2)
            [(value, side)] = await until(lambda: house.told("duty_check"))
            assert value == 1.0 and panel.counts.duty_checks == 1
            assert (side["minutes"], side["asked_by"], side["deed"]) == (2, "officer", "d1")
        nobody = Nature(heartbeat=0.2, reconnect=0.1, attended_after=None)
        async with Panel(ADDRESS, "127.0.0.1", port, nature=nobody):
            await until(lambda: house.connector.state()["panels"] == 1)
            house.order("panel.duty_check", "d2", minutes=1)
            told = await until(
                lambda: len(house.told("duty_check")) == 2 and house.told("duty_check")
            )
            assert told[1][0] == 0.0 and "nobody answered" in told[1][1]["reason"]
        await until(lambda: house.connector.state()["panels"] == 0)
        house.order("panel.duty_check", "d3", minutes=1)
        told = await until(lambda: len(house.told("duty_check")) == 3 and house.told("duty_check"))
        assert told[2][0] == 0.0 and "no link" in told[2][1]["reason"]
        await until(lambda: left(house) == 0)
        await house.gate.stop()

    asyncio.run(scene())


def test_a_clock_is_set_and_read_back(house: House) -> None:
    async def scene() -> None:
        await house.gate.start()
        port = house.gate.ports["gbt26875"]
        async with Panel(ADDRESS, "127.0.0.1", port, nature=NATURE) as panel:
            await until(lambda: house.told("link"))
            before = len(house.told("clock"))  # that it was off is told as well
            house.order("panel.synchronise")
            told = await until(lambda: house.told("clock")[before:])
            assert panel.counts.clock_set == 1 and abs(told[-1][0]) <= 2
        await until(lambda: house.connector.state()["panels"] == 0)
        house.order("panel.synchronise", "d2")
        last = await until(lambda: house.told("clock")[before + 1 :])
        assert last[0][0] != last[0][0] and "no link" in last[0][1]["reason"]
        await house.gate.stop()

    asyncio.run(scene())


class Slow:
    """A connector that takes its time over one verb."""

    protocol = "gbt26875"
    name: ClassVar[Text] = {"en": "slow"}

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.done: list[tuple[str, str]] = []
        self.go = asyncio.Event()

    def deeds(self) -> Mapping[str, Work]:
        return {"thing.slow": self._slow, "thing.fails": self._fails}

    async def _slow(self, address: str, deed: Deed) -> None:
        self.begun.append(deed.deed)
        await self.go.wait()
        self.done.append((address, deed.deed))

    async def _fails(self, address: str, deed: Deed) -> None:
        raise ValueError(deed.deed)


def errands(house: House, slow: Any) -> Errands:
    return Errands(house.intake, [slow], return_s=0.0)


def slow_deed(verb: str = "thing.slow", deed: str = "x", thing: str = "unit") -> Deed:
    return Deed(deed=deed, verb=verb, object=thing, actor="a", at=1)


def test_what_was_under_way_when_gate_ended_is_done_again(house: House) -> None:
    house.gate.catch_up()

    async def ends_early() -> None:
        slow = Slow()
        assert isinstance(slow, DoesDeeds)
        first = errands(house, slow)
        assert first.verbs == {"thing.slow", "thing.fails"}
        await first.take(slow_deed())
        await first.take(slow_deed())  # read again after a crash between its two commits
        await asyncio.sleep(0.05)
        await first.stop()
        assert slow.begun == ["x"] and not slow.done

    async def comes_back() -> None:
        slow = Slow()
        slow.go.set()
        second = errands(house, slow)
        second.resume()
        await until(lambda: left(house) == 0)
        assert slow.done == [(f"gbt26875/{ADDRESS}", "x")]

    asyncio.run(ends_early())
    assert left(house) == 1
    asyncio.run(comes_back())


def test_what_cannot_be_done_is_let_go(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.gate.catch_up()

    async def scene() -> None:
        some = errands(house, Slow())
        await some.take(slow_deed("thing.fails", "bad"))
        await some.take(slow_deed("thing.slow", "none", thing="nowhere"))
        await until(lambda: left(house) == 0)

    asyncio.run(scene())
    assert "has failed" in caplog.text and "no connector does that at nowhere" in caplog.text


def test_a_fault_in_playing_an_input_again_does_not_stop_what_follows(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tianmu.sense import hold

    async def fail(payload: bytes, **_: Any) -> bool:
        raise KeyError("a fault of ours")

    def state() -> str:
        table = hold.quarantine
        return str(house.main.read(lambda c: c.execute(table.select()).one()).state)

    async def scene() -> None:
        await house.intake.quarantine("gbt26875", b"@@", reason="r", peer="p")
        [name] = house.main.read(lambda c: list(c.execute(hold.quarantine.select())))
        monkeypatch.setattr(house.connector, "replay", fail)
        await house.gate.start()
        deed = Deed(deed="q", verb="quarantine.replay", object=name.quarantine, actor="o", at=1)
        house._append(DEED.name, deed)
        house._append(DEED.name, msgspec.structs.replace(deed, verb="quarantine.discard"))
        await until(lambda: state() == "discarded")
        await house.gate.stop()

    asyncio.run(scene())
