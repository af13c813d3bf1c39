"""Which addresses are called, and how a name is looked up: apart from all else."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import httpx
import pytest

from tianmu.access import outward
from tianmu.access.names import Names
from tianmu.access.outward import Outward
from tianmu.facts import address
from tianmu.facts.address import Allowed, Forbidden


@pytest.mark.parametrize(
    "host", ["3fff::1", "5f00::1", "64:ff9b:1::a00:1", "100::1", "2001:db8::1", "fec0::1"]
)
def test_what_stands_for_nobody_is_not_public(host: str) -> None:
    with pytest.raises(Forbidden, match="not a public address"):
        address.check(f"https://[{host}]/in", Allowed())


def test_a_silent_name_server_holds_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither other names nor what else runs in threads; and each name is asked for once."""
    silent, asked, system = threading.Event(), list[str](), socket.getaddrinfo

    def looked_up(host: str, *rest: Any, **named: Any) -> Any:
        if host == "127.0.0.1":  # a server of other tests in this process
            return system(host, *rest, **named)
        asked.append(host)
        if host.startswith("silent"):
            silent.wait(10)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    names = Names(at_once=4, within=0.3)

    async def scene() -> None:
        many = [names.look_up(f"silent{n % 3}.example", 443) for n in range(60)]
        waiting = asyncio.gather(*many, return_exceptions=True)
        await asyncio.sleep(0)
        assert await names.look_up("well.example", 443) == ["192.0.2.7"]
        assert await asyncio.to_thread(lambda: "free") == "free"
        assert not waiting.done()
        said = await waiting
        assert len(said) == 60 and all(isinstance(one, OSError) for one in said)
        assert "within 0.3 s" in str(said[0])

    try:
        asyncio.run(scene())
        assert sorted(asked) == ["silent0.example", "silent1.example", "silent2.example",
                                 "well.example"]  # fmt: skip
    finally:
        silent.set()


def test_a_name_that_stands_for_nothing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_up(host: str, *_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    with pytest.raises(OSError, match="not known"):
        asyncio.run(outward.resolve("https://none.example/in", Allowed()))


class Inside:
    """A server on this machine that nobody from outside can reach; counts who asks."""

    def __init__(self, answer: bytes) -> None:
        self.asked: list[bytes] = []
        self._answer = answer

    async def __aenter__(self) -> Inside:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self._answer)
        await writer.drain()
        writer.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"


def stands_for(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    """Any name stands for these addresses, one look after the other."""
    left = list(answers)

    def looked_up(host: str, port: int, *_: Any, **__: Any) -> Any:
        address = host if host[0].isdigit() else left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)


def test_what_a_name_stands_for_is_held_against_the_rules_at_each_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that stood for a public address when it was looked at, and for an inner one now."""
    stands_for(monkeypatch, "8.8.8.8", "127.0.0.1")
    allowed = Allowed(setting="the setting")

    async def scene() -> None:
        async with Inside(OK) as inside:
            url = f"https://feed.example:{inside.port}/"
            assert await outward.resolve(url, allowed) == ["8.8.8.8"]
            async with httpx.AsyncClient(transport=Outward(allowed)) as client:
                with pytest.raises(Forbidden, match=r"127\.0\.0\.1.*named in the setting"):
                    await client.get(url)
            assert inside.asked == []

    asyncio.run(scene())


def test_what_the_setting_names_is_called_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    stands_for(monkeypatch, "127.0.0.1")

    async def scene() -> None:
        async with Inside(OK) as inside:
            allowed = Allowed.of(["127.0.0.0/8", "feed.lan"])
            async with httpx.AsyncClient(transport=Outward(allowed)) as client:
                answer = await client.get(f"http://feed.lan:{inside.port}/a")
            assert answer.content == b"hi"
            assert f"Host: feed.lan:{inside.port}".encode() in inside.asked[0]

    asyncio.run(scene())


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    stands_for(monkeypatch, "127.0.0.1")

    async def scene() -> None:
        async with Inside(OK) as inside, Inside(OK) as proxy:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
            allowed = Allowed.of(["feed.lan"])
            async with httpx.AsyncClient(transport=Outward(allowed)) as client:
                await client.get(f"http://feed.lan:{inside.port}/")
            assert len(inside.asked) == 1 and not proxy.asked

    asyncio.run(scene())


def stands_for_all(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Any name stands for all of these."""

    def looked_up(host: str, port: int, *_: Any, **__: Any) -> Any:
        found = [host] if host[0].isdigit() else [*addresses, addresses[0]]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)


def test_each_address_of_a_name_is_tried_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    stands_for_all(monkeypatch, "127.0.0.9", "127.0.0.8", "127.0.0.1")

    async def scene() -> None:
        async with Inside(OK) as inside:
            allowed = Allowed.of(["feed.lan"])
            url = f"http://feed.lan:{inside.port}/a"
            assert await outward.resolve(url, allowed) == ["127.0.0.9", "127.0.0.8", "127.0.0.1"]
            async with httpx.AsyncClient(transport=Outward(allowed)) as client:
                answer = await client.post(url, content=b"once")
                assert (answer.content, len(inside.asked)) == (b"hi", 1)
                gone = f"http://feed.lan:{inside.port - 1 if inside.port > 1024 else 1}/a"
                with pytest.raises(httpx.ConnectError, match=r"127\.0\.0\.9: .*127\.0\.0\.1: "):
                    await client.get(gone)
            # one that is not allowed among them: none is called
            asked = len(inside.asked)
            async with httpx.AsyncClient(transport=Outward(Allowed.of(["127.0.0.1"]))) as client:
                with pytest.raises(Forbidden, match=r"127\.0\.0\.9"):
                    await client.get(url.replace("http:", "https:"))
            assert len(inside.asked) == asked

    asyncio.run(scene())


def test_the_addresses_of_a_name_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent one leaves the others their part; what was sent is not sent to the next."""
    stands_for_all(monkeypatch, "127.0.0.9", "127.0.0.8", "127.0.0.1")
    given: list[tuple[str, float]] = []

    class Line(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            within = request.extensions["timeout"]["connect"]
            given.append((request.url.host, within))
            if request.url.host == "127.0.0.8":
                raise httpx.ReadTimeout("it took the request and says nothing")
            await asyncio.sleep(within)
            raise httpx.ConnectTimeout("")

    async def scene() -> None:
        outwards = Outward(Allowed.of(["feed.lan"]))
        lines: Any = outwards._lines
        lines["feed.lan"] = Line()
        async with httpx.AsyncClient(transport=outwards, timeout=0.9) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get("http://feed.lan/a")

    asyncio.run(scene())
    assert [host for host, _ in given] == ["127.0.0.9", "127.0.0.8"]
    first, second = (within for _, within in given)
    assert first == pytest.approx(0.3, abs=0.1) and 0 < second <= 0.3
