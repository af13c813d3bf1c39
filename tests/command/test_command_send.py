"""One try of a message, where its receiver's name stands for several addresses."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from tianmu.command.send import client, send
from tianmu.facts.address import Allowed

ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def test_the_first_address_that_answers_gets_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ["127.0.0.9", "127.0.0.1"]
    asked: list[bytes] = []

    def looked_up(host: str, port: int, *_: Any, **__: Any) -> Any:
        names = [host] if host[0].isdigit() else found
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in names]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    async def scene() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        allowed = Allowed.of(["oa.lan"])
        async with server, client(2) as line:
            url = f"http://oa.lan:{port}/in"
            done = await send(line, url, {}, b"{}", allowed, 5, 0.0)
            assert done.taken and done.status == 204
            assert len(asked) == 1 and f"host: oa.lan:{port}".encode() in asked[0].lower()
        async with client(2) as line:
            gone = await send(line, url, {}, b"{}", allowed, 5, 0.0)
            assert not gone.taken and gone.away and not gone.begun
            assert all(address in gone.error for address in found)
        assert len(asked) == 1

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    asyncio.run(scene())
