"""Many small files of a day become few large ones, with roll-ups: the writing of a merge."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tianmu.store.history.area import Membership
from tianmu.store.history.duck import Duck, quoted
from tianmu.store.history.job import Job
from tianmu.store.history.manifest import OUTSIDE, RAW, File
from tianmu.store.history.parquet import CHUNK, Covers, Output
from tianmu.store.history.rolling import Rolling
from tianmu.store.history.rollup import whole_hours
from tianmu.store.history.write import Columns, last_of_each, to_arrow

SPLIT = 20_000_000
"""rows of one file, about; more of a day are split between datastreams"""
RANGE = 4_000_000
"""rows that are sorted at once, about: what bounds the memory of a merge"""
_CHUNK = CHUNK


def merge(folder: Path, duck: Duck, job: Job, membership: Membership | None) -> list[File]:
    """Write what ``job`` asks for: files that are durable under their names and nobody's yet.

    Whoever has works' records commits them (``History.commit``). When it raises, nothing stays.
    """
    first, last = job.orders
    covers = Covers(first, last, job.positions)
    raw = _Raw(folder, job) if job.raw else None
    rolling = Rolling(folder, job, membership) if job.rollups and job.day != OUTSIDE else None
    files: list[File] = []
    try:
        for columns in _merged(folder, duck, list(job.inputs)):
            if raw is not None:
                raw.write(columns)
            if rolling is not None:
                rolling.write(columns)
        if raw is not None:
            files += raw.close(covers)
        if rolling is not None:
            files += rolling.close(covers, duck)
    except BaseException:
        if raw is not None:
            raw.abandon()
        if rolling is not None:
            rolling.abandon()
        raise
    return files


class _Raw:
    """Observations, in files that are split between datastreams."""

    def __init__(self, folder: Path, job: Job) -> None:
        self._folder, self._job = folder, job
        self._outputs: list[Output] = []
        self._rows = SPLIT + 1

    def write(self, columns: Columns) -> None:
        streams = columns["datastream"]
        start = 0
        if self._rows > SPLIT:
            if self._outputs:  # the datastream under way stays in one file
                start = int(np.searchsorted(streams, self._outputs[-1].last_stream, "right"))
                self._append({n: v[:start] for n, v in columns.items()})
            if start == len(streams):
                return
            job = self._job
            self._outputs.append(Output(self._folder, job.day, RAW, job.level, job.token))
            self._rows = 0
        self._append({n: v[start:] for n, v in columns.items()})

    def _append(self, columns: Columns) -> None:
        if len(columns["datastream"]):
            self._outputs[-1].write(to_arrow(columns))
            self._rows += len(columns["datastream"])

    def close(self, covers: Covers) -> list[File]:
        found = [o.close(covers) for o in self._outputs]
        return [f for f in found if f is not None]

    def abandon(self) -> None:
        for output in self._outputs:
            output.abandon()


def _merged(folder: Path, duck: Duck, inputs: list[File]) -> Iterator[Columns]:
    """Rows of all inputs, sorted and unique, in pieces complete for every hour they touch."""
    rows = sum(f.rows for f in inputs)
    low, high = min(f.low_stream for f in inputs), max(f.high_stream for f in inputs)
    ranges = max(1, -(-rows // RANGE))
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
