"""The city's own past as rows of ``outlook``: chlorophyll of every station, hour by hour."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from tianmu.scenarios.water_ecology.figures import identify
from tianmu.scenarios.water_ecology.present import KIND, MOST
from tianmu.scenarios.water_ecology.standard import plain, standard
from tianmu.scenarios.water_ecology.words import settings
from tianmu.scenarios.world import HOUR, World

ITEM = "chlorophyll"
BEFORE = timedelta(days=30)
"""that prepare the outlook: each station's usual level is learnt from them"""


def rows(world: World, since: date) -> pa.Table:
    """Hours in which a station measured it, from ``BEFORE`` before ``since`` on, station by station
    in the order of time; ``event`` is 1 where it reached what the back-test alarms at. Raises
    ``TooCostly``."""
    calendar, known = world.city.calendar, standard()
    start = calendar.instant(since - BEFORE, 0) // HOUR * HOUR
    hours = (world.now - start) // HOUR + 1
    found = world.devices(KIND, MOST)
    values = np.full((len(found), hours), np.nan)
    kind = world.city.kinds.get(KIND)
    for code, own in kind.properties.items() if kind else ():
        item, _, unit = identify(code, known)
        if item is None or item.key != ITEM:
            continue
        factor = known.plain_units[item.unit].get(plain(own.unit or unit or item.unit))
        if factor is not None:
            values = world.hourly(world.streams(found, code), start, hours) * factor
    station, hour = np.nonzero(np.isfinite(values))
    local = [calendar.local(start + at * HOUR).strftime("%Y-%m-%d %H:%M") for at in range(hours)]
    # where clocks are put back an hour comes twice: the first counts, as rows have to rise
    first = np.array([at == 0 or local[at] != local[at - 1] for at in range(hours)], np.bool_)
    station, hour = station[first[hour]], hour[first[hour]]
    ids = [world.registry.device(int(index)).device for index in found.index]
    measured = values[station, hour]
    reached = measured >= float(settings().backtest["at_least"])
    return pa.table(
        {
            "station": pa.array([ids[at] for at in station.tolist()], pa.string()),
            "timestamp": pa.array([local[at] for at in hour.tolist()], pa.string()),
            ITEM: pa.array(measured, pa.float64()),
            "event": pa.array(reached.astype(np.int8)),
        }
    )
