"""Asking the past: a series with its envelope, windows over many series."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.store.history.compact import rolled_up
from tianmu.store.history.duck import Duck, quoted
from tianmu.store.history.manifest import HOUR, MINUTE, OUTSIDE, RAW, File
from tianmu.store.history.rollup import HOUR_US, MINUTE_US, counts

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Series:
    """Points in order of time; all arrays of shape (n,).

    ``raw`` points are observations as they were: ``value`` may be NaN (then the result is in
    ``text``), ``low`` and ``high`` equal it, ``count`` is 1. Others stand for a stretch of
    ``step`` µs beginning at ``time``: mean, lowest and highest of ``count`` good or uncertain
    numbers; stretches without any are left out.
    """

    raw: bool
    step: int
    time: I64
    value: F64
    low: F64
    high: F64
    count: I64
    quality: NDArray[np.uint8] | None = None
    text: list[str | None] | None = None

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, eq=False)
class Windows:
    """Count, mean, lowest and highest by key (datastream, or group) and stretch of time, sorted by
    both; empty ones are left out. ``time`` is the beginning (µs)."""

    key: I64
    time: I64
    count: I64
    mean: F64
    low: F64
    high: F64

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, eq=False)
class _Bars:
    time: I64
    count: I64
    low: F64
    high: F64
    total: F64


def _by_day(files: list[File]) -> dict[str, list[File]]:
    days: dict[str, list[File]] = defaultdict(list)
    for file in files:
        days[file.day].append(file)
    return dict(sorted(days.items()))


def _rollup_for(files: list[File], step: float, start: int, end: int) -> str | None:
    """Coarsest roll-up of a day that is fine enough, knows all of it, and is not cut through by
    the span's bounds."""
    first, last = min(f.low_time for f in files), max(f.high_time for f in files)
    for kind, width in ((HOUR, HOUR_US), (MINUTE, MINUTE_US)):
        cut = (start > first and start % width) or (end <= last and end % width)
        if step >= width and not cut and rolled_up(files, kind) and files[0].day != OUTSIDE:
            return kind
    return None


def series(
    duck: Duck,
    folder: Path,
    files: list[File],
    datastream: int,
    start: int,
    end: int,
    max_points: int,
) -> Series:
    """Observations of one datastream from ``start`` to before ``end`` (µs): as they were where
    there are at most ``max_points``, else an envelope of at most so many stretches."""
    if end <= start:
        raise ValueError(f"the end ({end}) must come after the start ({start})")
    if max_points < 1:
        raise ValueError(f"max_points is {max_points}: ask for at least one")
    step = (end - start) / max_points
    raw: list[File] = []
    bars: list[_Bars] = []
    for day in _by_day(files).values():
        kind = _rollup_for(day, step, start, end)
        found = _bars(duck, folder, day, kind, datastream, start, end) if kind else None
        if found is None or (kind == MINUTE and len(found.time) == 0):
            raw += [f for f in day if f.kind == RAW]  # too sparse for minutes
        else:
            bars.append(found)
    points = _raw(duck, folder, raw, datastream, start, end)
    if not bars and len(points) <= max_points:
        return points
    good = counts(points.value, points.quality) if points.quality is not None else slice(None)
    value = points.value[good]
    ones = np.ones(len(value), np.int64)
    bars.append(_Bars(points.time[good], ones, value, value, value))
    joined = _Bars(*(np.concatenate([getattr(b, n) for b in bars]) for n in _Bars.__annotations__))
    return _envelope(joined, start, end, max_points)


def _mine(files: list[File], kind: str, datastream: int) -> list[File]:
    return [f for f in files if f.kind == kind and f.low_stream <= datastream <= f.high_stream]


def _bars(
    duck: Duck, folder: Path, day: list[File], kind: str, datastream: int, start: int, end: int
) -> _Bars:
    files = _mine(day, kind, datastream)
    columns = ("time", "count", "low", "high", "total")
    if not files:
        return _Bars(*(np.zeros(0, np.int64 if i < 2 else np.float64) for i in range(5)))  # type: ignore[arg-type]
    cursor = duck.cursor()
    try:
        found = cursor.execute(
            f"SELECT {', '.join(columns)}"  # noqa: S608 - constants and our own names
            f" FROM read_parquet({quoted([folder / f.name for f in files])})"
            " WHERE datastream = ? AND time >= ? AND time < ? ORDER BY time",
            [datastream, start, end],
        ).fetchnumpy()
    finally:
        cursor.close()
    return _Bars(
        np.asarray(found["time"], np.int64),
        np.asarray(found["count"], np.int64),
        *(np.asarray(found[n], np.float64) for n in columns[2:]),
    )


