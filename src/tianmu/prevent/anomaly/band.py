"""What is usual of a datastream at a time: the middle of its values, how far from it they lie."""

from __future__ import annotations

import math

from numba import njit

from tianmu.prevent.anomaly.kernel import CLOSEST, SIZE
from tianmu.prevent.anomaly.layout import (
    AGE,
    BASE,
    COUNT,
    CROSS,
    HOURS,
    LEVEL,
    RESOLUTION,
    SPREAD,
    SQUARE,
    STEP,
    TAIL,
    TIME,
    TREND,
)
from tianmu.prevent.anomaly.season import DAY_S, place, season


@njit(cache=True)
def ready(small):
    """Whether enough has come to judge by (as the kernel warms up)."""
    count, age = small[COUNT], small[AGE]
    if small[STEP] >= DAY_S / 4:
        return count >= 30
    return count >= 100 and (age >= 2 or count >= 400)


@njit(cache=True)
def usual(exact, small, t, clock):
    """(middle, half the band's width) of usual values at ``t``, seconds since 1970, whatever the
    value before was; ``clock`` as for ``kernel.step``."""
    hour, weekday = place(t + clock)
    ahead = min(max(t - exact[TIME], 0.0), DAY_S)
    middle = exact[BASE] + small[LEVEL] + small[TREND] * ahead + season(small, hour, weekday)
    age = small[AGE]
    trust = age * age / (age * age + 4)
    usually = trust * small[HOURS + int(hour) // 3] + (1 - trust) * small[SPREAD]
    spread = SIZE * max(usually, 0.2 * small[RESOLUTION], 1e-30)
    memory = 0.0
    if small[SQUARE] > 0 and small[COUNT] > 10:
        memory = min(max(small[CROSS] / small[SQUARE], 0.0), CLOSEST)
    return middle, math.exp(small[TAIL + 2]) * spread / math.sqrt(1 - memory * memory)
