"""Gate as a client of a broker, on gate's own loop: one connection, made again whenever it is lost.

The session is the broker's to keep: what was not acknowledged on one connection it hands out again
on the next. An identifier means something on the connection it came by only.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from tianmu.sense.mqtt import codec
from tianmu.sense.mqtt.codec import Broken, Packets, Publish

log = logging.getLogger("tianmu.mqtt")

KEEP_ALIVE = 30
"""seconds after which broker and client may take each other for lost"""
ANSWERS = 30.0
"""seconds a broker may take to let us in"""
SOONEST, LATEST = 1.0, 30.0
"""seconds before a connection is tried again: at first, and after many that failed"""

Topics = Sequence[tuple[str, int]]
"""(filter, QoS)"""


@dataclass(frozen=True)
class Server:
    """Where the broker is and as whom we sign in."""

    host: str
    port: int
    user: str
    password: str
    version: int = 4
    """4 for MQTT 3.1.1, or 5"""
    tls: ssl.SSLContext | None = None
    """whom we trust as the broker; None: no TLS"""


class Client:
    """``topics`` says what to subscribe to when signed in; ``heard`` is given what comes."""

    def __init__(
        self,
        server: Server,
        name: str,
        topics: Callable[[], Topics],
        heard: Callable[[Sequence[Publish]], None],
        counts: Counter[str],
    ) -> None:
        """``name``: of the session at the broker."""
        self._server, self._name = server, name
        self._topics, self._counts = topics, counts
        self.heard = heard
        self.connection = 0
        """the number of the connection there is now, or was last"""
        self.connected = False
        self._line: _Line | None = None
        self._asked = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep(), name=self._name)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    def subscribe(self, topics: Topics) -> None:
        if self._line is not None:
            self._asked = self._asked % 0xFFFF + 1
            self._line.send(codec.subscribe(self._server.version, self._asked, topics))

    def acknowledge(self, mids: Sequence[int]) -> None:
        """Messages of the connection there is now."""
        if self._line is not None and mids:
            self._line.send(codec.acknowledge(mids))

    def pause(self) -> None:
        """Read nothing more, so that TCP slows the broker down."""
        if self._line is not None:
            self._line.pause(True)

    def resume(self) -> None:
        if self._line is not None:
            self._line.pause(False)

    def reconnect(self) -> None:
        """Have all handed out again that is not acknowledged."""
        if self._line is not None:
            self._line.drop(ConnectionAbortedError("to have it handed out again"))

    async def _keep(self) -> None:
        wait = SOONEST
        while True:
            line = _Line(self._hello(), Packets(self._server.version), self.heard)
            try:
                await self._open(line)
                wait = SOONEST
                await line.stay()
            except (OSError, TimeoutError, Broken) as error:
                log.warning(
                    "the broker at %s:%d is lost, trying again: %s",
                    self._server.host, self._server.port, error or type(error).__name__,
                )  # fmt: skip
            finally:
                self.connected, self._line = False, None
                line.close()
            await asyncio.sleep(wait)
            wait = min(2 * wait, LATEST)

    def _hello(self) -> bytes:
        server = self._server
        return codec.connect(server.version, self._name, server.user, server.password, KEEP_ALIVE)

    async def _open(self, line: _Line) -> None:
        """Connect, sign in and subscribe; ``OSError`` where the broker refuses."""
        server = self._server
        self.connection += 1
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(ANSWERS):
            await loop.create_connection(lambda: line, server.host, server.port, ssl=server.tls)
            code = await asyncio.shield(line.answered)
        if code:
            self._counts["refused_by_broker"] += 1
            raise ConnectionRefusedError(f"it does not let us in (code {code})")
        self._line, self.connected = line, True
        for topic in self._topics():
            self.subscribe([topic])


class _Line(asyncio.Protocol):
    """One connection."""

    def __init__(
        self, hello: bytes, packets: Packets, heard: Callable[[Sequence[Publish]], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        self._hello, self._packets, self._heard = hello, packets, heard
        self.answered: asyncio.Future[int] = loop.create_future()
        """the code with which the broker lets us in, or does not"""
        self._lost: asyncio.Future[None] = loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._alive = True

    def send(self, data: bytes) -> None:
        if self._transport is not None and not self._lost.done():
            self._transport.write(data)

    def pause(self, paused: bool) -> None:
        if self._transport is None or self._lost.done() or paused == self._paused:
            return
        self._paused = paused
        if paused:
            self._transport.pause_reading()
        else:
            self._alive = True
            self._transport.resume_reading()

    async def stay(self) -> None:
        """Until the connection is lost: raises why."""
        while True:
            done, _ = await asyncio.wait([self._lost], timeout=KEEP_ALIVE / 2)
            if done:
                self._lost.result()
                raise ConnectionResetError("it hung up")
            if not self._alive and not self._paused:
                raise TimeoutError(f"nothing came from it for {KEEP_ALIVE // 2} s")
            self._alive = False
            self.send(codec.PINGREQ)

    def drop(self, error: Exception | None) -> None:
        """What becomes of it is known: nothing more is sent or taken in."""
        for told in (self.answered, self._lost):
            if not told.done():
                told.set_exception(error or ConnectionResetError("it hung up"))
            told.exception()  # seen, whether or not somebody waits for it
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Say good-bye, where somebody is there."""
        self.send(codec.GOODBYE)
        if self._transport is not None:
            self._transport.close()

    # -- asyncio.Protocol --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        if self._lost.done():
            return
        self._alive = True
        try:
            publishes, others = self._packets.feed(data)
            for first, body in others:
                self._take(first, body)
        except Broken as error:
            self.drop(error)
            return
        if publishes:
            self._heard(publishes)

    def _take(self, first: int, body: bytes) -> None:
        if first == codec.CONNACK:
            if len(body) < 2:
                raise Broken("an answer without a code")
            if not self.answered.done():
                self.answered.set_result(body[1])
        elif first == codec.SUBACK and body and body[-1] >= codec.REFUSED:
            log.warning("the broker does not let us hear all that we asked for")
        elif first == codec.DISCONNECT:
            reason = f" (code {body[0]})" if body else ""
            raise Broken(f"it ends the connection{reason}")

    def connection_lost(self, error: Exception | None) -> None:
        self.drop(error)
