"""Floods: a source that sends as fast as it can and heeds no refusal, by HTTP or by MQTT."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import time
from collections import Counter
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tianmu.rehearse.city.city import City, connect
from tianmu.rehearse.load.batch import ColumnBatch, JsonBatch
from tianmu.rehearse.load.mixed import NICE, Line

SIZE = 1_000
CONNECTIONS = 64
"""of an HTTP flood, each with a message under way"""
WINDOW = 2_000
"""messages of an MQTT flood that may be unanswered"""


class Flood:
    """A flooding source in a process of its own, from ``start`` to ``finish``."""

    def __init__(
        self, data: Path, url: str, protocol: str, source: str, token: str, names: list[str]
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._stop = context.Event()
        self._ours, theirs = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_main,
            args=(data, url, protocol, source, token, names, self._stop, theirs),
            daemon=True,
        )

    def start(self) -> None:
        self._process.start()

    def finish(self) -> dict[str, int]:
        """Stop; observations by what became of them."""
        self._stop.set()
        found: dict[str, int] = self._ours.recv() if self._ours.poll(60) else {}
        self._process.join(5)
        if self._process.is_alive():
            self._process.terminate()
        return found


def _main(
    data: Path, url: str, protocol: str, source: str, token: str, names: list[str],
    stop: Event, pipe: Any,
) -> None:  # fmt: skip
    os.nice(NICE)
    city = connect(data, url=url)
    if protocol == "mqtt":
        found = _by_mqtt(city, source, token, names, stop)
    else:
        import uvloop

        found = uvloop.run(_by_http(city, token, names, stop))
    pipe.send(dict(found))


async def _by_http(city: City, token: str, names: list[str], stop: Event) -> Counter[str]:
    counts: Counter[str] = Counter()
    random = np.random.default_rng()
    batches = [ColumnBatch(names[at : at + SIZE]) for at in range(0, len(names) - SIZE + 1, SIZE)]
    head = (
        f"POST /observations HTTP/1.1\r\nHost: {city.host}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: "
    ).encode()
    turn = iter(range(1 << 60))
    loop = asyncio.get_running_loop()

    async def keep_on() -> None:
        _, line = await loop.create_connection(Line, city.host, city.ports["http"], ssl=city.tls)
        while not stop.is_set():
            batch = batches[next(turn) % len(batches)]
            body = batch.body(time.time_ns() // 1000, random.integers(0, 10**6, SIZE))
            status, _ = await line.post(head, body)
            counts["acknowledged" if status == 200 else f"answered_{status}"] += SIZE
        line.transport.close()

    await asyncio.gather(*(keep_on() for _ in range(CONNECTIONS)))
    return counts


def _by_mqtt(city: City, source: str, token: str, names: list[str], stop: Event) -> Counter[str]:
    """QoS 1. What is acknowledged here is the broker's word, not the city's."""
    counts: Counter[str] = Counter()
    random = np.random.default_rng()
    size = 100
    batches = [JsonBatch(names[at : at + size]) for at in range(0, len(names) - size + 1, size)]
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=source)
    client.username_pw_set(source, token)
    if city.tls is not None:
        client.tls_set_context(city.tls)
    client.max_inflight_messages_set(WINDOW)

    room = threading.Semaphore(WINDOW)

    def acknowledged(*_: Any) -> None:
        counts["acknowledged"] += size
        room.release()

    client.on_publish = acknowledged
    client.connect(city.host, city.ports["mqtt"], keepalive=60)
    client.loop_start()
    published = 0
    while not stop.is_set():
        if not room.acquire(timeout=0.1):
            continue
        body = batches[published % len(batches)].body(
            time.time_ns() // 1000, random.integers(0, 10**6, size)
        )
        client.publish(f"tianmu/{source}/observations", body, qos=1)
        published += 1
    end = time.monotonic() + 20
    for _ in range(WINDOW):  # then nothing is under way any more
        room.acquire(timeout=max(0.0, end - time.monotonic()))
    client.disconnect()
    client.loop_stop()
    counts["unacknowledged"] = published * size - counts["acknowledged"]
    return counts
