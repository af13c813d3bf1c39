"""What is kept of one datastream: two rows of flat tables, ``BYTES`` together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tianmu.store.compiled import forget_stale

forget_stale(
    Path(__file__).parent,
    ("layout.py", "tail.py", "season.py", "run.py", "kernel.py", "band.py"),
)

# exact, float64: what single precision would spoil
TIME = 0
"""of the latest, in seconds since 1970; never goes back"""
BASE = 1
"""values are kept as differences from it: a stream near 1e9 is learnt as well as one near 0"""
LAST = 2
"""the latest value, bit by bit"""
EXACT = 3

# small, float32
LEVEL = 0
"""without season, above BASE"""
TREND = 1
"""of the level, per second"""
RESIDUAL = 2
"""the latest value less level and season"""
CLEAN = 3
"""the same as if the latest had been as expected, where it was far off"""
CROSS = 4
"""running mean of residual times the one before, in their standard deviations"""
SQUARE = 5
"""running mean of the square of the one before"""
SPREAD = 6
"""running mean of the innovation's size"""
STEP = 7
"""usual seconds from one value to the next"""
COUNT = 8
"""values so far, at most MOST"""
AGE = 9
"""days so far, at most OLDEST"""
SMOOTH = 10
"""innovation in spreads, exponentially smoothed"""
SMOOTH_SPREAD = 11
"""running mean of its size"""
RESOLUTION = 12
"""smallest change ever seen"""
RUN = 13
"""how many times the latest value has come without a break"""
LONGEST = 14
"""longest such run that was not called stuck"""
REPEATS = 15
"""running share of values that are the one before"""
REST = 16
"""the value of the longest run, as it is: zero for rain"""
SHIFTED = 17
"""residuals in a row that are far off on one side, with its sign"""
SHIFT = 18
"""their sum"""
OLD = 19
"""the level before the last confirmed shift, above BASE"""
OLD_LEFT = 20
"""days until it is forgotten"""
RETURNED = 21
"""values in a row that fit it and not the present level"""
OPEN = 22
"""above 0 while an alarm of single values goes on: so many calm ones are still wanted"""
TOLD = 23
"""1 while the present run has been called stuck"""
TAIL = 24
"""log quantiles 0.5, 0.95, 0.995 of the distance"""
RARE = 27
"""by how much rarer than one in 100 is claimed, in logarithms, what comes once in 100 values"""
SLOW_TAIL = 28
"""log quantiles 0.95, 0.995 of the smoothed distance"""
DAY = 30
"""season of the day: 24 nodes at the full hours, between them a straight line"""
WEEK = 54
"""season of the week: what each of the 7 days from Monday is above the mean of all"""
WEEKEND = 61
"""what the shape of a Saturday's or Sunday's day is above that of the others: 19 nodes, at the
hours ``season.NODES``"""
HOURS = 80
"""running mean of the innovation's size in 8 blocks of three hours"""
STRICT = 88
"""by how much, in logarithms, the threshold is lower than the tolerable rate alone makes it: more
after each alarm, less with time, and moved by what people found"""
LASTING = 89
"""the same of an alarm of drift or of values that stand still; one of single values opens it too"""
ASTRAY = 90
"""how many times the latest value has come without a break while another was to be expected"""
ASTRAY_LONGEST = 91
"""longest such run that was not called stuck"""
RARER = 92
"""by how much rarer still, in logarithms, is claimed what comes once in 1000 values, than ``RARE``
alone makes of it"""
SMALL = 93

BYTES = EXACT * 8 + SMALL * 4
MOST = 1_000_000.0
OLDEST = 60.0


@dataclass(frozen=True)
class Memory:
    """What is kept of ``n`` datastreams: a row each, all zero where nothing has come yet."""

    exact: NDArray[np.float64]
    """shape (n, EXACT)"""
    small: NDArray[np.float32]
    """shape (n, SMALL)"""

    @property
    def nbytes(self) -> int:
        return self.exact.nbytes + self.small.nbytes


def memory(n: int) -> Memory:
    """Of ``n`` datastreams of which nothing is known."""
    return Memory(np.zeros((n, EXACT)), np.zeros((n, SMALL), np.float32))
