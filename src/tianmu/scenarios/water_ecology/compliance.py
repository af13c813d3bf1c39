"""Sections over a period: the class of their mean figures, and how often they kept their target.

As the bureaus do it: figures of a period are averaged item by item, then the worst item decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tianmu.scenarios.water_ecology.figures import Figures
from tianmu.scenarios.water_ecology.rows import Stations
from tianmu.scenarios.water_ecology.surface import NONE, Judged, judge

PERIODS = {"day": "D", "month": "M", "year": "Y", "all": ""}
"""period → NumPy's unit; a quarter is made of months"""


@dataclass(frozen=True)
class Sections:
    """One entry for each station and period that occurs."""

    stations: Stations
    """of the rows"""
    of_row: NDArray[np.int64]
    """entry of each row"""
    station: NDArray[np.int64]
    """place of the station in ``stations.names``, shape (entries,)"""
    period: NDArray[np.str_]
    """``2021-04``, ``2021-Q2``…"""
    samples: NDArray[np.int64]
    """rows with a figure for every item that the section has in most rows of the period"""
    kept: NDArray[np.int64]
    """of these, rows at the target or better"""
    means: tuple[Figures, ...]
    """items averaged over the period"""
    judged: Judged
    """the means judged"""


def period_names(at: NDArray[np.datetime64], period: str) -> NDArray[np.str_]:
    """The period that each time lies in, by name."""
    if period == "quarter":
        months = at.astype("datetime64[M]").astype(np.int64)
        years = at.astype("datetime64[Y]").astype(str)
        quarter = (months % 12 // 3 + 1).astype(np.str_)
        return np.char.add(np.char.add(years, "-Q"), quarter)
    unit = PERIODS[period]
    return at.astype(f"datetime64[{unit}]").astype(str) if unit else np.full(len(at), "all")


def sections(
    figures: Sequence[Figures],
    stations: Stations,
    at: NDArray[np.datetime64],
    *,
    water: str,
    target: int | NDArray[np.int8],
    period: str,
) -> Sections:
    """Judge every station over every ``period`` (day, month, quarter, year, all) against class
    number ``target``, or that of each row (of an entry, that of its first row)."""
    names, numbers = np.unique(period_names(at, period), return_inverse=True)
    entries, first, of_row = np.unique(
        stations.codes.astype(np.int64) * len(names) + numbers,
        return_index=True,
        return_inverse=True,
    )
    count = len(entries)
    rows = judge(figures, water, target)
    worst = rows.worst
    rated = (worst != NONE) & _whole(rows, of_row, count)
    means = tuple(_mean(one, of_row, count) for one in figures)
    return Sections(
        stations,
        of_row,
        entries // max(len(names), 1),
        names[entries % max(len(names), 1)],
        np.bincount(of_row[rated], minlength=count),
        np.bincount(of_row[rated & (worst <= target)], minlength=count),
        means,
        judge(means, water, target if isinstance(target, int) else target[first]),
    )


def _whole(judged: Judged, of_row: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Rows that lack nothing that most rows of their entry have: a class from less than that may
    be better than the water was."""
    size = np.bincount(of_row, minlength=count)
    whole = np.ones(len(of_row), np.bool_)
    for numbers in judged.numbers:
        there = numbers != NONE
        expected = 2 * np.bincount(of_row[there], minlength=count) > size
        whole &= there | ~expected[of_row]
    return whole


def _mean(one: Figures, of_row: NDArray[np.int64], count: int) -> Figures:
    known = ~np.isnan(one.values)
    number = np.bincount(of_row[known], minlength=count)
    total = np.bincount(of_row[known], one.values[known], minlength=count)
    with np.errstate(invalid="ignore"):
        values = total / number
    return replace(one, values=values, below=np.zeros(count, np.bool_))
