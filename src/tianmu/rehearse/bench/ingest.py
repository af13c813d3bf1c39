"""``tianmu bench ingest``: how many observations a second are acknowledged on disk, and arrive.

A fresh city (or a running one), devices of its own, about seven rules on each datastream, history
written: everything on. The load goes round all datastreams in an order of chance, so that no cache
holds what the next message needs. The generator runs on the same machine.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import numpy as np

from tianmu.rehearse.city.city import City, Started
from tianmu.rehearse.city.equipment import BENCH_RULES, Bench, prepare, restore
from tianmu.rehearse.load.batch import BATCHES, VALUES, JsonBatch
from tianmu.rehearse.load.publish import Publisher

CONNECTIONS = 32
"""HTTP connections, each with one message under way: a city has thousands, and those that wait
together share a commit"""
PUBLISHERS = 4
"""MQTT connections"""
MQTT_WINDOW = 1_000
"""MQTT messages in flight, of all connections"""
AT_REST = "clerk"
"""the process that registers: it still merges segments for a while after it has answered"""
STILL = 15.0
"""seconds in which nothing more arrives, after which nothing more will"""
TOGETHER = 50
"""single MQTT messages made together"""


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
    rate: float = 0.0,
    told: Callable[[Bench], None] = lambda bench: None,
) -> dict[str, Any]:
    """Measure and return what ``--json`` prints (keys as in the contracts). ``told`` hears of what
    the load goes to, so that a peer can have the same. ``rate``: observations a second to offer
    over MQTT, where a broker would else take more than it can hand on; 0 for all it takes."""
    bench = prepare(city, devices)
    told(bench)
    try:
        return _measure(city, started, bench, Load(bench, form, batch, rate), form, seconds)
    finally:
        restore(city, bench)


def _measure(
    city: City, started: Started | None, bench: Bench, load: Load, form: str, seconds: float
) -> dict[str, Any]:
    batch = load.size
    if started:
        started.wait_for_end_of(AT_REST)
    before = observed(city)
    cpu = started.cpu_by_process() if started else {}
    own = time.process_time()
    begin = time.perf_counter()
    sent = send(city, bench, form, batch, seconds, load)
    lasted = time.perf_counter() - begin
    own = time.process_time() - own
    spent = _difference(started.cpu_by_process() if started else {}, cpu)
    arrived = _settle(city, before, sent.acknowledged)
    settled = time.perf_counter() - begin
    total = sum(spent.values())
    latencies = np.array(sent.latencies or [0.0]) * 1000
    result = {
        "format": form,
        "batch": batch,
        "rate_offered": load.rate or None,
        "seconds": round(lasted, 2),
        "observations_per_second": round(sent.acknowledged / lasted),
        "judged_per_second": round(min(arrived, sent.acknowledged) / settled),
        "acknowledged": sent.acknowledged,
        "lost": max(0, sent.acknowledged - arrived),
        "refused": sent.refused,
        "answers": dict(sent.answers),
        "cpu_seconds": round(total, 2),
        "cpu_by_process": {name: round(one, 2) for name, one in spent.items()},
        "generator_cpu_seconds": round(own, 2),
        "observations_per_cpu_second": round(sent.acknowledged / total) if total else None,
        "p50_ms": round(float(np.percentile(latencies, 50)), 2),
        "p99_ms": round(float(np.percentile(latencies, 99)), 2),
        "devices": bench.devices,
        "datastreams": len(bench.datastreams),
        "datastreams_touched": min(len(bench.datastreams), load.made),
        "rules_per_datastream": BENCH_RULES,
        "memory_bytes": started.memory_bytes() if started else None,
    }
    if result["lost"]:
        result["remark"] = (
            f"{result['lost']} acknowledged observations have not been through the rules after "
            f"{settled - lasted:.0f} s: the rules pass over what is late, see tianmu status for lag"
        )
    if form == "mqtt":
        result |= {"broker": _broker(spent), "in_flight": MQTT_WINDOW, "qos": 1}
    return result


def _difference(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    return {name: spent - before.get(name, 0.0) for name, spent in after.items()}


def _broker(processes: dict[str, float]) -> str:
    """The broker that runs beside gate: the city's own, the one for trial, or one elsewhere."""
    found = [name for name in ("mosquitto", "trial") if name in processes]
    return {"trial": "amqtt (for trial)"}.get(found[0], found[0]) if found else "the city's own"


def send(
    door: City, bench: Bench, form: str, batch: int, seconds: float, load: Load | None = None
) -> Sent:
    """The load alone, to a city or to whatever else takes the same messages. ``load`` where it has
    been made before the clock began to run."""
    sending = _by_mqtt if form == "mqtt" else _by_http
    return asyncio.run(sending(door, bench, load or Load(bench, form, batch), seconds))


def observed(city: City) -> int:
    """Observations that have been through the rules so far."""
    return int(city.get("/api/vitals")["observations"]["total"])


