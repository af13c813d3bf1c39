"""The mixed load of a city, from a process of its own: 95 of 100 observations come through gateways
in batches of 100 or more, 5 singly, spread over all datastreams.

It behaves as a good sender does: one message under way on each connection, and after 429 the same
message again once ``Retry-After`` is over. What it could not send in time it sends late, and what
is left when it ends is counted, so that a rate that was not reached shows.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import numpy as np

from tianmu.rehearse.city.city import City, connect
from tianmu.rehearse.load.publish import Publisher

SINGLY = 0.05
"""share of the observations that come singly"""
BATCH, LARGE = 100, 1_000
"""observations of a gateway's message: usually, and where more than ``DENSE`` a second come"""
DENSE = 100_000
GATEWAYS, DEVICES = 8, 64
"""connections that send batches (a source each), and that send singly (one source)"""
NICE = 5
"""the generator stands for other machines: on this one it gives way to the city and the clock"""
STUCK = 10.0
"""seconds after the end that a broker may still take to acknowledge"""
LAST = 0.05
"""seconds before the end in which what falls due need not have been sent"""
PIECE = 100
"""datastreams whose names are written together"""


@dataclass(frozen=True)
class Phase:
    """``seconds`` of load at ``rate`` observations a second."""

    name: str
    seconds: float
    rate: float


@dataclass(frozen=True)
class Plan:
    """What to send where. ``names`` are those of the datastreams; those of singles are their own,
    so that no two observations are one."""

    data: Path
    url: str
    gateways: tuple[str, ...]
    """tokens"""
    devices: str
    """token"""
    names: list[str]
    phases: tuple[Phase, ...]
    mqtt: tuple[str, str] | None = None
    """source and token by which the singles come over MQTT (QoS 1); None: over HTTP too"""


@dataclass(frozen=True)
class Sent:
    """What became of the load, in observations, by phase."""

    acknowledged: Counter[str]
    refused: Counter[str]
    """answers other than 200, in observations: what waits is sent again, and counted each time"""
    answers: Counter[str]
    unsent: int
    """still waiting at the end, of what the rates asked for"""


