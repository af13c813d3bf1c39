"""The parts of the feed besides the seeded fleet: panels, stations, air, cameras, people."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.registry import Device
from tianmu.rehearse import air, bench_city, panel_script, street, water
from tianmu.rehearse.city import Answered, City, credentials
from tianmu.rehearse.fleet import scatter
from tianmu.rehearse.panel import Panel
from tianmu.rehearse.people import People
from tianmu.rehearse.replay import Due
from tianmu.rehearse.station import Station

if TYPE_CHECKING:
    from tianmu.rehearse.feed import Asked

log = logging.getLogger("tianmu.feed")

Part = tuple[str, Callable[[], Coroutine[Any, Any, None]]]
Names = dict[str, dict[str, str]]

UNIT, SYSTEM, COMPONENT = "fire_transmission_unit", "fire_system", "fire_component"
WATER, AIR = "surface_water_station", "air_station"
INCIDENTS_PER_HOUR = 1.0
"""of one panel: mostly false alarms, tests and faults"""


async def build(
    asked: Asked,
    city: City,
    seeding: dict[str, Any],
    towns: dict[str, Any],
    brief: dict[str, Any],
    words: dict[str, Any],
) -> list[Part]:
    """The parts that this city's pack knows the kinds for."""
    names: Names = words["sources"]
    kinds = {k["code"]: [p["code"] for p in k["properties"]] for k in seeding["kinds"]}
    zone = brief["time_zone"]
    parts: list[Part] = []
    if asked.panels and {UNIT, SYSTEM, COMPONENT} <= set(kinds):
        parts.append(await asyncio.to_thread(
            _panels, asked, city, seeding, towns, kinds, zone, names
        ))  # fmt: skip
    if WATER in kinds:
        parts.append(await asyncio.to_thread(
            _stations, asked, city, seeding, towns, kinds, zone, names
        ))  # fmt: skip
    if AIR in kinds:
        parts.append(await asyncio.to_thread(
            _air, asked, city, seeding, towns, kinds, zone, names
        ))  # fmt: skip
    if asked.cameras and street.SIGHTING in kinds.get(street.CAMERA, ()):
        language = brief["languages"][0]
        parts.append(await asyncio.to_thread(
            _street, asked, city, seeding, towns, kinds, names, language
        ))  # fmt: skip
    if "duty" in credentials(asked.data)["tokens"]:
        people = words["people"]
        spoken = people.get(brief["languages"][0], people["en"])
        parts.append(("people", People(asked.data, spoken).run))
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
        }
    )
    try:
        bench_city.register(city, table)
    except Answered as problem:
        if problem.status != 409:
            raise


def _spots(seeding: dict[str, Any], towns: dict[str, Any], n: int, seed: int) -> list[Place]:
    """Places that stay the same from start to start."""
    x, y, _ = scatter(seeding["weights"], towns, n, np.random.default_rng(seed))
    return [
        Place(longitude=float(a), latitude=float(b), precision=50.0)
        for a, b in zip(x, y, strict=True)
    ]


def _panels(
    asked: Asked,
    city: City,
    seeding: dict[str, Any],
    towns: dict[str, Any],
    kinds: dict[str, list[str]],
    zone: str,
    names: Names,
) -> Part:
    source = "seeded-panels"
    addresses = [f"{0x5EED_0000_0000 + n:012x}" for n in range(asked.panels)]
    bench_city.source(city, source, "gbt26875", life=True, called=names[source], allow=addresses)
    properties = {kind: tuple(kinds[kind]) for kind in (UNIT, SYSTEM, COMPONENT)}
    panels: list[Panel] = []
    devices: list[Device] = []
    for number, place in enumerate(_spots(seeding, towns, asked.panels, asked.seed)):
        components = panel_script.building(random.Random(asked.seed * 1000 + number))
        panel = Panel(
            addresses[number], city.host, city.ports["gbt26875"], components=components, zone=zone
        )
        devices += panel.devices(properties, place=place, source=source)
        panels.append(panel)
    _register(city, devices)

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for panel in panels:
                group.create_task(_play_panel(panel))

    return source, run


