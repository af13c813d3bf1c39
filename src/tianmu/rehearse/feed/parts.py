"""The parts of the feed besides the seeded fleet: panels, stations, air, cameras, people."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import random
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pyarrow as pa

from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.registry import Device
from tianmu.rehearse.city import equipment
from tianmu.rehearse.city.city import Answered, City, credentials
from tianmu.rehearse.feed.asked import Asked
from tianmu.rehearse.feed.people import People
from tianmu.rehearse.field import air, street
from tianmu.rehearse.field.replay import Due
from tianmu.rehearse.panel import script as panel_script
from tianmu.rehearse.panel.panel import Panel
from tianmu.rehearse.panel.script import Step
from tianmu.rehearse.station import water
from tianmu.rehearse.station.station import Station
from tianmu.rehearse.truth.fleet import scatter
from tianmu.rehearse.truth.words import Words

log = logging.getLogger("tianmu.feed")

Part = tuple[str, Callable[[], Coroutine[Any, Any, None]]]

UNIT, SYSTEM, COMPONENT = "fire_transmission_unit", "fire_system", "fire_component"
WATER, AIR = "surface_water_station", "air_station"
INCIDENTS_PER_HOUR = 1.0
"""of one panel: mostly false alarms, tests and faults"""


@dataclass(frozen=True)
class Ground:
    """What every part is made from."""

    asked: Asked
    city: City
    seeding: dict[str, Any]
    """where devices are scattered, and the pack's kinds"""
    towns: dict[str, Any]
    names: dict[str, dict[str, str]]
    """what sources are called, by language"""
    zone: str
    language: str
    called: dict[str, dict[str, str]]
    """what kinds of devices are called, by language"""

    @cached_property
    def kinds(self) -> dict[str, list[str]]:
        """Codes of the properties of each kind."""
        return {k["code"]: [p["code"] for p in k["properties"]] for k in self.seeding["kinds"]}

    def spots(self, count: int, more: int = 0) -> list[Place]:
        """Places that stay the same from start to start."""
        chance = np.random.default_rng(self.asked.seed + more)
        x, y, _ = scatter(self.seeding["weights"], self.towns, count, chance)
        return [
            Place(longitude=float(a), latitude=float(b), precision=50.0)
            for a, b in zip(x, y, strict=True)
        ]


async def build(
    asked: Asked,
    city: City,
    seeding: dict[str, Any],
    towns: dict[str, Any],
    brief: dict[str, Any],
    words: dict[str, Any],
) -> list[Part]:
    """The parts that this city's pack knows the kinds for."""
    language = brief["languages"][0]
    called = {one["code"]: one["name"] for one in brief["kinds"]}
    ground = Ground(
        asked, city, seeding, towns, words["sources"], brief["time_zone"], language, called
    )
    kinds = ground.kinds
    making: list[Callable[[Ground], Part]] = []
    if asked.panels and {UNIT, SYSTEM, COMPONENT} <= set(kinds):
        making.append(_panels)
    if WATER in kinds:
        making.append(_stations)
    if AIR in kinds:
        making.append(_air)
    if asked.cameras and street.SIGHTING in kinds.get(street.CAMERA, ()):
        making.append(_street)
    parts = [await asyncio.to_thread(make, ground) for make in making]
    if "duty" in credentials(asked.data)["tokens"]:
        people = words["people"]
        names = {one["code"]: one["name"] for one in brief["divisions"]}
        told = Words(seeding, names, language)
        parts.append(("people", People(asked.data, people.get(language, people["en"]), told).run))
    else:
        log.info("nobody plays the people who work on cases: that needs `up --feed replay`")
    return parts


def _register(city: City, devices: list[Device]) -> None:
    """Register devices together; an earlier feed of this city has registered the same."""
    table = pa.table(
        {
            "device": [d.device for d in devices],
            "name": [d.name for d in devices],
            "kind": [d.kind for d in devices],
            "longitude": [d.place.longitude for d in devices],
            "latitude": [d.place.latitude for d in devices],
            "precision": [d.place.precision for d in devices],
            "origin": [d.origin.value for d in devices],
            "source": [d.source for d in devices],
            "address": pa.array([d.labels.get("address") for d in devices], pa.string()),
            "properties": pa.array([list(d.properties) for d in devices], pa.list_(pa.string())),
            "labels": pa.array([_named(d) for d in devices], pa.string()),
        }
    )
    try:
        equipment.register(city, table)
    except Answered as problem:
        if problem.status != 409:
            raise


def _named(device: Device) -> str | None:
    """Its labels beside the address, as a table has them; None where there are none."""
    told = {key: one for key, one in device.labels.items() if key != "address"}
    return msgspec.json.encode(told).decode() if told else None


def _panels(ground: Ground) -> Part:
    asked, city, source = ground.asked, ground.city, "seeded-panels"
    addresses = [f"{0x5EED_0000_0000 + n:012x}" for n in range(asked.panels)]
    equipment.source(
        city, source, "gbt26875", life=True, called=ground.names[source], allow=addresses
    )
    properties = {kind: tuple(ground.kinds[kind]) for kind in (UNIT, SYSTEM, COMPONENT)}
    panels: list[Panel] = []
    devices: list[Device] = []
    for number, place in enumerate(ground.spots(asked.panels)):
        components = panel_script.building(random.Random(asked.seed * 1000 + number))
        panel = Panel(
            addresses[number],
            city.host,
            city.ports["gbt26875"],
            components=components,
            zone=ground.zone,
        )
        devices += panel.devices(properties, place=place, source=source)
        panels.append(panel)
    _register(city, devices)

    truth = asked.data / "feed" / "truth.jsonl"

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for panel in panels:
                group.create_task(_play_panel(panel, truth))

    return source, run


