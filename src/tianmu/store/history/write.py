"""From batches to files: collected in memory, sorted, written, and committed with the positions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tianmu.facts import clock
from tianmu.facts.batch import ObservationBatch
from tianmu.facts.encoding import encode
from tianmu.facts.history import HistoryWritten
from tianmu.facts.topic import HISTORY
from tianmu.store.history import manifest
from tianmu.store.history.area import Membership
from tianmu.store.history.manifest import (
    AREA_DAY,
    AREA_HOUR,
    DAY,
    OUTSIDE,
    RAW,
    READER,
    Covered,
    File,
    day_of,
)
from tianmu.store.history.parquet import Covers, Output
from tianmu.store.history.rollup import HOUR_US, in_order, roll_up
from tianmu.store.history.totals import AreaTotals
from tianmu.store.records import Records, Transaction

BELIEVED_PAST = 3 * 366 * DAY
"""µs before now: older phenomenon times go to the day ``outside`` (default, to be set by the
city)"""
BELIEVED_FUTURE = 2 * DAY

Columns = dict[str, Any]


class Collector:
    """Observations that are not written yet, with the journal positions they cover."""

    def __init__(self) -> None:
        self._batches: list[ObservationBatch] = []
        self.positions: dict[str, int] = {}
        self.rows = 0
        self.since: float | None = None
        """monotonic time of the oldest of them"""

    def add(self, batches: Sequence[ObservationBatch], positions: Mapping[str, int]) -> None:
        self._batches.extend(batches)
        self.positions.update(positions)
        self.rows += sum(len(b) for b in batches)
        if self.since is None:
            self.since = time.monotonic()

    def clear(self) -> None:
        self._batches, self.positions, self.rows, self.since = [], {}, 0, None

    def columns(self) -> Columns:
        """Everything in the order it came; ``text`` and ``result_time`` only where there are
        any."""
        batches = self._batches
        columns: Columns = {
            "datastream": np.concatenate([b.datastream for b in batches]),
            "time": np.concatenate([b.phenomenon_time for b in batches]),
            "value": np.concatenate([b.value for b in batches]),
            "quality": np.concatenate([_or_zero(b.quality, b, np.uint8) for b in batches]),
            "sequence": np.concatenate([_or_zero(b.sequence, b, np.uint32) for b in batches]),
            "source": np.concatenate([np.full(len(b), b.source, np.uint16) for b in batches]),
        }
        if any(b.result_time is not None for b in batches):
            columns["result_time"] = np.concatenate(
                [b.phenomenon_time if b.result_time is None else b.result_time for b in batches]
            )
        if any(b.side for b in batches):
            texts: list[str | None] = [None] * self.rows
            first = 0
            for batch in batches:
                for row, value in batch.side.items():
                    texts[first + row] = msgspec.json.encode(value).decode()
                first += len(batch)
            columns["text"] = np.array(texts, object)
        return columns


def _or_zero(column: NDArray[Any] | None, batch: ObservationBatch, dtype: Any) -> NDArray[Any]:
    return np.zeros(len(batch), dtype) if column is None else column


def sort_unique(columns: Columns) -> Columns:
    """Rows by (datastream, time, sequence); of equal identities the last one that came."""
    order = in_order(columns["datastream"], columns["time"], columns["sequence"])
    sorted_ = {name: values[order] for name, values in columns.items()}
    return last_of_each(sorted_)


def last_of_each(columns: Columns) -> Columns:
    """Of sorted rows with the same (datastream, time, sequence), the last one."""
    n = len(columns["datastream"])
    keep = np.ones(n, bool)
    if n > 1:
        keep[:-1] = (
            (columns["datastream"][1:] != columns["datastream"][:-1])
            | (columns["time"][1:] != columns["time"][:-1])
            | (columns["sequence"][1:] != columns["sequence"][:-1])
        )
    return columns if keep.all() else {name: values[keep] for name, values in columns.items()}


def by_day(columns: Columns, now: int) -> dict[str, Columns]:
    """Rows apart by UTC day of their phenomenon time."""
    times = columns["time"]
    believed = (times > now - BELIEVED_PAST) & (times < now + BELIEVED_FUTURE)
    days = np.where(believed, times // DAY, np.iinfo(np.int64).min)
    parts: dict[str, Columns] = {}
    for day in np.unique(days).tolist():
        rows = days == day
        name = OUTSIDE if day == np.iinfo(np.int64).min else day_of(day * DAY)
        parts[name] = {n: values[rows] for n, values in columns.items()}
    return parts


def to_arrow(columns: Columns) -> Columns:
    if "text" not in columns:
        return columns
    return {**columns, "text": pa.array(columns["text"], pa.string())}


def flush(
    records: Records, folder: Path, collector: Collector, membership: Membership | None = None
) -> list[File]:
    """Write what was collected and commit it with its positions; the new files: for each day the
    observations, and what they come to by area.

    Raises ``DiskFull`` or ``OSError`` where there is no room: then nothing has changed, and
    what was collected is still there.
    """
    outputs: list[Output] = []
    files: list[File] = []
    now = clock.now()
    covered = records.transact(lambda tx: _covered(tx, collector.positions, now))
    order = covered[0].number
    positions = {c.topic: (c.after, c.upto) for c in covered if c.topic}

    def write(day: str, kind: str, columns: Columns) -> None:
        output = Output(folder, day, kind, level=0)
        outputs.append(output)
        output.write(columns)
        file = output.close(Covers(order, order, positions))
        if file is not None:
            files.append(file)

    try:
        if collector.rows:
            for day, mine in by_day(collector.columns(), now).items():
                columns = sort_unique(mine)
                write(day, RAW, to_arrow(columns))
                if membership is not None and day != OUTSIDE:
                    totals = AreaTotals(membership, HOUR_US)
                    totals.add(roll_up(columns, HOUR_US, membership))
                    write(day, AREA_HOUR, totals.columns())
                    write(day, AREA_DAY, totals.columns(DAY))
        records.transact(lambda tx: _commit(tx, files, covered))
    except Exception:
        for output in outputs:
            output.abandon()
        raise
    collector.clear()
    return files


def _covered(tx: Transaction, positions: Mapping[str, int], now: int) -> list[Covered]:
    """What the next flush covers by topic; one without a topic where no position moves."""
    order = manifest.next_order(tx)
    found = [Covered(order, t, tx.position(READER, t), p, now) for t, p in positions.items()]
    return found or [Covered(order, "", 0, 0, now)]


def _commit(tx: Transaction, files: list[File], covered: list[Covered]) -> None:
    if manifest.next_order(tx) != covered[0].number:
        raise RuntimeError("two flushes at once: one thread flushes")
    manifest.add(tx, files)
    told = [c for c in covered if c.topic]
    manifest.note_flush(tx, told if files else [])
    for one in told:
        tx.advance(READER, one.topic, one.upto)
    positions = {c.topic: c.upto for c in told}
    days: dict[str, list[File]] = {}
    for file in files:
        days.setdefault(file.day, []).append(file)
    for mine in days.values():
        tell(tx, mine, [], positions)


def tell(
    tx: Transaction, files: Sequence[File], replaces: Sequence[File], positions: dict[str, int]
) -> None:
    """The fact that files appeared."""
    fact = HistoryWritten(
        day=files[0].day if files else replaces[0].day,
        files=tuple(f.name for f in files),
        replaces=tuple(f.name for f in replaces),
        rows=sum(f.rows for f in files if f.kind == RAW),
        positions=positions,
        at=tx.now,
    )
    tx.append(HISTORY.name, encode(fact))
