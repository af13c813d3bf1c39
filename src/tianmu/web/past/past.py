"""Asking the past for somebody: how much one may ask for, how many may ask at once, for how long;
and that it ends when nobody waits for the answer any more.

What a question would cost is reckoned before it runs. One that costs too much is refused with the
figures and a way to ask for less; nothing is cut short in silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

import anyio
import anyio.to_thread
import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response

from tianmu.store.history.asked import Asked, Cancelled, TooCostly
from tianmu.store.history.history import History
from tianmu.store.history.manifest import OUTSIDE
from tianmu.web.answer import moment
from tianmu.web.answer.problem import Fault, Problem
from tianmu.web.bounds.allowance import Allowance
from tianmu.web.route.route import Ask

T = TypeVar("T")

LESS = "ask for a shorter span, fewer datastreams or a larger step, or export in parts"

DAY = 86_400_000_000
GONE = 499
"""status in our own records of an answer that nobody waited for; no one ever reads it"""


def too_costly(what: str, remedy: str, *, where: str = "") -> Problem:
    """422: the question was not begun."""
    faults = [Fault(where=where, what=what)] if where else []
    return Problem(422, "too-costly", what, remedy, faults=faults)


def over(rows: int, most: int) -> Problem:
    """422: the answer would read too much."""
    return too_costly(f"the answer would read about {rows:,} rows; at most {most:,} are read", LESS)


def span(ask: Ask, start: str | None, end: str | None, *, days: float = 1.0) -> tuple[int, int]:
    """``from`` and ``to`` as µs: the last ``days`` where they are left out."""
    most = ask.hub.allowance.days
    try:
        until = moment.read(end) if end else ask.hub.clock()
        since = moment.read(start) if start else until - round(days * DAY)
    except ValueError as error:
        raise Problem(422, "invalid", str(error), "give RFC 3339 times") from error
    if since >= until:
        raise Problem(422, "invalid", "`from` is not before `to`", "swap them")
    if until - since > most * DAY:
        raise too_costly(
            f"the span has {(until - since) / DAY:.0f} days; at most {most} are answered",
            "ask for a shorter span, or for several after each other",
            where="query.from",
        )
    return since, until


def oldest(history: History, streams: NDArray[np.uint32]) -> int | None:
    """From where on (µs) there may be anything of these datastreams, from the manifest alone."""
    low, high = int(streams.min()), int(streams.max())
    times = [
        file.low_time
        for file in history.files()
        if file.day != OUTSIDE and file.low_stream <= high and file.high_stream >= low
    ]
    return min(times, default=None)


class Turns:
    """Who has a heavy question under way. Taken and given back from any thread."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.refused = 0

    @property
    def held(self) -> int:
        return self._held.total()

    @contextlib.contextmanager
    def take(self, who: str, allowance: Allowance) -> Iterator[None]:
        """A turn for the time of the block; 429 where there is none."""
        with self._lock:
            mine, all_ = self._held[who], self._held.total()
            if mine >= allowance.each or all_ >= allowance.all:
                self.refused += 1
                whose = (
                    f"{mine} of this account" if mine >= allowance.each else f"{all_} of everybody"
                )
                raise Problem(
                    429,
                    "too-many-requests",
                    f"as many heavy questions about the past are under way as may be: {whose}",
                    "wait for one to end, or ask again after Retry-After seconds",
                    headers={"Retry-After": "2"},
                )
            self._held[who] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[who] -= 1
                if not self._held[who]:
                    del self._held[who]


def turns(ask: Ask) -> Turns:
    """The one list of this hub."""
    made: Turns = ask.hub.memory.setdefault("turns", Turns())
    return made


async def hung_up(request: Request) -> None:
    """Comes back when the client is gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def answer(
    ask: Ask, question: Callable[[Asked], T], price: Callable[[], int]
) -> tuple[T, int] | Response:
    """The answer to ``question`` and the rows it was reckoned to read, both asked in a thread.
    ``price`` reckons them before anything is read. The question is cancelled when the client hangs
    up (then the response is one that nobody reads) or when the time is over."""
    allowance, held = ask.hub.allowance, contextlib.ExitStack()
    limiter: anyio.CapacityLimiter = ask.hub.memory.setdefault(
        "past-threads", anyio.CapacityLimiter(8)
    )
    rows = await anyio.to_thread.run_sync(price, limiter=limiter)
    if rows > allowance.rows:
        raise over(rows, allowance.rows)
    with held:
        if rows > allowance.light:
            held.enter_context(turns(ask).take(ask.who.account, allowance))
        asked = Asked(rows=allowance.rows)
        working = asyncio.ensure_future(anyio.to_thread.run_sync(question, asked, limiter=limiter))
        gone = asyncio.ensure_future(hung_up(ask.request))
        try:
            await asyncio.wait(
                {working, gone}, timeout=allowance.seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if working.done():
                return working.result(), rows
            left = gone.done()
            asked.cancel()
            with contextlib.suppress(Cancelled):
                return await working, rows
            if left:
                return Response(status_code=GONE)
            raise Problem(
                503,
                "took-too-long",
                f"there was no answer within {allowance.seconds:g} s, so it was given up",
                LESS,
                headers={"Retry-After": "10"},
            )
        except TooCostly as error:
            raise over(error.cost.rows, error.most) from error
        finally:
            gone.cancel()
