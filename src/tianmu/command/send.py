"""One try of one message over HTTP, and what its answer means."""

from __future__ import annotations

import asyncio
import email.utils
import math
import ssl
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

import httpx

from tianmu.access.masking import mask_text
from tianmu.access.outward import BEFORE, first, resolve, trust
from tianmu.facts.address import Allowed, Forbidden, split

SHOWN = 400
"""bytes of an answer that are kept when it is a refusal"""


@dataclass(frozen=True)
class Outcome:
    """What became of a try."""

    taken: bool
    status: int = 0
    """0: no answer came"""
    error: str = ""
    wait_s: float = 0.0
    """that the receiver asks to be left alone for"""
    gone: bool = False
    """410: it wants nothing any more"""
    away: bool = False
    """it is not there, or overloaded: other messages would fare no better"""
    begun: bool = False
    """though no answer came, what was sent may be there"""


def client(at_once: int) -> httpx.AsyncClient:
    """A client that follows nothing and takes nothing from the environment."""
    return httpx.AsyncClient(
        verify=trust(),
        follow_redirects=False,
        trust_env=False,
        limits=httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once),
    )


async def send(
    line: httpx.AsyncClient,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    allowed: Allowed,
    timeout_s: float,
    now: float,
) -> Outcome:
    """Send it, to an address that was held against the rules. Never raises for what the receiver
    or the network does. ``now``: seconds since the epoch."""
    begun = False

    def call(address: str, within: float | None) -> Awaitable[Outcome]:
        return _send(line, url, headers, body, address, within, now)

    try:
        async with asyncio.timeout(timeout_s):
            addresses = await resolve(url, allowed)
            begun = True
            within = timeout_s if len(addresses) > 1 else None
            return await first(split(url)[1], addresses, within, call)
    except TimeoutError:
        return Outcome(False, error=f"no answer within {timeout_s:g} s", away=True, begun=begun)
    except Forbidden as error:
        return Outcome(False, error=str(error), away=True)
    except (OSError, httpx.HTTPError, ssl.SSLError) as error:
        said = str(error) or type(error).__name__
        begun = begun and not isinstance(error, BEFORE)
        text = f"could not be reached: {said}"[:SHOWN]
        return Outcome(False, error=text, away=True, begun=begun)


async def _send(
    line: httpx.AsyncClient,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    address: str,
    within: float | None,
    now: float,
) -> Outcome:
    parts, host, _ = split(url)
    target = httpx.URL(url).copy_with(host=address, fragment=None)
    request = line.build_request(
        "POST",
        target,
        content=body,
        headers={**headers, "Host": parts.netloc, "Content-Type": "application/json",
                 "User-Agent": "tianmu-webhooks/1", "Accept-Encoding": "identity"},
        timeout=httpx.Timeout(None, connect=within),
        extensions={"sni_hostname": host},
    )  # fmt: skip
    answer = await line.send(request, stream=True)
    try:
        told = b""
        short = answer.headers.get("content-length", "").isdigit()
        if not answer.is_success or short:  # what is read to its end leaves the line open
            async for part in answer.aiter_raw():
                told += part
                if len(told) >= SHOWN:
                    break
        return judge(answer.status_code, told[:SHOWN], answer.headers.get("retry-after", ""), now)
    finally:
        await answer.aclose()


def judge(status: int, told: bytes, retry_after: str, now: float) -> Outcome:
    """What an answer means: 2xx it was taken, 410 never again, 429 and 503 later, any other that
    this message was not taken now."""
    if 200 <= status < 300:
        return Outcome(True, status)
    words = mask_text(" ".join(told.decode("utf-8", "replace").split()))
    what = f"HTTP {status}" + (f": {words}" if words else "")
    if 300 <= status < 400:
        what = f"HTTP {status}: a redirect is not followed; give the address it leads to"
    busy = status in (429, 503)
    wait = wait_of(retry_after, now) if busy else 0.0
    return Outcome(False, status, what, wait, gone=status == 410, away=busy)


def wait_of(header: str, now: float) -> float:
    """Seconds of a ``Retry-After`` (RFC 9110 §10.2.3: seconds or a date), 0 for none."""
    header = header.strip()
    if header.isascii() and header.isdigit():
        return min(float(header), 1e9)
    try:
        at = email.utils.parsedate_to_datetime(header).timestamp() if header else now
    except (ValueError, OverflowError):
        return 0.0
    return max(0.0, at - now) if math.isfinite(at) else 0.0
