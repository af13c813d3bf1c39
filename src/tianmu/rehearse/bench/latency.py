"""``tianmu bench latency``: from a fire panel's frame to the event a subscriber receives.

The mixed load goes on meanwhile, from a process of its own; a burst of it may come in between, and
sources that flood. Each frame is the first fire of a detector of its own, so each must give exactly
one alarm. Before the frames the load runs alone for as long, with a subscriber: that is what
``cpu_cores`` is taken of.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tianmu.rehearse.city import effort, equipment
from tianmu.rehearse.city.city import City
from tianmu.rehearse.city.equipment import Bench
from tianmu.rehearse.city.listen import Heard
from tianmu.rehearse.load.flood import Flood
from tianmu.rehearse.load.mixed import GATEWAYS, Load, Phase, Plan, Sent
from tianmu.rehearse.panel.panel import Panel
from tianmu.rehearse.panel.script import Component, fire

KIND = "fire_component"
"""of the panel's detectors: the city's rules for it stay in force"""
SLOWEST = 40
"""frames of which the time is told"""
FRAMES_PER_SECOND, MOST_FRAMES = 20.0, 2_000
"""of one panel; a long run spreads the most there may be, so that it is no storm of cases"""
WARM, ALONE, BEFORE, BURST, AFTER = "warm", "alone", "before", "burst", "after"
WARM_UP = 5.0
"""seconds of load before anything is measured"""
FLOODED = 0.05
"""share of the datastreams that each flooding source has to itself"""
SETTLE = 600.0
"""seconds that a backlog is given to be worked off"""


@dataclass(frozen=True)
class Asked:
    """The measurement: ``seconds`` before, and again after, ``burst_seconds`` at ``burst_rate``."""

    rate: float
    seconds: float
    devices: int
    burst_rate: float = 0.0
    burst_seconds: float = 0.0
    flood: bool = False
    singles: str = "mqtt"
    """how single devices speak: ``mqtt`` or ``http``"""

    @property
    def timed(self) -> tuple[Phase, ...]:
        """The phases in which frames are sent."""
        before = Phase(BEFORE, self.seconds, self.rate)
        if not self.burst_seconds:
            return (before,)
        burst = Phase(BURST, self.burst_seconds, self.burst_rate or 10 * self.rate)
        return before, burst, Phase(AFTER, self.seconds, self.rate)


@dataclass
class _Told:
    """What is measured on the way."""

    sent: dict[int, tuple[str, float]] = field(default_factory=dict)
    """detector → phase, and the time its frame was sent"""
    cpu: dict[str, tuple[float, dict[str, float]]] = field(default_factory=dict)
    ended: float = 0.0
    floods: dict[str, dict[str, int]] = field(default_factory=dict)


def run(
    city: City, data: Path, asked: Asked, told: Callable[[Bench], None] = lambda bench: None
) -> dict[str, Any]:
    """Measure; returns what ``--json`` prints. ``told`` hears of what the load goes to."""
    bench = equipment.prepare(city, asked.devices, keep=KIND)
    told(bench)
    try:
        return measure(city, data, bench, asked)
    finally:
        equipment.restore(city, bench)


def measure(city: City, data: Path, bench: Bench, asked: Asked) -> dict[str, Any]:
    """The same of a city that is prepared."""
    address = f"{random.getrandbits(40):012x}"
    total = sum(phase.seconds for phase in asked.timed)
    count = int(min(total * FRAMES_PER_SECOND, MOST_FRAMES))
    detectors = [Component(40, number, f"bench {number}") for number in range(1, count + 1)]
    names = _register_panel(city, bench, address, detectors)
    floods, rest = _floods(city, data, bench, asked.flood)
    gateways = {
        name: equipment.source(city, name, "http")
        for name in (f"bench-{bench.run}-gateway-{number}" for number in range(GATEWAYS))
    }
    phases = (Phase(WARM, WARM_UP, asked.rate), Phase(ALONE, asked.seconds, asked.rate))
    singly = (bench.mqtt_source, bench.mqtt_token) if asked.singles == "mqtt" else None
    tokens = tuple(gateways.values())
    load = Load(Plan(data, city.url, tokens, bench.token, rest, phases + asked.timed, mqtt=singly))
    try:
        load.ready()
        told = _Told()
        before, known = _through_the_rules(data), _by_source(city)
        with Heard(city, {"alarm"}) as heard:
            asyncio.run(_play(city, load, address, detectors, asked, floods, told))
            sent = load.finish(60)
            told.ended = time.monotonic()
            backlog = dict(city.get("/api/vitals")["lag"])
            # the city's own word for what it acknowledged, source by source
            mine = {bench.source, bench.mqtt_source, *gateways}
            settled = _settle(city, data, before, known, mine, told.ended)
            arrived = _arrivals(heard, set(names), count)
    finally:
        load.close()
    waits = {
        number: (phase, (arrived[names[number]] - at) * 1000)
        for number, (phase, at) in told.sent.items()
        if names[number] in arrived
    }
    return {
        "rate_asked": asked.rate,
        "rate_sent": round(sent.acknowledged[ALONE] / asked.seconds),
        "seconds": asked.seconds,
        "samples": len(waits),
        "lost": count - len(arrived),
        **_spread(wait for _, wait in waits.values()),
        "phases": {
            phase.name: {
                "rate_asked": phase.rate,
                "rate_sent": round(sent.acknowledged[phase.name] / phase.seconds),
                **_spread(wait for name, wait in waits.values() if name == phase.name),
            }
            for phase in asked.timed
        },
        "slowest": _slowest(told, waits),
        "cpu_cores": told.cpu[ALONE][0],
        "cpu_by_process": told.cpu[ALONE][1],
        "cpu_cores_with_alarms": told.cpu[BEFORE][0],
        **_load(sent, settled),
        "backlog": {reader: n for reader, n in backlog.items() if n},
        "backlog_gone_s": settled["seconds"],
        "floods": told.floods,
        "singles": asked.singles,
        "devices": bench.devices,
        "datastreams": len(bench.datastreams),
    }


def _load(sent: Sent, settled: dict[str, Any]) -> dict[str, Any]:
    return {
        "load_acknowledged": sent.acknowledged.total(),
        "load_lost": max(0, sent.acknowledged.total() - settled["counted"]) + settled["missing"],
        "load_refused": sent.refused.total(),
        "load_unsent": sent.unsent,
        "load_answers": dict(sent.answers),
    }


def _slowest(told: _Told, waits: dict[int, tuple[str, float]]) -> list[list[float]]:
    """[s since the first frame, ms] of the slowest frames, in order of time: whether it was one
    pause or many."""
    if not waits:
        return []
    first = min(at for _, at in told.sent.values())
    slow = sorted(waits, key=lambda number: -waits[number][1])[:SLOWEST]
    told_at = ((told.sent[number][1] - first, waits[number][1]) for number in slow)
    return sorted([round(at, 2), round(wait, 1)] for at, wait in told_at)


def _spread(waits: Iterable[float]) -> dict[str, float]:
    """p50, p99 and the longest of ``waits`` (ms)."""
    found = np.array([*waits] or [np.nan])
    return {
        "p50_ms": round(float(np.percentile(found, 50)), 1),
        "p99_ms": round(float(np.percentile(found, 99)), 1),
        "max_ms": round(float(found.max()), 1),
    }


def _register_panel(
    city: City, bench: Bench, address: str, detectors: list[Component]
) -> list[str]:
    """A panel of our own on the life-safety lane; names of its detectors' devices."""
    source = f"bench-{bench.run}-panel"
    equipment.source(city, source, "gbt26875", life=True, allow=[address])
    brief = city.get("/api/city")
    west, south, east, north = brief["bbox"]
    names = [f"bench-{bench.run}-{c.address}" for c in detectors]
    # far from one another, so that what is measured is not a storm of merging
    n = len(detectors)
    equipment.register(
        city,
        pa.table(
            {
                "device": names,
                "kind": [KIND] * n,
                "longitude": np.linspace(west, east, n),
                "latitude": np.random.default_rng().permutation(np.linspace(south, north, n)),
                "origin": ["seeded"] * n,
                "source": [source] * n,
                "address": [f"gbt26875/{address}/1-1-40-{c.address}" for c in detectors],
                "properties": pa.array([["state"]] * n, pa.list_(pa.string())),
            }
        ),
    )
    return names


