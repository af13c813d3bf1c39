"""``tianmu bench storm``: many alarms about few things; how fast, and merged how well.

Each incident of the storm stands on a spot of its own, farther from the next than any merging
distance, with several devices around it that all alarm. The truth is known before the first
signal: as many cases as incidents, and which alarm belongs to which.
"""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import shapely

from tianmu.rehearse.bench.given import Storm
from tianmu.rehearse.city import equipment
from tianmu.rehearse.city.city import City
from tianmu.rehearse.city.listen import Heard
from tianmu.rehearse.field.gateway import Gateway
from tianmu.rehearse.truth.incident import METRES

SPACING_M = 700.0
"""between the spots of two incidents; wider than any merging distance of the pack"""
SPREAD_M = 15.0
"""devices stand around their incident's spot with this deviation"""
PER_INCIDENT = 10
"""signals of one incident on average (1 to 19, evenly); more where the city has no room for so
many incidents"""
ROOM = 0.9
"""share of the city's spots that incidents may take"""
MIDDLE = (0.25, 0.75)
"""the middle of the storm: neither the way up to its rate nor the end of it"""
BATCH = 200


@dataclass(frozen=True)
class Trigger:
    """A rule of the city, and a value by which it holds at once."""

    kind: str
    property: str
    value: float


def trigger(city: City) -> Trigger:
    """A rule that opens cases without delay: highest priority first."""
    rules = [r for r in city.get("/api/rules")["rules"] if r.get("matter") and r.get("kind")]
    rules.sort(key=lambda r: r["priority"])
    for rule in rules:
        if rule.get("on_delay_s"):
            continue
        if rule["type"] == "threshold" and rule["direction"] == "high":
            return Trigger(rule["kind"], rule["property"], float(rule["limit"]) * 1.2 + 1)
        if rule["type"] == "state" and rule["match"] in {"any", "all"}:
            return Trigger(rule["kind"], rule["property"], float(rule["mask"]))
    raise RuntimeError("the city has no rule that opens a case at once; publish one")


def run(
    city: City,
    *,
    signals: int,
    rate: float,
    told: Callable[[Storm], None] = lambda storm: None,
) -> dict[str, Any]:
    """Play the storm; returns what ``--json`` prints. ``told`` hears of its signals."""
    random = np.random.default_rng()
    spots = _spots(city)
    each = max(PER_INCIDENT, math.ceil(signals / (len(spots) * ROOM)))
    incident = _incidents(signals, each, random)
    count = int(incident[-1]) + 1
    x, y = spots[random.choice(len(spots), count, replace=False)].T
    stretch = math.cos(math.radians(float(np.mean(y))))
    off = random.normal(0, SPREAD_M / METRES, (signals, 2))
    what = trigger(city)
    mark = uuid.uuid4().hex[:8]
    names = [f"storm{mark}-{i:06d}" for i in range(signals)]
    token = equipment.source(city, f"storm-{mark}", "http")
    east, north = x[incident] + off[:, 0] / stretch, y[incident] + off[:, 1]
    equipment.register(
        city,
        pa.table(
            {
                "device": names,
                "kind": [what.kind] * signals,
                "longitude": east,
                "latitude": north,
                "origin": ["seeded"] * signals,
                "source": [f"storm-{mark}"] * signals,
            }
        ),
    )
    order = random.permutation(signals)
    told(
        Storm(
            [names[i] for i in order], incident[order].tolist(), east[order].tolist(),
            north[order].tolist(), rate,
        )
    )  # fmt: skip
    begin, spent = time.time(), time.process_time()
    with Heard(city, {"case"}) as heard:
        asyncio.run(_send(city, token, [f"{names[i]}/{what.property}" for i in order], what, rate))
        grown = _until_in_cases(heard, signals)
    spent = time.process_time() - spent
    lasted = (grown[-1][0] if grown else time.time()) - begin
    found = _collect(city, set(names))
    truth = {names[i]: int(incident[i]) for i in range(signals)}
    precision, recall = pairwise(truth, found)
    return {
        "signals": signals,
        "rate_asked": rate,
        "signals_per_second": round(len(found) / lasted) if found else 0,
        "middle_per_second": round(middle(grown)),
        "seconds": round(lasted, 2),
        "generator_cpu_seconds": round(spent, 2),
        "lost": signals - len(found),
        "cases": len(set(found.values())),
        "cases_expected": count,
        "pairwise_precision": precision,
        "pairwise_recall": recall,
        "rule": f"{what.kind}/{what.property}",
    }


