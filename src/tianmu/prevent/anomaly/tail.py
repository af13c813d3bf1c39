"""How probable a distance is, by the stream's own distances: three quantiles followed in one pass
on a logarithmic scale, and a Weibull tail through them; and what is claimed of rare values made
honest by how often they come."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tianmu.prevent.anomaly.layout import RARE, RARER, SLOW_TAIL, TAIL

START = (math.log(0.6745), math.log(1.96), math.log(2.807))
"""of a normal distribution"""
AT = (math.log(math.log(2)), math.log(math.log(20)), math.log(math.log(200)))
"""log(−log(tail)) at 0.5, 0.95 and 0.995"""
LEAST = -5.0
"""log distance below which all is the same"""
FLATTEST, STEEPEST = 0.4, 3.0
"""of the tail's slope (the Weibull's shape) beyond the last quantile: between zeros and the few
other values of rain it would be next to nothing"""


HUNDRED, TEN = math.log(100), math.log(10)
RARE_LOW, RARE_HIGH = -0.5, 4.0
"""within which the rarest of 100 values may be another than is claimed, in logarithms"""
RARE_GAIN, RARE_AFTER, RARE_LEAST = 100.0, 1000.0, 0.03
"""steps in which that is followed: as an average over all values would, as if ``RARE_AFTER`` had
come before the first, and at the least"""
RARER_LOW, RARER_HIGH = -1.0, 6.0
"""the same of the rarest of 1000 values, beside what follows from the rarest of 100"""
RARER_GAIN, RARER_AFTER, RARER_LEAST = 1000.0, 1500.0, 0.1
NARROWEST = 0.3
"""in logarithms as they are claimed, between the rarest of 100 and the rarest of 1000"""
HOUR_S = 3600.0


@njit(cache=True)
def begin(small):
    for i in range(3):
        small[TAIL + i] = START[i]
    for i in range(2):
        small[SLOW_TAIL + i] = START[i + 1]


@njit(cache=True)
def chance(distance, low, middle, high):
    """Probability that a usual distance is at least this one, by its log quantiles."""
    u = math.log(distance) if distance > 0.0067 else LEAST
    slope = (AT[2] - AT[1]) / max(high - middle, 0.02)
    if u >= high:
        power = AT[2] + min(max(slope, FLATTEST), STEEPEST) * (u - high)
    elif u >= middle:
        power = AT[1] + slope * (u - middle)
    else:
        power = AT[1] + (AT[1] - AT[0]) / max(middle - low, 0.02) * (u - middle)
    return math.exp(-math.exp(power)) if power < 6.5 else 0.0


@njit(cache=True)
def learn(small, at, distance, count, pace, seldom):
    """Move the upper two quantiles, which lie from ``at`` on, a bounded step: one wild value moves
    them no farther than a mild one. Gives the logarithm of the distance.

    ``pace`` below 1 is for distances that follow each other closely; ``seldom`` above 1 has the
    last quantile come down within weeks where few values come in one."""
    u = math.log(distance) if distance > 0.0067 else LEAST
    middle = min(max(4.0 / count, 0.02 * pace), 0.3)
    high = min(max(20.0 / count, 0.04 * pace * seldom), 0.3)
    small[at] += middle * (0.95 if u > small[at] else -0.05)
    small[at + 1] += high * (0.995 if u > small[at + 1] else -0.005)
    small[at + 1] = max(small[at + 1], small[at] + np.float32(0.05))
    return u


@njit(cache=True)
def learn_low(small, u, count):
    """The same of the middle of the distances, whose logarithm is ``u``."""
    low = min(max(2.0 / count, 0.01), 0.3)
    small[TAIL] += low * (0.5 if u > small[TAIL] else -0.5)
    small[TAIL + 1] = max(small[TAIL + 1], small[TAIL])
    small[TAIL + 2] = max(small[TAIL + 2], small[TAIL + 1] + np.float32(0.05))


@njit(cache=True)
def honest(small, claimed):
    """A chance that is claimed as one that comes as often as it says: a line through the rarest of
    100 and the rarest of 1000 values, both in logarithms, and on beyond."""
    if claimed <= 0:
        return 0.0
    rare = -math.log(claimed)
    hundred = HUNDRED + small[RARE]
    if rare <= hundred:
        return math.exp(-rare * HUNDRED / hundred)
    wide = max(hundred * TEN / HUNDRED + small[RARER], NARROWEST)
    return 0.01 * math.exp(-(rare - hundred) * TEN / wide)


@njit(cache=True)
def learn_honest(small, claimed, count, step, rarer):
    """Follow the chances that are claimed for the rarest of 100 values and, with ``rarer``, of
    1000; by the time that a value stands for (``step`` seconds), as what is rare comes in
    clusters: a drift of a day must not teach that it is usual."""
    stands = min(step / HOUR_S, 1.0)
    beyond = claimed < 0.02 and claimed < 0.01 * math.exp(-small[RARE])
    far = beyond and honest(small, claimed) < 0.001
    gain = max(RARE_GAIN / (RARE_AFTER + count), RARE_LEAST) * stands
    moved = small[RARE] + gain * (0.99 if beyond else -0.01)
    small[RARE] = min(max(moved, RARE_LOW), RARE_HIGH)
    if not rarer:
        return
    gain = max(RARER_GAIN / (RARER_AFTER + count), RARER_LEAST) * stands
    moved = small[RARER] + gain * (0.999 if far else -0.001)
    small[RARER] = min(max(moved, RARER_LOW), RARER_HIGH)
