"""The little of WebSocket (RFC 6455) that is needed to listen to a peer: text from a server."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator

from tianmu.rehearse.peers.contract import Absent


class Socket:
    """An open socket; iterating gives its texts. Whole messages in one frame each only."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, host: str, port: int, path: str) -> Socket:
        reader, writer = await asyncio.open_connection(host, port)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise Absent(f"no WebSocket at {path}: {head.splitlines()[0]!r}")
        return cls(reader, writer)

    async def __aiter__(self) -> AsyncIterator[str]:
        while True:
            first, second = await self._reader.readexactly(2)
            length = second & 0x7F
            if length >= 126:
                width = 2 if length == 126 else 8
                length = int.from_bytes(await self._reader.readexactly(width), "big")
            content = await self._reader.readexactly(length)
            match first & 0x0F:
                case 1:
                    yield content.decode()
                case 8:
                    return
                case 9:  # a client masks what it sends; with zeros it reads the same
                    self._writer.write(bytes([0x8A, 0x80 | length, 0, 0, 0, 0]) + content)

    def close(self) -> None:
        self._writer.close()