def _raw(
    duck: Duck, folder: Path, files: list[File], datastream: int, start: int, end: int
) -> Series:
    files = _mine(files, RAW, datastream)
    if not files:
        empty = np.zeros(0)
        return Series(
            raw=True,
            step=0,
            time=np.zeros(0, np.int64),
            value=empty,
            low=empty,
            high=empty,
            count=np.zeros(0, np.int64),
            quality=np.zeros(0, np.uint8),
        )
    cursor = duck.cursor()
    try:
        found: dict[str, Any] = cursor.execute(
            "SELECT time, value, quality, sequence, text"  # noqa: S608
            f" FROM read_parquet({quoted([folder / f.name for f in files])})"
            " WHERE datastream = ? AND time >= ? AND time < ?"
            " ORDER BY time, sequence, file_index",
            [datastream, start, end],
        ).fetchnumpy()
    finally:
        cursor.close()
    time = np.asarray(found["time"], np.int64)
    sequence = np.asarray(found["sequence"], np.int64)
    keep = np.ones(len(time), bool)
    keep[:-1] = (time[1:] != time[:-1]) | (sequence[1:] != sequence[:-1])
    value = np.asarray(found["value"], np.float64)[keep]
    texts = np.ma.getdata(found["text"])[keep]
    missing = np.ma.getmaskarray(found["text"])[keep]
    text = (
        None
        if missing.all()
        else [None if m else str(t) for t, m in zip(texts, missing, strict=True)]
    )
    return Series(
        raw=True,
        step=0,
        time=time[keep],
        value=value,
        low=value,
        high=value,
        count=np.ones(len(value), np.int64),
        quality=np.asarray(found["quality"], np.uint8)[keep],
        text=text,
    )


def _envelope(bars: _Bars, start: int, end: int, max_points: int) -> Series:
    step = -(-(end - start) // max_points)
    order = np.argsort(bars.time, kind="stable")
    place = (bars.time[order] - start) // step
    n = len(place)
    if n == 0:
        firsts = np.zeros(0, np.int64)
    else:
        firsts = np.concatenate(([0], np.flatnonzero(place[1:] != place[:-1]) + 1))

    def gather(ufunc: Any, values: NDArray[Any]) -> NDArray[Any]:
        gathered: NDArray[Any] = ufunc.reduceat(values[order], firsts) if n else values
        return gathered

    count = gather(np.add, bars.count)
    return Series(
        raw=False,
        step=step,
        time=start + place[firsts] * step,
        value=gather(np.add, bars.total) / count,
        low=gather(np.minimum, bars.low),
        high=gather(np.maximum, bars.high),
        count=count,
    )


def windows(
    duck: Duck,
    folder: Path,
    files: list[File],
    datastreams: NDArray[Any],
    start: int,
    end: int,
    step: int,
    groups: NDArray[Any] | None = None,
) -> Windows:
    """Stretches of ``step`` µs of many datastreams, each for itself or by ``groups`` (a number for
    each datastream). From hour roll-ups where step and start are whole hours."""
    if step <= 0 or end <= start:
        raise ValueError(f"a step above 0 and an end after the start: {step}, {start}, {end}")
    import pyarrow as pa

    hourly = step % HOUR_US == 0 and start % HOUR_US == 0 and end % HOUR_US == 0
    low, high = (int(datastreams.min()), int(datastreams.max())) if len(datastreams) else (1, 0)
    selects: list[str] = []
    for day in _by_day(files).values():
        kind = HOUR if hourly and _rollup_for(day, HOUR_US, start, end) == HOUR else RAW
        paths = [
            folder / f.name
            for f in day
            if f.kind == kind and f.low_stream <= high and f.high_stream >= low
        ]
        if paths:
            selects.append(_select(kind, quoted(paths), len(paths), start, end, low, high))
    if not selects:
        return Windows(*(np.zeros(0, np.int64 if i < 3 else np.float64) for i in range(6)))  # type: ignore[arg-type]
    keys = datastreams if groups is None else groups
    wanted = pa.table(
        {
            "datastream": pa.array(datastreams.astype(np.uint32)),
            "key": pa.array(np.asarray(keys).astype(np.int64)),
        }
    )
    cursor = duck.cursor()
    try:
        cursor.register("wanted", wanted)
        found = cursor.execute(
            f"SELECT key, ({start} + (time - {start}) // {step} * {step})::BIGINT AS begin,"  # noqa: S608
            " sum(count)::BIGINT AS count, sum(total) / sum(count) AS mean,"
            " min(low) AS low, max(high) AS high"
            f" FROM ({' UNION ALL '.join(selects)}) JOIN wanted USING (datastream)"
            " GROUP BY ALL ORDER BY key, begin"
        ).fetchnumpy()
    finally:
        cursor.close()
    return Windows(
        key=np.asarray(found["key"], np.int64),
        time=np.asarray(found["begin"], np.int64),
        count=np.asarray(found["count"], np.int64),
        mean=np.asarray(found["mean"], np.float64),
        low=np.asarray(found["low"], np.float64),
        high=np.asarray(found["high"], np.float64),
    )


def _select(kind: str, files: str, n: int, start: int, end: int, low: int, high: int) -> str:
    within = f"time >= {start} AND time < {end} AND datastream BETWEEN {low} AND {high}"
    if kind == HOUR:
        return (
            "SELECT datastream, time, count, total, low, high"  # noqa: S608
            f" FROM read_parquet({files}) WHERE {within}"
        )
    unique = (
        " QUALIFY row_number() OVER"
        " (PARTITION BY datastream, time, sequence ORDER BY file_index DESC) = 1"
        if n > 1
        else ""
    )
    return (
        "SELECT datastream, time, 1 AS count, value AS total, value AS low, value AS high"  # noqa: S608
        f" FROM (SELECT * FROM read_parquet({files}) WHERE {within}{unique})"
        " WHERE isfinite(value) AND quality <= 1"
    )
