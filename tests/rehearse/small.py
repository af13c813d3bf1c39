"""A small seeding and its towns, as the API gives them: what rehearsal's own tests play with."""

from __future__ import annotations

from typing import Any


def square(west: float, south: float, side: float) -> dict[str, Any]:
    east, north = west + side, south + side
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


TOWNS: dict[str, Any] = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "properties": {"division": code}, "geometry": shape}
        for code, shape in (("north", square(10.0, 50.0, 0.2)), ("south", square(10.3, 49.8, 0.1)))
    ]
    + [{"type": "Feature", "properties": {}, "geometry": square(0.0, 0.0, 1.0)}],
}

NAMES = {"north": {"en": "Northtown"}, "south": {"en": "Southtown"}}

SEEDING: dict[str, Any] = {
    "population": 100_000,
    "weights": {"north": 0.75, "south": 0.25},
    "words": {"spot": {"en": ["by the mill", "on the quay"]}},
    "channels": {"hotline": 0.7, "app": 0.3},
    "kinds": [
        {
            "code": "smoke", "lane": "life", "per_thousand": 60, "department": "fire",
            "properties": [
                {"code": "state", "model": {"mean": 1, "period_s": 40_000}},
                {"code": "version"},
            ],
        },
        {
            "code": "level", "lane": "main", "per_thousand": 40, "department": "water",
            "heartbeat_s": 1800,
            "properties": [
                {
                    "code": "depth", "unit": "m", "low": 0, "high": 6, "step": 0.01,
                    "model": {"mean": 2, "spread": 0.1, "daily": 0.5, "peak_hour": 6,
                              "noise": 0.05, "period_s": 300},
                },
                {"code": "battery", "low": 0, "high": 100, "step": 1, "model": {"mean": 99.6}},
                {"code": "depth.hour", "unit": "m", "low": 0, "high": 6},
            ],
        },
        {"code": "platform", "lane": "main", "per_thousand": 0, "properties": [{"code": "x"}]},
        {"code": "mute", "lane": "main", "per_thousand": 10, "properties": [{"code": "x"}]},
    ],
    "incidents": [
        {
            "code": "house_fire", "matter": "m:fire", "per_day": 2.0, "truth": True,
            "signals": [
                {"kind": "smoke", "property": "state", "shape": "bits", "value": 2,
                 "devices": [2, 3], "within_m": 3000.0, "after_s": [0, 30]},
            ],
            "told": [{"channel": "hotline", "number": [1, 2], "after_s": [60, 90]}],
        },
        {
            "code": "cooking", "matter": "m:fire", "per_day": 1.0, "truth": False,
            "signals": [
                {"kind": "smoke", "property": "state", "shape": "bits", "value": 2,
                 "devices": [1, 1], "within_m": 3000.0, "for_s": 60.0},
            ],
        },
        {"code": "never", "matter": "m:fire", "per_day": 0.0},
    ],
    "reports": [
        {
            "matter": "m:fire", "category": "request", "weight": 1.0,
            "texts": {"en": ["Smoke {spot} in {place}!", "I see smoke, {place}, since {time}"]},
        },
        {
            "matter": "m:bin", "category": "complaint", "weight": 3.0,
            "texts": {"en": ["The bin {spot} is full, {town} {number}{nothing}"]},
        },
        {"matter": "m:chinese", "texts": {"zh": ["垃圾桶满了"]}},
    ],
}  # fmt: skip
