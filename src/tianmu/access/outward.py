"""Calls outward by HTTP, held against what may be called (``facts/address.py``): webhooks, feeds.

What a name stands for is looked up at each call, all of it is held against the rules, and the
connection goes to exactly an address that was, so nobody can put another in its place between the
look and the call. Of several the first that a connection comes about with is called. Nothing is
taken from the environment: a proxy would look the name up itself.
"""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import TypeVar

import httpx

from tianmu.access.names import Names
from tianmu.facts.address import Allowed, check, hold, split

T = TypeVar("T")
_names = Names()
MOST = 8
"""addresses of a name that are tried: more would leave too little time for each"""
BEFORE = (httpx.ConnectError, httpx.ConnectTimeout)
"""failures at which nothing of a request has been sent"""


@cache
def trust() -> ssl.SSLContext:
    """The authorities that this machine trusts: a city's own belongs there."""
    return ssl.create_default_context()


async def resolve(url: str, allowed: Allowed) -> list[str]:
    """The addresses to connect to, in order. ``Forbidden`` where any that the name stands for is
    not allowed, ``OSError`` where it stands for none."""
    check(url, allowed)
    _, host, port = split(url)
    found = await _names.look_up(host, port)
    addresses = [ipaddress.ip_address(one.partition("%")[0]) for one in found]
    for address in addresses:
        hold(host, address, allowed)
    if not addresses:
        raise OSError(f"{host} stands for no address")
    return list(dict.fromkeys(map(str, addresses)))[:MOST]


async def first(
    host: str,
    addresses: Sequence[str],
    within: float | None,
    call: Callable[[str, float | None], Awaitable[T]],
) -> T:
    """What ``call`` of the first address gives that a connection comes about with. ``within``:
    seconds for all connections; what is left of them is shared by those that are left. What fails
    once something may have been sent is not tried again."""
    begun, failed, share = time.monotonic(), list[str](), within
    for number, address in enumerate(addresses, 1):
        if within is not None:
            left = max(begun + within - time.monotonic(), 0.0)
            share = left / (len(addresses) - number + 1)
        try:
            return await call(address, share)
        except BEFORE as error:
            failed.append(f"{address}: {error or type(error).__name__}")
            if number < len(addresses):
                continue
            if number == 1:
                raise
            raise type(error)(f"{host} cannot be reached at {'; '.join(failed)}") from error
    raise OSError(f"{host} stands for no address")


class Outward(httpx.AsyncBaseTransport):
    """Takes each request to an address that its host was held against. Raises ``Forbidden`` and
    ``OSError`` beside what ``httpx`` does."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._lines: dict[str, httpx.AsyncHTTPTransport] = {}
        """by host: a connection is open to an address, and speaks for one host alone"""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        addresses = await resolve(str(request.url), self._allowed)
        limits = dict(request.extensions.get("timeout", {}))

        def call(address: str, within: float | None) -> Awaitable[httpx.Response]:
            return self._call(request, address, {**limits, "connect": within})

        return await first(request.url.host, addresses, limits.get("connect"), call)

    async def _call(
        self, request: httpx.Request, address: str, limits: dict[str, float | None]
    ) -> httpx.Response:
        host = request.url.host
        line = self._lines.get(host)
        if line is None:
            line = self._lines[host] = httpx.AsyncHTTPTransport(verify=trust(), trust_env=False)
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,  # ``Host`` stands in them already
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host, "timeout": limits},
        )
        return await line.handle_async_request(pinned)

    async def aclose(self) -> None:
        for line in self._lines.values():
            await line.aclose()
