"""One connection to a panel: what is sent on it, and who waits for which answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from tianmu.sense.gbt26875.codec import Frame
from tianmu.sense.gbt26875.tables import CONFIRM, DENY


class NoAnswer(TimeoutError):
    """The panel did not answer, or denied, however often it was asked: the communication has
    failed (clause 7)."""


class Pace:
    """At most ``rate`` frames a second on a link, ``burst`` at once; beyond it the link is read
    more slowly, so that TCP holds the sender back."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._at = burst, 0.0

    def delay(self, frames: float, now: float) -> float:
        """Seconds to wait before reading on, after ``frames`` at ``now`` (s, monotonic)."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - frames
        self._at = now
        return max(0.0, -self._left / self._rate)


@dataclass(eq=False)
class Link:
    """A way to one peer (a TCP connection, or a UDP address)."""

    peer: str
    send: Callable[[bytes], None]
    pace: Pace
    room: asyncio.Semaphore
    """frames being put on disk at once"""
    addresses: set[str] = field(default_factory=set)
    """wire addresses that have spoken on it"""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    refused: int = 0
    """pieces refused since the last good frame"""
    heard: float = 0.0
    """seconds, monotonic: when it last said something"""
    closed: bool = False
    _serial: int = 0
    _waiting: dict[int, asyncio.Future[Frame]] = field(default_factory=dict)

    def start(self, work: asyncio.Task[None]) -> None:
        """Keep hold of a task of this link until it is done."""
        self.tasks.add(work)
        work.add_done_callback(self.tasks.discard)

    def close(self) -> None:
        """Nothing more is sent; whoever waits for an answer gets none."""
        self.closed = True
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(NoAnswer(f"{self.peer}: link closed"))

    def answered(self, frame: Frame) -> bool:
        """Give a confirm, denial or answer to whoever waits for it; False where nobody does."""
        waiting = self._waiting.get(frame.serial)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(frame)
        return True

    async def ask(
        self, build: Callable[[int], bytes], expect: int, *, patience: float, resends: int
    ) -> Frame:
        """Send a frame (``build(serial)``) and wait for its confirm or answer (command
        ``expect``) for ``patience`` seconds; sent again on time-out and on denial. Raises
        ``NoAnswer``."""
        serial = self._serial
        while serial in self._waiting:
            serial = (serial + 1) & 0xFFFF
        self._serial = (serial + 1) & 0xFFFF
        data = build(serial)
        reason = "no answer"
        try:
            for _ in range(1 + resends):
                if self.closed:
                    break
                waiting = asyncio.get_running_loop().create_future()
                self._waiting[serial] = waiting
                self.send(data)
                try:
                    frame: Frame = await asyncio.wait_for(waiting, patience)
                except TimeoutError:
                    reason = f"no answer within {patience:g} s"
                    continue
                # some panels answer a request with send data, or confirm it before they answer
                if frame.command == DENY:
                    reason = "denied"
                    continue
                if frame.command == CONFIRM and expect != CONFIRM:
                    reason = "confirmed, but not answered"
                    continue
                return frame
        finally:
            self._waiting.pop(serial, None)
        raise NoAnswer(f"{self.peer}: {'link closed' if self.closed else reason}")
