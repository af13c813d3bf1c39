"""How probable a distance is, by the stream's own distances: three quantiles followed in one pass
on a logarithmic scale, and a Weibull tail through them."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

START = (math.log(0.6745), math.log(1.96), math.log(2.807))
"""of a normal distribution"""
AT = (math.log(math.log(2)), math.log(math.log(20)), math.log(math.log(200)))
"""log(−log(tail)) at 0.5, 0.95 and 0.995"""
LEAST = -5.0
"""log distance below which all is the same"""
FLATTEST, STEEPEST = 0.4, 3.0
"""of the tail's slope (the Weibull's shape) beyond the last quantile: between zeros and the few
other values of rain it would be next to nothing"""


@njit(cache=True)
def begin(small, at):
    for i in range(3):
        small[at + i] = START[i]


@njit(cache=True)
def chance(small, at, distance):
    """Probability that a usual distance is at least this one."""
    u = math.log(distance) if distance > 0.0067 else LEAST
    middle = small[at + 1]
    high = small[at + 2]
    slope = (AT[2] - AT[1]) / max(high - middle, 0.02)
    if u >= high:
        power = AT[2] + min(max(slope, FLATTEST), STEEPEST) * (u - high)
    elif u >= middle:
        power = AT[1] + slope * (u - middle)
    else:
        power = AT[1] + (AT[1] - AT[0]) / max(middle - small[at], 0.02) * (u - middle)
    return math.exp(-math.exp(power)) if power < 6.5 else 0.0


@njit(cache=True)
def learn(small, at, distance, count, pace, seldom):
    """Move each quantile a bounded step: one wild value moves it no farther than a mild one.

    ``pace`` below 1 is for distances that follow each other closely; ``seldom`` above 1 has the
    last quantile come down within weeks where few values come in one."""
    u = math.log(distance) if distance > 0.0067 else LEAST
    low = min(max(2.0 / count, 0.01 * pace), 0.3)
    middle = min(max(4.0 / count, 0.02 * pace), 0.3)
    high = min(max(20.0 / count, 0.04 * pace * seldom), 0.3)
    small[at] += low * (0.5 if u > small[at] else -0.5)
    small[at + 1] += middle * (0.95 if u > small[at + 1] else -0.05)
    small[at + 2] += high * (0.995 if u > small[at + 2] else -0.005)
    small[at + 1] = max(small[at + 1], small[at])
    small[at + 2] = max(small[at + 2], small[at + 1] + np.float32(0.05))
