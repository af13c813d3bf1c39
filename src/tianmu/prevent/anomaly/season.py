"""Seasons of the day and of the week by the clock of the timestamps."""

from __future__ import annotations

from numba import njit

from tianmu.prevent.anomaly.layout import AGE, DAY, HOURS, WEEK

DAY_S = 86_400.0
HOUR_S = 3_600.0


@njit(cache=True)
def place(t):
    """(hour of the day with its fraction, block of the week) at ``t`` seconds since 1970."""
    day = t // DAY_S
    hour = (t - day * DAY_S) / HOUR_S
    return hour, int((day + 3) % 7) * 4 + int(hour // 6)  # 1970 began on a Thursday


@njit(cache=True)
def season(small, hour, block):
    first = int(hour)
    part = hour - first
    here, there = small[DAY + first], small[DAY + (first + 1) % 24]
    return here + part * (there - here) + small[WEEK + block]


@njit(cache=True)
def learn_season(small, hour, block, residual, size, dt):
    """Give a part of a bounded residual to the nodes beside the hour and to the block of the week,
    and of its innovation's size to the hours: more on the first days, and by the time that the
    value stands for, so that many values an hour teach no faster than one."""
    age = small[AGE]
    first = int(hour)
    part = hour - first
    gain = max(1.0 / (age + 1.0), 0.1) * min(dt / HOUR_S, 1.0)
    small[DAY + first] += gain * (1.0 - part) * residual
    small[DAY + (first + 1) % 24] += gain * part * residual
    gain = max(min(1.0 / (age / 7.0 + 1.0), 0.4), 0.1) * min(dt / (6 * HOUR_S), 1.0)
    small[WEEK + block] += gain * residual
    at = HOURS + first // 3
    gain = max(1.0 / (age + 1.0), 0.1) * min(dt / (3 * HOUR_S), 1.0)
    small[at] += gain * (size - small[at])


@njit(cache=True)
def center(small):
    """Take what all nodes have in common out of the seasons: it is level, and is returned. Else
    the two could drift apart without end."""
    day = week = 0.0
    for i in range(24):
        day += small[DAY + i] / 24
    for i in range(28):
        week += small[WEEK + i] / 28
    for i in range(24):
        small[DAY + i] -= day
    for i in range(28):
        small[WEEK + i] -= week
    return day + week
