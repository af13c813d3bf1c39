"""The sockets of GB/T 26875.3: TCP and UDP on one port. Panels connect out to the centre."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from tianmu.facts.text import Text
from tianmu.sense.contract import Intake, Work
from tianmu.sense.gbt26875.asking import Asking
from tianmu.sense.gbt26875.body import Object, read_time
from tianmu.sense.gbt26875.centre import Centre
from tianmu.sense.gbt26875.frame import Cut, Framer
from tianmu.sense.gbt26875.link import Link, Pace
from tianmu.sense.gbt26875.options import Options
from tianmu.sense.gbt26875.readings import PROTOCOL
from tianmu.sense.line import admitted, keep_alive, sender

log = logging.getLogger("tianmu.gbt26875")

CHUNK = 16 << 10
BYTES_A_FRAME = 256
"""bytes that count as one frame for the pace, so that noise is read slowly too"""
GRACE = 3.0
"""seconds that what is under way may take to end"""


class Gbt26875Connector:
    """``Connector`` for fire panels; ``zone`` is the IANA name of the city's time zone."""

    protocol = PROTOCOL
    name: ClassVar[Text] = {"zh": "消防报警传输", "en": "Fire alarm transmission"}

    def __init__(self, intake: Intake, zone: str, options: Options | None = None) -> None:
        self.options = options or Options()
        self._centre = Centre(intake, ZoneInfo(zone), self.options)
        self._asking = Asking(self._centre)
        self._server: asyncio.Server | None = None
        self._udp: asyncio.DatagramTransport | None = None
        self._peers: OrderedDict[tuple[str, int], Link] = OrderedDict()
        self._serving: set[asyncio.Task[None]] = set()
        self._links: set[Link] = set()
        self._stopping = False

    # -- Connector --

    async def start(self, host: str, port: int) -> int:
        self._stopping = False
        self._server = await asyncio.start_server(self._serve, host, port, limit=CHUNK)
        port = self._server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        try:
            self._udp, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self), local_addr=(host, port)
            )
        except OSError as error:
            log.warning("UDP port %d is taken (%s): panels are heard over TCP only", port, error)
        else:
            self._start(self._sweep())
        return port

    async def stop(self) -> None:
        self._stopping = True
        if self._server is not None:
            self._server.close()
        if self._udp is not None:
            self._udp.close()
        for link in self._peers.values():
            link.close()
        tasks = set(self._serving)
        for task in tasks:
            task.cancel()
        under_way = {task for link in self._peers.values() for task in link.tasks}
        if tasks | under_way:
            await asyncio.wait(tasks | under_way, timeout=GRACE)

    def state(self) -> Mapping[str, Any]:
        return {
            "connections": len(self._links),
            "udp_peers": len(self._peers),
            "panels": len(self._centre.panels),
            "last_at": self._centre.last_at,
            **dict(self._centre.counts),
        }

    async def replay(self, payload: bytes, *, source: str, peer: str) -> bool:
        return await self._centre.replay(payload, peer)

    # -- what people and plans ask of panels --

    def deeds(self) -> Mapping[str, Work]:
        """See ``contract.DoesDeeds``."""
        return {
            "panel.duty_check": self._asking.check_by_deed,
            "panel.synchronise": self._asking.synchronise_by_deed,
        }

    async def duty_check(self, address: str, minutes: int) -> bool:
        """See ``Asking.duty_check``."""
        return await self._asking.duty_check(address, minutes)

    async def read(self, address: str, type_flag: int, objects: Sequence[Object]) -> list[Object]:
        """See ``Asking.read``."""
        return await self._asking.read(address, type_flag, objects)

    async def synchronise(self, address: str) -> None:
        """See ``Asking.synchronise``."""
        await self._asking.synchronise(address)

    async def initialise(self, address: str) -> None:
        """See ``Asking.initialise``."""
        await self._asking.initialise(address)

    # -- TCP --

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        full = self._stopping or len(self._links) >= self.options.connections
        if not admitted(writer, self._serving, self._centre.counts, full=full):
            return
        send = sender(writer, self.options.backlog_bytes, self._deaf)
        link = self._new_link(writer.get_extra_info("peername"), send)
        keep_alive(writer, idle=60, every=20)
        self._links.add(link)
        try:
            await self._read(link, reader)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            await self._end(link)
            self._links.discard(link)
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    def _new_link(self, peer: Any, send: Any) -> Link:
        options = self.options
        return Link(
            f"{peer[0]}:{peer[1]}",
            send,
            Pace(options.rate, options.burst),
            asyncio.Semaphore(options.in_flight),
        )

    def _deaf(self) -> None:
        self._centre.counts["deaf"] += 1

    async def _read(self, link: Link, reader: asyncio.StreamReader) -> None:
        """Frames of one connection until it ends, is silent, or says nothing that is a frame."""
        options, loop = self.options, asyncio.get_running_loop()
        framer = Framer()
        half_since = 0.0
        while not self._stopping:
            patience = options.silent_seconds
            if framer.pending:
                patience = max(0.0, half_since + options.half_seconds - loop.time())
            chunk = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    chunk = await reader.read(CHUNK)
            if chunk:
                cuts = framer.feed(chunk)
                if cuts or not half_since:
                    half_since = loop.time()
            elif framer.pending:
                cuts = framer.give_up()
            else:
                self._centre.counts["closed" if chunk is not None else "silent"] += 1
                return
            if not framer.pending:
                half_since = 0.0
            await self._hear(link, cuts, len(chunk or b"") / BYTES_A_FRAME)
            if chunk == b"":
                self._centre.counts["closed"] += 1
                return
            if link.refused >= options.refused_in_row:
                self._centre.counts["given_up"] += 1
                log.warning("%s: closed after %d unreadable pieces", link.peer, link.refused)
                return

    async def _hear(self, link: Link, cuts: list[Cut], least: float = 0.0) -> None:
        """Hear what was cut; a chunk counts as ``least`` frames however few are in it."""
        loop = asyncio.get_running_loop()
        for cut in cuts:
            known = await self._centre.hear(link, cut)
            if known is not None and known.link is link:
                # the time label of a whole frame
                work = self._asking.mind_clock(known, read_time(cut.data[6:12]))
                if work is not None:
                    link.start(asyncio.create_task(work))
        link.heard = loop.time()
        delay = link.pace.delay(max(len(cuts), least), link.heard)
        if delay > 0:
            self._centre.counts["slowed"] += 1
            await asyncio.sleep(delay)

    async def _end(self, link: Link) -> None:
        """Let what is under way end, then say that the link is down."""
        link.close()
        if link.tasks:
            await asyncio.wait(set(link.tasks), timeout=GRACE)
        for task in set(link.tasks):
            task.cancel()
        if not self._stopping:
            await self._centre.lost(link)

    # -- UDP --

    def heard_datagram(self, data: bytes, peer: tuple[str, int]) -> None:
        """One datagram: whole frames, or what can be read of it."""
        link = self._peers.get(peer)
        udp = self._udp
        if udp is None:
            return
        if link is None:
            link = self._new_link(peer, lambda frame: udp.sendto(frame, peer))
            self._peers[peer] = link
            if len(self._peers) > self.options.udp_peers:
                _, oldest = self._peers.popitem(last=False)
                self._start(self._end(oldest))
        self._peers.move_to_end(peer)
        now = asyncio.get_running_loop().time()
        if link.room.locked() or link.pace.delay(0, now) > 0:
            # not confirmed, so the panel sends it again
            self._centre.counts["datagrams_dropped"] += 1
            return
        framer = Framer()
        cuts = framer.feed(data) + framer.give_up()
        self._start(self._hear(link, cuts))

    async def _sweep(self) -> None:
        """UDP has no end of a connection: a silent peer is one."""
        loop = asyncio.get_running_loop()
        silent = self.options.silent_seconds
        while True:
            await asyncio.sleep(silent / 4)
            now = loop.time()
            for peer, link in list(self._peers.items()):
                if now - link.heard > silent:
                    del self._peers[peer]
                    await self._end(link)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, connector: Gbt26875Connector) -> None:
        self._connector = connector

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._connector.heard_datagram(data, addr)
