"""What MQTT does when there is no room: ordinary sources are held in order, life safety is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tianmu.facts.registry import SourceChanged
from tianmu.facts.topic import OBSERVATION_LIFE
from tianmu.sense.http.connector import HttpConnector
from tianmu.sense.mqtt.apart import LifeConnector
from tianmu.sense.mqtt.client import Server
from tianmu.sense.mqtt.connector import Message, MqttConnector

from ..door import NOW, Door, run


class Broker:
    """Only remembers what was acknowledged and asked for."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []
        self.asked: list[Any] = []
        self.connection, self.connected, self.reading = 0, False, True

    def acknowledge(self, mids: Sequence[int]) -> None:
        self.acknowledged += mids

    def subscribe(self, topics: Any) -> None:
        self.asked.append(topics)

    def pause(self) -> None:
        self.reading = False

    def resume(self) -> None:
        self.reading = True


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path, 50)
    for number, name in enumerate(("flood", "good", "panel"), 1):
        made.source(name, number=number, life=name == "panel")
    yield made
    made.close()


def connector(door: Door, kind: type[MqttConnector] = MqttConnector) -> tuple[Any, Broker]:
    made: Any = kind(door.intake, HttpConnector(door.intake), Server("127.0.0.1", 1, "u", "p"))
    made._client = broker = Broker()
    return made, broker


def message(mid: int, source: str, device: int) -> Message:
    said = {"datastream": f"d{device}/value", "time": NOW // 1000 - mid, "value": 1}
    return Message(mid, 1, source, json.dumps(said).encode())


@run
async def test_what_is_held_is_not_acknowledged_and_comes_in_order_when_there_is_room(
    door: Door,
) -> None:
    mqtt, broker = connector(door)
    door.intake.admission.look({"watch": 1e6})
    await mqtt._take([message(1, "flood", 1), message(2, "flood", 1), message(3, "panel", 2)])
    await mqtt._take([message(4, "flood", 1), message(5, "good", 3), message(6, "panel", 2)])
    # the fire panel is taken at once, whatever waits
    assert broker.acknowledged == [3, 6] and len(door.observations(OBSERVATION_LIFE.name)) == 2
    assert not door.entries()
    assert door.intake.admission.slowed["flood"].delayed == 1
    door.intake.admission.look({"watch": 0.0})
    await asyncio.gather(*mqtt._holding)
    assert [mid for mid in broker.acknowledged if mid in {1, 2, 4}] == [1, 2, 4]
    assert sorted(broker.acknowledged) == [1, 2, 3, 4, 5, 6]
    times = [t for b in door.entries() if b.source == 1 for t in b.phenomenon_time.tolist()]
    assert times == [NOW - 1000 * mid for mid in (1, 2, 4)]
    assert len(door.observations()) == 4 and door.intake.admission.under_way == 0


@run
async def test_life_safety_comes_by_two_connections_and_takes_effect_once(door: Door) -> None:
    ordinary, _ = connector(door)
    apart, broker = connector(door, LifeConnector)
    same = [message(1, "panel", 2), message(2, "panel", 3)]
    await asyncio.gather(ordinary._take(same), apart._take(same))
    await apart._take(same[:1])  # handed out again
    assert broker.acknowledged == [1, 2, 1]
    assert door.observations(OBSERVATION_LIFE.name) == [(2, NOW - 1000), (3, NOW - 2000)]


def test_the_second_connection_hears_life_safety_alone(door: Door) -> None:
    for number, name in enumerate(("gas", "noise"), 7):
        door.sources.apply(
            SourceChanged(
                source=name, number=number, protocol="mqtt", life_safety=name == "gas", at=0,
                actor="test",
            )
        )  # fmt: skip
    apart, broker = connector(door, LifeConnector)
    apart.follow()
    assert broker.asked == []  # not connected: it subscribes when it is
    broker.connected = True
    apart.follow()
    assert broker.asked == [[("tianmu/gas/observations", 1)]]
