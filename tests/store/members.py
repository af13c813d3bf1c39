"""Seven datastreams in areas, and rows of their observations, for tests of what is rolled up."""

from __future__ import annotations

import numpy as np

from tianmu.facts.batch import ObservationBatch
from tianmu.store.history import Membership

NAN = float("nan")
STREAMS = 7

MEMBERS = Membership(
    town=np.array([2, 2, 1, 1, 0, 2], np.uint16),
    village=np.array([1, 1, 2, 2, 0, 3], np.uint32),
    kind=np.array([1, 1, 1, 2, 2, 2], np.uint16),
    department=np.array([1, 1, 1, 0, 0, 1], np.uint16),
    property=np.array([1, 2, 1, 1, 2, 1], np.uint16),
    low=np.array([NAN, -1.0, NAN, NAN, 0.0, NAN]),
    high=np.array([2.0, 1.0, NAN, NAN, NAN, 3.0]),
    towns=("", "b", "a"),
    villages=("", "x", "y", "z"),
    kinds=("", "mast", "gauge"),
    departments=("", "water"),
    properties=("", "wind", "level"),
)
"""six datastreams of it, and one that is not known yet"""

Row = tuple[int, int, int, float, int]
"""datastream, time, sequence, value, quality"""


def batch(rows: list[Row]) -> ObservationBatch:
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 5
    return ObservationBatch(
        datastream=np.array(columns[0], np.uint32),
        phenomenon_time=np.array(columns[1], np.int64),
        sequence=np.array(columns[2], np.uint32),
        value=np.array(columns[3], np.float64),
        quality=np.array(columns[4], np.uint8),
        received=1,
        source=1,
    )


def word(stream: int, column: str) -> str:
    known = stream < len(MEMBERS)
    return MEMBERS.words(column)[int(getattr(MEMBERS, column)[stream])] if known else ""


def exceeding(stream: int, value: float) -> bool:
    if stream >= len(MEMBERS):
        return False
    return bool(value >= MEMBERS.high[stream]) or bool(value <= MEMBERS.low[stream])