def _floods(
    city: City, data: Path, bench: Bench, wanted: bool
) -> tuple[dict[str, Flood], list[str]]:
    """Flooding sources by protocol, and the datastreams left for the load."""
    rest, floods = bench.datastreams, {}
    for protocol in ("http", "mqtt") if wanted else ():
        own = int(len(bench.datastreams) * FLOODED)
        names, rest = rest[:own], rest[own:]
        source = f"bench-{bench.run}-flood-{protocol}"
        token = equipment.source(city, source, protocol)
        floods[protocol] = Flood(data, city.url, protocol, source, token, names)
    return floods, rest


async def _play(
    city: City,
    load: Load,
    address: str,
    detectors: list[Component],
    asked: Asked,
    floods: dict[str, Flood],
    told: _Told,
) -> None:
    """The load alone, then frames beside it."""
    load.begin()
    await asyncio.sleep(WARM_UP)
    async with Panel(address, city.host, city.ports["gbt26875"], components=detectors) as panel:
        await _spend(city, asked.seconds, ALONE, told)
        for flood in floods.values():
            flood.start()
        begin, total = time.monotonic(), sum(phase.seconds for phase in asked.timed)
        spending = asyncio.create_task(_spend(city, asked.seconds, BEFORE, told))
        under_way = []
        for number, detector in enumerate(detectors):
            due = total * number / len(detectors)
            await asyncio.sleep(max(0.0, begin + due - time.monotonic()))
            told.sent[number] = (_phase_at(asked.timed, due), time.time())
            under_way.append(asyncio.create_task(panel.send(fire(detector))))
        await asyncio.gather(*under_way)
        await spending
        told.floods = {
            name: await asyncio.to_thread(flood.finish) for name, flood in floods.items()
        }


