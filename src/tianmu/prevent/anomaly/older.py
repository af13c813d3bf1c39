"""What releases before this one have learnt, in the form of now: nothing has to be learnt anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tianmu.prevent.anomaly.layout import RARE, SMALL

FORMER = 92
"""columns of ``small`` then: where ``RARE`` is there was the middle of the smoothed distances, and
of values that stand still where others are to be expected nothing was kept"""
_AT_ONCE = 65_536
"""rows: bounds memory"""


def room(small: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
    """Memory of ``small`` into which so many rows of that time are read, close together."""
    return small.reshape(-1)[: rows * FORMER].reshape(rows, FORMER)


def widen(small: NDArray[np.float32], rows: int) -> None:
    """Give the rows that were read into ``room`` the form of now, in place: the last ones first,
    so that none is written over before it is read."""
    read = room(small, rows)
    for end in range(rows, 0, -_AT_ONCE):
        part = slice(max(end - _AT_ONCE, 0), end)
        held = np.array(read[part])
        small[part, :FORMER] = held
        small[part, FORMER:SMALL] = 0
    small[:rows, RARE] = 0
    small[rows:] = 0
