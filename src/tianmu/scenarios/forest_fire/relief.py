"""Weather carried to other heights: it is colder and damper further up.

Stations are reckoned through their days once for each of a few heights, as if they stood there;
what lies between two heights is in between. Without heights there is one, that of each station.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from tianmu.city.place.terrain import Terrain
from tianmu.scenarios.forest_fire.grid import Grid, between
from tianmu.scenarios.forest_fire.weather import F64, Days

A, B = 17.625, 243.04
"""of saturation vapour pressure over water by Magnus, with °C (Alduchov and Eskridge 1996)"""


class Lapse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[settings.relief]`` of ``scenario.toml``."""

    temp: float
    """K that it is colder for each km further up"""
    dew: float
    """K that the dew point is lower for each km"""
    band_m: float
    """from one height that is reckoned to the next"""
    most: int
    """heights that are reckoned"""
    basis: str


def heights(terrain: Terrain, grid: Grid, lapse: Lapse) -> F64:
    """Heights (m) that are reckoned, rising, from the lowest square to the highest; one of nan
    where the pack has no terrain."""
    known = grid.height[np.isfinite(grid.height)]
    if not len(terrain) or not len(known):
        return np.array([np.nan])
    low, high = float(known.min()), float(known.max())
    count = min(lapse.most, 1 + int(np.ceil((high - low) / lapse.band_m)))
    return np.linspace(low, high, count)


def lifted(days: Days, terrain: Terrain, height: float, lapse: Lapse) -> Days:
    """The stations' days as they would be at ``height``; as they are where it is nan."""
    if np.isnan(height):
        return days
    own, _ = terrain.at(days.stations.longitude, days.stations.latitude)
    km = ((height - own) / 1000)[:, None]
    # humidity is lowest about when it is warmest
    return dataclasses.replace(
        days,
        temp=days.temp - lapse.temp * km,
        highest=days.highest - lapse.temp * km,
        humidity=_humidity(days.temp, days.humidity, km, lapse),
        lowest=_humidity(days.highest, days.lowest, km, lapse),
    )


def _humidity(temp: F64, humidity: F64, km: F64, lapse: Lapse) -> F64:
    """% at ``km`` further up, of air whose dew point falls more slowly than it cools."""
    share = np.log(np.clip(humidity, 1.0, 100.0) / 100)
    warm = A * temp / (B + temp)
    dew = B * (share + warm) / (A - share - warm) - lapse.dew * km
    there = temp - lapse.temp * km
    found: F64 = 100 * np.exp(A * dew / (B + dew) - A * there / (B + there))
    return np.clip(found, 0.0, 100.0)


@dataclass(frozen=True, eq=False)
class Bands:
    """What carries the values of stations, reckoned at some heights, to the squares."""

    longitude: F64
    latitude: F64
    """of the stations"""
    heights: F64
    grid: Grid

    def over(self, values: NDArray[np.float64] | list[F64]) -> F64:
        """Values of the squares, from those of the stations at each height, shape (heights,
        stations)."""
        made = np.stack([between(self.longitude, self.latitude, one, self.grid) for one in values])
        if len(self.heights) == 1:
            return np.asarray(made[0])
        place = np.interp(self.grid.height, self.heights, np.arange(len(self.heights)))
        below = np.minimum(place.astype(np.int64), len(self.heights) - 2)
        part, square = place - below, np.arange(made.shape[1])
        return np.asarray(made[below, square] * (1 - part) + made[below + 1, square] * part)
