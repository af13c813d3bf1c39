"""The rules in force as columns: beyond which values a datastream is out of its limits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tianmu.prevent.kernel import program as tables
from tianmu.prevent.kernel.compile import Compiled
from tianmu.prevent.kernel.fleet import Fleet


def thresholds(compiled: Compiled, fleet: Fleet) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(low, high) by datastream, NaN where there is none: a value exceeds at or below ``low``, at
    or above ``high``.

    The lowest high limit and the highest low one of all enabled threshold rules, overrides
    included: what makes the first alarm. Rates, states, silence and expressions have none; delays
    and deadbands are not looked at. A rule ``outside`` holds beyond its limits and not at them, so
    the next number counts.
    """
    program, _, _ = compiled.assign(fleet, 0)
    programs = compiled.programs
    count = len(programs.middle)
    low, high = np.full(count, np.nan), np.full(count, np.nan)
    for number in range(count):
        mine = slice(int(programs.start[number]), int(programs.middle[number]))
        kind, a, b = programs.kind[mine], programs.a[mine], programs.b[mine]
        outside = kind == tables.OUTSIDE
        highs = np.append(a[kind == tables.HIGH], np.nextafter(b[outside], np.inf))
        lows = np.append(a[kind == tables.LOW], np.nextafter(a[outside], -np.inf))
        if len(highs):
            high[number] = highs.min()
        if len(lows):
            low[number] = lows.max()
    return low[program], high[program]
