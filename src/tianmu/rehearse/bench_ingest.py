"""``tianmu bench ingest``: how many observations a second are acknowledged on disk, and arrive.

A fresh city (or a running one), devices of its own, about seven rules on each datastream, history
written: everything on. The generator runs on the same machine.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tianmu.rehearse.bench_city import BENCH_RULES, Bench, prepare, restore
from tianmu.rehearse.city import City, Started
from tianmu.rehearse.load import BATCHES

CONNECTIONS = 4
"""HTTP connections, each with one message under way"""
MQTT_WINDOW = 200
"""MQTT messages in flight"""


@dataclass
class Sent:
    acknowledged: int = 0
    refused: int = 0
    latencies: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)


def run(
    city: City,
    started: Started | None,
    *,
    form: str,
    batch: int,
    seconds: float,
    devices: int,
    told: Callable[[Bench], None] = lambda bench: None,
) -> dict[str, Any]:
    """Measure and return what ``--json`` prints (keys as in the contracts). ``told`` hears of what
    the load goes to, so that a peer can have the same."""
    bench = prepare(city, devices)
    told(bench)
    try:
        return _measure(city, started, bench, form, batch, seconds)
    finally:
        restore(city, bench)


def _measure(
    city: City, started: Started | None, bench: Bench, form: str, batch: int, seconds: float
) -> dict[str, Any]:
    before = observed(city)
    cpu = started.cpu_seconds() if started else 0.0
    begin = time.perf_counter()
    sent = send(city, bench, form, batch, seconds)
    lasted = time.perf_counter() - begin
    cpu = (started.cpu_seconds() - cpu) if started else 0.0
    arrived = _settle(city, before, sent.acknowledged)
    latencies = np.array(sent.latencies or [0.0]) * 1000
    return {
        "format": form,
        "batch": batch,
        "seconds": round(lasted, 2),
        "observations_per_second": round(sent.acknowledged / lasted),
        "acknowledged": sent.acknowledged,
        "lost": max(0, sent.acknowledged - arrived),
        "refused": sent.refused,
        "answers": dict(sent.answers),
        "cpu_seconds": round(cpu, 2),
        "observations_per_cpu_second": round(sent.acknowledged / cpu) if cpu else None,
        "p50_ms": round(float(np.percentile(latencies, 50)), 2),
        "p99_ms": round(float(np.percentile(latencies, 99)), 2),
        "devices": bench.devices,
        "rules_per_datastream": BENCH_RULES,
        "memory_bytes": started.memory_bytes() if started else None,
    }


def send(door: City, bench: Bench, form: str, batch: int, seconds: float) -> Sent:
    """The load alone, to a city or to whatever else takes the same messages."""
    if form == "mqtt":
        return _by_mqtt(door, bench, batch, seconds)
    return asyncio.run(_by_http(door, bench, form, batch, seconds))


def observed(city: City) -> int:
    """Observations that have been through the rules so far."""
    return int(city.get("/api/vitals")["observations"]["total"])


def _settle(city: City, before: int, expected: int, within: float = 120.0) -> int:
    """Wait until all that was acknowledged has arrived; how many have."""
    end = time.monotonic() + within
    arrived = 0
    while time.monotonic() < end:
        arrived = observed(city) - before
        if arrived >= expected:
            break
        time.sleep(0.5)
    return arrived


def _batches(bench: Bench, form: str, size: int, random: np.random.Generator) -> list[Any]:
    """As many prepared batches as cover all datastreams, at most 64 (each a few hundred kB)."""
    count = max(1, min(64, len(bench.datastreams) // size))
    order = random.permutation(len(bench.datastreams))
    return [
        BATCHES[form]([bench.datastreams[i] for i in order[n * size : (n + 1) * size].tolist()])
        for n in range(count)
    ]


async def _by_http(city: City, bench: Bench, form: str, size: int, seconds: float) -> Sent:
    random = np.random.default_rng()
    batches = _batches(bench, form, size, random)
    sent = Sent()
    end = time.perf_counter() + seconds
    turn = iter(range(1 << 60))

    async def worker() -> None:
        reader, writer = await asyncio.open_connection(city.host, city.ports["http"], ssl=city.tls)
        head = (
            f"POST /observations HTTP/1.1\r\nHost: {city.host}\r\n"
            f"Authorization: Bearer {bench.token}\r\n"
            f"Content-Type: {batches[0].content_type}\r\n"
        )
        while time.perf_counter() < end:
            number = next(turn)
            chosen = batches[number % len(batches)]
            values = random.integers(0, 1_000_000, size)
            body = chosen.body(time.time_ns() // 1000, values)
            begin = time.perf_counter()
            writer.write(
                f"{head}Idempotency-Key: {bench.run}-{number}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
            )
            writer.write(body)
            status, answer = await _answer(reader)
            if status == 200:
                sent.latencies.append(time.perf_counter() - begin)
                sent.acknowledged += size
            elif status == 429:
                sent.answers["429"] += 1
                await asyncio.sleep(0.05)
            else:
                sent.answers[str(status)] += 1
                sent.refused += size
                if sent.refused > 100 * size:
                    raise RuntimeError(f"the city refuses: {answer[:500]!r}")
        writer.close()

    await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))
    return sent


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of an HTTP/1.1 answer with a content length."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return int(head[9:12]), await reader.readexactly(length)


def _by_mqtt(city: City, bench: Bench, size: int, seconds: float) -> Sent:
    """QoS 1: acknowledged by the broker, which holds each until gate has it on disk."""
    random = np.random.default_rng()
    batches = _batches(bench, "mqtt", size, random)
    sent = Sent()
    begun: dict[int, float] = {}
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"bench-{bench.run}")
    client.username_pw_set(bench.mqtt_source, bench.mqtt_token)
    if city.tls is not None:
        client.tls_set_context(city.tls)
    client.max_inflight_messages_set(MQTT_WINDOW)

    def acknowledged(_c: Any, _d: Any, mid: int, *_: Any) -> None:
        at = begun.pop(mid, None)
        if at is not None:
            sent.latencies.append(time.perf_counter() - at)
        sent.acknowledged += size

    client.on_publish = acknowledged
    client.connect(city.host, city.ports["mqtt"], keepalive=60)
    client.loop_start()
    end = time.perf_counter() + seconds
    number = 0
    published = 0
    while time.perf_counter() < end:
        if published - sent.acknowledged // size >= MQTT_WINDOW:
            time.sleep(0.0005)
            continue
        chosen = batches[number % len(batches)]
        number += 1
        body = chosen.body(time.time_ns() // 1000, random.integers(0, 1_000_000, size))
        info = client.publish(f"tianmu/{bench.mqtt_source}/observations", body, qos=1)
        begun[info.mid] = time.perf_counter()
        published += 1
    limit = time.monotonic() + 30
    while sent.acknowledged < published * size and time.monotonic() < limit:
        time.sleep(0.01)
    client.disconnect()
    client.loop_stop()
    return sent
