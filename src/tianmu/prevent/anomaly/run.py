"""Values that stand still: a run of one value that is long for this stream."""

from __future__ import annotations

import numpy as np
from numba import njit

from tianmu.prevent.anomaly.layout import (
    ASTRAY,
    ASTRAY_LONGEST,
    COUNT,
    LAST,
    LONGEST,
    REPEATS,
    REST,
    RUN,
    TOLD,
)

SHORTEST = 5.0
"""no shorter run is stuck"""
LONGER = 3.0
"""than the longest one known"""
LEAST_ALIKE = 0.01
"""chance that two values are one and the same at the least, however finely they are told"""


@njit(cache=True)
def stand(exact, small, x, warm, astray, alike):
    """Take value ``x`` into the run; the probability of a run at least as long, 1 where it is not
    longer than runs that this stream has had, or where it rests at the value it mostly has.

    ``astray``: another value was to be expected; ``alike``: how likely it then is, by what is usual
    at this hour, that a value is the one before."""
    count = small[COUNT]
    same = x == exact[LAST]
    if not same:
        if small[TOLD] == 0 and small[RUN] >= small[LONGEST]:
            small[LONGEST] = small[RUN]
            small[REST] = np.float32(exact[LAST])
        elif small[TOLD] == 1:  # a habit, should it come again and again
            small[LONGEST] = min(small[RUN], small[LONGEST] * np.float32(1.5) + 1)
        small[RUN] = 1
    else:
        small[RUN] += 1
        if warm and small[RUN] > small[LONGEST]:
            small[LONGEST] = small[RUN]
            small[REST] = np.float32(x)
    rests = np.float32(x) == small[REST] and small[REPEATS] > 0.5
    astray = astray and not rests
    if not (same and astray) and small[ASTRAY] > 0:
        longest = small[ASTRAY_LONGEST]
        most = small[ASTRAY] if small[TOLD] == 0 else longest * np.float32(1.5) + 1
        small[ASTRAY_LONGEST] = max(longest, min(small[ASTRAY], most))
        small[ASTRAY] = 0
    if not same:
        small[TOLD] = 0
    if astray:
        small[ASTRAY] += 1
    run = small[RUN]
    if run <= LONGER * max(small[LONGEST], np.float32(1)):
        gain = max(1.0 / (count + 1.0), 0.001)
        small[REPEATS] += gain * ((1.0 if same else 0.0) - small[REPEATS])
        still = 1.0
    elif run < SHORTEST or rests:
        still = 1.0
    else:
        floor = max(1.0 / (count + 2.0), 0.001)
        still = min(max(small[REPEATS], floor), 1.0 - floor) ** (run - 1.0)
    run = small[ASTRAY]
    if run >= SHORTEST and run > LONGER * small[ASTRAY_LONGEST]:
        still = min(still, max(alike, LEAST_ALIKE) ** (run - 1.0))
    return still
