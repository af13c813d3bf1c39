"""A gate beside a real broker (mosquitto where installed, and the trial broker), and senders."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tianmu.facts.batch import ObservationBatch
from tianmu.facts.encoding import encode
from tianmu.facts.registry import Device, SourceChanged
from tianmu.facts.topic import OBSERVATION, REGISTRY
from tianmu.prevent.watch.watch import Watch
from tianmu.sense import hold
from tianmu.sense.http.connector import HttpConnector
from tianmu.sense.intake import Intake
from tianmu.sense.mqtt.broker import GATE, Broker, find_mosquitto
from tianmu.sense.mqtt.client import Server
from tianmu.sense.mqtt.connector import MqttConnector
from tianmu.sense.mqtt.password import PASSWORD_HASH, hashed
from tianmu.sense.source import Sources
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.live import Live
from tianmu.store.records import Records
from tianmu.store.registry import Registry
from waiting import until

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
        city: Any = SimpleNamespace(
            kinds={}, divisions={}, rules=[], matters={}, departments={},
            profile=SimpleNamespace(levels=()),
        )  # fmt: skip
        records, live = Records(self.data / "watch.sqlite"), Live(self.data)
        watch = Watch(
            records, self.journal, Registry(self.data), live, city,
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


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


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
