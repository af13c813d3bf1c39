"""How often one may ask: a bucket of tokens for each session, token or address.

Three sorts of requests have buckets of their own: signing in (by the line of an address, against
guessing), changing, and reading. The figures are defaults, to be set by the city.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from tianmu.access.lock import line_of
from tianmu.access.token import digest
from tianmu.web.answer.language import asked_for
from tianmu.web.answer.problem import answer

COOKIE = "tianmu_session"
SIGN_ON = "/api/session/sign-on"
"""begins a sign-in, though it is read"""


@dataclass(frozen=True)
class Rate:
    per_second: float
    burst: float


@dataclass(frozen=True)
class Rates:
    sign_in: Rate = Rate(1, 60)
    """a whole shift comes in by one line; guessing is locked out long before (``access.lock``)"""
    change: Rate = Rate(20, 60)
    read: Rate = Rate(100, 600)
    program: Rate = Rate(5_000, 20_000)
    """changes and reads of a program that has a token"""


@dataclass
class _Bucket:
    tokens: float
    at: float


@dataclass
class Limits:
    """ASGI middleware: 429 with ``Retry-After`` when a bucket is empty."""

    app: ASGIApp
    known: Callable[[str], bool]
    """whether a secret is one of a session or token that was used lately"""
    rates: Rates = field(default_factory=Rates)
    clock: Callable[[], float] = time.monotonic
    memory: dict[str, Any] = field(default_factory=dict)
    """where the metrics find us"""
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)
    refused: int = 0

    def __post_init__(self) -> None:
        self.memory["limits"] = self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self.app(scope, receive, send)
            return
        sort, who, rate = self._which(scope)
        wait = self._take((sort, who), rate)
        if wait:
            self.refused += 1
            refusal = answer(
                429,
                "too-many-requests",
                f"more than {rate.per_second:g} requests of this sort a second "
                f"(bursts of {rate.burst:g})",
                "wait as long as Retry-After says; live data comes by /api/push without asking",
                instance=scope["path"],
                headers={"Retry-After": str(max(1, round(wait + 0.5)))},
                language=asked_for(Headers(scope=scope)),
            )
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _which(self, scope: Scope) -> tuple[str, str, Rate]:
        client = scope.get("client")
        address = client[0] if client else ""
        address = line_of(address) or address  # one line has many addresses of IPv6
        method, path = scope["method"], scope["path"]
        entering = path.startswith("/api/session") and "/factors" not in path
        if path == SIGN_ON or (method == "POST" and entering):
            return "sign_in", address, self.rates.sign_in
        session = bearer = ""
        for name, value in scope["headers"]:
            if name == b"cookie":
                try:
                    morsel = SimpleCookie(value.decode("latin-1")).get(COOKIE)
                except CookieError:
                    morsel = None
                session = morsel.value if morsel else ""
            elif name == b"authorization":
                bearer = value.decode("latin-1")
        # a made-up cookie or token must not buy a bucket of its own: those share their address's
        if bearer.startswith("Bearer ") and self.known(bearer[7:]):
            return "program", digest(bearer), self.rates.program
        who = digest(session) if session and self.known(session) else address
        if method in {"GET", "HEAD", "OPTIONS"}:
            return "read", who, self.rates.read
        return "change", who, self.rates.change

    def _take(self, key: tuple[str, str], rate: Rate) -> float:
        """0 when there was a token, else the seconds until there is one."""
        now = self.clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) > 10_000:
                self._forget(now)
            bucket = self._buckets[key] = _Bucket(rate.burst, now)
        bucket.tokens = min(rate.burst, bucket.tokens + (now - bucket.at) * rate.per_second)
        bucket.at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0.0
        return (1 - bucket.tokens) / rate.per_second

    def _forget(self, now: float) -> None:
        """Buckets nobody used for two minutes are full again: forget them."""
        old = [key for key, bucket in self._buckets.items() if now - bucket.at > 120]
        for key in old or list(self._buckets)[:1000]:
            del self._buckets[key]
