"""Rows that the MQTT door refuses are kept, all of them, and can be played again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tianmu.facts.batch import ObservationBatch
from tianmu.facts.encoding import encode
from tianmu.facts.registry import Device, SourceChanged
from tianmu.facts.topic import OBSERVATION, REGISTRY
from tianmu.sense import hold
from tianmu.sense.http.answer import AHEAD
from tianmu.sense.http.connector import HttpConnector
from tianmu.sense.intake import Intake
from tianmu.sense.mqtt.client import Server
from tianmu.sense.mqtt.codec import Publish
from tianmu.sense.mqtt.connector import DROPPED, MOST, MOST_BYTES, Message, MqttConnector
from tianmu.sense.source import Sources
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records
from tianmu.store.registry import Registry
from waiting import until

WELL = SourceChanged(source="well", number=1, protocol="mqtt", at=1, actor="test")
NOW = 1_700_000_000_000_000
TOPIC = b"tianmu/well/observations"


class House:
    """Gate's side of the MQTT door on real files, without a broker."""

    def __init__(self, data: Path) -> None:
        self.main, self.life = Records(data / "gate.sqlite"), Records(data / "gate-life.sqlite")
        self.hub, self.journal = Records(data / "hub.sqlite"), SqliteJournal(data)
        self.registry, sources = Registry(data), Sources()
        self.now = NOW
        self.intake = Intake(self.main, self.life, self.registry, sources, now=lambda: self.now)
        device = Device(device="d", kind="k", properties=("x",))
        fact = self.registry.registration([device], at=1, actor="test")
        self.hub.transact(lambda tx: tx.append(REGISTRY.name, encode(fact)))
        self.registry.refresh(self.journal)
        sources.apply(WELL)
        self.http = HttpConnector(self.intake)
        self.door = MqttConnector(self.intake, self.http, Server("127.0.0.1", 1, "", ""))

    def take(self, *payloads: bytes) -> None:
        messages = [Message(n, 1, "well", payload) for n, payload in enumerate(payloads)]
        asyncio.run(self.door._take_source("well", WELL, messages))

    def quarantined(self) -> list[Any]:
        return self.main.read(lambda c: list(c.execute(hold.quarantine.select())))

    def rows(self) -> list[tuple[int, float]]:
        batches = [
            ObservationBatch.decode(e.payload) for e in self.journal.read(OBSERVATION.name, 0)
        ]
        return [
            (time, value)
            for batch in batches
            for time, value in zip(
                batch.phenomenon_time.tolist(), batch.value.tolist(), strict=True
            )
        ]

    def close(self) -> None:
        for one in (self.main, self.life, self.hub, self.journal):
            one.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def row(at: int, value: Any, **more: Any) -> dict[str, Any]:
    return {"datastream": "d/x", "time": at // 1000, "value": value, **more}


@pytest.mark.parametrize("more", [{}, {"quality": 1}], ids=["columns", "rows"])
def test_rows_of_a_clock_ahead_are_all_kept_and_can_be_played_again(
    house: House, more: dict[str, Any]
) -> None:
    """A source whose clock is ahead says so in every row; the broker is told that we have them."""
    early = [row(NOW + AHEAD + n * 1_000_000, float(n), **more) for n in range(1, 1501)]
    good = row(NOW, 0.5, **more)
    house.take(*(json.dumps(one).encode() for one in [*early, good]))
    assert house.rows() == [(NOW, 0.5)]
    kept = house.quarantined()
    assert sum(len(json.loads(one.payload)) for one in kept) == 1500
    assert all("ahead" in one.reason for one in kept)

    async def replay(payload: bytes) -> bool:
        return await house.door.replay(payload, source="well", peer="")

    payload = kept[0].payload
    assert not asyncio.run(replay(payload)), "they are ahead still"
    house.now = NOW + 500 * 1_000_000
    assert not asyncio.run(replay(payload)), "some of them are ahead still"
    house.now = NOW + 2000 * 1_000_000
    assert asyncio.run(replay(payload))
    assert {value for _, value in house.rows()} == {0.5, *map(float, range(1, 1001))}


def test_a_message_that_comes_while_others_are_taken_is_not_left_behind(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = house.door
    taken: list[int] = []

    async def take(group: Any) -> None:
        if not taken:
            door._hear([Publish(1, 2, TOPIC, b"{}")])
        taken.extend(message.mid for message in group)

    async def scene() -> None:
        task = asyncio.create_task(door._run())
        await asyncio.sleep(0)
        door._hear([Publish(1, 1, TOPIC, b"{}")])
        for mid in (3, 4):
            await until(partial(lambda least: len(taken) >= least, mid - 1))
            door._hear([Publish(1, mid, TOPIC, b"{}")])
        await until(lambda: len(taken) >= 4)
        task.cancel()

    monkeypatch.setattr(door, "_take", take)
    asyncio.run(asyncio.wait_for(scene(), 5))
    assert taken == [1, 2, 3, 4]


def test_what_the_broker_lets_go_is_counted(house: House) -> None:
    """Mosquitto says how many in all since it was started; it may be started again."""
    told = [Publish(0, 0, DROPPED, said) for said in (b"0", b"5", b"5", b"12", b"3", b"?")]
    for one in told:
        house.door._hear([one])
    assert house.door.state()["dropped_by_broker"] == 15
    assert house.door._under_way == 0 and not house.door._waiting


def test_who_has_no_room_reads_nothing_until_there_is(house: House) -> None:
    door, reading = house.door, [True]
    client: Any = door._client
    client.pause, client.resume = (lambda: reading.append(False)), (lambda: reading.append(True))
    door._hear([Publish(1, n + 1, TOPIC, b"{}") for n in range(MOST)])
    assert reading[-1] is False
    some = list(door._waiting)[:2]
    door._leave(some)
    assert reading[-1] is True


def test_few_large_messages_take_the_room_of_many_small_ones(house: House) -> None:
    door, reading = house.door, [True]
    client: Any = door._client
    client.pause, client.resume = (lambda: reading.append(False)), (lambda: reading.append(True))
    large = bytes(MOST_BYTES // 4)
    door._hear([Publish(1, n + 1, TOPIC, large) for n in range(3)])
    assert reading == [True]
    door._hear([Publish(1, 4, TOPIC, large)])
    assert reading[-1] is False
    door._leave(list(door._waiting)[:1])
    assert reading[-1] is True
