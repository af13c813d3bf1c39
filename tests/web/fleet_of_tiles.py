"""A decoder by others, and a fleet that tiles are drawn of."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import mapbox_vector_tile
import numpy as np


def decoded(body: bytes) -> list[dict[str, Any]]:
    if not body:
        return []
    layers = mapbox_vector_tile.decode(body, default_options={"y_coord_down": True})
    assert list(layers) == ["devices"]
    assert layers["devices"]["extent"] == 4096
    assert layers["devices"]["version"] == 2
    found: list[dict[str, Any]] = layers["devices"]["features"]
    return found


def tile_of(longitude: float, latitude: float, z: int) -> tuple[int, int]:
    """The tile of a point, by the formula everybody uses."""
    n = 1 << z
    rad = math.radians(latitude)
    x = int((longitude + 180.0) / 360.0 * n)
    y = int((1.0 - math.asinh(math.tan(rad)) / math.pi) / 2.0 * n)
    return x, y


class Fake:
    """Columns of a made-up city, as the registry and live give them."""

    at = 2 * 10**15

    def __init__(self, count: int, seed: int = 1) -> None:
        self.random = np.random.default_rng(seed)
        self.longitude = self.latitude = np.zeros(0)
        self.kind = self.department = self.division = np.zeros(0, dtype=np.uint16)
        self.alarm, self.received = np.zeros(0, dtype=np.uint8), np.zeros(0, dtype=np.int64)
        self.registry = SimpleNamespace(
            kinds=["smoke", "gas"], divisions=["", "A", "B"], departments=["", "D1", "D2"]
        )
        self.live = SimpleNamespace()
        self.hub: Any = SimpleNamespace(
            registry=self.registry,
            live=lambda: self.live,
            clock=lambda: self.at,
            city=SimpleNamespace(kinds={}),
            memory={},
        )
        self.grow(count)
        self.longitude[:3] = np.nan

    def grow(self, count: int) -> None:
        """Register more devices, one datastream each."""
        random = self.random
        alarm = np.where(random.random(count) < 0.01, random.integers(1, 5, count), 0)
        for name, new in (
            ("longitude", random.uniform(119.1, 119.7, count)),
            ("latitude", random.uniform(31.1, 31.7, count)),
            ("kind", random.integers(0, 2, count)),
            ("department", random.integers(0, 3, count)),
            ("division", random.integers(0, 3, count)),
            ("alarm", alarm),
            ("received", np.zeros(count)),
        ):
            held = getattr(self, name)
            setattr(self, name, np.concatenate((held, new.astype(held.dtype))))
        total = len(self.kind)
        self.registry.count_devices = total
        self.registry.columns = SimpleNamespace(
            longitude=self.longitude,
            latitude=self.latitude,
            kind=self.kind,
            division=self.division,
            department=self.department,
            probe=np.zeros(total, dtype=np.uint8),
            first_datastream=np.arange(total + 1, dtype=np.uint32),
            device_of=np.arange(total, dtype=np.uint32),
        )
        self.live.alarm, self.live.received = self.alarm, self.received

    @property
    def placed(self) -> Any:
        return np.flatnonzero(~np.isnan(self.longitude))

    def places(self) -> tuple[Any, Any]:
        return self.longitude[self.placed], self.latitude[self.placed]