async def _spend(city: City, seconds: float, name: str, told: _Told) -> None:
    """Take what the city's processes use in the next ``seconds``."""
    before, begin = await asyncio.to_thread(effort.cpu_seconds, city), time.monotonic()
    await asyncio.sleep(seconds)
    after = await asyncio.to_thread(effort.cpu_seconds, city)
    told.cpu[name] = effort.cores(before, after, time.monotonic() - begin)


def _phase_at(phases: tuple[Phase, ...], passed: float) -> str:
    for phase in phases:
        if passed < phase.seconds:
            return phase.name
        passed -= phase.seconds
    return phases[-1].name


def _by_source(city: City) -> dict[str, int]:
    """Observations that each source has had acknowledged, as gate counts them."""
    said = city.get("/api/sources", limit=500)["items"]
    return {one["source"]: int(one["observations_total"]) for one in said}


def _through_the_rules(data: Path) -> int:
    """Observations that the rules have seen, late and repeated ones too, by ``tianmu status``."""
    said = subprocess.run(
        [sys.executable, "-m", "tianmu", "status", "--data", str(data), "--json"],
        capture_output=True, check=True,
    )  # fmt: skip
    return int(json.loads(said.stdout.splitlines()[-1])["observations_total"])


def _settle(
    city: City, data: Path, before: int, known: dict[str, int], mine: set[str], since: float
) -> dict[str, Any]:
    """Wait until the rules have seen all that gate acknowledged, and every reader has read it.

    ``counted``: of our load, by gate; ``missing``: what gate acknowledged, of all sources, and the
    rules have not seen; ``seconds``: reader → when its backlog was gone, None where it never was.
    """
    gone: dict[str, float | None] = {}
    missing, counted, end = 0, 0, time.monotonic() + SETTLE
    while time.monotonic() < end:
        now = {source: n - known.get(source, 0) for source, n in _by_source(city).items()}
        counted = sum(now[source] for source in mine)
        vitals = city.get("/api/vitals")
        passed = round(time.monotonic() - since, 1)
        for reader, entries in vitals["lag"].items():
            if not entries and gone.get(reader) is None:
                gone[reader] = passed
            else:
                gone.setdefault(reader, None)
        # gate writes its counts every 5 s
        if passed > 7 and all(at is not None for at in gone.values()):
            missing = max(0, sum(now.values()) - (_through_the_rules(data) - before))
            if not missing:
                break
        time.sleep(0.5)
    return {"counted": counted, "missing": missing, "seconds": gone}


def _arrivals(heard: Heard, names: set[str], count: int, within: float = 30.0) -> dict[str, float]:
    """device → when its alarm was received."""
    arrived: dict[str, float] = {}
    end = time.monotonic() + within
    while len(arrived) < count and (left := end - time.monotonic()) > 0:
        for at, _, alarm in heard.take(left):
            if alarm["device"] in names and alarm["state"] == "unacknowledged":
                arrived.setdefault(alarm["device"], at)
    return arrived
