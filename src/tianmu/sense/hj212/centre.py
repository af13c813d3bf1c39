"""What the centre does with each frame: verify, put on disk, answer. No socket here."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tianmu.facts.registry import SourceChanged
from tianmu.sense.contract import Intake, Readings
from tianmu.sense.hj212 import segment as seg
from tianmu.sense.hj212.asking import Asking, NotAnswered, NotConnected, Station
from tianmu.sense.hj212.crc import crc
from tianmu.sense.hj212.frame import Frame, Framer, Noise, pack
from tianmu.sense.hj212.options import Options
from tianmu.sense.hj212.parts import Parts
from tianmu.sense.hj212.readings import PROTOCOL, address, candidate, to_readings
from tianmu.sense.hj212.rollup import RollUp
from tianmu.sense.hj212.segment import Message, Unreadable
from tianmu.sense.hj212.settings import DEFAULT, Settings, read_settings

log = logging.getLogger("tianmu.hj212")

_MN = re.compile(rb"(?:^|;)MN=([^;]*);")
_DATA = re.compile(r"[123]\d{3}")
_ANSWERS = frozenset({"9011", "9012", "9013"})


@dataclass
class Line:
    """One connection. Its peer may be a forwarder that speaks for many stations."""

    peer: str
    send: Callable[[bytes], None] | None
    """None where nothing is to be answered (input played again)"""
    stations: set[str] = field(default_factory=set)
    strangers: set[str] = field(default_factory=set)
    refused: int = 0
    """unreadable pieces since the last frame"""


class Centre:
    """Stations, their requests and split packets, over all connections."""

    def __init__(self, intake: Intake, zone: ZoneInfo, options: Options) -> None:
        self._intake, self._zone, self._options = intake, zone, options
        self.counts: Counter[str] = Counter()
        self.last_at = 0
        self.stations: OrderedDict[str, Station] = OrderedDict()
        self.asking = Asking(intake.now, self.counts)
        self._parts = Parts(self.counts)
        self._roll_up = RollUp()
        self._settings: dict[str, tuple[SourceChanged, Settings, ZoneInfo]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    # -- frames in --

    async def hear(self, line: Line, piece: Frame | Noise) -> bool:
        """Take one piece of the stream; True where it was read and is on disk.

        What cannot be kept (no room on disk) is not answered, so the logger sends it again.
        """
        try:
            if isinstance(piece, Noise):
                line.refused += 1
                await self._refuse(piece.payload, piece.reason, line, offset=piece.offset)
                return False
            self.counts["frames"] += 1
            self.last_at = self._intake.now()
            return await self._frame(line, piece)
        except OSError as error:
            # store.records.DiskFull is one: the logger is not told that its data were kept
            self.counts["not_kept"] += 1
            log.warning("%s: not kept, so not answered: %s", line.peer, error)
            return False
        except Exception:
            # one frame must not take the connection of a forwarder with it
            self.counts["failed"] += 1
            log.exception("%s: a frame could not be taken, so it is not answered", line.peer)
            return False

    async def _frame(self, line: Line, frame: Frame) -> bool:
        found = _MN.search(frame.segment, 0, max(0, frame.segment.find(seg.OPEN)))
        mn = found.group(1).decode("utf-8", "replace").strip() if found else ""
        source = self._intake.source(PROTOCOL, mn)
        settings, zone = self._settings_of(source, mn)
        try:
            message = seg.decode(frame, settings.key)
        except Unreadable as error:
            line.refused += 1
            reason = f"{error}{_hint(frame)}"
            await self._refuse(frame.bytes(), reason, line, mn=mn, source=source)
            return False
        line.refused = 0
        if source is None:
            return await self._stranger(line, frame, message, settings)
        if settings.password is not None and message.field("PW") != settings.password:
            self.counts["wrong_password"] += 1
            reason = (
                "the password (PW) is not the one set for this station: correct the logger, or "
                "`password` in the settings of the source"
            )
            await self._refuse(frame.bytes(), reason, line, mn=mn, source=source)
            return False
        station = self._station(line, message, settings, zone)
        return await self._message(line, frame, message, station, source)

    async def _stranger(
        self, line: Line, frame: Frame, message: Message, settings: Settings
    ) -> bool:
        """Offer an unregistered station. It is not answered, so it keeps what it has."""
        mn = message.field("MN")
        self.counts["unknown"] += 1
        if mn not in line.strangers and len(line.strangers) >= self._options.strangers:
            # a forwarder of so many strangers, or somebody making up names
            self.counts["unknown_not_offered"] += 1
            return False
        line.strangers.add(mn)
        await self._intake.unknown(
            PROTOCOL, address(mn), peer=line.peer, payload=frame.bytes(),
            candidate=candidate(message, settings),
        )  # fmt: skip
        return True

    async def _message(
        self, line: Line, frame: Frame, message: Message, station: Station, source: SourceChanged
    ) -> bool:
        cn, mn = message.field("CN"), message.field("MN")
        if cn in _ANSWERS:
            self.asking.answer(message)
            return True
        if cn == "9014":
            return True
        if cn == "1013":
            self._answer(line, message, station, "9013")
            if station.settings.setup.time:
                self.start(self._set_time(station))
            return True
        if not _DATA.fullmatch(cn) and cn != "9015":
            reason = f"command {cn or '(none)'} is not one a logger sends (table 9)"
            await self._refuse(frame.bytes(), reason, line, mn=mn, source=source)
            return False
        asked = self.asking.answer(message)
        time = await self._parts.time_of(message, station.settings.part_seconds)
        readings = to_readings(
            message,
            station.settings,
            zone=station.zone,
            received=self._intake.now(),
            time=time,
            maintenance=self._intake.in_maintenance(address(mn)),
            judge=partial(self._judge, station),
        )
        if cn == "2011" and self._roll_up.watches(mn):
            self._note(readings, station)
        if len(readings.address):
            taken = await self._intake.take(
                readings, source=source, key=_key(message), peer=line.peer
            )
            self.counts["readings"] += taken.known
            self.counts["held"] += taken.held
            self.counts["again"] += taken.duplicate
        elif not asked:
            # answered all the same: it is on disk, and sent again it would say no more
            reason = f"command {cn} says nothing of any factor: no reading can be made of it"
            await self._refuse(frame.bytes(), reason, line, mn=mn, source=source)
        if message.acknowledge or station.settings.always_answer:
            self._answer(line, message, station, "9013" if cn == "9015" else "9014")
        return True

    def _judge(self, station: Station, code: str, start: int, period: str) -> int:
        minutes = station.settings.setup.minute_interval
        return self._roll_up.judge(station.mn, station.system, code, start, period, minutes)

    def _note(self, readings: Readings, station: Station) -> None:
        own = {name: code for code, name in station.settings.properties.items()}
        if readings.quality is None:
            return
        for name, at, quality in zip(
            readings.property, readings.time.tolist(), readings.quality.tolist(), strict=True
        ):
            self._roll_up.note(station.mn, own.get(name, name), at, quality)

    async def replay(self, payload: bytes, peer: str) -> bool:
        """Read input again; nothing is answered, and what is still unreadable stays where it is."""
        framer = Framer()
        pieces = framer.feed(payload) + framer.flush()
        if not pieces or not all(self._readable(piece) for piece in pieces):
            return False
        line = Line(peer, None)
        return all([await self.hear(line, piece) for piece in pieces])

    def _readable(self, piece: Frame | Noise) -> bool:
        if isinstance(piece, Noise):
            return False
        found = _MN.search(piece.segment)
        mn = found.group(1).decode("utf-8", "replace").strip() if found else ""
        source = self._intake.source(PROTOCOL, mn)
        settings, _ = self._settings_of(source, mn)
        try:
            message = seg.decode(piece, settings.key)
        except Unreadable:
            return False
        return source is not None and settings.password in (None, message.field("PW"))

    # -- stations --

    def lost(self, line: Line) -> None:
        """The connection is closed: what it spoke for cannot be asked any more."""
        for mn in line.stations:
            station = self.stations.get(mn)
            if station is not None and station.send is line.send:
                station.send = None

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run beside the reading of frames; ended by ``stop``."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        for task in set(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    def _station(self, line: Line, message: Message, settings: Settings, zone: ZoneInfo) -> Station:
        mn = message.field("MN")
        station = self.stations.get(mn)
        if station is None:
            station = Station(mn, None, 2005, "", "", settings, zone, 0)
            self.stations[mn] = station
            if len(self.stations) > self._options.stations:
                self.stations.popitem(last=False)
        self.stations.move_to_end(mn)
        system = message.field("ST")
        if system and system != "91":
            station.system = system
        station.edition = message.edition if message.flag is not None else station.edition
        station.password = message.field("PW")
        station.settings, station.zone = settings, zone
        station.last_at = self.last_at
        if line.send is not None:
            station.send = line.send
            if mn not in line.stations:
                line.stations.add(mn)
                if settings.setup != DEFAULT.setup:
                    self.start(self.asking.set_up(station))
        return station

    async def _set_time(self, station: Station) -> None:
        try:
            await self.asking.set_time(station)
        except (NotAnswered, NotConnected) as error:
            log.warning("%s", error)

    def _settings_of(self, source: SourceChanged | None, mn: str) -> tuple[Settings, ZoneInfo]:
        if source is None:
            return DEFAULT, self._zone
        kept = self._settings.get(mn)
        if kept is not None and kept[0] is source:
            return kept[1], kept[2]
        settings, wrong = read_settings(source.settings, mn)
        zone = self._zone
        if settings.time_zone:
            try:
                zone = ZoneInfo(settings.time_zone)
            except (ZoneInfoNotFoundError, ValueError):
                wrong = f"time_zone {settings.time_zone!r} is none: the city's is used"
        if wrong:
            log.warning("source %s: %s", source.source, wrong)
        if len(self._settings) > self._options.stations:
            self._settings.clear()
        self._settings[mn] = (source, settings, zone)
        return settings, zone

    # -- answers and refusals --

    def _answer(self, line: Line, message: Message, station: Station, cn: str) -> None:
        if line.send is None:
            return
        qn, flag = message.field("QN"), message.flag or 0
        old = flag >> 2 == 0
        answer = seg.compose(
            cn,
            mn=message.field("MN"),
            pw=message.field("PW"),
            st="91",
            # answers of 2005 name the QN in the data area, later ones in front
            qn="" if old else qn,
            flag=flag & ~3,
            items=[("QN", qn)] if old and qn else (),
        )
        line.send(pack(seg.segment_of(answer)))
        self.counts["answered"] += 1

    async def _refuse(
        self,
        payload: bytes,
        reason: str,
        line: Line,
        *,
        offset: int = 0,
        mn: str = "",
        source: SourceChanged | None = None,
    ) -> None:
        self.counts["refused"] += 1
        if line.send is None:
            return  # played again: it is in the quarantine already
        await self._intake.quarantine(
            PROTOCOL, payload, peer=line.peer, offset=offset,
            reason=f"station {mn}: {reason}" if mn else reason,
            source=source.source if source is not None else "",
        )  # fmt: skip


def _key(message: Message) -> bytes:
    """What a packet sent again has in common with the first: station, command, packet, content;
    its QN too where the content has no time of its own (RF=1 may come with a new QN)."""
    digest = hashlib.blake2b(digest_size=16, person=b"tianmu-hj212")
    qn = "" if message.value("DataTime") else message.field("QN")
    for part in (message.field("MN"), message.field("CN"), message.field("PNO"), qn):
        digest.update(part.encode() + b"\0")
    digest.update(seg.area_text(message.groups).encode())
    return b"hj212/" + digest.digest()


def _hint(frame: Frame) -> str:
    """What a wrong check sum may come from."""
    if frame.ok:
        return ""
    register = 0xFFFF
    for byte in frame.segment:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ 0xA001 if register & 1 else register >> 1
    swapped = (register & 0xFF) << 8 | register >> 8
    if int(frame.check, 16) in (register, swapped) and register != crc(frame.segment):
        return "; it is that of Modbus: set the logger to the check sum of HJ 212 appendix A"
    return ""
