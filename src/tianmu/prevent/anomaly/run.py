"""Values that stand still: a run of one value that is long for this stream."""

from __future__ import annotations

import numpy as np
from numba import njit

from tianmu.prevent.anomaly.layout import COUNT, LAST, LONGEST, REPEATS, REST, RUN, TOLD

SHORTEST = 5.0
"""no shorter run is stuck"""
LONGER = 3.0
"""than the longest one known"""


@njit(cache=True)
def stand(exact, small, x, warm):
    """Take value ``x`` into the run; the probability of a run at least as long, 1 where it is not
    longer than runs that this stream has had, or where it rests at the value it mostly has."""
    count = small[COUNT]
    same = x == exact[LAST]
    if not same:
        if small[TOLD] == 0 and small[RUN] >= small[LONGEST]:
            small[LONGEST] = small[RUN]
            small[REST] = np.float32(exact[LAST])
        elif small[TOLD] == 1:  # a habit, should it come again and again
            small[LONGEST] = min(small[RUN], small[LONGEST] * np.float32(1.5) + 1)
        small[RUN] = 1
        small[TOLD] = 0
    else:
        small[RUN] += 1
        if warm and small[RUN] > small[LONGEST]:
            small[LONGEST] = small[RUN]
            small[REST] = np.float32(x)
    run = small[RUN]
    if run <= LONGER * max(small[LONGEST], np.float32(1)):
        gain = max(1.0 / (count + 1.0), 0.001)
        small[REPEATS] += gain * ((1.0 if same else 0.0) - small[REPEATS])
        return 1.0
    if run < SHORTEST or (np.float32(x) == small[REST] and small[REPEATS] > 0.5):
        return 1.0
    floor = max(1.0 / (count + 2.0), 0.001)
    return min(max(small[REPEATS], floor), 1.0 - floor) ** (run - 1.0)
