"""The MQTT door against real brokers: mosquitto where it is installed, and the trial broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tianmu.facts.batch import ObservationBatch
from tianmu.facts.encoding import encode
from tianmu.facts.registry import Device, SourceChanged
from tianmu.facts.topic import OBSERVATION, REGISTRY
from tianmu.prevent.watch import Watch
from tianmu.sense import hold
from tianmu.sense.http.connector import HttpConnector
from tianmu.sense.intake import Intake
from tianmu.sense.mqtt import broker as brokers
from tianmu.sense.mqtt.broker import GATE, Broker, find_mosquitto
from tianmu.sense.mqtt.client import Server
from tianmu.sense.mqtt.connector import MqttConnector
from tianmu.sense.mqtt.password import PASSWORD_HASH, hashed
from tianmu.sense.source import Sources
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.live import Live
from tianmu.store.records import DiskFull, Records
from tianmu.store.registry import Registry

KINDS = ["amqtt", *(["mosquitto"] if find_mosquitto() else [])]
DEVICE = Device(device="d", kind="k", properties=("x",))


def source(name: str, number: int, password: str, **more: Any) -> SourceChanged:
    return SourceChanged(
        source=name, number=number, protocol="mqtt", settings={PASSWORD_HASH: hashed(password)},
        at=1, actor="test", **more,
    )  # fmt: skip


WELL, OTHER = source("well", 1, "pw-well"), source("other", 2, "pw-other")
STRANGER = source("stranger", 3, "pw-stranger")
"""the broker lets it in, gate does not know it"""


class House:
    """A broker, and gate's side of it on real files."""

    def __init__(self, data: Path, broker: Broker) -> None:
        self.data, self.broker = data, broker
        self.main, self.life = Records(data / "gate.sqlite"), Records(data / "gate-life.sqlite")
        self.hub, self.journal = Records(data / "hub.sqlite"), SqliteJournal(data)
        self.registry, self.sources = Registry(data), Sources()
        self.intake = Intake(self.main, self.life, self.registry, self.sources)
        fact = self.registry.registration([DEVICE], at=1, actor="test")
        self.hub.transact(lambda tx: tx.append(REGISTRY.name, encode(fact)))
        self.registry.refresh(self.journal)
        for one in (WELL, OTHER):
            self.sources.apply(one)

    def connector(self, version: int = 4) -> MqttConnector:
        broker = self.broker
        server = Server(broker.host, broker.port, GATE, broker.password, version)
        return MqttConnector(self.intake, HttpConnector(self.intake), server)

    @contextlib.asynccontextmanager
    async def gate(self, **more: Any) -> AsyncIterator[MqttConnector]:
        connector = self.connector(**more)
        await connector.start("", 0)
        try:
            await until(lambda: connector.state()["connected"])
            await asyncio.sleep(0.2)  # its subscription follows
            yield connector
        finally:
            await connector.stop()

    def rows(self) -> list[tuple[str, int, float]]:
        found = []
        for entry in self.journal.read(OBSERVATION.name, 0):
            batch = ObservationBatch.decode(entry.payload)
            found += [
                (self.registry.datastream(d), t, v)
                for d, t, v in zip(
                    batch.datastream.tolist(), batch.phenomenon_time.tolist(),
                    batch.value.tolist(), strict=True,
                )
            ]  # fmt: skip
        return found

    def quarantined(self) -> list[Any]:
        table = hold.quarantine
        return self.main.read(lambda c: list(c.execute(table.select().order_by(table.c.at))))

    def counted_by_watch(self) -> int:
        """How many observations of ``d/x`` take effect, by watch over the same files."""
        city = SimpleNamespace(
            kinds={}, divisions={}, rules=[], matters={}, departments={},
            profile=SimpleNamespace(levels=()),
        )  # fmt: skip
        records, live = Records(self.data / "watch.sqlite"), Live(self.data)
        watch = Watch(
            records, self.journal, Registry(self.data), live, city,  # type: ignore[arg-type]
            lambda: time.time_ns() // 1000,
        )  # fmt: skip
        watch.start()
        while watch.step(0.0):
            pass
        count = int(live.count[0])
        watch.close()
        live.close()
        records.close()
        return count

    def close(self) -> None:
        for one in (self.main, self.life, self.hub, self.journal):
            one.close()


async def until(look: Callable[[], Any], within: float = 10.0) -> Any:
    end = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < end, "it never came to be"
        await asyncio.sleep(0.02)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "amqtt":
        monkeypatch.setattr(brokers, "find_mosquitto", lambda: None)
    return str(request.param)


@contextlib.asynccontextmanager
async def town(tmp_path: Path, kind: str) -> AsyncIterator[House]:
    broker = Broker(tmp_path / "broker", "127.0.0.1", free_port())
    assert broker.kind.name == kind
    house = House(tmp_path, broker)
    try:
        await broker.start([WELL, OTHER, STRANGER])
        yield house
    finally:
        await broker.stop()
        house.close()


