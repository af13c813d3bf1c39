"""A past to be asked about: what every series told in some days, by arithmetic alone.

Every observation follows from the seed, the number of its series, its day and its place in that
day, so that any part can be made again, in any order, without the store that is judged by it.
Values are quantised as sensors do; times are whole milliseconds. Some values lie beyond the limit
of their series, and some are of bad quality (then they lie beyond it too, and must never count).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from tianmu.facts.batch import BAD, GOOD

DAY_MS = 86_400_000
DENSE = 1440
"""observations of a day: once a minute"""
BEYOND_EVERY = 400
"""of so many observations one lies beyond the limit"""
BAD_EVERY = 1000
"""of so many observations one is of bad quality"""
RECORDS, DAYS, SERIES, DENSE_SERIES = 220_000_000, 7, 1_560_000, 10_000
"""records, days, series, and how many of these speak once a minute (``CONTRACTS.md``)"""

F64 = NDArray[np.float64]
Rows = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Past:
    """``n`` series over ``days`` UTC days from ``start`` (µs); columns by series, shape (n,):
    ``per_day`` observations a day, usual ``mean``, ``daily`` swing and ``noise``, ``ticks`` (steps
    of a unit: 10 for values to a tenth) and ``limit``, above which a value exceeds (infinite where
    nothing can)."""

    seed: int
    start: int
    days: int
    per_day: NDArray[np.int64]
    mean: F64
    daily: F64
    noise: F64
    ticks: F64
    limit: F64

    @property
    def series(self) -> int:
        return len(self.per_day)

    @property
    def records(self) -> int:
        """Observations of all days."""
        return int(self.per_day.sum()) * self.days

    def rows(
        self, day: int, low_ms: int, high_ms: int, first: int = 0, last: int | None = None
    ) -> Rows:
        """Observations of series ``first`` to before ``last`` on a day (0 …), from ``low_ms`` to
        before ``high_ms`` of it, sorted by series and time: ``series`` (its number), ``time``
        (µs), ``value``, ``quality``."""
        last = self.series if last is None else last
        slot = DAY_MS // self.per_day[first:last]
        most = np.minimum(-(-high_ms // slot), self.per_day[first:last])
        room = int(np.maximum(most - low_ms // slot, 0).sum())
        made: Rows = {
            "series": np.empty(room, np.uint32),
            "time": np.empty(room, np.int64),
            "value": np.empty(room, np.float64),
            "quality": np.empty(room, np.uint8),
        }
        columns = (self.per_day, self.mean, self.daily, self.noise, self.ticks, self.limit)
        n = _fill(
            np.uint64(self.seed), day, self.start, low_ms, high_ms, first, last, *columns,
            *made.values(),
        )  # fmt: skip
        return {name: values[:n] for name, values in made.items()}

    def pieces(self, day: int, rows: int) -> Iterator[Rows]:
        """All observations of a day as they come, in stretches of about ``rows``."""
        stretches = max(1, -(-int(self.per_day.sum()) // rows))
        bounds = np.linspace(0, DAY_MS, stretches + 1).astype(int).tolist()
        for low, high in itertools.pairwise(bounds):
            yield self.rows(day, low, high)


@numba.njit(cache=True)
def _mixed(x: Any) -> Any:
    """64 even bits of 64: the finisher of SplitMix64."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@numba.njit(cache=True)
def _fill(
    seed: Any, day: Any, start: Any, low_ms: Any, high_ms: Any, first: Any, last: Any,
    per_day: Any, mean: Any, daily: Any, noise: Any, ticks: Any, limit: Any,
    series: Any, time: Any, value: Any, quality: Any,
) -> Any:  # fmt: skip
    """Write the rows asked for; how many."""
    n = 0
    for number in range(first, last):
        times = per_day[number]
        slot = DAY_MS // times
        own = _mixed(seed + np.uint64(number) * np.uint64(0x9E3779B97F4A7C15))
        # dense ones speak at their own second of the minute, give or take; others at any time
        dense = times == DENSE
        apart = np.int64(own % np.uint64(59_000)) if dense else 0
        spread = np.uint64(1000) if dense else np.uint64(slot)
        for place in range(low_ms // slot, min((high_ms - 1) // slot + 1, times)):
            mixed = _mixed(own + np.uint64(day * DENSE + place) * np.uint64(0xD1B54A32D192ED03))
            at = place * slot + apart + np.int64(mixed % spread)
            if at < low_ms or at >= high_ms:
                continue
            mixed = _mixed(mixed + np.uint64(1))
            bell = (
                np.float64(mixed & np.uint64(0xFFFF))
                + np.float64((mixed >> np.uint64(16)) & np.uint64(0xFFFF))
                + np.float64((mixed >> np.uint64(32)) & np.uint64(0xFFFF))
            ) / 32768 - 3  # of three even ones: standard deviation 1
            told = mean[number] + noise[number] * bell
            told += daily[number] * np.sin(at * (2 * np.pi / DAY_MS))
            chance = mixed >> np.uint64(48)
            bad = chance % np.uint64(BAD_EVERY) == np.uint64(7)
            if (bad or chance % np.uint64(BEYOND_EVERY) == np.uint64(3)) and np.isfinite(
                limit[number]
            ):
                told = limit[number] + 1 + np.float64(mixed & np.uint64(0xFF)) / 16
            series[n] = number
            time[n] = start + (day * DAY_MS + at) * 1000
            value[n] = np.round(told * ticks[number]) / ticks[number]
            quality[n] = BAD if bad else GOOD
            n += 1
    return n


def rhythm(
    records: int, days: int, series: int, dense: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Observations a day by series, about ``records`` in all: ``dense`` of them speak once a
    minute, the rest a few times a day. Raises ``ValueError`` where that leaves the rest less than
    one a day."""
    usual = (records / days - dense * DENSE) / max(series - dense, 1)
    if usual < 1:
        raise ValueError(
            f"{records} records of {series} series in {days} days, {dense} of them once a minute, "
            f"leave the others {usual:.2f} a day: ask for more records or fewer series"
        )
    per_day = np.maximum(np.round(usual * rng.uniform(0.5, 1.5, series)), 1).astype(np.int64)
    per_day[rng.choice(series, dense, replace=False)] = DENSE
    return per_day
