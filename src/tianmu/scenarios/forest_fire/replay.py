"""The city's own past as rows for the models: one a day, of the whole city."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from tianmu.scenarios.forest_fire.present import WEATHER
from tianmu.scenarios.forest_fire.station import KMH
from tianmu.scenarios.forest_fire.weather import F64, days_of
from tianmu.scenarios.reading import column
from tianmu.scenarios.world import World


def rows(world: World, since: date) -> pa.Table:
    """Days from ``since``, and those before it that prepare the models, to that of ``world.now``:
    columns of ``danger`` and ``fwi``, medians over the stations. Days without weather are left
    out. Raises ``TooCostly``."""
    today = world.city.calendar.local(world.now).date()
    back = (today - since).days + 1 + WEATHER.days
    days = days_of(world, WEATHER, back=back)
    latitude = float(np.median(days.stations.latitude)) if len(days.stations) else 0.0
    told = {
        "lat": np.full(len(days.dates), latitude),
        "tmax": _middle(days.highest), "rhmin": np.clip(_middle(days.lowest), 0, 100),
        "wind": _middle(days.strongest) / KMH, "temp": _middle(days.temp),
        "rh": np.clip(_middle(days.humidity), 0, 100), "ws": _middle(days.wind),
        "prec": _middle(days.rain),
    }  # fmt: skip
    known = np.all([np.isfinite(values) for values in told.values()], axis=0)
    dates = [day for day, keep in zip(days.dates, known, strict=True) if keep]
    return pa.table(
        {
            "date": pa.array([day.isoformat() for day in dates], pa.string()),
            "mon": pa.array([day.month for day in dates], pa.int8()),
            "day": pa.array([day.day for day in dates], pa.int8()),
            **{name: column(values[known]) for name, values in told.items()},
        }
    )


def _middle(values: F64) -> F64:
    """Median of each day over the stations that have one."""
    found = np.full(values.shape[1], np.nan)
    any_known = np.isfinite(values).any(axis=0)
    found[any_known] = np.nanmedian(values[:, any_known], axis=0)
    return found
