"""Which addresses are called, and how a name is looked up: apart from all else."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from tianmu.command import address
from tianmu.command.address import Allowed, Forbidden
from tianmu.command.names import Names


@pytest.mark.parametrize(
    "host", ["3fff::1", "5f00::1", "64:ff9b:1::a00:1", "100::1", "2001:db8::1", "fec0::1"]
)
def test_what_stands_for_nobody_is_not_public(host: str) -> None:
    with pytest.raises(Forbidden, match="not a public address"):
        address.check(f"https://[{host}]/in", Allowed())


def test_a_silent_name_server_holds_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither other names nor what else runs in threads; and each name is asked for once."""
    silent, asked = threading.Event(), list[str]()

    def looked_up(host: str, *_: Any, **__: Any) -> Any:
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
        asyncio.run(address.resolve("https://none.example/in", Allowed()))
