"""The signals of a drill, through the city's real doors: reports by its API, observations by HTTP
and MQTT, frames of a fire panel."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import ssl
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiomqtt
import msgspec
import pyarrow as pa

from tianmu.rehearse.city.city import credentials
from tianmu.rehearse.city.equipment import register
from tianmu.rehearse.drill.ground import (
    HTTP_SOURCE,
    MQTT_SOURCE,
    PANEL_ADDRESS,
    PANEL_SOURCE,
    Ground,
    Unplayable,
    doors,
)
from tianmu.rehearse.drill.script import Drill, Measured, Play, Point, Told
from tianmu.rehearse.field.gateway import Gateway
from tianmu.rehearse.panel.panel import Nature, Panel
from tianmu.rehearse.panel.script import Component, fire, normal
from tianmu.rehearse.probe.marked import device as marked_device
from tianmu.rehearse.probe.marked import end, spare, void_leftovers
from tianmu.rehearse.truth.incident import METRES

COMPONENT_KIND, DETECTOR = "fire_component", 40
NAMED = "drill-"
"""what the names of all devices that drills register begin with"""
_serials = itertools.count(random.randrange(1 << 16), 16)


@dataclass(frozen=True)
class Signal:
    """One report to send: ``due`` seconds after its play's time, about the thing ``case``."""

    due: float
    case: str
    body: dict[str, Any]


