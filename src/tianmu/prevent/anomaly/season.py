"""Seasons of the day and of the week by the clock of the place."""

from __future__ import annotations

import numpy as np
from numba import njit

from tianmu.prevent.anomaly.layout import AGE, DAY, HOURS, WEEK, WEEKEND

DAY_S = 86_400.0
HOUR_S = 3_600.0
SATURDAY = 5
NODES = (0, 4, *range(6, 23))
"""hours of the nodes in which a weekend's day differs; from the last to midnight a straight line"""
_FIRST = np.searchsorted(NODES, np.arange(24), side="right") - 1
"""by hour of the day: the node before it"""
_AT = np.array(NODES, np.float64)[_FIRST]
_WIDTH = np.diff((*NODES, 24.0))[_FIRST]
UNKNOWN = 3.0
"""weekend days that what is known of none counts for: the first ones are believed in part only"""
ALIKE_DAYS = 5.0
"""until which weekends teach the shape of all days: a stream may begin with one"""


@njit(cache=True)
def place(t):
    """(hour of the day with its fraction, day of the week from Monday) at ``t`` seconds since 1970
    by the clock of the place."""
    day = t // DAY_S
    return (t - day * DAY_S) / HOUR_S, int((day + 3) % 7)  # 1970 began on a Thursday


@njit(cache=True)
def season(small, hour, weekday):
    first = int(hour)
    part = hour - first
    here, there = small[DAY + first], small[DAY + (first + 1) % 24]
    found = here + part * (there - here) + small[WEEK + weekday]
    if weekday >= SATURDAY:
        node = _FIRST[first]
        part = (hour - _AT[first]) / _WIDTH[first]
        here, there = small[WEEKEND + node], small[WEEKEND + (node + 1) % len(NODES)]
        found += here + part * (there - here)
    return found


@njit(cache=True)
def learn_season(small, hour, weekday, residual, size, dt):
    """Give a part of a bounded residual to the nodes beside the hour and to the day of the week,
    and of its innovation's size to the hours: more on the first days, and by the time that the
    value stands for, so that many values an hour teach no faster than one."""
    age = small[AGE]
    first = int(hour)
    part = hour - first
    if weekday >= SATURDAY:
        node = _FIRST[first]
        there = (hour - _AT[first]) / _WIDTH[first]
        gain = max(1.0 / (age * 2.0 / 7.0 + UNKNOWN), 0.1)
        gain *= min(dt / (HOUR_S * _WIDTH[first]), 1.0)
        small[WEEKEND + node] += gain * (1.0 - there) * residual
        small[WEEKEND + (node + 1) % len(NODES)] += gain * there * residual
    if weekday < SATURDAY or age < ALIKE_DAYS:
        gain = max(1.0 / (age + 1.0), 0.1) * min(dt / HOUR_S, 1.0)
        small[DAY + first] += gain * (1.0 - part) * residual
        small[DAY + (first + 1) % 24] += gain * part * residual
    gain = max(min(1.0 / (age / 7.0 + 1.0), 0.4), 0.1) * min(dt / DAY_S, 1.0)
    small[WEEK + weekday] += gain * residual
    at = HOURS + first // 3
    gain = max(1.0 / (age + 1.0), 0.1) * min(dt / (3 * HOUR_S), 1.0)
    small[at] += gain * (size - small[at])


@njit(cache=True)
def center(small):
    """Take what all nodes have in common out of the seasons: it is level, and is returned; and out
    of the weekend's shape, for its days. Else the two could drift apart without end."""
    day = week = weekend = 0.0
    for hour in range(24):
        weekend += small[WEEKEND + _FIRST[hour]] / 24
        day += small[DAY + hour] / 24
    for i in range(len(NODES)):
        small[WEEKEND + i] -= weekend
    for i in range(SATURDAY, 7):
        small[WEEK + i] += weekend
    for i in range(7):
        week += small[WEEK + i] / 7
    for hour in range(24):
        small[DAY + hour] -= day
    for i in range(7):
        small[WEEK + i] -= week
    return day + week
