"""``tianmu bench latency``: from a fire panel's frame to the event a subscriber receives.

Ordinary load goes on meanwhile: of 100 observations 95 come in batches of 100, 5 singly.
Each frame is the first fire of a detector of its own, so each must give exactly one alarm.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from tianmu.rehearse import bench_city
from tianmu.rehearse.bench_city import Bench
from tianmu.rehearse.city import City
from tianmu.rehearse.listen import Heard
from tianmu.rehearse.load import ColumnBatch
from tianmu.rehearse.panel import Panel
from tianmu.rehearse.panel_script import Component, fire

KIND = "fire_component"
"""of the panel's detectors: the city's rules for it stay in force"""
FRAMES_PER_SECOND = 20.0
BATCH = 100
SINGLY = 0.05
GATEWAYS, DEVICES = 4, 64
"""connections that send batches, and that send singly"""


def run(city: City, data: Path, *, rate: float, seconds: float, devices: int) -> dict[str, Any]:
    """Measure; returns what ``--json`` prints."""
    bench = bench_city.prepare(city, devices, keep=KIND)
    try:
        return _measure(city, bench, rate, seconds, devices)
    finally:
        bench_city.restore(city, bench)


def _measure(city: City, bench: Bench, rate: float, seconds: float, devices: int) -> dict[str, Any]:
    address = f"{random.getrandbits(40):012x}"
    count = int(seconds * FRAMES_PER_SECOND)
    detectors = [Component(40, number, f"bench {number}") for number in range(1, count + 1)]
    names = _register_panel(city, bench, address, detectors)
    with Heard(city, {"alarm"}) as heard:
        sent, load = asyncio.run(_play(city, bench, address, detectors, rate, seconds))
        arrived = _arrivals(heard, set(names), count)
    waits = np.array([arrived[names[i]] - at for i, at in sent.items() if names[i] in arrived])
    waits = waits * 1000 if len(waits) else np.array([np.nan])
    return {
        "rate_asked": rate,
        "rate_sent": round(load["acknowledged"] / seconds),
        "seconds": seconds,
        "samples": len(arrived),
        "lost": count - len(arrived),
        "p50_ms": round(float(np.percentile(waits, 50)), 1),
        "p99_ms": round(float(np.percentile(waits, 99)), 1),
        "max_ms": round(float(waits.max()), 1),
        "load_refused": load["refused"],
        "devices": devices,
    }


def _register_panel(
    city: City, bench: Bench, address: str, detectors: list[Component]
) -> list[str]:
    """A panel of our own on the life-safety lane; names of its detectors' devices."""
    source = f"bench-{bench.run}-panel"
    bench_city.source(city, source, "gbt26875", life=True, allow=[address])
    brief = city.get("/api/city")
    west, south, east, north = brief["bbox"]
    names = [f"bench-{bench.run}-{c.address}" for c in detectors]
    # far from one another, so that what is measured is not a storm of merging
    n = len(detectors)
    bench_city.register(
        city,
        pa.table(
            {
                "device": names,
                "kind": [KIND] * n,
                "longitude": np.linspace(west, east, n),
                "latitude": np.random.default_rng().permutation(np.linspace(south, north, n)),
                "origin": ["seeded"] * n,
                "source": [source] * n,
                "address": [f"gbt26875/{address}/1-1-40-{c.address}" for c in detectors],
                "properties": pa.array([["state"]] * n, pa.list_(pa.string())),
            }
        ),
    )
    return names


async def _play(
    city: City,
    bench: Bench,
    address: str,
    detectors: list[Component],
    rate: float,
    seconds: float,
) -> tuple[dict[int, float], dict[str, int]]:
    """Frames at their rate beside the load; (detector → time sent, what became of the load)."""
    sent: dict[int, float] = {}
    load = {"acknowledged": 0, "refused": 0}
    stop = asyncio.Event()
    batched, single = rate * (1 - SINGLY) / GATEWAYS, rate * SINGLY / DEVICES
    loading = [
        asyncio.create_task(_gateway(city, bench, batched, stop, load)) for _ in range(GATEWAYS)
    ] + [asyncio.create_task(_device(city, bench, single, stop, load)) for _ in range(DEVICES)]
    async with Panel(address, city.host, city.ports["gbt26875"], components=detectors) as panel:
        await asyncio.sleep(2.0)  # the load is steady before anything is timed
        begin = time.monotonic()
        under_way = []
        for number, detector in enumerate(detectors):
            await asyncio.sleep(max(0.0, begin + number / FRAMES_PER_SECOND - time.monotonic()))
            sent[number] = time.time()
            under_way.append(asyncio.create_task(panel.send(fire(detector))))
        await asyncio.gather(*under_way)
        stop.set()
        await asyncio.gather(*loading)
    return sent, load


async def _gateway(
    city: City, bench: Bench, rate: float, stop: asyncio.Event, load: dict[str, int]
) -> None:
    """A gateway: ``rate`` observations a second in batches over one connection."""
    chance = np.random.default_rng()
    pool = []
    for _ in range(32):
        start = int(chance.integers(0, len(bench.datastreams) - BATCH))
        pool.append(ColumnBatch(bench.datastreams[start : start + BATCH]))

    def body(number: int) -> bytes:
        values = chance.integers(0, 10**6, BATCH)
        return bytes(pool[number % len(pool)].body(time.time_ns() // 1000, values))

    await _keep_sending(city, bench, body, BATCH, rate, stop, load)


async def _device(
    city: City, bench: Bench, rate: float, stop: asyncio.Event, load: dict[str, int]
) -> None:
    """A device of its own connection: ``rate`` single observations a second."""
    name = random.choice(bench.datastreams)

    def body(number: int) -> bytes:
        at = time.time_ns() // 1_000_000
        return msgspec.json.encode({"datastream": name, "time": at, "value": 1.0})

    await asyncio.sleep(random.random() / rate)
    await _keep_sending(city, bench, body, 1, rate, stop, load)


async def _keep_sending(
    city: City,
    bench: Bench,
    body: Callable[[int], bytes],
    size: int,
    rate: float,
    stop: asyncio.Event,
    load: dict[str, int],
) -> None:
    """One message after the other at ``rate`` observations a second; late ones are not skipped."""
    reader, writer = await asyncio.open_connection(city.host, city.ports["http"], ssl=city.tls)
    head = (
        f"POST /observations HTTP/1.1\r\nHost: {city.host}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {bench.token}\r\n"
    )
    begin, number = time.monotonic(), 0
    while not stop.is_set():
        content = body(number)
        number += 1
        writer.write(
            f"{head}Idempotency-Key: {uuid.uuid4().hex}\r\n"
            f"Content-Length: {len(content)}\r\n\r\n".encode()
        )
        writer.write(content)
        status = await _status(reader)
        load["acknowledged" if status == 200 else "refused"] += size
        await asyncio.sleep(max(0.0, begin + number * size / rate - time.monotonic()))
    writer.close()


async def _status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    at = head.lower().index(b"content-length:") + 15
    await reader.readexactly(int(head[at : head.index(b"\r", at)]))
    return int(head[9:12])


def _arrivals(heard: Heard, names: set[str], count: int, within: float = 30.0) -> dict[str, float]:
    """device → when its alarm was received."""
    arrived: dict[str, float] = {}
    end = time.monotonic() + within
    while len(arrived) < count and time.monotonic() < end:
        for at, _, alarm in heard.take():
            if alarm["device"] in names and alarm["state"] == "unacknowledged":
                arrived.setdefault(alarm["device"], at)
        time.sleep(0.1)
    return arrived