class Load:
    """The generator's process. ``start``, then ``phase`` whenever one begins, then ``finish``."""

    def __init__(self, plan: Plan) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_main, args=(plan, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def _hear(self, within: float) -> object:
        if not self._ours.poll(within):
            raise RuntimeError(f"the load generator has said nothing for {within:g} s")
        try:
            return self._ours.recv()
        except EOFError as error:
            raise RuntimeError("the load generator has died; its words are above") from error

    def ready(self) -> None:
        """Wait until it could begin."""
        self._hear(120)

    def begin(self) -> None:
        self._ours.send("begin")

    def finish(self, within: float) -> Sent:
        """What was sent, once it has ended."""
        found = self._hear(within)
        self._process.join(10)
        assert isinstance(found, Sent)
        return found

    def close(self) -> None:
        if self._process.is_alive():
            self._process.terminate()
        self._process.join(5)
        self._ours.close()


def _main(plan: Plan, pipe: Connection) -> None:
    import uvloop

    os.nice(NICE)
    city = connect(plan.data, url=plan.url)
    bodies = Bodies(plan.names)
    pipe.send("ready")
    pipe.recv()
    pipe.send(uvloop.run(_play(city, plan, bodies)))


class Bodies:
    """Messages made of ready pieces: a new time and values from a pool cost little."""

    def __init__(self, names: list[str]) -> None:
        random = np.random.default_rng()
        order = random.permutation(len(names))
        singles = max(DEVICES, int(len(names) * SINGLY))
        self._single = [names[i] for i in order[:singles].tolist()]
        rest = order[singles:].tolist()
        self._pieces = [
            ",".join(f'"{names[i]}"' for i in rest[at : at + PIECE]).encode()
            for at in range(0, len(rest) - PIECE + 1, PIECE)
        ]
        if len(self._pieces) < LARGE // PIECE:
            raise ValueError(f"{len(names)} datastreams are too few for batches of {LARGE}")
        self._values = [
            b",".join(b"%d.%02d" % (v // 100, v % 100) for v in random.integers(0, 10**6, PIECE))
            for _ in range(256)
        ]

    def batches(self) -> Iterator[Callable[[int, int], bytes]]:
        """Bodies one after the other: ``make(size, ms)``; each takes the next datastreams."""
        number = 0

        def make(size: int, at: int) -> bytes:
            nonlocal number
            chosen = range(number, number + size // PIECE)
            number += size // PIECE
            pieces, values = self._pieces, self._values
            times = b"%d," % at * size
            return b"".join(
                (
                    b'{"datastream":[', b",".join([pieces[i % len(pieces)] for i in chosen]),
                    b'],"time":[', times[:-1], b'],"value":[',
                    b",".join([values[i * 7 % len(values)] for i in chosen]), b"]}",
                )
            )  # fmt: skip

        while True:
            yield make

    def singles(self) -> Callable[[int, int], bytes]:
        """One observation a call, of one datastream after the other."""
        number = 0

        def make(_: int, at: int) -> bytes:
            nonlocal number
            number += 1
            name = self._single[number % len(self._single)]
            return b'{"datastream":"%s","time":%d,"value":%d.5}' % (name.encode(), at, number % 500)

        return make


class Line(asyncio.Protocol):
    """One HTTP/1.1 connection with one message under way."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self._answer: asyncio.Future[tuple[int, float]] | None = None
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end < 0 or self._answer is None:
            return
        head = self._got[:end].lower()
        if len(self._got) < end + 4 + int(_field(head, b"content-length:") or 0):
            return
        self._got = b""
        if not self._answer.done():
            self._answer.set_result((int(head[9:12]), float(_field(head, b"retry-after:") or 0)))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("the city hung up"))

    async def post(self, head: bytes, body: bytes) -> tuple[int, float]:
        """Status, and seconds to wait before the next try."""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(b"%s%d\r\n\r\n%s" % (head, len(body), body))
        return await self._answer


def _field(head: bytes, name: bytes) -> bytes:
    at = head.find(name)
    if at < 0:
        return b""
    end = head.find(b"\r", at)
    return head[at + len(name) : end if end > 0 else len(head)].strip()


class _Run:
    """The phases as time passes, and the tally of all connections."""

    def __init__(self, phases: tuple[Phase, ...]) -> None:
        self.phases = phases
        self.acknowledged: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.unsent = 0
        self.began = time.monotonic()

    def due(self, share: float, now: float) -> tuple[float, Phase]:
        """Observations that ``share`` of the load comes to by ``now``, and the phase that runs."""
        passed, total = now - self.began, 0.0
        for phase in self.phases:
            total += phase.rate * share * min(max(passed, 0.0), phase.seconds)
            if passed < phase.seconds:
                return total, phase
            passed -= phase.seconds
        return total, self.phases[-1]

    @property
    def end(self) -> float:
        return self.began + sum(phase.seconds for phase in self.phases)


async def _play(city: City, plan: Plan, bodies: Bodies) -> Sent:
    run = _Run(plan.phases)
    makes, single = bodies.batches(), bodies.singles()
    share, alone = (1 - SINGLY) / GATEWAYS, SINGLY / DEVICES
    async with asyncio.TaskGroup() as group:
        for token in plan.gateways:
            group.create_task(_send(city, run, token, share, next(makes), False))
        for _ in range(DEVICES):
            if plan.mqtt is None:
                group.create_task(_send(city, run, plan.devices, alone, single, True))
            else:
                group.create_task(_publish(city, run, *plan.mqtt, alone, single))
    return Sent(run.acknowledged, run.refused, run.answers, run.unsent)


async def _send(
    city: City,
    run: _Run,
    token: str,
    share: float,
    make: Callable[[int, int], bytes],
    singly: bool,
) -> None:
    """One connection: its ``share`` of the load, in the order it falls due."""
    loop = asyncio.get_running_loop()
    _, line = await loop.create_connection(Line, city.host, city.ports["http"], ssl=city.tls)
    head = (
        f"POST /observations HTTP/1.1\r\nHost: {city.host}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nIdempotency-Key: "
    ).encode()
    run_key, number, size = uuid.uuid4().hex.encode(), 0, 1 if singly else BATCH
    # connections do not all speak at the same moment
    done = -size * float(np.random.default_rng().random())
    while (now := time.monotonic()) < run.end:
        due, phase = run.due(share, now)
        size = 1 if singly else LARGE if phase.rate >= DENSE else BATCH
        if due - done < size:
            await asyncio.sleep(min((size - due + done) / (phase.rate * share), run.end - now))
            continue
        number += 1
        body = make(size, time.time_ns() // 1_000_000)
        if await _until_taken(line, head + b"%s-%d\r\nContent-Length: " % (run_key, number),
                              body, size, phase, run):  # fmt: skip
            done += size
    left = int(run.due(share, run.end - LAST)[0] - done)
    run.unsent += left if left >= size else 0  # less is a message that was not full yet
    line.transport.close()


async def _publish(
    city: City, run: _Run, source: str, token: str, share: float, make: Callable[[int, int], bytes]
) -> None:
    """One device that tells single observations over MQTT, one under way."""
    publisher = await Publisher.open(
        city.host, city.ports["mqtt"], client=f"bench-{uuid.uuid4().hex[:12]}", user=source,
        password=token, window=1, tls=city.tls,
    )  # fmt: skip
    done = -float(np.random.default_rng().random())
    while (now := time.monotonic()) < run.end:
        due, phase = run.due(share, now)
        if due - done < 1:
            await asyncio.sleep(min((1 - due + done) / (phase.rate * share), run.end - now))
            continue
        publisher.publish(
            f"tianmu/{source}/observations", [make(1, time.time_ns() // 1_000_000)], 1
        )
        while not publisher.room and time.monotonic() < run.end + STUCK:
            await publisher.wait(1.0)
        if not publisher.room:
            break
        run.acknowledged[phase.name] += 1
        done += 1
    run.unsent += max(0, int(run.due(share, run.end - LAST)[0] - done))
    publisher.close()


async def _until_taken(
    line: Line, head: bytes, body: bytes, size: int, phase: Phase, run: _Run
) -> bool:
    """Send, and send again after 429; False where the run ends first or it is refused for good."""
    while True:
        status, wait = await line.post(head, body)
        if status == 200:
            run.acknowledged[phase.name] += size
            return True
        run.answers[str(status)] += 1
        run.refused[phase.name] += size
        if status != 429:
            return False
        if time.monotonic() + wait >= run.end:
            return False
        await asyncio.sleep(wait)
