"""A data logger on a socket, and what the connector hands on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from tianmu.facts.registry import SourceChanged
from tianmu.sense.contract import Candidate, Readings, Taken
from tianmu.sense.hj212 import segment as seg
from tianmu.sense.hj212.connector import Hj212Connector
from tianmu.sense.hj212.frame import Frame, Framer, pack
from tianmu.sense.hj212.options import Options
from tianmu.sense.hj212.segment import Message

MN, OTHER = "010000A8900016F000169DC0", "88888880000001"


KEY = "30" * 16


class Ledger:
    """An intake in memory that keeps what it is given, or fails as told."""

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        self.taken: list[tuple[Readings, bytes | None]] = []
        self.refused: list[tuple[bytes, str, str]] = []
        self.strangers: list[tuple[str, bytes, Candidate]] = []
        self.full = False
        self.seen: set[bytes] = set()
        self.durable = asyncio.Event()
        self.durable.set()
        self.settings = settings or {}
        self.made = self._make()

    def _make(self) -> SourceChanged:
        return SourceChanged(
            source="water", number=7, protocol="hj212", settings=self.settings, at=0, actor="test"
        )

    async def take(
        self, readings: Readings, *, source: SourceChanged, key: bytes | None, peer: str
    ) -> Taken:
        await self.durable.wait()
        if self.full:
            raise OSError("the disk is full")
        assert key is not None
        again = key in self.seen
        self.seen.add(key)
        if not again:
            self.taken.append((readings, key))
        return Taken(known=len(readings.address), held=0, duplicate=again)

    async def quarantine(
        self, protocol: str, payload: bytes, *, reason: str, peer: str, source: str = "",
        offset: int = 0,
    ) -> None:  # fmt: skip
        self.refused.append((payload, reason, source))

    def source(self, protocol: str, address: str) -> SourceChanged | None:
        assert protocol == "hj212"
        return self.made if address in (MN, OTHER) else None

    async def unknown(
        self, protocol: str, address: str, *, peer: str, payload: bytes, candidate: Candidate
    ) -> None:
        self.strangers.append((address, payload, candidate))

    def in_maintenance(self, address: str) -> bool:
        return False

    def now(self) -> int:
        return time.time_ns() // 1000


class Logger:
    """A data logger's end of the wire."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._framer = Framer()
        self._got: list[Message] = []

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def next(self, seconds: float = 15.0) -> Message:
        async with asyncio.timeout(seconds):
            while not self._got:
                chunk = await self.reader.read(65536)
                assert chunk, "the connection was closed"
                for piece in self._framer.feed(chunk):
                    assert isinstance(piece, Frame) and piece.ok
                    self._got.append(seg.parse(piece.segment))
        return self._got.pop(0)

    async def silent(self, seconds: float = 0.15) -> bool:
        try:
            await self.next(seconds)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def running(
    ledger: Any, options: Options | None = None
) -> AsyncIterator[tuple[Hj212Connector, Callable[[], Awaitable[Logger]]]]:
    connector = Hj212Connector(ledger, "Asia/Shanghai", options)
    port = await connector.start("127.0.0.1", 0)
    loggers: list[Logger] = []

    async def connect() -> Logger:
        logger = Logger(*await asyncio.open_connection("127.0.0.1", port))
        loggers.append(logger)
        return logger

    try:
        yield connector, connect
    finally:
        for logger in loggers:
            logger.writer.close()
        await connector.stop()


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def wrapped() -> None:
        asyncio.run(asyncio.wait_for(test(), 60))

    wrapped.__name__ = test.__name__
    return wrapped


def stamp() -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + 8 * 3600))


def upload(
    area: str = "", *, cn: str = "2011", qn: str = "20261123100000123", flag: str = "Flag=5;",
    mn: str = MN, pw: str = "123456", more: str = "", system: str = "32",
) -> bytes:  # fmt: skip
    area = area or f"DataTime={stamp()};w01018-Rtd=31.5,w01018-Flag=N"
    front = f"QN={qn};" if qn else ""
    text = f"{front}ST={system};CN={cn};PW={pw};MN={mn};{flag}{more}CP=&&{area}&&"
    return pack(text.encode())