async def _play_panel(panel: Panel) -> None:
    """Day after day, each from a seed of its own."""
    async with panel:
        while True:
            seconds = 6 * 3600.0
            steps = panel_script.script(
                random.randrange(1 << 30),
                panel.components,
                seconds,
                max(1, round(INCIDENTS_PER_HOUR * seconds / 3600)),
            )
            await panel.play(steps)


def _street(
    asked: Asked,
    city: City,
    seeding: dict[str, Any],
    towns: dict[str, Any],
    kinds: dict[str, list[str]],
    names: Names,
    language: str,
) -> Part:
    source = "seeded-street"
    cameras: dict[str, Place] = {}
    called: dict[str, str] = {}
    for spot in _spots(seeding, towns, asked.cameras, asked.seed + 3):
        code, name, place = _lamp(city, spot, language)
        camera = f"seeded-{code or f'camera-{len(cameras) + 1}'}"
        cameras.setdefault(camera, place)
        called.setdefault(camera, name or camera)
    known = kinds[street.CAMERA]
    seen = [one for one in street.script().scene if one.kind in known]
    token = bench_city.source(city, source, "recognition", called=names[source])
    _register(
        city,
        [
            Device(
                device=code, name=called[code], kind=street.CAMERA, properties=tuple(known),
                place=place, origin=Origin.SEEDED, source=source,
            )
            for code, place in cameras.items()
        ],
    )  # fmt: skip
    truth = asked.data / "feed" / "truth.jsonl"
    made = street.Street(city.gate_url, token, cameras, seen, truth, tls=city.tls)
    return source, made.run


def _lamp(city: City, place: Place, language: str) -> tuple[str, str, Place]:
    """Code, name and place of the pack's camera near by, where it has one: shops are seeded around
    it."""
    try:
        near = city.get(
            "/api/resources/near", lon=place.longitude, lat=place.latitude,
            kinds=street.RESOURCE, most=1,
        )["items"]  # fmt: skip
    except Answered:
        near = []
    if not near:
        return "", "", place
    one = near[0]
    there = Place(longitude=one["longitude"], latitude=one["latitude"], precision=10.0)
    return one["code"], one["name"].get(language, one["code"]), there


def _stations(
    asked: Asked,
    city: City,
    seeding: dict[str, Any],
    towns: dict[str, Any],
    kinds: dict[str, list[str]],
    zone: str,
    names: Names,
) -> Part:
    source = "water-taihu"
    recorded = water.by_station(water.read(asked.water))
    stations = {name: water.mn_of(name) for name in recorded}
    bench_city.source(
        city, source, "hj212", origin="transplanted", called=names[source],
        allow=list(stations.values()), settings={"password": "123456"},
    )  # fmt: skip
    playing: list[tuple[Station, str]] = []
    devices: list[Device] = []
    for (name, mn), place in zip(
        stations.items(), _spots(seeding, towns, len(stations), asked.seed + 1), strict=True
    ):
        station = Station(mn, city.host, city.ports["hj212"], zone=zone, name=name)
        device = station.device(WATER, kinds[WATER], place=place, source=source)
        devices.append(device)
        playing.append((station, name))
    _register(city, devices)

    async def play(station: Station, name: str) -> None:
        async with station:
            due = Due(datetime.now(ZoneInfo(zone)), asked.speed * 60)
            await station.play(water.steps(recorded[name], due, kinds[WATER]))

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for station, name in playing:
                group.create_task(play(station, name))

    return source, run


def _air(
    asked: Asked,
    city: City,
    seeding: dict[str, Any],
    towns: dict[str, Any],
    kinds: dict[str, list[str]],
    zone: str,
    names: Names,
) -> Part:
    source = "air-beijing"
    token = bench_city.source(city, source, "mqtt", origin="transplanted", called=names[source])
    station = air.AirStation(
        "air-dongsi", city.host, city.ports["mqtt"], source=source, token=token,
        hours=air.read(), zone=zone, speed=asked.speed * 60, only=kinds[AIR],
        tls=city.tls,
    )  # fmt: skip
    place = _spots(seeding, towns, 1, asked.seed + 2)[0]
    _register(city, [station.device(AIR, kinds[AIR], name="Dongsi", place=place)])
    return source, station.run
