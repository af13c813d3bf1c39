"""The days of the city's weather stations, as the two systems want them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

from tianmu.scenarios.world import HOUR, Devices, World

F64 = NDArray[np.float64]
DAY = 24 * HOUR


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: str
    property: str
    times: float = 1.0
    """what makes its unit ours"""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[settings.weather]`` of ``scenario.toml``."""

    temp: Source
    humidity: Source
    wind: Source
    """times: to km/h"""
    direction: Source
    rain: Source
    """rain of the hour before, whenever it is measured"""
    days: int
    """how far back"""
    noon: int
    """hour of the local day"""
    fresh_h: float
    """a value that is older is not the weather of now"""
    cell_km: float
    stations: int
    """at most so many are reckoned with"""

    @property
    def fresh(self) -> int:
        """µs"""
        return round(self.fresh_h * HOUR)


@dataclass(frozen=True, eq=False)
class Days:
    """Shape (stations, days), the last one today; nan where it was not measured."""

    stations: Devices
    dates: tuple[date, ...]
    temp: F64
    humidity: F64
    wind: F64
    """km/h; these three at noon, of today so far the latest"""
    rain: F64
    """mm in the 24 hours to noon"""
    highest: F64
    """°C of the day"""
    lowest: F64
    """% of the day"""
    strongest: F64
    """km/h, mean of an hour"""
    no_noon: bool
    """today's noon is still to come or was not measured somewhere: the latest values stand for
    it"""
    no_rain_gauge: bool

    @property
    def known(self) -> NDArray[np.bool_]:
        """Days of which all is known that a day needs."""
        parts = (self.temp, self.humidity, self.wind, self.highest, self.lowest, self.strongest)
        found: NDArray[np.bool_] = np.all([np.isfinite(part) for part in parts], axis=0)
        return found


def days_of(world: World, settings: Settings, back: int = 0) -> Days:
    """The last ``back`` days of all stations, or as many as the settings say. Raises
    ``TooCostly``."""
    stations = world.devices(settings.temp.kind, settings.stations)
    calendar = world.city.calendar
    today = calendar.local(world.now).date()
    count = back or settings.days
    dates = tuple(today - timedelta(days=ago) for ago in range(count - 1, -1, -1))
    begins = [calendar.instant(day, 0) // HOUR * HOUR for day in dates]
    start = begins[0] - DAY
    hours = (world.now - start) // HOUR + 1
    at = np.array([(begin - start) // HOUR for begin in begins])
    ends = np.append(at[1:], hours)

    def past(source: Source) -> F64:
        streams = world.streams(stations, source.property)
        found = world.hourly(streams, start, hours) * source.times
        latest = world.newest(streams, settings.fresh) * source.times
        # what was measured in this hour may not be in the files yet
        found[:, -1] = np.where(np.isfinite(found[:, -1]), found[:, -1], latest)
        return found

    temp, humidity, wind = (past(one) for one in (settings.temp, settings.humidity, settings.wind))
    noons = at + settings.noon
    to_come = bool(noons[-1] >= hours - 1)
    noons[-1] = min(noons[-1], hours - 1)
    late = [part[:, noons[-1]] for part in (temp, humidity, wind)]
    unmeasured = bool(np.isnan(late).any())
    rain, no_gauge = _rain(world, settings.rain, stations, start, hours, noons)
    return Days(
        stations, dates, _noon(temp, noons), _noon(humidity, noons), _noon(wind, noons), rain,
        _extreme(temp, at, ends, np.fmax), _extreme(humidity, at, ends, np.fmin),
        _extreme(wind, at, ends, np.fmax), to_come or unmeasured, no_gauge,
    )  # fmt: skip


def _noon(hourly: F64, noons: NDArray[np.int64]) -> F64:
    found = hourly[:, noons]
    found[:, -1] = np.where(np.isfinite(found[:, -1]), found[:, -1], hourly[:, -1])
    return found


def _extreme(hourly: F64, at: NDArray[np.int64], ends: NDArray[np.int64], pick: np.ufunc) -> F64:
    parts = [pick.reduce(hourly[:, a:b], axis=1) for a, b in zip(at, ends, strict=True)]
    return np.stack(parts, axis=1)


def _rain(
    world: World,
    source: Source,
    stations: Devices,
    start: int,
    hours: int,
    noons: NDArray[np.int64],
) -> tuple[F64, bool]:
    """Rain at each station: that of the nearest gauge. An hour without a value counts as dry."""
    gauges = world.devices(source.kind, 10 * max(len(stations), 1))
    if not len(gauges):
        return np.zeros((len(stations), len(noons))), True
    near = _nearest(stations, gauges)
    used, where = np.unique(near, return_inverse=True)
    streams = world.streams(gauges, source.property)[used]
    # the mean of a running sum over an hour, hour by hour, adds up to what fell
    fell = np.nan_to_num(world.hourly(streams, start, hours) * source.times)
    sums = np.concatenate([np.zeros((len(fell), 1)), np.cumsum(fell, axis=1)], axis=1)
    day = sums[:, noons] - sums[:, np.maximum(noons - 24, 0)]
    return day[where.reshape(-1)], False


def _nearest(stations: Devices, gauges: Devices) -> NDArray[np.int64]:
    scale = np.cos(np.radians(stations.latitude))[:, None]
    across = (stations.longitude[:, None] - gauges.longitude[None, :]) * scale
    along = stations.latitude[:, None] - gauges.latitude[None, :]
    found: NDArray[np.int64] = np.argmin(across**2 + along**2, axis=1)
    return found
