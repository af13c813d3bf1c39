"""What a measurement needs in a city: devices, sources and about seven rules on a datastream."""

from __future__ import annotations

import io
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tianmu.rehearse.city.city import City

BENCH_RULES = 7
"""rules on each datastream, as the contracts say that figures are quoted on"""
BENCH_CODE = "bench-"
"""how the codes of our rules begin"""
PER_DEVICE = 1.3
"""datastreams of a device on average"""


@dataclass(frozen=True)
class Bench:
    run: str
    devices: int
    datastreams: list[str]
    source: str
    token: str
    mqtt_source: str
    mqtt_token: str
    own_rules: list[dict[str, Any]]
    """the city's, as they were before"""


def source(
    city: City,
    name: str,
    protocol: str,
    *,
    life: bool = False,
    origin: str = "seeded",
    called: dict[str, str] | None = None,
    **more: Any,
) -> str:
    """Make a source (or renew its token) and return its token."""
    known = {s["source"] for s in city.get("/api/sources", limit=500)["items"]}
    if name not in known:
        made = city.post(
            "/api/sources",
            {
                "source": name,
                "protocol": protocol,
                "name": called or {"zh": name, "en": name},
                "origin": origin,
                "life_safety": life,
                **more,
            },
        )
        if made.get("token"):
            return str(made["token"])
    return str(city.post(f"/api/sources/{name}/token")["token"])


def register(city: City, table: pa.Table) -> dict[str, Any]:
    """Register devices in bulk (Parquet), and say how many there are then."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    answer: dict[str, Any] = city.ask(
        "POST", "/api/devices/bulk", content=sink.getvalue(),
        headers={"Content-Type": "application/vnd.apache.parquet"}, timeout=600,
    )  # fmt: skip
    return answer


def rules(kinds: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Seven rules for each property of each kind, rarely true: the load is in the looking."""
    made: list[dict[str, Any]] = []
    for kind, properties in kinds.items():
        for prop in properties:
            code = f"{BENCH_CODE}{kind}-{prop}"
            common: dict[str, Any] = {"kind": kind, "property": prop, "priority": 4}
            forms: tuple[tuple[str, dict[str, Any]], ...] = (
                ("threshold", {"direction": "high", "limit": 1e9, "deadband": 1.0}),
                ("threshold", {"direction": "high", "limit": 2e9, "on_delay_s": 60}),
                ("threshold", {"direction": "low", "limit": -1e9, "deadband": 1.0}),
                ("threshold", {"direction": "low", "limit": -2e9, "off_delay_s": 60}),
                ("threshold", {"direction": "outside", "low": -3e9, "high": 3e9}),
                ("rate", {"direction": "rise", "limit": 1e9, "window_s": 60}),
                ("silence", {"limit": 86400}),
            )
            for number, (form, more) in enumerate(forms):
                made.append(
                    {
                        **common, "code": f"{code}-{number}", "type": form,
                        "name": {"zh": f"{code} {number}", "en": f"{code} {number}"}, **more,
                    }
                )  # fmt: skip
    return made


def prepare(
    city: City, devices: int, *, keep: str = "", only: Collection[str] | None = None
) -> Bench:
    """Register ``devices`` (of kinds among ``only``), publish seven rules on each datastream, make
    the sources.

    The load's values are no usual ones, so the city's own rules rest meanwhile, but for those of
    device kind ``keep``; ``restore`` puts all of them back.
    """
    run = uuid.uuid4().hex[:8]
    seeding = city.get("/api/city/seeding")
    kinds = [
        k for k in seeding["kinds"] if k["per_thousand"] > 0 and (only is None or k["code"] in only)
    ]
    one = [k for k in kinds if len(k["properties"]) == 1] or kinds[:1]
    more = [k for k in kinds if len(k["properties"]) == 2] or one
    random = np.random.default_rng()
    chosen = [
        (more if random_ < PER_DEVICE - 1 else one)[
            i % len(more if random_ < PER_DEVICE - 1 else one)
        ]
        for i, random_ in enumerate(random.random(devices).tolist())
    ]
    names = [f"b{run}-{i:07d}" for i in range(devices)]
    west, south, east, north = city.get("/api/city")["bbox"]
    city_divisions = [d["code"] for d in city.get("/api/city")["divisions"] if d["tier"] >= 2]
    used = {k["code"]: [p["code"] for p in k["properties"]] for k in chosen}
    bench_source, mqtt_source = f"bench-{run}", f"bench-{run}-mqtt"
    token = source(city, bench_source, "http")
    mqtt_token = source(city, mqtt_source, "mqtt")
    register(
        city,
        pa.table(
            {
                "device": names,
                "kind": [k["code"] for k in chosen],
                "longitude": random.uniform(west, east, devices).round(6),
                "latitude": random.uniform(south, north, devices).round(6),
                "division": [city_divisions[i % len(city_divisions)] for i in range(devices)],
                "department": [k.get("department", "") for k in chosen],
                "origin": ["seeded"] * devices,
                "source": [bench_source] * devices,
            }
        ),
    )
    own = [r for r in city.get("/api/rules")["rules"] if not r["code"].startswith(BENCH_CODE)]
    kept = [rule for rule in own if keep and rule.get("kind") == keep]
    city.post(
        "/api/rules/publish",
        {"rules": [*kept, *rules(used)], "reason": "measurement: seven rules on each datastream"},
    )
    datastreams = [
        f"{name}/{p['code']}"
        for name, k in zip(names, chosen, strict=True)
        for p in k["properties"]
    ]
    return Bench(run, devices, datastreams, bench_source, token, mqtt_source, mqtt_token, own)


def restore(city: City, bench: Bench) -> None:
    """Put the city's own rules back in force, as they were before the measurement."""
    city.post("/api/rules/publish", {"rules": bench.own_rules, "reason": "measurement is over"})
