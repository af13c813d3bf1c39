"""A publisher of MQTT 3.1.1 (OASIS 2014) at QoS 1 that packs its frames itself: a client library
would be the bound of what is measured with it."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterable
from ssl import SSLContext
from typing import cast

CONNACK, PUBLISH_QOS1, PUBACK = 0x20, 0x32, 0x40
LAST_ID = 0xFFFF
ANSWERS = 30.0
"""seconds that a broker may take to let a publisher in"""


def _length(n: int) -> bytes:
    """Remaining length (2.2.3): seven bits a byte, the lowest first."""
    coded = bytearray()
    while True:
        n, low = n >> 7, n & 0x7F
        coded.append(low | (0x80 if n else 0))
        if not n:
            return bytes(coded)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">H", len(encoded)) + encoded


class Publisher(asyncio.Protocol):
    """One connection with at most ``window`` messages that are not acknowledged yet."""

    def __init__(self, client: str, user: str, password: str, window: int) -> None:
        self._hello = self._connect(client, user, password)
        self._window = window
        self._begun: dict[int, tuple[float, int]] = {}
        self._next = 0
        self._rest = b""
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._news = asyncio.Event()
        self._transport: asyncio.Transport
        self.acknowledged = 0
        """observations"""
        self.latencies: list[float] = []
        """seconds from send to acknowledge, by message"""

    @staticmethod
    def _connect(client: str, user: str, password: str) -> bytes:
        """CONNECT (3.1): a clean session, with name and password, no keep-alive."""
        body = _text("MQTT") + bytes([4, 0xC2, 0, 0])
        body += _text(client) + _text(user) + _text(password)
        return b"\x10" + _length(len(body)) + body

    @classmethod
    async def open(
        cls,
        host: str,
        port: int,
        *,
        client: str,
        user: str,
        password: str,
        window: int,
        tls: SSLContext | None = None,
    ) -> Publisher:
        """Connect and sign in; ``ConnectionError`` where the broker refuses."""
        loop = asyncio.get_running_loop()
        _, publisher = await loop.create_connection(
            lambda: cls(client, user, password, window), host, port, ssl=tls
        )
        await asyncio.wait_for(publisher._ready, ANSWERS)
        return publisher

    @property
    def room(self) -> int:
        """Messages that may be sent now."""
        return self._window - len(self._begun)

    async def wait(self, within: float) -> None:
        """Until something was acknowledged, at most ``within`` seconds."""
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), within)
        except TimeoutError:
            return

    def publish(self, topic: str, payloads: Iterable[bytes], observations: int) -> None:
        """Send messages of so many observations each."""
        name = _text(topic)
        now = time.perf_counter()
        frames: list[bytes] = []
        for payload in payloads:
            self._next = self._next % LAST_ID + 1
            self._begun[self._next] = now, observations
            frames.append(b"\x32" + _length(len(name) + 2 + len(payload)) + name)
            frames.append(self._next.to_bytes(2, "big"))
            frames.append(payload)
        self._transport.write(b"".join(frames))

    def close(self) -> None:
        self._transport.write(b"\xe0\x00")
        self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        """All that a broker sends a publisher are frames of four bytes."""
        data = self._rest + data
        whole = len(data) & ~3
        self._rest = data[whole:]
        now = time.perf_counter()
        for kind, length, mid in struct.iter_unpack(">BBH", data[:whole]):
            if kind == CONNACK and length == 2:
                self._signed_in(mid & 0xFF)
            elif kind == PUBACK and length == 2:
                begun = self._begun.pop(mid, None)
                if begun is not None:
                    self.latencies.append(now - begun[0])
                    self.acknowledged += begun[1]
            else:
                self.connection_lost(ConnectionError(f"unexpected frame {kind:#x} {length}"))
        self._news.set()

    def _signed_in(self, code: int) -> None:
        if self._ready.done():
            return
        if code:
            self._ready.set_exception(ConnectionError(f"the broker refuses: return code {code}"))
        else:
            self._ready.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._ready.done():
            self._ready.set_exception(error or ConnectionError("the broker hung up"))
        self._news.set()
