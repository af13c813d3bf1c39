"""A seeded city of devices: where they stand, what they measure, and when they speak.

Everything follows from the pack's shares and value models (``GET /api/city/seeding``) and a seed;
the same seed gives the same devices. Nothing here is measured: it is marked as seeded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

DAY_S = 86_400.0


@dataclass(frozen=True)
class Fleet:
    """``n`` devices and their ``m`` datastreams, as columns.

    ``kind`` (n,) indexes ``kinds``; ``owner`` (m,) is each datastream's device; ``name`` holds
    ``<device>/<property>``. ``mean … step`` (m,) are the value model in the property's unit,
    ``period`` (m,) seconds between readings, ``low``/``high`` the plausible range.
    """

    prefix: str
    kinds: list[str]
    kind: NDArray[np.uint16]
    longitude: NDArray[np.float64]
    latitude: NDArray[np.float64]
    division: list[str]
    department: list[str]
    owner: NDArray[np.int64]
    property: list[str]
    name: list[str]
    life: NDArray[np.bool_]
    mean: NDArray[np.float64]
    daily: NDArray[np.float64]
    peak_hour: NDArray[np.float64]
    noise: NDArray[np.float64]
    step: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    period: NDArray[np.float64]

    def device(self, index: int) -> str:
        return f"{self.prefix}{index:07d}"

    def table(self, sources: dict[bool, str]) -> pa.Table:
        """The devices as ``POST /api/devices/bulk`` wants them; ``sources`` by life lane."""
        first = np.searchsorted(self.owner, np.arange(len(self.kind)))
        life = self.life[np.minimum(first, len(self.life) - 1)]
        return pa.table(
            {
                "device": [self.device(i) for i in range(len(self.kind))],
                "name": [""] * len(self.kind),
                "kind": pa.DictionaryArray.from_arrays(
                    pa.array(self.kind, pa.uint16()), self.kinds
                ).cast(pa.string()),
                # only what speaks: a kind has more that no seeded device sends
                "properties": self._spoken().take(pa.array(self.kind, pa.uint16())),
                "longitude": self.longitude,
                "latitude": self.latitude,
                "division": self.division,
                "department": self.department,
                "origin": ["seeded"] * len(self.kind),
                "source": np.where(life, sources[True], sources[False]).tolist(),
            }
        )

    def _spoken(self) -> pa.Array:
        """The properties of each kind that have datastreams, as lists."""
        said: list[list[str]] = [[] for _ in self.kinds]
        first = np.flatnonzero(np.diff(self.kind, prepend=-1))
        for device in first.tolist():
            low, high = np.searchsorted(self.owner, (device, device + 1))
            said[int(self.kind[device])] = self.property[low:high]
        return pa.array(said, pa.list_(pa.string()))

    def values(
        self, which: NDArray[np.int64], at: float, zone_s: float, random: np.random.Generator
    ) -> NDArray[np.float64]:
        """Usual values of datastreams ``which`` at ``at`` (s since the epoch), shape of which."""
        hour = ((at + zone_s) % DAY_S) / 3600
        swing = self.daily[which] * np.cos((hour - self.peak_hour[which]) * (2 * np.pi / 24))
        value = self.mean[which] + swing + self.noise[which] * random.standard_normal(len(which))
        step = self.step[which]
        rounded = np.where(step > 0, np.round(value / np.where(step > 0, step, 1)) * step, value)
        return np.clip(rounded, self.low[which], self.high[which])


def make(seeding: dict[str, Any], towns: dict[str, Any], n: int, seed: int) -> Fleet:
    """``n`` devices spread over the towns by weight and over the kinds by share.

    ``seeding`` is the answer of ``GET /api/city/seeding``, ``towns`` the map layer's GeoJSON
    (features with a ``division``). Raises ``ValueError`` where the pack says too little.
    """
    random = np.random.default_rng(seed)
    kinds = [k for k in seeding["kinds"] if k["per_thousand"] > 0 and _seeded(k)]
    if not kinds:
        raise ValueError(
            "the pack gives no kind a share (per_thousand) and a value model: nothing can be seeded"
        )
    shares = np.array([k["per_thousand"] for k in kinds], dtype=float)
    kind = random.choice(len(kinds), size=n, p=shares / shares.sum()).astype(np.uint16)
    kind.sort()
    longitude, latitude, division = scatter(seeding["weights"], towns, n, random)
    columns: dict[str, list[NDArray[Any]]] = {}
    names: list[tuple[int, int, str]] = []
    for number, spec in enumerate(kinds):
        mine = np.flatnonzero(kind == number)
        for place, prop in enumerate(_seeded(spec)):
            model = prop["model"]
            count = len(mine)
            _put(columns, "owner", mine)
            _put(columns, "order", np.full(count, place))
            spread = model.get("spread", 0.0) * random.standard_normal(count)
            _put(columns, "mean", model.get("mean", 0.0) + spread)
            for field, usual in (
                ("daily", 0.0), ("peak_hour", 14.0), ("noise", 0.0),
                ("period_s", spec.get("heartbeat_s") or 3600.0),
            ):  # fmt: skip
                _put(columns, field, np.full(count, float(model.get(field, usual))))
            _put(columns, "step", np.full(count, float(prop.get("step") or 0)))
            _put(columns, "low", np.full(count, _or(prop.get("low"), -np.inf)))
            _put(columns, "high", np.full(count, _or(prop.get("high"), np.inf)))
            _put(columns, "life", np.full(count, spec["lane"] == "life"))
            names.extend((int(i), place, prop["code"]) for i in mine.tolist())
    whole = {field: np.concatenate(parts) for field, parts in columns.items()}
    order = np.lexsort((whole["order"], whole["owner"]))
    properties = [names[i][2] for i in order.tolist()]
    owner = whole["owner"][order].astype(np.int64)
    prefix = f"sd{seed % 10_000:04d}-"
    return Fleet(
        prefix=prefix,
        kinds=[k["code"] for k in kinds],
        kind=kind,
        longitude=longitude,
        latitude=latitude,
        division=division,
        department=[kinds[k].get("department", "") for k in kind.tolist()],
        owner=owner,
        property=properties,
        name=[f"{prefix}{i:07d}/{p}" for i, p in zip(owner.tolist(), properties, strict=True)],
        life=whole["life"][order].astype(bool),
        mean=whole["mean"][order],
        daily=whole["daily"][order],
        peak_hour=whole["peak_hour"][order],
        noise=whole["noise"][order],
        step=whole["step"][order],
        low=whole["low"][order],
        high=whole["high"][order],
        period=np.maximum(whole["period_s"][order], 1.0),
    )


def _seeded(kind: dict[str, Any]) -> list[dict[str, Any]]:
    """The properties that a seeded device sends: those with a value model."""
    return [prop for prop in kind["properties"] if prop.get("model")]


def scatter(
    weights: dict[str, float], towns: dict[str, Any], n: int, random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """``n`` points within the towns by weight, thicker towards each town's middle."""
    shapes = {
        f["properties"]["division"]: shapely.from_geojson(json.dumps(f["geometry"]))
        for f in towns["features"]
        if f["properties"].get("division")
    }
    codes = [code for code in shapes if weights.get(code, 0) > 0] or list(shapes)
    share = np.array([weights.get(code, 1.0) for code in codes], dtype=float)
    which = random.choice(len(codes), size=n, p=share / share.sum())
    longitude, latitude = np.empty(n), np.empty(n)
    for number, code in enumerate(codes):
        rows = np.flatnonzero(which == number)
        longitude[rows], latitude[rows] = _within(shapes[code], len(rows), random)
    return longitude, latitude, [codes[i] for i in which.tolist()]


def _within(
    shape: Any, n: int, random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    west, south, east, north = shape.bounds
    middle = shapely.point_on_surface(shape)
    found_x, found_y = np.empty(0), np.empty(0)
    shapely.prepare(shape)
    while len(found_x) < n:
        wanted = 2 * (n - len(found_x)) + 16
        near = random.random(wanted) < 0.5
        x = np.where(
            near,
            random.normal(middle.x, (east - west) / 10, wanted),
            random.uniform(west, east, wanted),
        )
        y = np.where(
            near,
            random.normal(middle.y, (north - south) / 10, wanted),
            random.uniform(south, north, wanted),
        )
        inside = shapely.contains_xy(shape, x, y)
        found_x = np.concatenate((found_x, x[inside]))
        found_y = np.concatenate((found_y, y[inside]))
    return np.round(found_x[:n], 6), np.round(found_y[:n], 6)


def _put(columns: dict[str, list[NDArray[Any]]], field: str, values: NDArray[Any]) -> None:
    columns.setdefault(field, []).append(np.asarray(values))


def _or(value: float | None, usual: float) -> float:
    return usual if value is None else float(value)
