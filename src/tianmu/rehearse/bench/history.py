"""``tianmu bench history``: a city with a week behind it is asked about it, while it goes on.

Devices are registered through the city's door, its past is built with the product's own writing
(``past.build``), the city starts on it, and while the mixed load comes in through its doors each
question is asked in a process of its own that sees what hub sees (``past.questions``).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tianmu.facts.batch import GOOD
from tianmu.rehearse.city import equipment
from tianmu.rehearse.city.city import City, Started, connect, start_city
from tianmu.rehearse.load.mixed import GATEWAYS, Load, Phase, Plan
from tianmu.rehearse.past import build as past_build
from tianmu.rehearse.past.past import DAYS, DENSE_SERIES, RECORDS, SERIES, Past, rhythm
from tianmu.rehearse.past.questions import QUESTIONS, Given
from tianmu.rehearse.truth import fleet
from tianmu.store.history import History
from tianmu.store.history.manifest import DAY
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.registry import Registry

Tell = Callable[[str], None]

FILL_RATE = 150_000.0
"""observations a second until every datastream has spoken"""
SETTLE_S = 20.0
"""of the ordinary load before anything is measured: a first flush is written"""
COLD_TIMES = 5
SAMPLE = 2_000
"""series of each sort that questions are about"""
SAID = "bench-history.json"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The measurement as it was asked for. ``series`` and ``dense`` 0: in the proportion of the
    contract."""

    records: int
    series: int = 0
    dense: int = 0
    rate: float = 26_000.0
    seconds: float = 120.0
    """of load while questions are asked"""
    seed: int = 1
    repeats: int = 60


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What was registered and built in a folder, so that it can be measured again."""

    asked: Asked
    start: int
    devices: int
    source: str
    number: int
    limits: dict[str, float]
    """by ``kind/property``, of the city's own rules"""
    built: dict[str, float] = {}


def run(asked: Asked, data: Path, tell: Tell) -> dict[str, Any]:
    """Build what is not there yet under ``data``, and measure; what ``--json`` prints."""
    said = data / SAID
    if said.exists():
        made = msgspec.json.decode(said.read_bytes(), type=Made)
        if (made.asked.records, made.asked.seed) != (asked.records, asked.seed):
            raise ValueError(
                f"{data} holds {made.asked.records} records of seed {made.asked.seed}: ask for "
                "these, or give an empty folder with --data"
            )
        asked = msgspec.structs.replace(asked, series=made.asked.series, dense=made.asked.dense)
        started = start_city(data)
        city = connect(data)
    else:
        share = asked.records / RECORDS
        asked = msgspec.structs.replace(
            asked,
            series=asked.series or max(2_000, round(SERIES * share)),
            dense=asked.dense or max(10, round(DENSE_SERIES * share)),
        )
        tell("starting a fresh city")
        started = start_city(data)
        city = connect(data)
        made = _registered(city, data, asked, tell)
        said.write_bytes(msgspec.json.encode(made))
    try:
        devices = _fleet(city, made)
        past = _past(devices, made)
        if not made.built:
            _belong(city, data, made, len(devices.name), tell)
            started.stop()
            first = _first(data, devices)
            built = past_build.build(data, past, first, made.number, tell)
            made = msgspec.structs.replace(made, built=built)
            said.write_bytes(msgspec.json.encode(made))
            tell("the past is built: starting the city on it")
            began = time.monotonic()
            started = start_city(data)
            tell(f"ready after {time.monotonic() - began:.1f} s")
            city = connect(data)
        first = _first(data, devices)
        questions = _measured(city, started, data, asked, made, devices, past, first, tell)
    finally:
        started.stop()
    return {
        "questions": questions.pop("questions"),
        **past_build.sizes(data, past),
        **made.built,
        "series": past.series,
        "dense_series": int((past.per_day == past.per_day.max()).sum()),
        "days": past.days,
        "devices": made.devices,
        **questions,
    }


