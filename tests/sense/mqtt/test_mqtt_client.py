"""The client against a broker that does as it is told: what becomes of lost connections."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from tianmu.sense.mqtt import client as clients
from tianmu.sense.mqtt import codec
from tianmu.sense.mqtt.client import Client, Server
from tianmu.sense.mqtt.codec import Publish
from waiting import until

from ..door import run

WELCOME, MESSAGE = b"\x20\x02\x00\x00", b"\x32\x06\x00\x01t\x00\x07x"


@contextlib.asynccontextmanager
async def house(answer: bytes = WELCOME) -> AsyncIterator[Any]:
    """A broker that answers each hello so, and a client of it."""
    found = SimpleNamespace(said=[], writers=[], heard=[], counts=Counter())

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.writers.append(writer)
        found.said.append(bytearray())
        said = found.said[-1]
        writer.write(answer)
        with contextlib.suppress(ConnectionError):
            while more := await reader.read(1 << 16):
                said += more
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    def hear(publishes: Sequence[Publish]) -> None:
        found.heard += [(found.client.connection, one) for one in publishes]

    found.client = Client(
        Server("127.0.0.1", port, "u", "p"), "gate", lambda: [("t", 1)], hear, found.counts
    )
    found.client.start()
    try:
        yield found
    finally:
        await found.client.stop()
        server.close()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "SOONEST", 0.02)


@run
async def test_it_signs_in_subscribes_hears_and_acknowledges_in_one_piece() -> None:
    async with house() as found:
        await until(lambda: found.client.connected)
        found.writers[0].write(MESSAGE * 3)
        await until(lambda: len(found.heard) == 3)
        assert found.heard[0] == (1, Publish(1, 7, b"t", b"x"))
        found.client.acknowledge([7, 8])
        hello = codec.connect(4, "gate", "u", "p", clients.KEEP_ALIVE)
        wanted = hello + codec.subscribe(4, 1, [("t", 1)]) + codec.acknowledge([7, 8])
        await until(lambda: bytes(found.said[0]) == wanted)
        await found.client.stop()
        await until(lambda: bytes(found.said[0]) == wanted + codec.GOODBYE)


@run
async def test_a_lost_connection_is_made_again_under_another_number() -> None:
    async with house() as found:
        await until(lambda: found.client.connected)
        found.writers[0].write(MESSAGE)
        await until(lambda: found.heard)
        found.writers[0].close()
        await until(lambda: len(found.writers) == 2 and found.client.connected)
        found.writers[1].write(MESSAGE)
        await until(lambda: len(found.heard) == 2)
        assert [connection for connection, _ in found.heard] == [1, 2]
        found.client.reconnect()
        await until(lambda: len(found.writers) == 3 and found.client.connected)


@run
async def test_nonsense_of_a_broker_ends_the_connection_and_not_the_client() -> None:
    async with house() as found:
        for number in (1, 2):
            await until(lambda n=number: len(found.writers) == n and found.client.connected)
            found.writers[-1].write(b"\x36\x00" * 3)
        await until(lambda: len(found.writers) == 3)
        assert not found.heard


@run
async def test_who_is_not_let_in_says_so_and_tries_again() -> None:
    async with house(b"\x20\x02\x00\x05") as found:
        await until(lambda: found.counts["refused_by_broker"] >= 2)
        assert not found.client.connected


@run
async def test_a_paused_client_reads_on_when_there_is_room() -> None:
    async with house() as found:
        await until(lambda: found.client.connected)
        found.client.pause()
        found.client.pause()
        found.writers[0].write(MESSAGE)
        await asyncio.sleep(0.05)
        assert not found.heard
        found.client.resume()
        found.client.resume()
        await until(lambda: found.heard)


@run
async def test_a_broker_that_falls_silent_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "KEEP_ALIVE", 0.1)
    monkeypatch.setattr(codec, "connect", lambda *_: b"\x10\x00")
    async with house() as found:
        await until(lambda: len(found.writers) >= 2)
        assert codec.PINGREQ in found.said[0]