async def _play_panel(panel: Panel, truth: Path) -> None:
    """Day after day, each from a seed of its own; what was false is written down as the truth."""
    async with panel:
        while True:
            seconds = 6 * 3600.0
            steps = panel_script.script(
                random.randrange(1 << 30),
                panel.components,
                seconds,
                max(1, round(INCIDENTS_PER_HOUR * seconds / 3600)),
            )
            await panel.play(noted(panel, steps, truth))


FALSE = frozenset((panel_script.Truth.FALSE_ALARM, panel_script.Truth.TEST))


def noted(panel: Panel, steps: Iterable[Step], truth: Path) -> Iterator[Step]:
    """``steps`` as they are; before the first of each incident is sent it stands in ``truth``
    which detectors alarm and whether for nothing."""
    for number, group in itertools.groupby(steps, key=lambda step: step.incident):
        some = list(group)
        fires = [step for step in some if step.event.name == "fire"]
        if number and fires:
            addresses = {panel.wire_address(step.event.body) for step in fires}
            line = {
                "panel": panel.address, "truth": fires[0].truth, "void": fires[0].truth in FALSE,
                "at": time.time() + some[0].delay,
                "devices": sorted(one.replace("/", "-") for one in addresses),
            }  # fmt: skip
            with truth.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        yield from some


def _street(ground: Ground) -> Part:
    asked, city, source = ground.asked, ground.city, "seeded-street"
    cameras: dict[str, Place] = {}
    called: dict[str, dict[str, str]] = {}
    language = ground.language
    for spot in ground.spots(asked.cameras, 3):
        code, names, place = _lamp(city, spot)
        camera = f"seeded-{code}"
        if not code or camera in cameras:  # two spots share a lamp: the second stands by itself
            number, place = len(cameras) + 1, spot
            camera = f"seeded-camera-{number}"
            names = {tag: f"{said} {number}" for tag, said in ground.called[street.CAMERA].items()}
        cameras[camera], called[camera] = place, names
    known = ground.kinds[street.CAMERA]
    seen = [one for one in street.script().scene if one.kind in known]
    token = equipment.source(city, source, "recognition", called=ground.names[source])
    _register(
        city,
        [
            Device(
                device=code, name=called[code].get(language, code), kind=street.CAMERA,
                properties=tuple(known), place=place, origin=Origin.SEEDED, source=source,
                labels={f"name_{tag}": one for tag, one in called[code].items() if tag != language},
            )
            for code, place in cameras.items()
        ],
    )  # fmt: skip
    truth = asked.data / "feed" / "truth.jsonl"
    made = street.Street(city.gate_url, token, cameras, seen, truth, tls=city.tls)
    return source, made.run


def _lamp(city: City, place: Place) -> tuple[str, dict[str, str], Place]:
    """Code, names by language and place of the pack's camera near by, where it has one: shops are
    seeded around it."""
    try:
        near = city.get(
            "/api/resources/near", lon=place.longitude, lat=place.latitude,
            kinds=street.RESOURCE, most=1,
        )["items"]  # fmt: skip
    except Answered:
        near = []
    if not near:
        return "", {}, place
    one = near[0]
    there = Place(longitude=one["longitude"], latitude=one["latitude"], precision=10.0)
    return one["code"], one["name"], there


def _stations(ground: Ground) -> Part:
    asked, city, source = ground.asked, ground.city, "water-taihu"
    recorded = water.by_station(water.read(asked.water))
    stations = {name: water.mn_of(name) for name in recorded}
    equipment.source(
        city, source, "hj212", origin="transplanted", called=ground.names[source],
        allow=list(stations.values()), settings={"password": "123456"},
    )  # fmt: skip
    playing: list[tuple[Station, str]] = []
    devices: list[Device] = []
    for (name, mn), place in zip(stations.items(), ground.spots(len(stations), 1), strict=True):
        station = Station(mn, city.host, city.ports["hj212"], zone=ground.zone, name=name)
        device = station.device(WATER, ground.kinds[WATER], place=place, source=source)
        devices.append(device)
        playing.append((station, name))
    _register(city, devices)

    async def play(station: Station, name: str) -> None:
        async with station:
            due = Due(datetime.now(ZoneInfo(ground.zone)), asked.speed * 60)
            await station.play(water.steps(recorded[name], due, ground.kinds[WATER]))

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for station, name in playing:
                group.create_task(play(station, name))

    return source, run


def _air(ground: Ground) -> Part:
    asked, city, source = ground.asked, ground.city, "air-beijing"
    token = equipment.source(
        city, source, "mqtt", origin="transplanted", called=ground.names[source]
    )
    station = air.AirStation(
        "air-dongsi", city.host, city.ports["mqtt"], source=source, token=token,
        hours=air.read(), zone=ground.zone, speed=asked.speed * 60, only=ground.kinds[AIR],
        tls=city.tls,
    )  # fmt: skip
    place = ground.spots(1, 2)[0]
    _register(city, [station.device(AIR, ground.kinds[AIR], name="Dongsi", place=place)])
    return source, station.run