class Sender:
    """A source in the field: publishes under a name, with a password."""

    def __init__(self, house: House, user: str, password: str) -> None:
        self.answer: Any = None
        self._answered = threading.Event()
        self.heard: list[str] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"test-{user}")
        if user:
            self.client.username_pw_set(user, password)
        self.client.on_connect = self._on_connect
        self.client.on_message = lambda c, d, m: self.heard.append(m.topic)
        self.client.connect(house.broker.host, house.broker.port)
        self.client.loop_start()

    def _on_connect(self, _c: Any, _d: Any, _f: Any, reason: Any, _p: Any) -> None:
        self.answer = self.answer or reason
        self._answered.set()

    @property
    def let_in(self) -> bool:
        self._answered.wait(5)
        return self.answer is not None and not self.answer.is_failure

    def publish(self, topic: str, body: Any, *, wait: bool = True) -> bool:
        """QoS 1; whether the broker has it."""
        payload = body if isinstance(body, bytes) else json.dumps(body)
        told = self.client.publish(topic, payload, qos=1)
        if wait:
            with contextlib.suppress(RuntimeError):
                told.wait_for_publish(5)
        return told.is_published()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextlib.asynccontextmanager
async def sender(house: House, name: str, password: str = "") -> AsyncIterator[Sender]:
    made = await asyncio.to_thread(Sender, house, name, password or f"pw-{name}")
    try:
        assert await asyncio.to_thread(lambda: made.let_in)
        yield made
    finally:
        await asyncio.to_thread(made.close)


def row(at: int, value: float, stream: str = "d/x") -> dict[str, Any]:
    return {"datastream": stream, "time": 1_790_000_000_000 + at, "value": value}


def run(test: Any) -> None:
    asyncio.run(asyncio.wait_for(test, 60))


def test_what_is_published_is_on_disk_before_it_is_acknowledged(tmp_path: Path, kind: str) -> None:
    async def scene() -> None:
        async with town(tmp_path, kind) as house, house.gate() as gate:
            acked: list[int] = []
            acknowledge = gate._client.acknowledge

            def after_disk(mids: Sequence[int]) -> None:
                acked.extend(len(house.rows()) for _ in mids)
                acknowledge(mids)

            gate._client.acknowledge = after_disk  # type: ignore[method-assign]
            async with sender(house, "well") as well:
                forms = [row(0, 0.0), [row(1, 1.0), row(2, 2.0)]]
                columns = {"datastream": ["d/x"], "time": [1_790_000_000_003], "value": [3.0]}
                lines = b"\n".join(json.dumps(row(n, float(n))).encode() for n in (4, 5))
                for body in (*forms, columns, lines):
                    assert await asyncio.to_thread(well.publish, "tianmu/well/observations", body)
                await until(lambda: len(house.rows()) == 6)
                await until(lambda: len(acked) == 4)
            assert sorted(v for _, _, v in house.rows()) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
            assert all(acked), "nothing was acknowledged before something was on disk"
            assert gate.state()["messages"] == 4 and not house.quarantined()

    run(scene())


def test_strangers_and_nonsense_are_kept_and_the_rest_goes_on(tmp_path: Path, kind: str) -> None:
    async def scene() -> None:
        async with town(tmp_path, kind) as house, house.gate() as gate:
            async with sender(house, "stranger") as stranger, sender(house, "well") as well:
                put = asyncio.to_thread
                await put(stranger.publish, "tianmu/stranger/observations", row(1, 1.0))
                await put(well.publish, "tianmu/well/observations", b"\x00 no observation")
                await put(well.publish, "tianmu/well/observations", row(2, 2.0, "nobody/x"))
                await put(well.publish, "tianmu/well/observations", row(3, 3.0))
                await until(lambda: len(house.quarantined()) == 2 and house.rows())
            assert house.rows() == [("d/x", 1_790_000_000_003_000, 3.0)]
            kept = {one.source: one for one in house.quarantined()}
            assert "no active source" in kept["stranger"].reason
            assert json.loads(kept["stranger"].payload) == row(1, 1.0)
            assert kept["well"].payload == b"\x00 no observation" and kept["well"].reason
            await until(lambda: house.main.read(hold.waiting) == ["nobody"])
            assert gate.state()["refused"] == 2

    run(scene())


def test_a_source_speaks_under_its_own_name_only(tmp_path: Path, kind: str) -> None:
    async def scene() -> None:
        async with town(tmp_path, kind) as house, house.gate() as gate:
            for user, password in (("well", "wrong"), ("nobody", "x"), ("", "")):
                made = await asyncio.to_thread(Sender, house, user, password)
                assert not await asyncio.to_thread(lambda made=made: made.let_in), user
                await asyncio.to_thread(made.close)
            async with sender(house, "well") as well, sender(house, "other") as other:
                other.client.subscribe("tianmu/#", qos=1)
                other.client.subscribe("tianmu/well/observations", qos=1)
                await asyncio.sleep(0.2)
                await asyncio.to_thread(
                    lambda: other.publish("tianmu/well/observations", row(1, 666.0), wait=False)
                )
                await asyncio.to_thread(well.publish, "tianmu/well/observations", row(2, 2.0))
                await until(house.rows)
                await asyncio.sleep(0.3)
                assert other.heard == [], "nobody listens to what others send"
            assert [v for _, _, v in house.rows()] == [2.0]
            assert gate.state()["messages"] == 1

    run(scene())


