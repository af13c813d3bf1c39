"""Each station reckoned through its days, by both systems."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tianmu.scenarios.forest_fire.danger import DryDays, Figures, next_danger
from tianmu.scenarios.forest_fire.fwi import Codes, Day, Weather, next_day
from tianmu.scenarios.forest_fire.weather import F64, Days

KMH = 3.6
"""km/h in a m/s"""


@dataclass(frozen=True, eq=False)
class Reckoned:
    """Of today, shape (stations,); nan where today is not known."""

    fwi: F64
    index: F64
    days: tuple[Day | None, ...]
    dry: tuple[DryDays, ...]
    reckoned: F64
    """days that are behind it"""
    skipped: int
    """days of all stations that were not known: the codes were carried over them"""


def reckon(days: Days, figures: Figures) -> Reckoned:
    """From the reports' start values on the first known day of each station."""
    count = len(days.stations)
    known = days.known
    fwi, index, reckoned = np.full(count, np.nan), np.full(count, np.nan), np.zeros(count)
    last: list[Day | None] = []
    dries: list[DryDays] = []
    skipped = 0
    for row in range(count):
        codes, dry, made = Codes(), DryDays(), None
        for day, when in enumerate(days.dates):
            if not known[row, day]:
                skipped += reckoned[row] > 0
                continue
            humid = float(np.clip(days.humidity[row, day], 0, 100))
            rain = max(0.0, float(days.rain[row, day]))
            noon = Weather(
                float(days.temp[row, day]), humid, max(0.0, float(days.wind[row, day])), rain,
                when.month, float(days.stations.latitude[row]),
            )  # fmt: skip
            made = next_day(codes, noon)
            codes = made.codes
            danger = next_danger(
                figures, dry, temp=float(days.highest[row, day]),
                humidity=float(np.clip(days.lowest[row, day], 0, 100)), rain=rain,
                wind=max(0.0, float(days.strongest[row, day])) / KMH,
            )  # fmt: skip
            dry = danger.dry_days
            reckoned[row] += 1
        if made is not None and known[row, -1]:
            fwi[row], index[row] = made.fwi, danger.index
        last.append(made if known[row, -1] else None)
        dries.append(dry)
    return Reckoned(fwi, index, tuple(last), tuple(dries), reckoned, int(skipped))
