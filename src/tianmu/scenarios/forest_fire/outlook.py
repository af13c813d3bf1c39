"""The next three days: from the city's forecast file, or today's weather carried on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from tianmu.scenarios.contract import BadInput
from tianmu.scenarios.forest_fire.danger import Figures, next_danger
from tianmu.scenarios.forest_fire.station import KMH, Reckoned
from tianmu.scenarios.forest_fire.weather import F64, Days
from tianmu.scenarios.reading import numbers, texts
from tianmu.scenarios.table_file import read_table

FILE = "forecast.csv"
"""columns date (2026-04-05), tmax °C, rhmin %, prec mm, wind m/s; of the whole city"""
AHEAD = (1, 2, 3)
"""days"""


@dataclass(frozen=True)
class Expected:
    """The weather of a day to come, of the whole city."""

    tmax: float
    rhmin: float
    prec: float
    wind: float


def read_forecast(file: Path) -> dict[date, Expected]:
    """Days of a forecast file; empty where there is none. Raises ``BadInput``."""
    if not file.exists():
        return {}
    table = read_table(file, lambda _: None)
    for name in ("date", "tmax", "rhmin", "prec", "wind"):
        if name not in table.column_names:
            raise BadInput(0, name, "there is no such column", "see docs/rooms/scenarios.md")
    columns = [
        numbers(table, "tmax", low=-60, high=60), numbers(table, "rhmin", low=0, high=100),
        numbers(table, "prec", low=0, high=2000), numbers(table, "wind", low=0, high=120),
    ]  # fmt: skip
    found: dict[date, Expected] = {}
    for row, text in enumerate(texts(table, "date")):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise BadInput(row + 1, "date", f"{text!r} is no date", "write 2026-04-05") from None
        found[day] = Expected(*(float(column[row]) for column in columns))
    return found


def ahead(
    days: Days, reckoned: Reckoned, figures: Figures, forecast: Mapping[date, Expected]
) -> list[tuple[int, F64, bool]]:
    """(hours, index at each station, persistence) of each day to come."""
    today = days.dates[-1]
    dry = list(reckoned.dry)
    found: list[tuple[int, F64, bool]] = []
    carried = False
    for step in AHEAD:
        told = forecast.get(today + timedelta(days=step))
        carried = carried or told is None
        index = np.full(len(dry), np.nan)
        for row in np.flatnonzero(np.isfinite(reckoned.index)).tolist():
            of = told or Expected(
                float(days.highest[row, -1]), float(np.clip(days.lowest[row, -1], 0, 100)),
                float(days.rain[row, -1]), float(days.strongest[row, -1]) / KMH,
            )  # fmt: skip
            danger = next_danger(
                figures, dry[row], temp=of.tmax, humidity=of.rhmin, rain=of.prec, wind=of.wind
            )
            index[row], dry[row] = danger.index, danger.dry_days
        found.append((24 * step, index, carried))
    return found
