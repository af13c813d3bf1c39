"""The socket of HJ 212: loggers connect out to the centre over TCP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from tianmu.facts.text import Text
from tianmu.sense.contract import Intake
from tianmu.sense.hj212.asking import NotConnected, Reply, Station
from tianmu.sense.hj212.centre import Centre, Line
from tianmu.sense.hj212.frame import Framer
from tianmu.sense.hj212.options import Options
from tianmu.sense.hj212.readings import PROTOCOL, write_time
from tianmu.sense.hj212.segment import Group, Pair
from tianmu.sense.line import admitted, keep_alive, sender

log = logging.getLogger("tianmu.hj212")

CHUNK = 64 << 10
GRACE = 3.0
"""seconds that what is under way may take to end"""


class Hj212Connector:
    """``Connector`` for environmental data loggers; ``zone`` is the IANA name of the city's time
    zone, in which loggers tell their times."""

    protocol = PROTOCOL
    name: ClassVar[Text] = {"zh": "污染物在线监测数据传输", "en": "Pollutant online monitoring"}

    def __init__(self, intake: Intake, zone: str, options: Options | None = None) -> None:
        self.options = options or Options()
        self._centre = Centre(intake, ZoneInfo(zone), self.options)
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[Any]] = set()
        self._stopping = False

    # -- Connector --

    async def start(self, host: str, port: int) -> int:
        self._stopping = False
        self._server = await asyncio.start_server(self._serve, host, port, limit=CHUNK)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        self._stopping = True
        if self._server is not None:
            self._server.close()
        tasks = set(self._serving)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE)
        await self._centre.stop()

    def state(self) -> Mapping[str, Any]:
        return {
            "connections": len(self._serving),
            "stations": len(self._centre.stations),
            "last_at": self._centre.last_at,
            **dict(self._centre.counts),
        }

    async def replay(self, payload: bytes, *, source: str, peer: str) -> bool:
        return await self._centre.replay(payload, peer)

    # -- what people and plans ask of stations --

    def station(self, mn: str) -> Station:
        """The station as it last spoke. Raises ``NotConnected`` where it never did."""
        station = self._centre.stations.get(mn)
        if station is None:
            raise NotConnected(f"station {mn} has not spoken since the gate started")
        return station

    async def ask(
        self, mn: str, cn: str, items: Sequence[Pair | Group] = (), *, system: str = ""
    ) -> Reply:
        """Any command of table 9 to a station; see ``Asking.ask``."""
        return await self._centre.asking.ask(self.station(mn), cn, items, system=system)

    async def set_time(self, mn: str) -> Reply:
        """1012: set the logger's clock."""
        return await self._centre.asking.set_time(self.station(mn))

    async def set_up(self, mn: str) -> list[str]:
        """What a first connection is told; what failed, in words."""
        return await self._centre.asking.set_up(self.station(mn))

    async def history(self, mn: str, cn: str, start: int, end: int) -> Reply:
        """2051, 2061, 2031 or 2041: what the logger kept of ``start`` … ``end`` (µs). The records
        become readings like any others; the reply holds the messages."""
        station = self.station(mn)
        span: Group = (
            ("BeginTime", write_time(start, station.zone)),
            ("EndTime", write_time(end, station.zone)),
        )
        return await self._centre.asking.ask(station, cn, [span])

    # -- TCP --

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        full = self._stopping or len(self._serving) >= self.options.connections
        if not admitted(writer, self._serving, self._centre.counts, full=full):
            return
        peer = writer.get_extra_info("peername") or ("?", 0)
        keep_alive(writer, idle=120, every=30)
        send = sender(writer, self.options.backlog_bytes, self._deaf)
        line = Line(f"{peer[0]}:{peer[1]}", send)
        under_way: set[asyncio.Task[bool]] = set()
        try:
            await self._read(line, reader, under_way)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            if under_way:
                await asyncio.wait(set(under_way), timeout=GRACE)
            self._centre.lost(line)
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    def _deaf(self) -> None:
        self._centre.counts["deaf"] += 1

    async def _read(
        self, line: Line, reader: asyncio.StreamReader, under_way: set[asyncio.Task[bool]]
    ) -> None:
        """Frames of one connection until it ends, is silent, or says nothing that is a frame."""
        options, counts, loop = self.options, self._centre.counts, asyncio.get_running_loop()
        framer = Framer()
        budget, at = options.burst, loop.time()
        while not self._stopping:
            chunk = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(
                    options.half_seconds if framer.pending else options.silent_seconds
                ):
                    chunk = await reader.read(CHUNK)
            if chunk:
                pieces = framer.feed(chunk)
            elif framer.pending:
                pieces = framer.flush()
            else:
                counts["closed" if chunk is not None else "silent"] += 1
                return
            for piece in pieces:
                # beside each other: they share a commit, and one that waits for the time of
                # another packet does not keep that packet out
                task = asyncio.create_task(self._centre.hear(line, piece))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            while len(under_way) > options.in_flight:
                await asyncio.wait(set(under_way), return_when=asyncio.FIRST_COMPLETED)
            if chunk == b"":
                counts["closed"] += 1
                return
            if line.refused >= options.refused_in_row:
                counts["given_up"] += 1
                log.warning("%s: closed after %d unreadable pieces", line.peer, line.refused)
                return
            now = loop.time()
            budget = min(options.burst, budget + (now - at) * options.rate) - len(pieces)
            at = now
            if budget < 0:
                counts["slowed"] += 1
                await asyncio.sleep(-budget / options.rate)