def _settle(
    city: City, before: int, expected: int, within: float = 120.0, still: float = STILL
) -> int:
    """Wait until all that was acknowledged has arrived, or nothing has for ``still`` seconds; how
    many have."""
    moved = time.monotonic()
    end = moved + within
    arrived = 0
    while (now := time.monotonic()) < end and now - moved < still:
        held = observed(city) - before
        if held > arrived:
            arrived, moved = held, now
        if arrived >= expected:
            break
        time.sleep(0.1)
    return arrived


class Load:
    """Messages of ``size`` observations, round all datastreams again and again."""

    def __init__(self, bench: Bench, form: str, size: int, rate: float = 0.0) -> None:
        self.rate = rate
        names = bench.datastreams
        self.size = min(size, len(names))
        self._random = np.random.default_rng()
        order = self._random.permutation(len(names)).tolist()
        self.maker = BATCHES[form]([names[i] for i in order])
        self._count = len(names)
        self._first = 0
        self._told: dict[int, int] = {}
        """part → ms of its last message"""
        self._latest = self._least = 0
        """ms of the last message, and before which none of this round is"""
        self.made = 0
        """observations"""

    @property
    def parts(self) -> int:
        """Messages until all datastreams have had a turn (but those that fill none)."""
        return self._count // self.size

    def _turn(self, n: int) -> int:
        """Where the next ``n`` datastreams begin."""
        first = self._first if self._first + n <= self._count else 0
        if not first:
            self._least = self._latest + 1
        self._first = first + n
        self.made += n
        return first

    def _time(self, least: int) -> int:
        """µs since the epoch, now, or a millisecond that its datastreams have not told of yet:
        formats write milliseconds, and what is told again counts as late."""
        self._latest = max(time.time_ns() // 1_000_000, least)
        return self._latest * 1000

    def of_part(self, part: int) -> bytes:
        """The next message of a part of the datastreams, as of now."""
        values = self._random.integers(0, VALUES, self.size)
        self.made += self.size
        at = self._time(self._told.get(part, 0) + 1)
        self._told[part] = at // 1000
        made: bytes = self.maker.body(at, values, part * self.size)
        return made

    def body(self) -> bytes:
        """The next message, as of now."""
        values = self._random.integers(0, VALUES, self.size)
        first = self._turn(self.size)
        made: bytes = self.maker.body(self._time(self._least), values, first)
        return made

    def payloads(self, room: int) -> list[bytes]:
        """The next MQTT messages, at most ``room``."""
        if self.size > 1:
            return [self.body()]
        n = min(room, self._count)
        values = self._random.integers(0, VALUES, n)
        maker: JsonBatch = self.maker
        first = self._turn(n)
        return maker.singles(self._time(self._least), values, first)


async def _by_http(city: City, bench: Bench, load: Load, seconds: float) -> Sent:
    sent = Sent()
    end = time.perf_counter() + seconds
    turn: Iterator[int] = iter(range(1 << 60))
    size = load.size

    # what a datastream tells comes in its order: its messages go one after the other
    workers = min(CONNECTIONS, load.parts)

    async def worker(which: int) -> None:
        parts = cycle(range(which, load.parts, workers))
        reader, writer = await asyncio.open_connection(city.host, city.ports["http"], ssl=city.tls)
        head = (
            f"POST /observations HTTP/1.1\r\nHost: {city.host}\r\n"
            f"Authorization: Bearer {bench.token}\r\n"
            f"Content-Type: {load.maker.content_type}\r\n"
        )
        while time.perf_counter() < end:
            number, body = next(turn), load.of_part(next(parts))
            begin = time.perf_counter()
            told = (
                f"{head}Idempotency-Key: {bench.run}-{number}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            writer.write(told.encode() + body)
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

    await asyncio.gather(*map(worker, range(workers)))
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


async def _by_mqtt(city: City, bench: Bench, load: Load, seconds: float) -> Sent:
    """QoS 1: acknowledged by the broker, which holds each until gate has it on disk."""
    topic = f"tianmu/{bench.mqtt_source}/observations"
    publishers = [
        await Publisher.open(
            city.host, city.ports["mqtt"], client=f"bench-{bench.run}-{number}",
            user=bench.mqtt_source, password=bench.mqtt_token,
            window=MQTT_WINDOW // PUBLISHERS, tls=city.tls,
        )
        for number in range(PUBLISHERS)
    ]  # fmt: skip
    begin = time.perf_counter()
    end = begin + seconds

    async def worker(publisher: Publisher) -> None:
        while (now := time.perf_counter()) < end:
            if load.rate and load.made > load.rate * (now - begin):
                await asyncio.sleep(0.001)
            elif publisher.room:
                payloads = load.payloads(min(publisher.room, TOGETHER))
                publisher.publish(topic, payloads, load.size)
                await asyncio.sleep(0)
            else:
                await publisher.wait(1.0)
        limit = time.monotonic() + 30
        while publisher.room < MQTT_WINDOW // PUBLISHERS and time.monotonic() < limit:
            await publisher.wait(0.1)
        publisher.close()

    await asyncio.gather(*map(worker, publishers))
    return Sent(
        acknowledged=sum(one.acknowledged for one in publishers),
        latencies=[wait for one in publishers for wait in one.latencies],
    )
