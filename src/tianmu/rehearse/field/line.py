"""The line of an instrument that connects out to its centre and connects again when it breaks."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import Any, Self


class OnALine(ABC):
    """An instrument: what it says when the line is up, and how it listens, its own class tells.

    ``async with`` connects and keeps connected; ``reconnect`` seconds pass before it tries again.
    """

    def __init__(self, host: str, port: int, reconnect: float) -> None:
        self._host, self._port, self._reconnect = host, port, reconnect
        self._writer: asyncio.StreamWriter | None = None
        self._connected = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Connect (and keep connected) in the background."""
        self._start(self._keep_connected())

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._hang_up()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def drop(self) -> None:
        """Lose the link, as on a bad line; it connects again by itself."""
        self._hang_up()

    @abstractmethod
    def _up(self) -> None:
        """The line is up: counted."""

    @abstractmethod
    async def _greet(self) -> None:
        """What is sent as soon as the line is up."""

    @abstractmethod
    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """What comes, until the line ends."""

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _keep_connected(self) -> None:
        while True:
            try:
                reader, self._writer = await asyncio.open_connection(self._host, self._port)
            except OSError:
                await asyncio.sleep(self._reconnect)
                continue
            self._up()
            self._connected.set()
            greeting = self._start(self._greet())
            with contextlib.suppress(OSError):
                await self._listen(reader)
            greeting.cancel()
            self._hang_up()
            await asyncio.sleep(self._reconnect)

    def _hang_up(self) -> None:
        self._connected.clear()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
