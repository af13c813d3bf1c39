"""The Chinese five-class index of forest-fire danger by weather, day by day.

LY/T 1172-95: index = A (highest temperature) + B (lowest humidity) + C (rain and days since) +
D (strongest wind) − E (green and snow cover). Its figures stand in ``scenario.toml`` with what is
known of each: of the cut-offs and the wind table the source is known, of the rest it is
recollection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

Steps = tuple[tuple[float, float], ...]
"""(up to and with this, so many points), rising; above the last: the last's points"""


class Rain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    upto: float
    """mm of the day, with it"""
    points: float
    """C of the day of the rain"""
    holds: int = 0
    """so many days more"""


class Figures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[settings.danger]`` of ``scenario.toml``."""

    basis: str
    temp: Steps
    humidity: Steps
    wind: Steps
    wet_from: float
    """mm of a day below which it counts as dry"""
    rain: tuple[Rain, ...]
    per_day: float
    """points of C for each dry day"""
    most: float
    """points of C at the most"""
    green: Steps
    """(from this % of cover on, points of E)"""
    snow: Steps
    cuts: tuple[float, float, float, float]
    """highest index of classes 1 to 4"""


@dataclass(frozen=True)
class DryDays:
    """What C carries from one day to the next."""

    points: float = 0.0
    held: int = 0
    """days that the points still stay"""


@dataclass(frozen=True)
class Danger:
    """One day."""

    temp: float
    humidity: float
    dry: float
    wind: float
    season: float
    index: float
    grade: int
    """1…5"""
    dry_days: DryDays


def next_danger(
    figures: Figures,
    before: DryDays,
    *,
    temp: float,
    humidity: float,
    rain: float,
    wind: float,
    green: float = 0.0,
    snow: float = 0.0,
) -> Danger:
    """The day after ``before``: highest °C, lowest %, mm, strongest m/s, % of cover."""
    dry = _dry(figures, before, rain)
    a, b, d = (
        _points(figures.temp, temp), _points(figures.humidity, humidity),
        _points(figures.wind, wind),
    )  # fmt: skip
    e = max(_cover(figures.green, green), _cover(figures.snow, snow))
    index = max(0.0, a + b + dry.points + d - e)
    return Danger(a, b, dry.points, d, e, index, grade_of(figures, index), dry)


def grade_of(figures: Figures, index: float) -> int:
    """Class of an index, 1…5."""
    return 1 + sum(index > cut for cut in figures.cuts)


def _dry(figures: Figures, before: DryDays, rain: float) -> DryDays:
    if rain >= figures.wet_from:
        of = next((one for one in figures.rain if rain <= one.upto), figures.rain[-1])
        return DryDays(of.points, of.holds)
    if before.held:
        return DryDays(before.points, before.held - 1)
    return DryDays(min(figures.most, before.points + figures.per_day))


def _points(steps: Sequence[tuple[float, float]], value: float) -> float:
    return next((points for upto, points in steps if value <= upto), steps[-1][1])


def _cover(steps: Sequence[tuple[float, float]], percent: float) -> float:
    return max((points for least, points in steps if percent >= least), default=0.0)
