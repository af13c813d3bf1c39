"""Many small files of a day become few large ones, with roll-ups, in one commit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tianmu.store.history import manifest
from tianmu.store.history.duck import Duck, quoted
from tianmu.store.history.manifest import HOUR, MINUTE, RAW, File
from tianmu.store.history.parquet import ROWS, Output
from tianmu.store.history.rollup import DENSE, HOUR_US, MINUTE_US, roll_up, whole_hours
from tianmu.store.history.write import Columns, last_of_each, tell, to_arrow
from tianmu.store.records import Records

PARTS = 24
"""small files of a day that are merged into a middle one"""
MIDDLES = 12
"""middle files of a day that are merged into one"""
SPLIT = 20_000_000
"""rows of one file, about; more of a day are split by datastream"""
_CHUNK = 8 * ROWS


def tidy(records: Records, folder: Path, duck: Duck, files: list[File]) -> list[File]:
    """Merge small files of one day (given in order) where there are many; the new ones."""
    raw = [f for f in files if f.kind == RAW]
    small = [f for f in raw if f.level == 0]
    if len(small) >= PARTS:
        return _replace(records, folder, duck, small, level=1, rollups=[])
    middle = [f for f in raw if f.level == 1]
    if len(middle) >= MIDDLES:
        return _replace(records, folder, duck, middle, level=2, rollups=[])
    return []


def compact(records: Records, folder: Path, duck: Duck, files: list[File]) -> list[File]:
    """Merge all files of one day and roll it up; nothing to do gives nothing."""
    raw = [f for f in files if f.kind == RAW]
    rollups = [f for f in files if f.kind != RAW]
    done = all(f.level == 3 for f in raw) and rolled_up(files, HOUR)
    if not raw or done:
        return []
    return _replace(records, folder, duck, raw, level=3, rollups=rollups)


def rolled_up(files: list[File], kind: str) -> bool:
    """Whether exact roll-ups of ``kind`` cover all raw files of the day: those of its final
    compaction. Roll-ups of lower levels each cover their own flushes, and count an observation
    again that a later flush repeated."""
    last = max((f.last_order for f in files if f.kind == RAW), default=0)
    return any(f.kind == kind and f.level == 3 and f.last_order >= last for f in files)


def _replace(
    records: Records,
    folder: Path,
    duck: Duck,
    inputs: list[File],
    *,
    level: int,
    rollups: list[File],
) -> list[File]:
    day = inputs[0].day
    final = level == 3
    outputs = _Outputs(folder, day, level, final)
    try:
        for columns in _merged(folder, duck, inputs):
            outputs.write(columns)
        first, last = inputs[0].first_order, max(f.last_order for f in inputs)
        files = outputs.close(first, last)

        def commit(tx: Any) -> None:
            manifest.remove(tx, [*inputs, *rollups])
            manifest.add(tx, files)
            tell(tx, files, [*inputs, *rollups], {})

        records.transact(commit)
    except Exception:
        outputs.abandon()
        raise
    return files


class _Outputs:
    """The files one merge writes."""

    def __init__(self, folder: Path, day: str, level: int, final: bool) -> None:
        self._folder, self._day, self._level = folder, day, level
        self._raw = [Output(folder, day, RAW, level)]
        self._rows = 0
        self._hour = Output(folder, day, HOUR, level) if final else None
        self._minute = Output(folder, day, MINUTE, level) if final else None
        self._stream: Columns | None = None

    def write(self, columns: Columns) -> None:
        """Rows sorted and unique, complete for every hour they touch."""
        if self._rows > SPLIT:
            self._raw.append(Output(self._folder, self._day, RAW, self._level))
            self._rows = 0
        self._raw[-1].write(to_arrow(columns))
        self._rows += len(columns["datastream"])
        if self._hour is not None:
            self._hour.write(roll_up(columns, HOUR_US))
            self._roll_minutes(columns)

    def _roll_minutes(self, columns: Columns) -> None:
        """Minutes of datastreams that are dense; which ones are is known at their end."""
        columns = {n: columns[n] for n in ("datastream", "time", "value", "quality")}
        if self._stream is not None:
            columns = {n: np.concatenate((self._stream[n], v)) for n, v in columns.items()}
        last = int(np.searchsorted(columns["datastream"], columns["datastream"][-1]))
        self._stream = {n: v[last:] for n, v in columns.items()}
        self._dense({n: v[:last] for n, v in columns.items()})

    def _dense(self, columns: Columns) -> None:
        _, count = np.unique(columns["datastream"], return_counts=True)
        if self._minute is None or not (count >= DENSE).any():
            return
        keep = np.repeat(count >= DENSE, count)
        self._minute.write(roll_up({n: v[keep] for n, v in columns.items()}, MINUTE_US))

    def close(self, first: int, last: int) -> list[File]:
        if self._stream is not None:
            self._dense(self._stream)
        found = [o.close(first, last) for o in self._all()]
        return [f for f in found if f is not None]

    def abandon(self) -> None:
        for output in self._all():
            output.abandon()

    def _all(self) -> list[Output]:
        return [*self._raw, *(o for o in (self._hour, self._minute) if o is not None)]


def _merged(folder: Path, duck: Duck, inputs: list[File]) -> Iterator[Columns]:
    """Rows of all inputs, sorted and unique, in pieces complete for every hour they touch."""
    rows = sum(f.rows for f in inputs)
    low, high = min(f.low_stream for f in inputs), max(f.high_stream for f in inputs)
    ranges = max(1, -(-rows // SPLIT))
    bounds = np.linspace(low, high + 1, ranges + 1).astype(np.int64).tolist()
    files = quoted([folder / f.name for f in inputs])
    carried: Columns | None = None
    cursor = duck.cursor()
    try:
        for start, end in itertools.pairwise(bounds):
            reader = cursor.sql(
                "SELECT datastream, time, value, quality, sequence, source, result_time, text"  # noqa: S608
                f" FROM read_parquet({files})"
                f" WHERE datastream >= {start} AND datastream < {end}"
                " ORDER BY datastream, time, sequence, file_index"
            ).to_arrow_reader(_CHUNK)
            for batch in reader:
                columns = _numpy(batch)
                if carried is not None:
                    columns = _join(carried, columns)
                cut = whole_hours(columns)
                carried = {n: v[cut:] for n, v in columns.items()}
                if cut:
                    yield last_of_each({n: v[:cut] for n, v in columns.items()})
        if carried is not None and len(carried["datastream"]):
            yield last_of_each(carried)
    finally:
        cursor.close()


def _numpy(batch: Any) -> Columns:
    columns: Columns = {
        name: batch[name].to_numpy(zero_copy_only=False)
        for name in ("datastream", "time", "value", "quality", "sequence", "source")
    }
    if batch["result_time"].null_count < batch.num_rows:
        times = batch["result_time"].fill_null(pa.scalar(-1, pa.int64())).to_numpy()
        columns["result_time"] = np.where(times < 0, columns["time"], times)
    if batch["text"].null_count < batch.num_rows:
        columns["text"] = np.array(batch["text"].to_pylist(), object)
    return columns


def _join(first: Columns, second: Columns) -> Columns:
    joined: Columns = {}
    for name in {**first, **second}:
        parts = []
        for columns in (first, second):
            if name in columns:
                parts.append(columns[name])
            elif name == "text":
                parts.append(np.full(len(columns["time"]), None, object))
            else:
                parts.append(columns["time"])  # result_time where none was told
        joined[name] = np.concatenate(parts)
    return joined