def _incidents(signals: int, each: int, random: np.random.Generator) -> Any:
    """Incident number of each signal, shape (signals,); ``each`` has so many on average."""
    sizes: list[int] = []
    left = signals
    while left > 0:
        size = min(left, int(random.integers(1, 2 * each)))
        sizes.append(size)
        left -= size
    return np.repeat(np.arange(len(sizes)), sizes)


def _spots(city: City) -> Any:
    """Spots within the city, ``SPACING_M`` apart: longitude and latitude, shape (spots, 2)."""
    outline = city.get("/api/city/map/outline.geojson")
    west, south, east, north = city.get("/api/city")["bbox"]
    own = shapely.union_all(
        [
            shapely.from_geojson(msgspec.json.encode(f["geometry"]).decode())
            for f in outline["features"]
        ]
    )
    step_y = SPACING_M / METRES
    step_x = step_y / math.cos(math.radians((south + north) / 2))
    grid = np.array(
        [(x, y) for x in np.arange(west, east, step_x) for y in np.arange(south, north, step_y)]
    )
    return grid[shapely.contains_xy(own, grid[:, 0], grid[:, 1])]


async def _send(city: City, token: str, names: list[str], what: Trigger, rate: float) -> None:
    """The signals at the rate asked, each device once, in batches as gateways send them."""
    gateway = Gateway(city.gate_url, token, tls=city.tls)
    begin = time.perf_counter()
    under_way: set[asyncio.Task[None]] = set()
    size = max(1, min(BATCH, int(rate / 5)))
    for start in range(0, len(names), size):
        piece = names[start : start + size]
        at = time.time_ns() // 1_000_000
        body = msgspec.json.encode(
            {"datastream": piece, "time": [at] * len(piece), "value": [what.value] * len(piece)}
        )
        task = asyncio.create_task(gateway.send(body, uuid.uuid4().hex))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        await asyncio.sleep(max(0.0, begin + (start + size) / rate - time.perf_counter()))
    if under_way:
        await asyncio.gather(*under_way)
    await gateway.close()


def _until_in_cases(heard: Heard, signals: int, quiet: float = 10.0) -> list[tuple[float, int]]:
    """(s, signals that were in a case by then) by what was pushed, until all are; gives up after
    ``quiet`` s without news."""
    in_case: dict[str, int] = {}
    grown: list[tuple[float, int]] = []
    total, news = 0, time.time()
    while total < signals and time.time() - news < quiet:
        for at, _, case in heard.take(quiet):
            news = time.time()
            more = case["signals"] - in_case.get(case["case"], 0)
            if more > 0:
                in_case[case["case"]] = case["signals"]
                total += more
                grown.append((at, total))
    return grown


def middle(grown: list[tuple[float, int]]) -> float:
    """Signals a second that became part of a case in the middle of the storm; 0 of none."""
    if not grown:
        return 0.0
    begin, end = (share * grown[-1][1] for share in MIDDLE)
    part = [one for one in grown if begin <= one[1] <= end]
    if len(part) < 2 or part[-1][0] <= part[0][0]:
        return 0.0
    return (part[-1][1] - part[0][1]) / (part[-1][0] - part[0][0])


def _collect(city: City, names: set[str]) -> dict[str, str]:
    """device → case, of every alarm of the storm."""
    found: dict[str, str] = {}
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page = city.get("/api/alarms", state="all", limit=500, **more)
        for alarm in page["items"]:
            if alarm["device"] in names and alarm["case"]:
                found[alarm["device"]] = alarm["case"]
        cursor = page["next"]
    return found


def pairwise(truth: dict[str, int], found: dict[str, str]) -> tuple[float, float]:
    """Precision and recall over pairs of signals: are two of one incident in one case?"""

    def pairs(counts: Counter[Any]) -> int:
        return sum(n * (n - 1) // 2 for n in counts.values())

    both = pairs(Counter((truth[d], found[d]) for d in found))
    together = pairs(Counter(found.values()))
    true = pairs(Counter(truth.values()))
    return (both / together if together else 1.0, both / true if true else 1.0)
