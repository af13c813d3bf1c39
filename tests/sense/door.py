"""A gate's intake on real files, for tests of what stands at its doors."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from tianmu.facts.batch import ObservationBatch
from tianmu.facts.encoding import encode
from tianmu.facts.registry import Device, SourceChanged
from tianmu.facts.topic import OBSERVATION, REGISTRY
from tianmu.sense.intake import Intake
from tianmu.sense.source import Sources, digest
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records
from tianmu.store.registry import Registry

NOW = 1_800_000_000_000_000
"""µs: the intake's clock"""


def run(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """An async test in a loop of its own."""

    @functools.wraps(test)
    def sync(*args: Any, **more: Any) -> None:
        asyncio.run(test(*args, **more))

    return sync


class Door:
    """``devices`` devices ``d0``, ``d1`` … with a property ``value`` each."""

    def __init__(self, data: Path, devices: int) -> None:
        self.main, self.life = Records(data / "gate.sqlite"), Records(data / "gate-life.sqlite")
        self.hub = Records(data / "hub.sqlite")
        self.journal = SqliteJournal(data)
        self.sources, registry = Sources(), Registry(data)
        self.intake = Intake(self.main, self.life, registry, self.sources, now=lambda: NOW)
        made = [Device(device=f"d{i}", kind="k", properties=["value"]) for i in range(devices)]
        if made:
            fact = registry.registration(made, at=1, actor="test")
            self.hub.transact(lambda tx: tx.append(REGISTRY.name, encode(fact)))
        registry.refresh(self.journal)

    def source(self, name: str, *, number: int = 1, life: bool = False) -> SourceChanged:
        """A source whose token is its name."""
        fact = SourceChanged(
            source=name, number=number, protocol="http", life_safety=life, at=0, actor="test",
            token_digest=digest(name),
        )  # fmt: skip
        self.sources.apply(fact)
        return fact

    def entries(self, topic: str = OBSERVATION.name) -> list[ObservationBatch]:
        found: list[ObservationBatch] = []
        after = 0
        while read := self.journal.read(topic, after):
            found += [ObservationBatch.decode(entry.payload) for entry in read]
            after = read[-1].position
        return found

    def observations(self, topic: str = OBSERVATION.name) -> list[tuple[int, int]]:
        """(datastream, time) of each row, sorted."""
        return sorted(
            (int(d), int(t))
            for batch in self.entries(topic)
            for d, t in zip(batch.datastream, batch.phenomenon_time, strict=True)
        )

    def close(self) -> None:
        for one in (self.main, self.life, self.hub, self.journal):
            one.close()


async def post(
    app: Any,
    token: str,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    path: str = "/observations",
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """A message to an ASGI door: status, answer, headers."""
    told = {"authorization": f"Bearer {token}", "content-length": str(len(body)), **(headers or {})}
    scope = {
        "type": "http", "path": path, "method": "POST", "client": ("test", 1),
        "headers": [(k.encode(), v.encode()) for k, v in told.items()],
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    answer = json.loads(b"".join(m.get("body", b"") for m in sent[1:]))
    return sent[0]["status"], answer, {k.decode(): v.decode() for k, v in sent[0]["headers"]}
