"""Batches of observations of two days, for tests of the past."""

from __future__ import annotations

import time

import numpy as np

from tianmu.facts.batch import ObservationBatch
from tianmu.store.history.manifest import DAY

TODAY = time.time_ns() // 1000 // DAY * DAY


YESTERDAY = TODAY - DAY


def batch(
    rows: list[tuple[int, int, float]],
    *,
    sequence: list[int] | None = None,
    quality: list[int] | None = None,
    side: dict[int, object] | None = None,
) -> ObservationBatch:
    return ObservationBatch(
        datastream=np.array([r[0] for r in rows], np.uint32),
        phenomenon_time=np.array([r[1] for r in rows], np.int64),
        value=np.array([r[2] for r in rows], np.float64),
        received=TODAY,
        source=3,
        sequence=None if sequence is None else np.array(sequence, np.uint32),
        quality=None if quality is None else np.array(quality, np.uint8),
        side=side or {},
    )