def test_who_may_publish_is_taken_in_while_the_broker_runs(tmp_path: Path, kind: str) -> None:
    async def scene() -> None:
        async with town(tmp_path, kind) as house, house.gate():
            late = source("late", 4, "pw-late")
            shut = source("well", 1, "pw-well", active=False)
            house.sources.apply(late)
            house.sources.apply(shut)
            house.broker.write_users([late, shut, OTHER])
            await asyncio.sleep(0.3)
            async with sender(house, "late") as one:
                await asyncio.to_thread(one.publish, "tianmu/late/observations", row(1, 1.0))
                await until(house.rows)
            closed = await asyncio.to_thread(Sender, house, "well", "pw-well")
            assert not await asyncio.to_thread(lambda: closed.let_in)
            await asyncio.to_thread(closed.close)

    run(scene())


def test_what_was_not_acknowledged_comes_again_and_takes_effect_once(
    tmp_path: Path, kind: str
) -> None:
    """Gate dies between the disk and the acknowledgement."""

    async def scene() -> None:
        async with town(tmp_path, kind) as house:
            first = house.connector()
            first._client.acknowledge = lambda mids: None  # type: ignore[method-assign]
            await first.start("", 0)
            await until(lambda: first.state()["connected"])
            await asyncio.sleep(0.2)
            async with sender(house, "well") as well:
                for n in range(5):
                    await asyncio.to_thread(
                        well.publish, "tianmu/well/observations", row(n, float(n))
                    )
                await until(lambda: len(house.rows()) == 5)
                # as a killed process: no good-bye, the socket is simply gone
                first._client.reconnect()
                await first.stop()
                await asyncio.to_thread(well.publish, "tianmu/well/observations", row(5, 5.0))
            async with house.gate():
                await until(
                    lambda: {v for _, _, v in house.rows()} == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}
                )
                await until(lambda: len(house.rows()) == 11)
            assert len(set(house.rows())) == 6, "the same identity, whatever the broker repeats"
            assert house.counted_by_watch() == 6

    run(scene())


def test_nothing_is_acknowledged_while_the_disk_is_full(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        async with town(tmp_path, kind) as house, house.gate() as gate:
            append, full = house.intake.append, [True]

            async def perhaps(*arguments: Any) -> Any:
                if full[0]:
                    raise DiskFull(tmp_path, 0, 1)
                return await append(*arguments)

            monkeypatch.setattr(house.intake, "append", perhaps)
            async with sender(house, "well") as well:
                await asyncio.to_thread(well.publish, "tianmu/well/observations", row(1, 1.0))
                await until(lambda: gate.state().get("disk_full"))
                assert not house.rows()
                full[0] = False
                await until(house.rows, within=20)
            assert {v for _, _, v in house.rows()} == {1.0}

    run(scene())


def test_a_fault_with_one_source_does_not_stop_the_others(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        async with town(tmp_path, kind) as house, house.gate():
            append = house.intake.append

            async def perhaps(batch: Any, who: SourceChanged, key: Any) -> Any:
                if who.source == "other":
                    raise KeyError("a fault of ours")
                return await append(batch, who, key)

            monkeypatch.setattr(house.intake, "append", perhaps)
            async with sender(house, "other") as other, sender(house, "well") as well:
                await asyncio.to_thread(other.publish, "tianmu/other/observations", row(1, 1.0))
                await until(house.quarantined)
                await asyncio.to_thread(well.publish, "tianmu/well/observations", row(2, 2.0))
                await until(house.rows)
            [kept] = house.quarantined()
            assert "a fault of ours" in kept.reason and json.loads(kept.payload) == row(1, 1.0)

    run(scene())


@pytest.mark.skipif("mosquitto" not in KINDS, reason="the trial broker speaks 3.1.1 only")
def test_version_5(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            town(tmp_path, "mosquitto") as house,
            house.gate(version=5),
            sender(house, "well") as well,
        ):
            await asyncio.to_thread(well.publish, "tianmu/well/observations", row(1, 1.0))
            await until(house.rows)

    run(scene())


def test_the_broker_is_started_again_when_it_dies(tmp_path: Path, kind: str) -> None:
    async def scene() -> None:
        async with town(tmp_path, kind) as house, house.gate() as gate:
            process = house.broker._process
            assert process is not None
            process.kill()
            await until(lambda: house.broker._process is not process, within=15)
            await until(lambda: not gate.state()["connected"])
            await until(lambda: gate.state()["connected"], within=20)
            await asyncio.sleep(0.3)
            async with sender(house, "well") as well:
                await asyncio.to_thread(well.publish, "tianmu/well/observations", row(1, 1.0))
                await until(house.rows)

    run(scene())
