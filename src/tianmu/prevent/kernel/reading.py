"""Journal entries of observations as one batch of columns for the kernel."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tianmu.facts.batch import ObservationBatch
from tianmu.prevent.kernel.program import Columns
from tianmu.store.journal.contract import Entry

log = logging.getLogger("tianmu.prevent")


@dataclass(frozen=True)
class Reading:
    """Batches one after the other; ``side`` of a row is what came along with it."""

    columns: Columns
    batches: tuple[ObservationBatch, ...]
    starts: tuple[int, ...]
    unreadable: int

    def side(self, row: int) -> Any:
        """What came along with the row's value, or None."""
        if row < 0:
            return None
        number = bisect_right(self.starts, row) - 1
        return self.batches[number].side.get(row - self.starts[number])


def read(topic: str, entries: Sequence[Entry]) -> Reading:
    """Decode ``entries``. One that is no batch is logged and counted, never in the way."""
    batches: list[ObservationBatch] = []
    unreadable = 0
    for entry in entries:
        try:
            batches.append(ObservationBatch.decode(entry.payload))
        except ValueError as error:
            unreadable += 1
            log.error("%s at %d cannot be read: %s", topic, entry.position, error)
    starts: list[int] = []
    n = 0
    for batch in batches:
        starts.append(n)
        n += len(batch)
    return Reading(_columns(batches, n), tuple(batches), tuple(starts), unreadable)


def _columns(batches: Sequence[ObservationBatch], n: int) -> Columns:
    columns = Columns(
        datastream=np.empty(n, np.uint32),
        time=np.empty(n, np.int64),
        value=np.empty(n, np.float64),
        quality=np.zeros(n, np.uint8),
        sequence=np.zeros(n, np.uint32),
        received=np.empty(n, np.int64),
    )
    at = 0
    for batch in batches:
        end = at + len(batch)
        columns.datastream[at:end] = batch.datastream
        columns.time[at:end] = batch.phenomenon_time
        columns.value[at:end] = batch.value
        columns.received[at:end] = batch.received
        if batch.quality is not None:
            columns.quality[at:end] = batch.quality
        if batch.sequence is not None:
            columns.sequence[at:end] = batch.sequence
        at = end
    return columns
