"""Observations whose datastreams the registry knows, as the batch that goes to the journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tianmu.facts.batch import ObservationBatch, side_of


class Told(Protocol):
    """Columns of observations as they came in, shape (n,); as in ``Readings``."""

    @property
    def time(self) -> NDArray[np.int64]: ...
    @property
    def value(self) -> NDArray[np.float64]: ...
    @property
    def quality(self) -> NDArray[np.uint8] | None: ...
    @property
    def sequence(self) -> NDArray[np.uint32] | None: ...
    @property
    def side(self) -> Mapping[int, Any]: ...


def batch(
    told: Told,
    known: NDArray[np.bool_],
    index: NDArray[np.uint32],
    source: int,
    received: int,
    result_time: NDArray[np.int64] | None = None,
) -> ObservationBatch:
    """The rows that are ``known``, shape (n,), by their dense ``index``; columns of which all rows
    are known are not copied. ``received`` and ``result_time`` in µs."""
    side = told.side
    which: Any = slice(None)
    if not known.all():
        which = np.flatnonzero(known)
        side = side_of(side, which.tolist()) if side else {}
    return ObservationBatch(
        datastream=index[which],
        phenomenon_time=told.time[which],
        value=told.value[which],
        received=received,
        source=source,
        result_time=None if result_time is None else result_time[which],
        quality=None if told.quality is None else told.quality[which],
        sequence=None if told.sequence is None else told.sequence[which],
        side=dict(side),
    )
