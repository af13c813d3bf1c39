"""A data logger of a monitoring station, over a real socket, as HJ 212 has it.

It connects out, uploads what its script says, waits for each answer 9014, sends again as the
standard advises, keeps what was not answered and sends it when the link is back; it beats (2025),
obeys commands, and connects again when the link breaks. Light: thousands run in one process.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.registry import Device
from tianmu.rehearse.field.line import OnALine
from tianmu.rehearse.station import frame as wire
from tianmu.rehearse.station.script import Counts, Nature, Step, Upload

PROTOCOL = "hj212"

KEPT = 20_000
"""uploads a logger keeps while the link is down; the oldest are given up first"""


class NotAnswered(TimeoutError):
    """The centre did not answer, however often the upload was sent."""


class Station(OnALine):
    """``mn`` is its identity; ``async with Station(…) as station`` connects and keeps connected.

    ``on_answer(upload, sent_at, latency)`` is called for each answered packet (s, monotonic).
    """

    def __init__(
        self,
        mn: str,
        host: str,
        port: int,
        *,
        zone: str = "Asia/Shanghai",
        nature: Nature | None = None,
        name: str = "",
        on_answer: Callable[[Upload, float, float], None] | None = None,
    ) -> None:
        self.mn, self.name = mn, name
        self.nature = nature or Nature()
        self.counts = Counts()
        self.intervals: dict[str, int] = {"RtdInterval": 30, "MinInterval": 10}
        """what the centre set: real-time s, minute min"""
        super().__init__(host, port, self.nature.reconnect)
        self._zone = ZoneInfo(zone)
        self._on_answer = on_answer
        self._patience, self._resends = self.nature.patience, self.nature.resends
        self._clock_off = self.nature.clock_off
        self._qn = 0
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._kept: deque[Upload] = deque()
        self._said: deque[Upload] = deque(maxlen=2_000)

    # -- life --

    async def start(self) -> None:
        """Connect (and keep connected) in the background; the edition of 2025 beats."""
        await super().start()
        if self.nature.edition == 2025 and self.nature.heartbeat is not None:
            self._start(self._beat(self.nature.heartbeat))

    def _up(self) -> None:
        self.counts.connections += 1

    async def _greet(self) -> None:
        await self._send_kept()

    async def _beat(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            if self._connected.is_set():
                self.counts.heartbeats += 1
                self._write(self._frame("9015", "", self._next_qn(), answer=True))

    # -- sending --

    async def play(self, steps: Iterable[Step] | AsyncIterable[Step], speed: float = 1.0) -> None:
        """Upload each step when it is due; a late answer delays nothing. Returns when all are
        answered, kept or given up."""
        sending: list[asyncio.Task[Any]] = []
        due = time.monotonic()
        async for step in _each(steps):
            due += step.delay / speed
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            sending = [task for task in sending if not task.done()]
            sending.append(self._start(self.send_or_keep(step.upload)))
        await asyncio.gather(*sending, return_exceptions=True)

    async def send_or_keep(self, upload: Upload) -> float | None:
        """``send``; what is not answered is kept and sent when the link is back."""
        if upload.at is None:
            # its time stays that of the first sending
            upload = Upload(upload.values, upload.command, self._now())
        try:
            return await self.send(upload)
        except NotAnswered:
            self.counts.kept += 1
            self._kept.append(upload)
            if len(self._kept) > KEPT:
                self._kept.popleft()
                self.counts.failed += 1
            return None

    async def send(self, upload: Upload, *, again: bool = False) -> float:
        """Upload and wait for the answers; the latency in seconds (0 where none is asked for).
        Raises ``NotAnswered``. Several may be under way at once."""
        at = upload.at or self._now()
        items = (value.item() for value in upload.values)
        areas = wire.split(items, f"DataTime={at:%Y%m%d%H%M%S}", self.nature.area)
        began = time.monotonic()
        for number, area in enumerate(areas, 1):
            part = (len(areas), number) if len(areas) > 1 else None
            await self._packet(upload, area, part, again=again)
        self._said.append(upload)
        return time.monotonic() - began if self.nature.asks_answer else 0.0

    async def _packet(
        self, upload: Upload, area: str, part: tuple[int, int] | None, *, again: bool
    ) -> None:
        qn = self._next_qn()
        asks = self.nature.asks_answer
        frame = self._frame(upload.command, area, qn, part=part, answer=asks, again=again)
        self.counts.sent += 1
        began = time.monotonic()
        for attempt in range(1 + self._resends):
            self.counts.resent += attempt > 0
            if await self._try(qn, frame):
                if asks:
                    latency = time.monotonic() - began
                    self.counts.acknowledged += 1
                    if len(self.counts.latencies) >= 100_000:
                        del self.counts.latencies[:50_000]
                    self.counts.latencies.append(latency)
                    if self._on_answer is not None:
                        self._on_answer(upload, began, latency)
                return
        raise NotAnswered(
            f"station {self.mn}: {upload.command} (QN {qn}) was not answered by "
            f"{self._host}:{self._port} after {1 + self._resends} sendings"
        )

    async def _try(self, qn: str, frame: bytes) -> bool:
        """One sending; False on time-out. A broken link is waited for."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting[qn] = answer
        try:
            async with asyncio.timeout(self._patience):
                await self._connected.wait()
                self._write(frame)
                if self.nature.asks_answer:
                    await answer
                elif self._writer is not None:
                    await self._writer.drain()
        except (TimeoutError, OSError):
            return False
        finally:
            self._waiting.pop(qn, None)
        return True

    async def _send_kept(self) -> None:
        """Once the link is back, what was kept, marked as sent again (RF=1 in 2025)."""
        while self._kept:
            upload = self._kept[0]
            try:
                await self.send(upload, again=True)
            except NotAnswered:
                return
            if self._kept and self._kept[0] is upload:
                self._kept.popleft()

    def _frame(
        self,
        command: str,
        area: str,
        qn: str,
        *,
        system: str = "",
        part: tuple[int, int] | None = None,
        answer: bool = False,
        again: bool = False,
    ) -> bytes:
        nature = self.nature
        fields = [("QN", qn)] if qn else []
        fields += [("ST", system or nature.system), ("CN", command), ("PW", nature.password)]
        fields.append(("MN", self.mn))
        version = {2005: 0, 2017: 1}.get(nature.edition, 2)
        flag = version << 2 | (part is not None) << 1 | answer
        if flag or nature.edition != 2005:
            fields.append(("Flag", str(flag)))
        if part is not None:
            fields += [("PNUM", str(part[0])), ("PNO", str(part[1]))]
        if again and nature.edition == 2025:
            fields.append(("RF", "1"))
        secret = nature.key if command.startswith("2") or command == "3020" else None
        return wire.pack(fields, area, secret)

    def _write(self, frame: bytes) -> None:
        if self._writer is not None:
            self._writer.write(frame)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self._clock_off, self._zone)

    def _next_qn(self) -> str:
        """Milliseconds by its own clock, never twice the same."""
        milliseconds = max(int((time.time() + self._clock_off) * 1000), self._qn + 1)
        self._qn = milliseconds
        at = datetime.fromtimestamp(milliseconds // 1000, self._zone)
        return f"{at:%Y%m%d%H%M%S}{milliseconds % 1000:03d}"

    # -- listening --

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        buffer = bytearray()
        while chunk := await reader.read(8192):
            buffer += chunk
            for fields in wire.unpack(buffer, self.nature.key):
                self._heed(fields)

    def _heed(self, fields: wire.Fields) -> None:
        command, told = fields.get("CN", ""), wire.values(fields["CP"])
        if command in ("9013", "9014"):
            answer = self._waiting.get(fields.get("QN") or told.get("QN", ""))
            if answer is not None and not answer.done():
                answer.set_result(None)
        elif self.nature.obeys and command:
            self.counts.commands += 1
            self._start(self._obey(command, fields.get("QN", ""), told))

    async def _obey(self, command: str, qn: str, told: dict[str, str]) -> None:
        if command in ("2012", "2022"):
            self._answer("9013", qn, "")
            return
        self._answer("9011", qn, "QnRtn=1")
        done = 1
        if command == "1012":
            at = datetime.strptime(told.get("SystemTime", ""), "%Y%m%d%H%M%S")
            self._clock_off = at.replace(tzinfo=self._zone).timestamp() - time.time()
        elif command == "1000":
            self._patience = float(told.get("OverTime", self._patience))
            self._resends = int(told.get("ReCount", self._resends))
        elif command in ("1062", "1064"):
            self.intervals.update({n: int(v) for n, v in told.items() if n in self.intervals})
        elif command in ("1011", "1061", "1063"):
            name = {"1011": "SystemTime", "1061": "RtdInterval", "1063": "MinInterval"}[command]
            value = f"{self._now():%Y%m%d%H%M%S}" if command == "1011" else self.intervals[name]
            self._write(self._frame(command, f"{name}={value}", qn))
        elif command in ("2031", "2051", "2061"):
            done = 1 if await self._tell_again(command, told) else 100
        elif command == "3019":
            about = told.get("PolId", "w00000")
            self._write(self._frame(command, f"PolId={about};{about}-SN={self.mn}", qn))
        elif command == "3020":
            now = f"DataTime={self._now():%Y%m%d%H%M%S}"
            area = f"{now};PolId={told.get('PolId', 'w00000')};i12001-Info=0"
            self._write(self._frame(command, area, qn))
        elif command not in ("2011", "2021", "1072"):
            done = 2
        self._answer("9012", qn, f"ExeRtn={done}")

    async def _tell_again(self, command: str, told: dict[str, str]) -> int:
        """Send what it has of a span again; how many uploads."""
        begin, end = told.get("BeginTime", ""), told.get("EndTime", "9")
        found = [
            upload
            for upload in self._said
            if upload.command == command
            and upload.at is not None
            and begin <= f"{upload.at:%Y%m%d%H%M%S}" <= end
        ]
        for upload in found:
            with contextlib.suppress(NotAnswered):
                await self.send(upload, again=True)
        return len(found)

    def _answer(self, command: str, qn: str, text: str) -> None:
        """In 2005 the QN stands in the data area, later in front."""
        if self.nature.edition == 2005:
            area = f"QN={qn};{text}" if text else f"QN={qn}"
            self._write(self._frame(command, area, "", system="91"))
        else:
            self._write(self._frame(command, text, qn, system="91"))

    # -- as the city knows it --

    def device(
        self,
        kind: str,
        properties: Iterable[str],
        *,
        place: Place | None = None,
        department: str = "",
        source: str = "",
        origin: Origin = Origin.TRANSPLANTED,
        probe: str = "",
    ) -> Device:
        """The station as a device to register; ``properties`` are those of its kind."""
        return Device(
            device=f"{PROTOCOL}-{self.mn}",
            name=self.name,
            kind=kind,
            properties=tuple(properties),
            place=place or Place(),
            department=department,
            source=source,
            origin=origin,
            probe=probe,
            labels={"address": f"{PROTOCOL}/{self.mn}"},
        )


async def _each(steps: Iterable[Step] | AsyncIterable[Step]) -> AsyncIterable[Step]:
    if isinstance(steps, AsyncIterable):
        async for step in steps:
            yield step
    else:
        for step in steps:
            yield step
