"""The city in squares, and what stations tell of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.city.place.place import EARTH_M
from tianmu.city.place.terrain import Terrain
from tianmu.scenarios.present import Ring

F64 = NDArray[np.float64]
MOST = 4_000
"""squares; a larger city gets larger ones"""


@dataclass(frozen=True, eq=False)
class Grid:
    """Middles of squares within the city and their rings."""

    longitude: F64
    latitude: F64
    rings: tuple[Ring, ...]
    side_km: float
    height: F64
    """metres above the sea; nan where it is not known"""


def squares(outline: Any, side_km: float, terrain: Terrain) -> Grid:
    """Squares whose middle lies in ``outline`` (shapely, degrees) and, where it is known, in a
    wood."""
    import shapely

    west, south, east, north = outline.bounds
    degree = math.radians(1) * EARTH_M / 1000
    across = degree * math.cos(math.radians((south + north) / 2))
    wide = (east - west) * across * (north - south) * degree
    side = max(side_km, math.sqrt(wide / MOST))
    dx, dy = side / across, side / degree
    x = np.arange(west + dx / 2, east + dx / 2, dx)
    y = np.arange(south + dy / 2, north + dy / 2, dy)
    longitude, latitude = (part.ravel() for part in np.meshgrid(x, y))
    inside = shapely.contains_xy(outline, longitude, latitude)
    longitude, latitude = longitude[inside], latitude[inside]
    height = np.full(len(longitude), np.nan)
    if len(terrain):
        height, wooded = terrain.at(longitude, latitude)
        longitude, latitude, height = longitude[wooded], latitude[wooded], height[wooded]
    middles = zip(longitude.tolist(), latitude.tolist(), strict=True)
    rings = tuple(_square(lon, lat, float(dx), float(dy)) for lon, lat in middles)
    return Grid(longitude, latitude, rings, side, height)


def between(longitude: F64, latitude: F64, values: F64, grid: Grid) -> F64:
    """Values of stations carried to the squares by inverse square of the distance; nan
    everywhere where no station has one."""
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(grid.longitude), np.nan)
    scale = np.cos(np.radians(grid.latitude))[:, None]
    away = ((grid.longitude[:, None] - longitude[known]) * scale) ** 2
    away += (grid.latitude[:, None] - latitude[known]) ** 2
    weight = 1 / np.maximum(away, 1e-10)
    found: F64 = (weight * values[known]).sum(axis=1) / weight.sum(axis=1)
    return found


def _square(lon: float, lat: float, dx: float, dy: float) -> Ring:
    west, east = round(lon - dx / 2, 6), round(lon + dx / 2, 6)
    south, north = round(lat - dy / 2, 6), round(lat + dy / 2, 6)
    return ((west, south), (east, south), (east, north), (west, north), (west, south))
