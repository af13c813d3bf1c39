"""How high the ground is and where it is wooded: points of a survey, as close as there are any."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.city.file.reader import PackReader
from tianmu.facts.place import DEGREE_M

FILE = "terrain.csv"
F64 = NDArray[np.float64]
_NONE = np.empty(0)
_YES, _NO = "1", "0"


@dataclass(frozen=True, eq=False)
class Terrain:
    """Points of known height, arrays of one length; empty where the pack has none."""

    longitude: F64 = field(default_factory=lambda: _NONE)
    latitude: F64 = field(default_factory=lambda: _NONE)
    height: F64 = field(default_factory=lambda: _NONE)
    """metres above the sea"""
    wooded: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))

    def __len__(self) -> int:
        return len(self.height)

    def at(self, longitude: F64, latitude: F64) -> tuple[F64, NDArray[np.bool_]]:
        """Height (m) and whether it is wooded, of the point nearest to each place."""
        _, near = self._tree.query(self._flat(longitude, latitude))
        return self.height[near], self.wooded[near]

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self._flat(self.longitude, self.latitude))

    def _flat(self, longitude: F64, latitude: F64) -> F64:
        east = np.cos(np.radians(self.latitude.mean())) * DEGREE_M
        return np.column_stack([longitude * east, latitude * DEGREE_M])


def read(reader: PackReader) -> Terrain:
    """``terrain.csv``: lon, lat, height_m and, if the city knows, wooded (1 or 0; left out: all
    is)."""
    points: list[tuple[float, float, float, bool]] = []
    for row in reader.csv(FILE, ("lon", "lat", "height_m"), optional=("wooded",), required=False):
        longitude = reader.number(FILE, row, "lon", low=-180, high=180)
        latitude = reader.number(FILE, row, "lat", low=-90, high=90)
        height = reader.number(FILE, row, "height_m", low=-500, high=9000)
        wooded = row["wooded"] or _YES
        if wooded not in {_YES, _NO}:
            what = f"wooded {wooded!r} is neither 1 nor 0"
            reader.fault(FILE, row.line, what, "write 1 where there is wood, else 0")
        elif longitude is None or latitude is None or height is None:
            what = "the point has no place or no height"
            reader.fault(FILE, row.line, what, "give lon and lat in degrees (WGS 84), height_m")
        else:
            points.append((longitude, latitude, height, wooded == _YES))
    if not points:
        return Terrain()
    table = np.array(points, np.float64)
    return Terrain(table[:, 0], table[:, 1], table[:, 2], table[:, 3] > 0)