class Signals:
    """Sends for one drill; ``named`` maps a device of the drill to its name in the city."""

    def __init__(self, ground: Ground, drill: Drill) -> None:
        self._ground, self._drill = ground, drill
        self._tokens: dict[str, Any] = {}
        self.named: dict[str, str] = {}
        self._components: dict[str, Component] = {}
        self._kinds: dict[str, str] = {}
        self._places = dict(drill.place)

    def prepare(self) -> None:
        """Register the drill's devices where they stand."""
        drill, mark = self._drill, uuid.uuid4().hex[:6]
        is_marked = self._ground.marked
        marked = iter(self._spare())
        rows = []
        first = random.randrange(1, 1 << 31)  # at the panel; it may have been here before
        for own, device in enumerate(drill.device, first):
            if is_marked and device.door != "panel":
                continue  # a real city gets no device for a drill: what it tells is not seen there
            number = next(marked) if is_marked else own
            self._kinds[device.device] = device.door
            if is_marked:
                self.named[device.device] = marked_device(number)
                self._components[device.device] = Component(DETECTOR, number, f"probe {number}")
                continue
            self.named[device.device] = name = f"{NAMED}{mark}-{device.device}"
            if device.door == "panel":
                self._components[device.device] = Component(DETECTOR, number, device.device)
            x, y = drill.place[device.place]
            rows.append(
                {
                    "device": name,
                    "kind": device.kind or COMPONENT_KIND,
                    "longitude": x,
                    "latitude": y,
                    "origin": "seeded",
                    "source": {"http": HTTP_SOURCE, "mqtt": MQTT_SOURCE}.get(
                        device.door, PANEL_SOURCE
                    ),
                    "address": f"gbt26875/{PANEL_ADDRESS}/1-1-{DETECTOR}-{own}"
                    if device.door == "panel"
                    else "",
                    "labels": msgspec.json.encode(device.labels).decode(),
                }
            )
        if self.named and is_marked:
            self._move_to_detectors()
        self._tokens = doors(self._ground, drill)
        if rows:
            answer = register(self._ground.own, pa.Table.from_pylist(rows))
            if answer.get("refused"):
                raise Unplayable(f"the city refused devices of the drill: {answer['refused']}")

    def _move_to_detectors(self) -> None:
        """A running city's detectors stand where they stand, all at one place: the whole drill
        moves there, so that what is told is told of what burns."""
        first = next(one for one in self._drill.device if one.device in self.named)
        there = self._ground.own.get(f"/api/devices/{self.named[first.device]}")["place"]
        x, y = self._drill.place[first.place]
        east, north = there["longitude"] - x, there["latitude"] - y
        self._places = {name: (a + east, b + north) for name, (a, b) in self._places.items()}

    def _spare(self) -> list[int]:
        """Detectors of a running city's probe that are free."""
        if not self._ground.marked:
            return []
        count = credentials(self._ground.data)["probe"]["components"]
        panel = sum(one.door == "panel" for one in self._drill.device)
        return spare(self._ground.own, count, panel) if panel else []

    def void_leftovers(self) -> None:
        """End what earlier drills have left open: one that was killed, or that was played when the
        city was fresh, ends nothing, and what it left would draw in whatever is told at its spot.
        Where a drill moves the clock nothing is real, and every case ends; elsewhere only those
        that are marked."""
        ground = self._ground
        if ground.marked:
            void_leftovers(ground.own)
        else:
            void_leftovers(ground.own, ground.city_of("commander"), marked=False)

    def put_out(self) -> None:
        """Fires of a running city's probe that this drill has left burning."""
        if not self._ground.marked:
            return
        own = self._ground.own
        ours = {self.named[device]: one for device, one in self._components.items()}
        for alarm in own.get("/api/alarms", state="active", limit=500)["items"]:
            if alarm["device"] in ours:
                end(own, self._address(), ours[alarm["device"]], alarm["alarm"])

    # -- reports -----------------------------------------------------------------------------------

    def reports(self, play: Play, told: Told, over: float) -> list[Signal]:
        """The reports of a play, in the order they are told."""
        spots = list(self._spots(play, told))
        texts = [told.text] if isinstance(told.text, str) else told.text
        found = []
        for number in range(play.times):
            case, point = spots[number % len(spots)]
            body: dict[str, Any] = {
                "channel": told.channel,
                "text": texts[number // len(spots) % len(texts)],
                "matter": told.matter,
                "category": told.category,
                "urgency": told.urgency,
                "place": {"address": told.address},
            }
            if point is not None:
                x, y = _near(point, play.spread_m)
                body["place"] |= {"longitude": x, "latitude": y, "precision": told.precision_m}
            if not self._ground.marked:
                body["origin"] = "seeded"
            found.append(Signal(over * number / play.times, case, body))
        return found

    def _spots(self, play: Play, told: Told) -> Iterator[tuple[str, Point | None]]:
        """(case in truth, place) of each thing that the play is about."""
        at = self._places[told.place] if told.place else None
        if play.spots is None or at is None:
            yield play.case, at
            return
        side = math.ceil(math.sqrt(play.spots.count))
        for number in range(play.spots.count):
            row, column = divmod(number, side)
            middle = (side - 1) / 2
            east, north = (column - middle, row - middle)
            yield (
                f"{play.case}/{number + 1}",
                _moved(at, east * play.spots.apart_m, north * play.spots.apart_m),
            )

    def send_reports(self, who: str, signals: list[Signal]) -> list[str]:
        """Report them, all or none; their ids."""
        bodies = [{k: v for k, v in one.body.items() if v != ""} for one in signals]
        city = self._ground.city_of(who) if who else self._ground.own
        if len(bodies) == 1:
            return [str(city.post("/api/reports", bodies[0])["report"])]
        answer = city.post("/api/reports/batch", bodies)
        return [str(one["report"]) for one in answer["items"]]

    # -- devices -----------------------------------------------------------------------------------

    def observe(self, told: Measured) -> str:
        """Send what a device measures now, by its door; the device's name in the city."""
        name = self.named[told.device]
        at = self._ground.now() // 1000
        stamp = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
        batch = {
            "datastream": [f"{name}/{told.property}"],
            "time": [stamp.replace("+00:00", "Z")],
            "value": [told.value],
        }
        body = msgspec.json.encode(batch)
        if self._kinds[told.device] == "mqtt":
            asyncio.run(self._publish(body))
        else:
            asyncio.run(self._post(body))
        return name

    async def _post(self, body: bytes) -> None:
        own = self._ground.own
        gateway = Gateway(own.gate_url, self._tokens["http"], tls=own.tls)
        try:
            await gateway.send(body, uuid.uuid4().hex)
        finally:
            await gateway.close()
        if not gateway.counts["accepted"]:
            raise Unplayable(f"the city did not take {body.decode()}: {dict(gateway.counts)}")

    async def _publish(self, body: bytes) -> None:
        own = self._ground.own
        tls: ssl.SSLContext | None = own.tls
        async with aiomqtt.Client(
            own.host,
            own.ports["mqtt"],
            username=MQTT_SOURCE,
            password=self._tokens["mqtt"],
            identifier=MQTT_SOURCE,
            tls_context=tls,
        ) as client:
            await client.publish(f"tianmu/{MQTT_SOURCE}/observations", body, qos=1)

    def panel(self, devices: str | list[str], *, burns: bool) -> list[str]:
        """Frames of detectors that burn, or no longer do; the devices' names in the city."""
        wanted = [devices] if isinstance(devices, str) else devices
        asyncio.run(self._frames([self._components[one] for one in wanted], burns))
        return [self.named[one] for one in wanted]

    async def _frames(self, components: list[Component], burns: bool) -> None:
        ground = self._ground
        address = self._address()
        off = ground.clock.ahead / 1e6 if ground.clock else 0.0
        async with Panel(
            address,
            ground.own.host,
            ground.own.ports["gbt26875"],
            components=components,
            zone=str(ground.zone),
            nature=Nature(clock_off=off),
            first_serial=next(_serials) & 0xFFFF,
        ) as panel:
            for one in components:
                await panel.send(fire(one) if burns else normal(one))

    def _address(self) -> str:
        if not self._ground.marked:
            return PANEL_ADDRESS
        return str(credentials(self._ground.data)["probe"]["source"])


def _moved(point: Point, east: float, north: float) -> Point:
    x, y = point
    return x + east / METRES / math.cos(math.radians(y)), y + north / METRES


def _near(point: Point, spread: float) -> Point:
    """Somewhere within ``spread`` metres, evenly over the circle."""
    if not spread:
        return point
    angle, far = random.uniform(0, 2 * math.pi), spread * math.sqrt(random.random())
    return _moved(point, far * math.cos(angle), far * math.sin(angle))
