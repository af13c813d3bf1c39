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

from tianmu.store.history.history import History
from tianmu.store.history.manifest import RAW
from tianmu.web import moment
from tianmu.web.allowance import Allowance
from tianmu.web.problem import Fault, Problem
from tianmu.web.route import Ask

T = TypeVar("T")

DAY = 86_400_000_000
GONE = 499
"""status in our own records of an answer that nobody waited for; no one ever reads it"""


def too_costly(what: str, remedy: str, *, where: str = "") -> Problem:
    """422: the question was not begun."""
    faults = [Fault(where=where, what=what)] if where else []
    return Problem(422, "too-costly", what, remedy, faults=faults)


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


class Asked:
    """A question that is being answered, seen from the thread that works on it."""

    def __init__(self) -> None:
        self._over = threading.Event()

    def cancel(self) -> None:
        self._over.set()

    def go_on(self) -> None:
        """Raises ``Cancelled`` where nobody waits for the answer any more."""
        if self._over.is_set():
            raise Cancelled


class Cancelled(Exception):
    """The question was given up."""


def reckon(history: History, streams: NDArray[np.uint32], since: int, until: int) -> int:
    """About how many observations of these datastreams there are between two times (µs), from the
    manifest alone."""
    found = 0.0
    wanted = np.sort(streams)
    for file in history.files():
        if file.kind != RAW or file.high_time < since or file.low_time >= until:
            continue
        first, last = np.searchsorted(wanted, [file.low_stream, file.high_stream + 1])
        share = min(1.0, (last - first) / (file.high_stream - file.low_stream + 1))
        width = file.high_time - file.low_time + 1
        inside = min(file.high_time + 1, until) - max(file.low_time, since)
        found += file.rows * share * inside / width
    return round(found)


def turns(ask: Ask) -> Turns:
    """The one list of this hub."""
    made: Turns = ask.hub.memory.setdefault("turns", Turns())
    return made


async def hung_up(request: Request) -> None:
    """Comes back when the client is gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def answer(ask: Ask, question: Callable[[Asked], T], *, rows: int) -> T | Response:
    """The answer to ``question``, asked in a thread; it is cancelled when the client hangs up or
    the time is over. ``rows`` it is reckoned to read."""
    asked = Asked()
    allowance, held = ask.hub.allowance, contextlib.ExitStack()
    if rows > allowance.rows:
        raise too_costly(
            f"the answer would read about {rows:,} rows; at most {allowance.rows:,} are read",
            "ask for a shorter span, fewer datastreams or a larger step, or export in parts",
        )
    if rows > allowance.light:
        held.enter_context(turns(ask).take(ask.who.account, allowance))
    limiter: anyio.CapacityLimiter = ask.hub.memory.setdefault(
        "past-threads", anyio.CapacityLimiter(8)
    )
    with held:
        working = asyncio.ensure_future(anyio.to_thread.run_sync(question, asked, limiter=limiter))
        gone = asyncio.ensure_future(hung_up(ask.request))
        try:
            await asyncio.wait(
                {working, gone}, timeout=allowance.seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if working.done():
                return working.result()
            left = gone.done()
            asked.cancel()
            with contextlib.suppress(Exception):  # what a cancelled question ends with
                await working
            if left:
                return Response(status_code=GONE)
            raise Problem(
                503,
                "took-too-long",
                f"there was no answer within {allowance.seconds:g} s, so it was given up",
                "ask for a shorter span, fewer datastreams or a larger step, or export in parts",
                headers={"Retry-After": "10"},
            )
        finally:
            gone.cancel()
