"""A user information transmission device with a fire panel behind it, over a real socket.

It connects out, tells its state, beats, sends what its script says, waits for each confirm and
sends again as the standard advises; it lets its clock be set, answers reading requests and duty
checks, and connects again when the link breaks. Light: hundreds run in one process.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.registry import Device
from tianmu.rehearse.field.line import OnALine
from tianmu.rehearse.panel import frame as wire
from tianmu.rehearse.panel import script as happening
from tianmu.rehearse.panel.script import Component, Event, Step

PROTOCOL = "gbt26875"


class NotConfirmed(TimeoutError):
    """The centre did not confirm, however often the frame was sent."""


@dataclass
class Counts:
    """What became of what was sent."""

    sent: int = 0
    """frames, each once however often it was sent again; heart-beats apart"""
    confirmed: int = 0
    denied: int = 0
    """denials received, each of which was followed by sending again"""
    resent: int = 0
    failed: int = 0
    """given up after the last resend"""
    heartbeats: int = 0
    connections: int = 0
    clock_set: int = 0
    duty_checks: int = 0
    latencies: list[float] = field(default_factory=list)
    """seconds from first sending to confirm"""


@dataclass(frozen=True)
class Nature:
    """How a panel behaves. Times in seconds."""

    heartbeat: float = 20.0
    patience: float = 10.0
    """until a frame without confirm is sent again (clause 7.3 advises at most 10)"""
    resends: int = 3
    reconnect: float = 2.0
    clock_off: float = 0.0
    """how far its clock is ahead until the centre sets it"""
    clock_broken: bool = False
    """it has no clock: every time label is zero"""
    attended_after: float | None = 15.0
    """when the operator answers a duty check; None: nobody is there"""


class Panel(OnALine):
    """``address`` is 12 hex digits; ``async with Panel(…) as panel`` connects and keeps connected.

    ``first_serial``: a panel that is made again within a second would else send the very frames
    that it sent before, which the centre knows again and counts once.
    ``on_confirm(event, sent_at, latency)`` is called for each confirmed event (s, monotonic).
    """

    def __init__(
        self,
        address: str,
        host: str,
        port: int,
        *,
        components: Iterable[Component] = (),
        zone: str = "Asia/Shanghai",
        centre: str = "0" * 12,
        nature: Nature | None = None,
        first_serial: int = 0,
        on_confirm: Callable[[Event, float, float], None] | None = None,
    ) -> None:
        self.address, self.components = address, tuple(components)
        self.counts = Counts()
        self.nature = nature or Nature()
        super().__init__(host, port, self.nature.reconnect)
        self._zone = ZoneInfo(zone)
        self._me, self._centre = wire.address_bytes(address), wire.address_bytes(centre)
        self._on_confirm = on_confirm
        self._clock_off = self.nature.clock_off
        self._serial = first_serial
        self._waiting: dict[int, asyncio.Future[bool]] = {}
        self._words: dict[Component, int] = {}

    # -- life --

    async def start(self) -> None:
        """Connect (and keep connected) in the background, and beat."""
        await super().start()
        self._start(self._beat())

    def _up(self) -> None:
        self.counts.connections += 1

    async def _greet(self) -> None:
        """Its state, as units tell when they come up."""
        with contextlib.suppress(NotConfirmed):
            await self.send(happening.unit_state())

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.nature.heartbeat)
            if self._connected.is_set():
                self.counts.heartbeats += 1
                self._write(self._next_serial(), wire.SEND, b"")

    # -- sending --

    async def send(self, event: Event) -> float:
        """Send an event and wait for its confirm; the latency in seconds. Raises
        ``NotConfirmed``. Several may be under way at once."""
        data = bytes([event.type, 1]) + event.body + (self._label() if event.timed else b"")
        self._remember(event)
        serial, at = self._next_serial(), time.monotonic()
        self.counts.sent += 1
        frame = self._frame(serial, wire.SEND, data)
        try:
            for attempt in range(1 + self.nature.resends):
                if attempt:
                    self.counts.resent += 1
                if await self._try(serial, frame):
                    latency = time.monotonic() - at
                    self.counts.confirmed += 1
                    self.counts.latencies.append(latency)
                    if self._on_confirm is not None:
                        self._on_confirm(event, at, latency)
                    return latency
        finally:
            self._waiting.pop(serial, None)
        self.counts.failed += 1
        raise NotConfirmed(
            f"panel {self.address}: {event.name} (serial {serial}) was not confirmed by "
            f"{self._host}:{self._port} after {1 + self.nature.resends} sendings"
        )

    async def _try(self, serial: int, frame: bytes) -> bool:
        """One sending; False on denial or time-out. A broken link is waited for."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting[serial] = answer
        try:
            async with asyncio.timeout(self.nature.patience):
                await self._connected.wait()
                if self._writer is not None:
                    self._writer.write(frame)
                good: bool = await answer
        except TimeoutError:
            return False
        if not good:
            self.counts.denied += 1
            # a centre that denies is given a moment
            await asyncio.sleep(min(1.0, self.nature.patience / 4))
        return good

    async def play(self, steps: Iterable[Step] | AsyncIterable[Step], speed: float = 1.0) -> None:
        """Send each step when it is due; a late confirm delays nothing. Returns when all are
        confirmed or given up."""
        sending: list[asyncio.Task[Any]] = []
        due = time.monotonic()
        async for step in _each(steps):
            due += step.delay / speed
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            sending.append(self._start(self.send(step.event)))
        await asyncio.gather(*sending, return_exceptions=True)

    def _next_serial(self) -> int:
        serial = self._serial
        self._serial = (serial + 1) & 0xFFFF
        return serial

    def _label(self) -> bytes:
        if self.nature.clock_broken:
            return bytes(6)
        return wire.label(datetime.fromtimestamp(time.time() + self._clock_off, self._zone))

    def _frame(self, serial: int, command: int, data: bytes) -> bytes:
        return wire.pack(serial, self._me, self._centre, command, data, self._label())

    def _write(self, serial: int, command: int, data: bytes = b"") -> None:
        if self._writer is not None:
            self._writer.write(self._frame(serial, command, data))

    def _remember(self, event: Event) -> None:
        if event.type == 2:
            for component in self.components:
                if event.body.startswith(component.head):
                    self._words[component] = int.from_bytes(event.body[7:9], "little")

    # -- listening --

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        buffer = bytearray()
        while chunk := await reader.read(4096):
            buffer += chunk
            for packet in wire.unpack(buffer):
                if packet.good:
                    self._heed(packet)

    def _heed(self, packet: wire.Packet) -> None:
        if packet.command in (wire.CONFIRM, wire.DENY):
            waiting = self._waiting.get(packet.serial)
            if waiting is not None and not waiting.done():
                waiting.set_result(packet.command == wire.CONFIRM)
        elif packet.command == wire.CONTROL and len(packet.data) > 2:
            self._obey(packet)
        elif packet.command == wire.REQUEST and packet.data:
            answer = self._answer(packet.data)
            self._write(packet.serial, wire.ANSWER if answer else wire.DENY, answer)

    def _obey(self, packet: wire.Packet) -> None:
        kind, body = packet.data[0], packet.data[2:]
        if kind == 90 and len(body) == 6:
            second, minute, hour, day, month, year = body
            told = datetime(2000 + year, month, day, hour, minute, second, tzinfo=self._zone)
            self._clock_off = told.timestamp() - time.time()
            self.counts.clock_set += 1
        elif kind == 91:
            self.counts.duty_checks += 1
            if self.nature.attended_after is not None:
                self._start(self._answer_duty(self.nature.attended_after))
        elif kind != 89:
            self._write(packet.serial, wire.DENY)
            return
        self._write(packet.serial, wire.CONFIRM)

    async def _answer_duty(self, after: float) -> None:
        await asyncio.sleep(after)
        with contextlib.suppress(NotConfirmed):
            await self.send(happening.unit_operation(happening.DUTY_ANSWER))

    def _answer(self, data: bytes) -> bytes:
        """Application data for a reading request, empty where it cannot be answered."""
        kind, body, now = data[0], data[2:], self._label()
        if kind == 81:
            return bytes([21, 1, happening.NORMAL]) + now
        if kind == 85:
            return bytes([25, 1, 1, 0])
        if kind == 88:
            return bytes([28, 1]) + now
        if kind == 61 and len(body) >= 2:
            word = happening.NORMAL
            for component, told in self._words.items():
                if (component.system_type, component.system_address) == (body[0], body[1]):
                    word |= told & (happening.FIRE | happening.FAULT)
            return bytes([1, 1]) + body[:2] + word.to_bytes(2, "little") + now
        if kind == 62 and len(body) >= 6:
            for component in self.components:
                if component.head[:2] + component.head[3:] == body[:6]:
                    word = self._words.get(component, happening.NORMAL)
                    event = happening.component_state(component, word)
                    return bytes([2, 1]) + event.body + now
        return b""

    # -- as the city knows it --

    def wire_address(self, head: bytes) -> str:
        """Of the component whose seven bytes these are."""
        system, number, kind = head[:3]
        address = int.from_bytes(head[3:7], "little")
        return f"{PROTOCOL}/{self.address}/{system}-{number}-{kind}-{address}"

    def devices(
        self,
        properties: dict[str, tuple[str, ...]],
        *,
        place: Place | None = None,
        source: str = "",
        origin: Origin = Origin.SEEDED,
        probe: str = "",
    ) -> tuple[Device, ...]:
        """The unit, its systems and components as devices to register. ``properties`` are those
        of the pack's kinds ``fire_transmission_unit``, ``fire_system``, ``fire_component``."""
        unit = f"{PROTOCOL}/{self.address}"
        named: dict[str, tuple[str, str]] = {unit: ("fire_transmission_unit", self.address)}
        for c in self.components:
            system = f"{unit}/{c.system_type}-{c.system_address}"
            named.setdefault(system, ("fire_system", ""))
            named[self.wire_address(c.head)] = ("fire_component", c.description)
        return tuple(
            Device(
                device=address.replace("/", "-"),
                name=name,
                kind=kind,
                properties=properties[kind],
                place=place or Place(),
                source=source,
                origin=origin,
                probe=probe,
                labels={"address": address},
            )
            for address, (kind, name) in named.items()
        )


async def _each(steps: Iterable[Step] | AsyncIterable[Step]) -> AsyncIterable[Step]:
    if isinstance(steps, AsyncIterable):
        async for step in steps:
            yield step
    else:
        for step in steps:
            yield step
