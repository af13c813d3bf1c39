"""A centre on a real port with a ledger for a disk, and a device that speaks to it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

from tianmu.facts.registry import SourceChanged
from tianmu.sense.contract import Candidate, Readings, Taken
from tianmu.sense.gbt26875.body import write_objects
from tianmu.sense.gbt26875.codec import Frame, build, parse
from tianmu.sense.gbt26875.connector import Gbt26875Connector
from tianmu.sense.gbt26875.frame import Framer
from tianmu.sense.gbt26875.options import Options
from tianmu.sense.gbt26875.tables import SEND

PANEL, CENTRE, STRANGER = "320481000001", "320481999999", "999999999999"
QUIET = {"synchronise": False}
QUICK = Options(patience=0.15, settle=0.0, half_seconds=0.3, minute=0.3)


class Ledger:
    """An intake in memory that keeps what it is given, or fails as told."""

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        self.taken: list[tuple[Readings, bytes | None]] = []
        self.refused: list[tuple[bytes, str, int]] = []
        self.strangers: list[tuple[str, Candidate]] = []
        self.full = False
        self.gate = asyncio.Event()
        self.gate.set()
        self._source = SourceChanged(
            source="fire", number=1, protocol="gbt26875", life_safety=True,
            settings=QUIET if settings is None else settings, at=0, actor="test",
        )  # fmt: skip

    async def take(
        self, readings: Readings, *, source: SourceChanged, key: bytes | None, peer: str
    ) -> Taken:
        await self.gate.wait()
        if self.full:
            raise OSError("the disk is full")
        self.taken.append((readings, key))
        return Taken(known=len(readings.address), held=0, duplicate=False)

    async def quarantine(
        self,
        protocol: str,
        payload: bytes,
        *,
        reason: str,
        peer: str,
        source: str = "",
        offset: int = 0,
    ) -> None:
        if self.full:
            raise OSError("the disk is full")
        self.refused.append((payload, reason, offset))

    def source(self, protocol: str, address: str) -> SourceChanged | None:
        return self._source if address in (PANEL, "0" * 12 + "@127.0.0.1") else None

    async def unknown(
        self, protocol: str, address: str, *, peer: str, payload: bytes, candidate: Candidate
    ) -> None:
        self.strangers.append((address, candidate))

    def in_maintenance(self, address: str) -> bool:
        return False

    def now(self) -> int:
        return time.time_ns() // 1000

    def rows(self, name: str) -> list[float]:
        return [
            float(value)
            for readings, _ in self.taken
            for prop, value in zip(readings.property, readings.value, strict=True)
            if prop == name
        ]


class Device:
    """The other end of a socket, frame by frame."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.framer = Framer()
        self.waiting: list[Frame] = []

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def hear(self, patience: float = 15.0) -> Frame:
        async with asyncio.timeout(patience):
            while not self.waiting:
                chunk = await self.reader.read(4096)
                if not chunk:
                    raise EOFError
                self.waiting += [parse(cut.data) for cut in self.framer.feed(chunk)]
        return self.waiting.pop(0)

    async def silent(self, seconds: float = 0.1) -> bool:
        try:
            await self.hear(seconds)
        except TimeoutError:
            return True
        return False

    async def closed(self, patience: float = 15.0) -> bool:
        async with asyncio.timeout(patience):
            while await self.reader.read(4096):
                pass
        return True


@contextlib.asynccontextmanager
async def centre(
    ledger: Ledger, options: Options = QUICK
) -> AsyncIterator[tuple[Gbt26875Connector, Callable[[], Awaitable[Device]], int]]:
    connector = Gbt26875Connector(ledger, "Asia/Shanghai", options)
    port = await connector.start("127.0.0.1", 0)
    devices: list[Device] = []

    async def connect() -> Device:
        device = Device(*await asyncio.open_connection("127.0.0.1", port))
        devices.append(device)
        return device

    try:
        yield connector, connect, port
    finally:
        for device in devices:
            device.writer.close()
        await connector.stop()


def label() -> bytes:
    now = time.localtime(time.time() + 8 * 3600 + time.timezone)
    return bytes((now[5], now[4], now[3], now[2], now[1], now[0] - 2000))


def frame(
    serial: int,
    data: bytes = b"",
    *,
    source: str = PANEL,
    command: int = SEND,
    check: int | None = None,
    at: bytes | None = None,
) -> bytes:
    return build(
        serial=serial, source=source, destination=CENTRE, command=command, data=data,
        label=label() if at is None else at, check=check,
    )  # fmt: skip


def fire(number: int = 25) -> bytes:
    thing = {
        "system_type": 1, "system_address": 1, "component_type": 40,
        "component_address": number, "state": ["fire"], "description": "三楼走廊",
    }  # fmt: skip
    return bytes((2, 1)) + write_objects(2, [thing])


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 60))
