"""What the centre does with each frame: verify, keep, then confirm; or deny and say why."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any
from zoneinfo import ZoneInfo

from tianmu.sense.contract import Candidate, Intake, Readings
from tianmu.sense.gbt26875.body import LAYOUTS, read_time
from tianmu.sense.gbt26875.codec import Frame, build, parse
from tianmu.sense.gbt26875.frame import HEAD, REASONS, START, Cut, Fault, Framer
from tianmu.sense.gbt26875.link import Link
from tianmu.sense.gbt26875.options import Options
from tianmu.sense.gbt26875.panels import NOBODY, Known, Panels, host
from tianmu.sense.gbt26875.readings import (
    DUTY_ANSWER,
    PROTOCOL,
    READABLE,
    UNIT,
    Told,
    local_label,
    local_time,
    tell,
)
from tianmu.sense.gbt26875.recent import Recent, identity
from tianmu.sense.gbt26875.tables import ANSWER, CONFIRM, CONTROL, DENY, REQUEST, SEND

log = logging.getLogger("tianmu.gbt26875")

TRUSTED = 86_400_000_000
"""µs that a frame's time label may be off and still tell it from others for ever"""
UNKNOWN_EVERY = 60_000_000
"""µs between two notes of an unknown panel that only beats"""


class Centre:
    """Hears frames on any link. Everything runs in one event loop."""

    def __init__(self, intake: Intake, zone: ZoneInfo, options: Options) -> None:
        self.intake, self.zone, self.options = intake, zone, options
        self.panels = Panels(intake)
        self.counts: Counter[str] = Counter()
        self.last_at = 0
        self._recent = Recent()
        self._noted: dict[str, int] = {}

    # -- hearing --

    async def hear(self, link: Link, cut: Cut) -> Known | None:
        """One piece of a link's stream, in order. Waits only while too much is under way; what
        must be written is written by tasks of the link, in the order of hearing."""
        self.last_at = self.intake.now()
        if cut.fault is not None:
            self.counts["refused"] += 1
            link.refused += 1
            await self._under_way(link, self._refuse(link, cut))
            return None
        frame = parse(cut.data)
        self.counts["frames"] += 1
        if frame.fault is not None:
            self.counts["refused"] += 1
            link.refused += 1
            await self._under_way(link, self._deny(link, frame, cut, frame.detail))
            return None
        link.refused = 0
        if frame.command in (CONFIRM, DENY):
            self.counts["answers" if link.answered(frame) else "unasked"] += 1
            return None
        if frame.command in (CONTROL, REQUEST):
            reason = (
                f"command {frame.command}: a transmission unit may not command the centre "
                "(clause 6.2); it sends data with command 2"
            )
            self.counts["refused"] += 1
            await self._under_way(link, self._deny(link, frame, cut, reason))
            return None
        known = self.panels.find(frame.source, link.peer)
        if known is None:
            await self._under_way(link, self._keep_unknown(link, frame, cut))
            return None
        if frame.command == ANSWER:
            link.answered(frame)
        await self._under_way(link, self._take(link, known, frame, cut))
        return known

    async def _under_way(self, link: Link, work: Coroutine[Any, Any, None]) -> None:
        await link.room.acquire()
        task = asyncio.create_task(work)
        task.add_done_callback(lambda _: link.room.release())
        link.start(task)

    # -- keeping --

    def _take(self, link: Link, known: Known, frame: Frame, cut: Cut) -> Coroutine[Any, Any, None]:
        """Make readings of a frame now, in order; the coroutine puts them on disk."""
        now = self.intake.now()
        known.destination, known.version = frame.destination, (frame.version, frame.user_version)
        link.addresses.add(known.wire)
        told = Told(known.panel, self.zone, known.settings, now)
        if is_beat(frame):
            self.counts["heartbeats"] += 1
            self._tell_link(told, known, link, always=True)
            return self._keep(link, known, frame, self._columns(told, known, frame), None)
        window = round(known.settings.duplicate_seconds * 1e6)
        heard, again = self._recent.seen(frame, now, window, self._trusted(frame, now))
        if again:
            self.counts["duplicates"] += 1
            self._tell_link(told, known, link)
            readings = self._columns(told, known, frame)
            return self._repeat(link, known, frame, readings, heard.kept)
        tell(frame, told)
        self._tell_link(told, known, link)
        readings = self._columns(told, known, frame)
        return self._keep(link, known, frame, readings, heard.key, heard.kept, cut)

    def _columns(self, told: Told, known: Known, frame: Frame) -> Readings | None:
        if not told.rows:
            return None
        return told.readings(self._in_maintenance(known))

    def _trusted(self, frame: Frame, now: int) -> bool:
        label = local_time(read_time(frame.label), self.zone)
        return label is not None and abs(label - now) < TRUSTED

    def _tell_link(self, told: Told, known: Known, link: Link, *, always: bool = False) -> None:
        """A ``link`` row: on connecting, on each heart-beat, and now and then between."""
        due = told.received - known.linked_at >= self.options.link_seconds * 1e6
        if known.link is not link:
            known.link, known.clock_set_at = link, 0
            side = {"event": "connected", "peer": link.peer}
        elif always or due:
            side = {"event": "heartbeat" if always else "data"}
        else:
            return
        known.linked_at = told.received
        told.add(known.panel.address, "link", 1, {}, "", **side)

    async def _keep(
        self,
        link: Link,
        known: Known,
        frame: Frame,
        readings: Readings | None,
        key: bytes | None,
        kept: asyncio.Future[bool] | None = None,
        cut: Cut | None = None,
    ) -> None:
        good = False
        try:
            if cut is not None and frame.type not in READABLE:
                await self._put_away(known, frame, cut, link.peer)
            if readings is not None:
                await self.intake.take(readings, source=known.source, key=key, peer=link.peer)
            good = True
        except OSError as error:
            self.counts["not_kept"] += 1
            log.warning("%s: not kept, so denied: %s", link.peer, error)
        except Exception:
            self.counts["not_kept"] += 1
            log.exception("%s: not kept, so denied", link.peer)
        finally:
            if kept is not None and not kept.done():
                kept.set_result(good)
        self._reply(link, frame, good)
        if good and kept is not None:
            self._heed_duty(known, frame)

    def _in_maintenance(self, known: Known) -> Callable[[str], bool]:
        if self.intake.in_maintenance(known.source.source):
            return lambda address: True
        return self.intake.in_maintenance

    async def _repeat(
        self,
        link: Link,
        known: Known,
        frame: Frame,
        readings: Readings | None,
        kept: asyncio.Future[bool],
    ) -> None:
        """It was heard before: it gets the answer the first one got. It may still be the first
        on a new link, which is told."""
        if await asyncio.shield(kept):
            await self._keep(link, known, frame, readings, None)
        else:
            self._reply(link, frame, False)

    async def _put_away(self, known: Known, frame: Frame, cut: Cut, peer: str) -> None:
        self.counts["vendor"] += 1
        await self.intake.quarantine(
            PROTOCOL,
            cut.data,
            reason=f"command {frame.command}, type {frame.type}: not a type of the standard that "
            "a panel sends; confirmed and kept, since it may mean something to its maker",
            peer=peer,
            source=known.source.source,
        )

    async def _keep_unknown(self, link: Link, frame: Frame, cut: Cut) -> None:
        """Nobody has registered the panel: offered, its data kept with their bytes, confirmed."""
        wire = frame.source if frame.source != NOBODY else f"{NOBODY}@{host(link.peer)}"
        address = f"{PROTOCOL}/{wire}"
        self.counts["unknown"] += 1
        now = self.intake.now()
        beat = is_beat(frame)
        try:
            if not beat or now - self._noted.get(wire, 0) >= UNKNOWN_EVERY:
                await self.intake.unknown(
                    PROTOCOL,
                    address,
                    peer=link.peer,
                    payload=cut.data,
                    candidate=Candidate(UNIT, address, {"source_address": wire}),
                )
                if len(self._noted) > 10_000:
                    self._noted.clear()
                self._noted[wire] = now
            if not beat:
                await self.intake.quarantine(
                    PROTOCOL,
                    cut.data,
                    reason=f"no source may speak for address {wire}: register the panel (or add "
                    "the address to its source), then play this again",
                    peer=link.peer,
                )
        except OSError as error:
            self.counts["not_kept"] += 1
            log.warning("%s: not kept, so denied: %s", link.peer, error)
            self._reply(link, frame, False)
        else:
            self._reply(link, frame, True)

    # -- answering --

    def _reply(self, link: Link, frame: Frame, good: bool) -> None:
        """Confirm or deny what was sent; an answer to our own request is neither."""
        if frame.command == ANSWER:
            return
        self.counts["confirmed" if good else "denied"] += 1
        self._send_reply(link, frame, CONFIRM if good else DENY)

    def _send_reply(self, link: Link, frame: Frame, command: int) -> None:
        link.send(
            build(
                serial=frame.serial,
                version=frame.version,
                user_version=frame.user_version,
                label=local_label(self.intake.now(), self.zone),
                source=frame.destination,
                destination=frame.source,
                command=command,
            )
        )

    async def _deny(self, link: Link, frame: Frame, cut: Cut, reason: str) -> None:
        if frame.command not in (CONFIRM, DENY):
            self.counts["denied"] += 1
            self._send_reply(link, frame, DENY)
        await self._quarantine(link, cut, reason)

    async def _refuse(self, link: Link, cut: Cut) -> None:
        """Bytes that are no frame: denied where there is a head to deny."""
        start = cut.data.find(START)
        if cut.fault is not Fault.START and start >= 0 and len(cut.data) - start >= HEAD:
            head = cut.data[start : start + HEAD]
            self.counts["denied"] += 1
            self._send_reply(link, read_head(head), DENY)
        await self._quarantine(link, cut, REASONS[cut.fault or Fault.START])

    async def _quarantine(self, link: Link, cut: Cut, reason: str) -> None:
        try:
            await self.intake.quarantine(
                PROTOCOL, cut.data, reason=reason, peer=link.peer, offset=cut.offset
            )
        except OSError as error:
            self.counts["not_kept"] += 1
            log.warning("%s: %d refused bytes not kept: %s", link.peer, len(cut.data), error)

    def _heed_duty(self, known: Known, frame: Frame) -> None:
        if frame.type != 24:
            return
        for thing in frame.objects:
            if thing["operation_bits"] & DUTY_ANSWER:
                for waiting in known.duty:
                    if not waiting.done():
                        waiting.set_result(thing)

    # -- links that end --

    async def lost(self, link: Link) -> None:
        """The link is down: say so for every panel that spoke on it and has no newer one."""
        for wire in sorted(link.addresses):
            known = self.panels.by_address(wire)
            if known is None or known.link is not link:
                continue
            known.link = None
            await self.tell(known, "link", 0, event="disconnected", peer=link.peer)

    async def tell(self, known: Known, name: str, value: float, **side: Any) -> None:
        """An observation of the panel that we make ourselves, now."""
        told = Told(known.panel, self.zone, known.settings, self.intake.now())
        told.add(known.panel.address, name, value, {}, "", **side)
        try:
            await self.intake.take(
                told.readings(self._in_maintenance(known)),
                source=known.source,
                key=None,
                peer=known.link.peer if known.link else "",
            )
        except OSError as error:
            self.counts["not_kept"] += 1
            log.warning("%s: %s %g not kept: %s", known.panel.address, name, value, error)

    async def replay(self, payload: bytes, peer: str) -> bool:
        """Take frames from the quarantine again; nothing is answered. False where any of it
        still cannot be read, or has no source that may speak for it."""
        framer = Framer()
        cuts = framer.feed(payload) + framer.give_up()
        good = bool(cuts)
        for cut in cuts:
            frame = parse(cut.data) if cut.fault is None else None
            known = self.panels.find(frame.source, peer) if frame is not None else None
            if (
                frame is None
                or known is None
                or frame.fault is not None
                or frame.command not in (SEND, ANSWER)
                or frame.type not in READABLE
            ):
                good = False
                continue
            told = Told(known.panel, self.zone, known.settings, self.intake.now())
            tell(frame, told)
            await self.intake.take(
                told.readings(self._in_maintenance(known)),
                source=known.source,
                key=identity(frame),
                peer=peer,
            )
        return good


def is_beat(frame: Frame) -> bool:
    """Send data without any: a heart-beat; or a lone byte that is no type, some panels' hello."""
    return frame.command == SEND and (
        not frame.data or (len(frame.data) == 1 and frame.type not in LAYOUTS)
    )


def read_head(head: bytes) -> Frame:
    """The head of a frame whose rest is wrong, as far as an answer needs it."""
    return parse(head[:24] + b"\0\0" + head[26:HEAD] + b"\0##")
