"""Calls outward by HTTP, held against what may be called (``facts/address.py``): webhooks, feeds.

What a name stands for is looked up at each call, all of it is held against the rules, and the
connection goes to exactly the address that was, so nobody can put another in its place between the
look and the call. Nothing is taken from the environment: a proxy would look the name up itself.
"""

from __future__ import annotations

import ipaddress
import ssl
from functools import cache

import httpx

from tianmu.access.names import Names
from tianmu.facts.address import Allowed, check, hold, split

_names = Names()


@cache
def trust() -> ssl.SSLContext:
    """The authorities that this machine trusts: a city's own belongs there."""
    return ssl.create_default_context()


async def resolve(url: str, allowed: Allowed) -> str:
    """The one address to connect to. ``Forbidden`` where any that the name stands for is not
    allowed, ``OSError`` where it stands for none."""
    check(url, allowed)
    _, host, port = split(url)
    found = await _names.look_up(host, port)
    addresses = [ipaddress.ip_address(one.partition("%")[0]) for one in found]
    for address in addresses:
        hold(host, address, allowed)
    if not addresses:
        raise OSError(f"{host} stands for no address")
    return str(addresses[0])


class Outward(httpx.AsyncBaseTransport):
    """Takes each request to the address that its host was held against. Raises ``Forbidden`` and
    ``OSError`` beside what ``httpx`` does."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._lines: dict[str, httpx.AsyncHTTPTransport] = {}
        """by host: a connection is open to an address, and speaks for one host alone"""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        address = await resolve(str(request.url), self._allowed)
        host = request.url.host
        line = self._lines.get(host)
        if line is None:
            line = self._lines[host] = httpx.AsyncHTTPTransport(verify=trust(), trust_env=False)
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,  # ``Host`` stands in them already
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return await line.handle_async_request(pinned)

    async def aclose(self) -> None:
        for line in self._lines.values():
            await line.aclose()
