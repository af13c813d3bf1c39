"""What releases before this one have learnt, in the form of now: nothing has to be learnt anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tianmu.prevent.anomaly.layout import DAY, HOURS, RARE, SMALL, WEEK, WEEKEND
from tianmu.prevent.anomaly.season import NODES, SATURDAY

FORMER = (92, 94)
"""columns of ``small`` then. Where ``RARE`` is there was with 92 the middle of the smoothed
distances, and of values that stand still where others are to be expected nothing was kept. With
both days and weeks went by UTC, and the week was 28 blocks of six hours"""
_BLOCKS = 28
_AT_ONCE = 16_384
"""rows: bounds memory"""


def rows_for(rows: int, width: int) -> int:
    """Rows of now in whose place so many rows of that ``width`` can be read."""
    return max(rows, -(-rows * width // SMALL))


def room(small: NDArray[np.float32], rows: int, width: int) -> NDArray[np.float32]:
    """Memory of ``small`` into which so many rows of that time are read, close together."""
    return small.reshape(-1)[: rows * width].reshape(rows, width)


def take_over(small: NDArray[np.float32], rows: int, width: int, clock: float) -> None:
    """Give the rows that were read into ``room`` the form of now, in place: in the order in which
    none is written over before it is read. ``clock``: as for ``kernel.step``."""
    read = room(small, rows, width)
    begins = range(0, rows, _AT_ONCE)
    for first in begins if width > SMALL else reversed(begins):
        part = slice(first, min(first + _AT_ONCE, rows))
        small[part] = _of_now(np.array(read[part]), round(clock / 3600))
    small[rows:] = 0


def _of_now(then: NDArray[np.float32], hours: int) -> NDArray[np.float32]:
    """``hours`` by which the clock of the place is ahead of UTC."""
    now = np.zeros((len(then), SMALL), np.float32)
    now[:, :DAY] = then[:, :DAY]
    if then.shape[1] == min(FORMER):
        now[:, RARE] = 0
    after = WEEK + _BLOCKS
    more = then.shape[1] - after
    now[:, HOURS : HOURS + more] = then[:, after:]
    shape = np.roll(then[:, DAY:WEEK], hours, axis=1)
    blocks = np.repeat(then[:, WEEK:after], 6, axis=1)
    week = np.roll(blocks, hours, axis=1).reshape(len(then), 7, 24)
    days = week.mean(axis=2)
    within = week - days[:, :, None]
    common = within[:, :SATURDAY].mean(axis=1)
    now[:, DAY:WEEK] = shape + common
    now[:, WEEK:WEEKEND] = days
    now[:, WEEKEND:HOURS] = (within[:, SATURDAY:].mean(axis=1) - common)[:, NODES]
    return now
