"""Streams made by seed, with faults put in."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

BEGIN = 1_609_459_200  # 2021-01-01
DAY = 86_400
FAULTS = ("spike", "shift", "stuck", "drift")
WITHIN = {"spike": 2, "shift": 24, "stuck": 60, "drift": 576}
"""values after its beginning within which a fault is to be found"""

Stream = tuple[NDArray[np.int64], NDArray[np.float64]]


def made(
    seed: int, *, days: float = 28, step: float = 300, phi: float = 0.0, season: float = 0.0,
    round_to: float = 0.0, level: float = 20.0,
) -> Stream:  # fmt: skip
    """(µs, values): noise of standard deviation 1, autocorrelated by ``phi``, on seasons of day and
    week."""
    draw = np.random.default_rng(seed)
    n = int(days * DAY / step)
    t = np.arange(n) * step
    noise = draw.normal(0, math.sqrt(1 - phi * phi), n)
    value = np.empty(n)
    before = 0.0
    for i in range(n):
        before = value[i] = phi * before + noise[i]
    day = t / DAY
    value += season * np.sin(2 * np.pi * day) * (1 + 0.1 * np.sin(2 * np.pi * day / 7)) + level
    if round_to:
        value = np.round(value / round_to) * round_to
    return ((BEGIN + t) * 1_000_000).astype(np.int64), value


def rain(seed: int, days: float = 28, step: float = 300) -> Stream:
    """(µs, mm): nothing most of the time, in showers of about an hour."""
    draw = np.random.default_rng(seed)
    n = int(days * DAY / step)
    value = np.zeros(n)
    for begin in np.flatnonzero(draw.random(n) < 0.003):
        length = draw.integers(3, 24)
        fallen = draw.exponential(1.0, length)[: n - begin]
        value[begin : begin + length] += fallen
    t = BEGIN + np.arange(n) * step
    return (t * 1_000_000).astype(np.int64), np.round(value / 0.2) * 0.2


def counter(seed: int, busy: str, days: float = 28, step: float = 300) -> Stream:
    """(µs, reading): a meter that counts on, evenly with some noise, by chance, or by day."""
    draw = np.random.default_rng(seed)
    t = np.arange(int(days * DAY / step)) * step
    swing = np.sin(2 * np.pi * (t / DAY - 0.4))
    more = {
        "steady": lambda: 10 + draw.normal(0, 1, len(t)),
        "noisy": lambda: np.abs(10 + draw.normal(0, 6, len(t))),
        "by chance": lambda: draw.poisson(5, len(t)),
        "by day": lambda: draw.poisson(np.clip(5 + 4 * swing, 0.2, None)),
    }[busy]()
    return ((BEGIN + t) * 1_000_000).astype(np.int64), np.cumsum(more).astype(np.float64)


def counts(seed: int, days: float = 28, step: float = 300, mean: float = 20) -> Stream:
    """(µs, how many): of people or cars, by a shape of the day, next to none at night; busier and
    less so for some hours, and by two fifths fewer on weekends."""
    draw = np.random.default_rng(seed)
    t = np.arange(int(days * DAY / step)) * step
    shape = np.interp(
        t / 3600 % 24, [0, 5, 7, 9, 12, 17, 19, 24], [0.1, 0.02, 0.6, 1.3, 1.0, 1.4, 0.9, 0.1]
    )
    rate = mean * shape * np.where((t // DAY + 4) % 7 >= 5, 0.6, 1.0)  # it begins on a Friday
    keep, level, busy = math.exp(-step / 7_200), float(draw.normal()), np.empty(len(t))
    for i in range(len(t)):
        busy[i] = level
        level = keep * level + math.sqrt(1 - keep * keep) * float(draw.normal())
    found = draw.poisson(rate * np.exp(0.3 * busy - 0.045)).astype(np.float64)
    return ((BEGIN + t) * 1_000_000).astype(np.int64), found


def office(seed: int, days: float = 56, step: float = 300, phi: float = 0.5) -> Stream:
    """(µs, power): two sharp peaks on workdays, one flat hump on weekends; noise of standard
    deviation 1, autocorrelated by ``phi``."""
    draw = np.random.default_rng(seed)
    t = np.arange(int(days * DAY / step)) * step
    hour = t / 3600 % 24
    work = np.interp(
        hour,
        [0, 6, 7.5, 8.5, 10, 12, 14, 17, 18.5, 20, 24],
        [0, 0.6, 6, 12, 7.2, 6, 6.6, 13.2, 7.2, 2.4, 0],
    )
    rest = np.interp(hour, [0, 8, 11, 16, 22, 24], [0, 1.2, 4.8, 5.4, 1.8, 0])
    weekend = (t // DAY + 4) % 7 >= 5  # it begins on a Friday
    value = np.where(weekend, rest, work).astype(np.float64)
    before = 0.0
    for i, new in enumerate(draw.normal(0, math.sqrt(1 - phi * phi), len(t))):
        before = phi * before + float(new)
        value[i] += 20 + before
    rounded: NDArray[np.float64] = np.round(value, 2)
    return ((BEGIN + t) * 1_000_000).astype(np.int64), rounded


def put(fault: str, value: NDArray[np.float64], at: int, size: float) -> NDArray[np.float64]:
    """``value`` with a fault that begins at row ``at``."""
    spoilt = value.copy()
    if fault == "spike":
        spoilt[at] += size
    elif fault == "shift":
        spoilt[at:] += size
    elif fault == "stuck":
        spoilt[at : at + 60] = spoilt[at]
    elif fault == "drift":  # ``size`` in two days of values every five minutes
        spoilt[at:] += np.arange(len(value) - at) * size / WITHIN["drift"]
    else:
        raise ValueError(fault)
    return spoilt