def _registered(city: City, data: Path, asked: Asked, tell: Tell) -> Made:
    seeding, towns = _seeding(city)
    few = fleet.make(seeding, towns, 20_000, asked.seed)
    devices = max(1_000, round(asked.series * len(few.kind) / len(few.name)))
    name = f"bench-history-{uuid.uuid4().hex[:8]}"
    equipment.source(city, name, "http")
    number = next(
        s["number"] for s in city.get("/api/sources", limit=500)["items"] if s["source"] == name
    )
    made = Made(
        asked=asked,
        start=(time.time_ns() // 1000 // DAY - DAYS) * DAY,
        devices=devices,
        source=name,
        number=number,
        limits=_limits(city),
    )
    tell(f"registering {devices:,} devices")
    began = time.monotonic()
    equipment.register(city, _fleet(city, made).table({True: name, False: name}))
    tell(f"registered after {time.monotonic() - began:.1f} s")
    return made


def _seeding(city: City) -> tuple[dict[str, Any], dict[str, Any]]:
    return city.get("/api/city/seeding"), city.get("/api/city/map/towns.geojson")


def _fleet(city: City, made: Made) -> fleet.Fleet:
    return fleet.make(*_seeding(city), made.devices, made.asked.seed)


def _limits(city: City) -> dict[str, float]:
    """From which value on the city's own rules call it too high, by kind and property."""
    limits: dict[str, float] = {}
    for rule in city.get("/api/rules")["rules"]:
        if rule.get("type") == "threshold" and rule.get("direction") == "high":
            key = f"{rule.get('kind', '')}/{rule.get('property', '')}"
            limits[key] = min(limits.get(key, np.inf), float(rule["limit"]))
    return limits


def _past(devices: fleet.Fleet, made: Made) -> Past:
    asked = made.asked
    rng = np.random.default_rng(asked.seed)
    kinds = [devices.kinds[k] for k in devices.kind[devices.owner].tolist()]
    limit = [
        made.limits.get(f"{kind}/{prop}", np.inf)
        for kind, prop in zip(kinds, devices.property, strict=True)
    ]
    step = np.where(devices.step > 0, devices.step, 0.01)
    return Past(
        seed=asked.seed,
        start=made.start,
        days=DAYS,
        per_day=rhythm(asked.records, DAYS, len(devices.name), asked.dense, rng),
        mean=devices.mean,
        daily=devices.daily,
        noise=devices.noise,
        ticks=1 / step,
        limit=np.array(limit),
    )


def _belong(city: City, data: Path, made: Made, series: int, tell: Tell) -> None:
    """Wait until works has said to what the new datastreams belong: it does when it flushes."""
    from tianmu.store.history import Membership

    tell("waiting for works to learn to what the datastreams belong")
    limit = time.monotonic() + 240
    while time.monotonic() < limit:
        path = data / past_build.MEMBERSHIP
        if path.exists() and len(Membership.load(path)) >= series:
            return
        time.sleep(2)
    raise RuntimeError(f"works has not written {past_build.MEMBERSHIP} within 240 s: see its log")


def _first(data: Path, devices: fleet.Fleet) -> int:
    """Datastream index of series 0; the others follow on it."""
    registry, journal = Registry(data), SqliteJournal(data)
    registry.refresh(journal)
    journal.close()
    some = np.unique(np.linspace(0, len(devices.name) - 1, 100).astype(int))
    found = registry.datastream_index([devices.name[i] for i in some.tolist()]).astype(np.int64)
    if not np.array_equal(found - found[0], some):
        raise RuntimeError("the datastreams do not follow on one another: use an empty folder")
    return int(found[0])


def _measured(
    city: City,
    started: Started,
    data: Path,
    asked: Asked,
    made: Made,
    devices: fleet.Fleet,
    past: Past,
    first: int,
    tell: Tell,
) -> dict[str, Any]:
    own = [
        r for r in city.get("/api/rules")["rules"]
        if not r["code"].startswith(equipment.BENCH_CODE)
    ]  # fmt: skip
    used: dict[str, list[str]] = {}
    for kind, prop in {
        (devices.kinds[k], p)
        for k, p in zip(devices.kind[devices.owner].tolist(), devices.property, strict=True)
    }:
        used.setdefault(kind, []).append(prop)
    city.post(
        "/api/rules/publish",
        {"rules": equipment.rules(used), "reason": "measurement: seven rules on each datastream"},
    )
    gateways = tuple(
        equipment.source(city, f"{made.source}-gateway-{n}", "http") for n in range(GATEWAYS)
    )
    fill = Phase("fill", 1.1 * len(devices.name) / FILL_RATE, FILL_RATE)
    phases = (fill, Phase("load", SETTLE_S + asked.seconds, asked.rate))
    token = equipment.source(city, made.source, "http")
    load = Load(Plan(data, city.url, gateways, token, devices.name, phases))
    try:
        load.ready()
        load.begin()
        began = time.monotonic()
        tell(f"every datastream speaks once, then {asked.rate:,.0f} observations a second")
        time.sleep(fill.seconds + SETTLE_S)
        cpu, at = started.cpu_seconds(), time.monotonic()
        rng = np.random.default_rng()
        often = past.per_day == past.per_day.max()
        given = Given(
            start=past.start,
            days=past.days,
            dense=_some(np.flatnonzero(often), first, rng),
            sparse=_some(np.flatnonzero(~often), first, rng),
            repeats=asked.repeats,
            seed=int(rng.integers(1 << 31)),
        )
        asked_of = msgspec.json.encode(given)
        tell("asking, warm")
        found = _ask(data, asked_of)
        for name, figures in found["questions"].items():
            tell(f"asking, cold: {name}")
            times = [_ask(data, asked_of, name)["cold_ms"] for _ in range(COLD_TIMES)]
            figures["cold_p50_ms"] = round(statistics.median(times), 2)
        cores = (started.cpu_seconds() - cpu) / (time.monotonic() - at)
        spent = time.monotonic() - began
        memory = started.memory_bytes()
        checked = _checked(data, past, first, rng)
        sent = load.finish(max(60.0, fill.seconds + SETTLE_S + asked.seconds - spent + 60.0))
    finally:
        load.close()
        city.post("/api/rules/publish", {"rules": own, "reason": "measurement is over"})
    return {
        "questions": [{"name": name, **found["questions"][name]} for name in QUESTIONS],
        "held_bytes": found["held_bytes"],
        "answers_checked": checked,
        "rate_asked": asked.rate,
        "rate_acknowledged": round(sent.acknowledged["load"] / (SETTLE_S + asked.seconds)),
        "acknowledged_in_all": sent.acknowledged.total(),
        "unsent": sent.unsent,
        "asked_while_load_came": spent < fill.seconds + SETTLE_S + asked.seconds,
        "city_cores": round(cores, 2),
        "memory_bytes": memory,
    }


def _some(numbers: Any, first: int, rng: np.random.Generator) -> list[int]:
    chosen = rng.choice(numbers, min(SAMPLE, len(numbers)), replace=False) + first
    return [int(n) for n in chosen]


def _ask(data: Path, given: bytes, *cold: str) -> dict[str, Any]:
    """What a process of its own says."""
    command = [sys.executable, "-m", "tianmu.rehearse.past.questions", str(data), *cold]
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError("the questions failed:\n" + done.stderr.decode()[-3000:])
    answer: dict[str, Any] = msgspec.json.decode(done.stdout.splitlines()[-1])
    return answer


def _checked(data: Path, past: Past, first: int, rng: np.random.Generator) -> int:
    """Compare answers about some series and days with what arithmetic says; how many. Raises
    ``RuntimeError`` where one differs."""
    history = History(data)
    numbers = rng.choice(past.series, 40).tolist()
    for number in numbers:
        day = int(rng.integers(past.days))
        start = past.start + day * DAY
        told = past.rows(day, 0, 86_400_000, number, number + 1)
        found = history.series(first + number, start, start + DAY)
        good = told["value"][told["quality"] == GOOD]
        hours = history.windows([first + number], start, start + DAY, DAY)
        if not (
            np.array_equal(found.time, told["time"])
            and np.array_equal(found.value, told["value"])
            and hours.count.sum() == len(good)
            and np.allclose(hours.high, good.max() if len(good) else [])
        ):
            raise RuntimeError(f"series {number} on day {day} is not as it was told: {found}")
    history.close()
    return len(numbers)
