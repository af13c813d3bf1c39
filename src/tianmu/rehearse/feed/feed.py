"""``tianmu feed``: plays a city through its real doors, for ever or for a while.

It registers what it plays (sources marked replayed, transplanted or seeded), then runs each part
beside the others: seeded devices over HTTP, air over MQTT, water stations as HJ 212 frames, fire
panels as GB/T 26875.3 frames, street cameras with drawn pictures, citizens and the
people who handle what they tell.
"""

from __future__ import annotations

import asyncio
import json
import logging
import tomllib
from collections.abc import Callable, Coroutine
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from tianmu.rehearse.city import equipment
from tianmu.rehearse.city.city import City, connect, credentials
from tianmu.rehearse.feed.asked import Asked
from tianmu.rehearse.feed.citizens import Citizens
from tianmu.rehearse.feed.complaints import Complaints
from tianmu.rehearse.feed.complaints import read as read_complaints
from tianmu.rehearse.feed.seeded import SeededCity
from tianmu.rehearse.field.gateway import Gateway
from tianmu.rehearse.truth.fleet import Fleet, make
from tianmu.rehearse.truth.incident import Incidents
from tianmu.rehearse.truth.words import Words

log = logging.getLogger("tianmu.feed")

WORDS: dict[str, Any] = tomllib.loads(
    files("tianmu.rehearse").joinpath("data", "feed.toml").read_text("utf-8")
)
"""what sources are called, what people write when they must give a reason"""
NAMES: dict[str, dict[str, str]] = WORDS["sources"]


async def play(asked: Asked) -> None:
    """Play until cancelled or until the seconds are over; a part that fails is tried again.

    Raises ``complaints.Unusable`` where that file cannot be played."""
    complaints = read_complaints(asked.complaints) if asked.complaints else []
    city = await asyncio.to_thread(connect, asked.data)
    folder = asked.data / "feed"
    folder.mkdir(parents=True, exist_ok=True)
    seeding = await asyncio.to_thread(city.get, "/api/city/seeding")
    towns = await asyncio.to_thread(city.get, "/api/city/map/towns.geojson")
    brief = await asyncio.to_thread(city.get, "/api/city")
    parts: list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]] = []
    if asked.devices or asked.complaints:
        names = {d["code"]: d["name"] for d in brief["divisions"]}
        random = np.random.default_rng()
        # a city that was started without its own feed has no agent who takes calls
        agent = "hotline" if "hotline" in credentials(asked.data)["tokens"] else "rehearsal"
        citizens = Citizens(
            connect(asked.data, agent), seeding, towns,
            Words(seeding, names, brief["languages"][0]), random,
            per_hour=asked.reports_per_hour,
            complaints=Complaints(complaints, random) if complaints else None,
        )  # fmt: skip
        parts.append(("citizens", citizens.run))
    if asked.devices:
        seeded = await _seeded(asked, city, folder, seeding, towns, brief["time_zone"], citizens)
        parts.append(("seeded", seeded.run))
    from tianmu.rehearse.feed import parts as others

    parts += await others.build(asked, city, seeding, towns, brief, WORDS)
    tasks = [asyncio.create_task(_again(name, part), name=name) for name, part in parts]
    log.info("playing %s", ", ".join(name for name, _ in parts))
    try:
        await asyncio.wait(tasks, timeout=asked.seconds)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _again(name: str, part: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a part; when the city is away or the part fails, say so and try again."""
    wait = 1.0
    while True:
        try:
            await part()
            return
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.warning("%s: %s: %s; again in %g s", name, type(error).__name__, error, wait)
        await asyncio.sleep(wait)
        wait = min(wait * 2, 30.0)


async def _seeded(
    asked: Asked,
    city: City,
    folder: Path,
    seeding: dict[str, Any],
    towns: dict[str, Any],
    zone: str,
    citizens: Citizens,
) -> SeededCity:
    fleet = make(seeding, towns, asked.devices, asked.seed)
    tokens = {
        life: await asyncio.to_thread(
            equipment.source, city, name, "http", life=life, called=NAMES[name]
        )
        for life, name in ((False, "seeded"), (True, "seeded-life"))
    }
    await asyncio.to_thread(_register_once, city, folder, fleet, asked)
    random = np.random.default_rng()
    incidents = Incidents(seeding, towns, fleet, random, per_hour=asked.incidents_per_hour)
    gateways = {life: Gateway(city.gate_url, token, tls=city.tls) for life, token in tokens.items()}
    return SeededCity(
        fleet,
        incidents,
        citizens,
        gateways,
        zone=zone,
        truth=folder / "truth.jsonl",
        speed=asked.speed,
        random=random,
    )


def _register_once(city: City, folder: Path, fleet: Fleet, asked: Asked) -> None:
    """Register the fleet unless an earlier feed of this city has."""
    note = folder / f"fleet-{asked.seed}.json"
    known = json.loads(note.read_text())["devices"] if note.exists() else 0
    if known == asked.devices:
        return
    if known:
        raise RuntimeError(
            f"this city was seeded with {known} devices by seed {asked.seed}; "
            f"give the same --devices, or another --seed"
        )
    equipment.register(city, fleet.table({True: "seeded-life", False: "seeded"}))
    note.write_text(json.dumps({"devices": asked.devices, "seed": asked.seed}))
