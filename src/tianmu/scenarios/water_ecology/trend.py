"""Whether a water gets better or worse: the seasonal Mann–Kendall test and Sen's slope.

Hirsch, Slack and Smith, Water Resources Research 18 (1982) 107–121. Each season is compared with
itself in other years only, so the course of the year is no trend. Figures of one season of one
year are first brought to their median. Seasons are taken as independent of each other: without
that, p is too small (Hirsch and Slack 1984 need ten years to correct it).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray

YEAR_S = 31_556_952.0
"""a mean Gregorian year"""
SEASONS = ("month", "quarter", "hour", "none")
FEWEST = 4
"""fewer comparisons than this say nothing"""


@dataclass(frozen=True)
class Trend:
    """What one series says."""

    periods: int
    """medians that were compared"""
    s: int
    """Kendall's S, summed over seasons"""
    z: float
    p: float
    """two-sided; nan where there is too little"""
    slope: float
    """Sen's, units a year; nan where there is too little"""

    def direction(self, alpha: float) -> int:
        """1 rising, -1 falling, 0 neither at this level of significance."""
        return 0 if not self.p < alpha else (1 if self.s > 0 else -1)


def periods(at: NDArray[np.datetime64], season: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(year, season of it) of each time. For ``hour`` a "year" is a day, a season an hour of it;
    for ``none`` every instant is a year of the one season."""
    seconds = at.astype("datetime64[s]").astype(np.int64)
    if season == "hour":
        return seconds // 86_400, seconds % 86_400 // 3600
    if season == "none":
        return seconds, np.zeros(len(at), np.int64)
    months = at.astype("datetime64[M]").astype(np.int64)
    width = 3 if season == "quarter" else 1
    return months // 12, months % 12 // width


def medians(
    at: NDArray[np.datetime64], values: NDArray[np.float64], season: str
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """(season, middle time in seconds, median) of each season of each year, by season and time."""
    known = ~np.isnan(values)
    at, values = at[known], values[known]
    year, which = periods(at, season)
    order = np.lexsort((values, year, which))
    year, which, values = year[order], which[order], values[order]
    seconds = at.astype("datetime64[s]").astype(np.float64)[order]
    new = np.append(True, (np.diff(year) != 0) | (np.diff(which) != 0)) if len(year) else year > 0
    first = np.flatnonzero(new)
    count = np.diff(np.append(first, len(year)))
    middle = (values[first + (count - 1) // 2] + values[first + count // 2]) / 2
    mean_time = np.add.reduceat(seconds, first) / count if len(first) else seconds
    return which[first], mean_time, middle


def seasonal(at: NDArray[np.datetime64], values: NDArray[np.float64], season: str) -> Trend:
    """The trend of one series; ``values`` may hold nan. Memory grows with the square of the years
    (of the instants, for season ``none``)."""
    which, when, middle = medians(at, values, season)
    s, variance, compared = 0, 0.0, 0
    slopes: list[NDArray[np.float64]] = []
    for one in np.unique(which):
        own = which == one
        y, t = middle[own], when[own]
        upper = np.triu_indices(len(y), 1)
        rise = y[upper[1]] - y[upper[0]]
        s += int(np.sign(rise).sum())
        compared += len(rise)
        slopes.append(rise / (t[upper[1]] - t[upper[0]]))
        variance += _variance(y)
    if compared < FEWEST or variance == 0:
        return Trend(len(middle), s, 0.0, np.nan, np.nan if compared < FEWEST else 0.0)
    z = (s - np.sign(s)) / sqrt(variance)
    slope = float(np.median(np.concatenate(slopes))) * YEAR_S
    return Trend(len(middle), s, float(z), erfc(abs(z) / sqrt(2)), slope)


def _variance(y: NDArray[np.float64]) -> float:
    """Variance of S of one season where nothing changes, ties reckoned with."""

    def term(n: NDArray[np.int64]) -> float:
        return float((n * (n - 1) * (2 * n + 5)).sum())

    ties = np.unique(y, return_counts=True)[1]
    return (term(np.array([len(y)])) - term(ties)) / 18.0
