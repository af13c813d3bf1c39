"""Small messages that come in within some milliseconds, put on disk together.

A commit costs the same for one observation as for thousands, and so does looking up one name: what
single devices send is gathered for ``GATHER`` seconds, decoded and written as one batch for each
source, and each message still gets its own answer under its own key. Nobody waits for that who
would be alone: as soon as all who are connected have spoken, it is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.facts.registry import SourceChanged
from tianmu.sense.http.codec import JSON, decode
from tianmu.sense.http.columns import Columns, Refused

GATHER = 0.02
"""seconds"""
SINGLE, SMALL = 512, 16 << 10
"""bytes of a body that may hold one observation, and of one that is put on disk with others"""
MOST = 1_000
"""messages that are put on disk at once"""

Answered = tuple[int, dict[str, Any]]
Put = Callable[
    [Columns, SourceChanged, list[bytes | None]],
    Awaitable[tuple[NDArray[np.bool_], list[dict[str, Any]]]],
]
"""Columns of one row for each message, with their keys, to disk; (which rows were taken, answers of
those). The others are not touched."""


@dataclass(eq=False)
class _Single:
    body: bytes
    key: bytes | None
    alone: Callable[[], Awaitable[Answered]]
    answer: asyncio.Future[Answered]


@dataclass(eq=False)
class _Turn:
    """What is gathered now."""

    came: asyncio.Event = field(default_factory=asyncio.Event)
    singles: dict[str, tuple[SourceChanged, list[_Single]]] = field(default_factory=dict)
    count: int = 0


class Together:
    """Gathers for a door; ``connected`` says how many could speak, ``put`` writes."""

    def __init__(self, put: Put, connected: Callable[[], int]) -> None:
        self._put, self._connected = put, connected
        self._turn: _Turn | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def turn(self) -> None:
        """Wait until what is gathered now is written."""
        await self._join().came.wait()

    async def single(
        self,
        body: bytes,
        source: SourceChanged,
        key: bytes | None,
        alone: Callable[[], Awaitable[Answered]],
    ) -> Answered:
        """What becomes of a message that ``may_be_single``; ``alone`` takes it by itself, where it
        is something else after all or its observation is not simply taken."""
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        turn = self._join()
        _, singles = turn.singles.setdefault(source.source, (source, []))
        singles.append(_Single(body, key, alone, answer))
        return await answer

    def _join(self) -> _Turn:
        loop = asyncio.get_running_loop()
        turn = self._turn
        if turn is None:
            turn = self._turn = _Turn()
            loop.call_later(GATHER, self._go, turn)
        turn.count += 1
        if turn.count >= min(self._connected(), MOST):
            loop.call_soon(self._go, turn)
        return turn

    def _go(self, turn: _Turn) -> None:
        if self._turn is not turn:
            return  # it went already, since everybody was there
        self._turn = None
        turn.came.set()
        for source, singles in turn.singles.values():
            task = asyncio.create_task(self._write(source, singles))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _write(self, source: SourceChanged, singles: list[_Single]) -> None:
        try:
            rest = await self._write_together(source, singles)
        except Exception as error:  # told to each of them: DiskFull, or a fault of ours
            for one in singles:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        for one in rest:
            try:
                answered = await one.alone()
            except Exception as error:
                if not one.answer.done():
                    one.answer.set_exception(error)
            else:
                if not one.answer.done():
                    one.answer.set_result(answered)

    async def _write_together(self, source: SourceChanged, singles: list[_Single]) -> list[_Single]:
        """Those that must be taken alone."""
        if len(singles) == 1:
            return singles
        columns = read_each([one.body for one in singles])
        if columns is None:
            return singles
        taken, answers = await self._put(columns, source, [one.key for one in singles])
        for row, answer in zip(np.flatnonzero(taken).tolist(), answers, strict=True):
            if not singles[row].answer.done():
                singles[row].answer.set_result((200, answer))
        return [singles[row] for row in np.flatnonzero(~taken).tolist()]


def read_each(bodies: Sequence[bytes]) -> Columns | None:
    """Bodies of one observation each, read as one; None where one of them is none, or more.

    Each begins with ``{`` and has no ``[``. What joins them has a line feed, which no JSON text may
    have within: so no joint lies within a text, nor, since a ``{`` follows, within an object. Each
    body is a row at least, then, and none is mended by the next.
    """
    try:
        columns = decode(b"[" + b",\n".join(bodies) + b"]", JSON)
    except Refused:
        return None
    return None if columns.refused or len(columns) != len(bodies) else columns


def may_be_single(body: bytes, encoding: str, content_type: str) -> bool:
    """Whether a body looks like one observation as a JSON object."""
    return (
        len(body) <= SINGLE
        and body[:1] == b"{"
        and body[-1:] == b"}"
        and b"[" not in body
        and not encoding
        and content_type.partition(";")[0].strip().lower() in {"", JSON}
    )
