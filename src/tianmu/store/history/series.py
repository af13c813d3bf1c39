"""One datastream over a span: its observations, or an envelope that keeps every peak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.store.history.asked import Asked
from tianmu.store.history.choice import by_day, finest, fitting, inner, standing
from tianmu.store.history.footer import Columns, Shelf, reckon
from tianmu.store.history.manifest import File
from tianmu.store.history.observed import observed
from tianmu.store.history.rollup import counts

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
BARS = ("time", "count", "low", "high", "total")


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


def series(
    shelf: Shelf,
    files: list[File],
    datastream: int,
    start: int,
    end: int,
    max_points: int,
    asked: Asked,
) -> Series:
    """Observations of one datastream from ``start`` to before ``end`` (µs): as they were where
    there are at most ``max_points``, else an envelope of at most so many stretches."""
    if end <= start:
        raise ValueError(f"the end ({end}) must come after the start ({start})")
    if max_points < 1:
        raise ValueError(f"max_points is {max_points}: ask for at least one")
    wanted = np.array([datastream], np.uint32)
    days = by_day(files)
    width = max((finest(day, start, end) for day in days.values()), default=0)
    step = max((end - start) / max_points, width)
    raw: list[File] = []
    bars: list[Columns] = []
    for day in days.values():
        kind = fitting(day, step, start, end)
        rolled, late = standing(day, kind) if kind else ([], standing(day, "")[1])
        low, high = inner(day, kind, start, end) if kind else (start, end)
        parts = shelf.parts(rolled, wanted, low, high)
        if parts:
            reckon(parts, asked)
        found = [shelf.read(part, BARS, wanted, low, high, asked) for part in parts]
        found = [f for f in found if len(f["time"])]
        if kind and not found:
            late = standing(day, "")[1]  # too sparse for minutes, or nothing that counts
        raw += late
        bars += found
    points = _raw(shelf, raw, wanted, start, end, asked)
    if not bars and len(points) <= max_points:
        return points
    good = counts(points.value, points.quality) if points.quality is not None else slice(None)
    value = points.value[good]
    ones = np.ones(len(value), np.int64)
    rows = {"time": points.time[good], "count": ones, "low": value, "high": value, "total": value}
    bars.append(rows)
    joined = {n: np.concatenate([b[n] for b in bars]) for n in BARS}
    return _envelope(joined, start, max(-(-(end - start) // max_points), width))


def _raw(
    shelf: Shelf,
    files: list[File],
    wanted: NDArray[np.uint32],
    start: int,
    end: int,
    asked: Asked,
) -> Series:
    parts = shelf.parts(files, wanted, start, end)
    if parts:
        reckon(parts, asked)
    found = observed(shelf, parts, ("value", "quality", "text"), wanted, start, end, asked)
    value = found["value"]
    told = found["text"]
    text = list(told) if any(t is not None for t in told) else None
    return Series(
        raw=True,
        step=0,
        time=found["time"],
        value=value,
        low=value,
        high=value,
        count=np.ones(len(value), np.int64),
        quality=found["quality"],
        text=text,
    )


def _envelope(bars: Columns, start: int, step: int) -> Series:
    order = np.argsort(bars["time"], kind="stable")
    place = (bars["time"][order] - start) // step
    n = len(place)
    if n == 0:
        firsts = np.zeros(0, np.int64)
    else:
        firsts = np.concatenate(([0], np.flatnonzero(place[1:] != place[:-1]) + 1))

    def gather(ufunc: Any, values: NDArray[Any]) -> NDArray[Any]:
        gathered: NDArray[Any] = ufunc.reduceat(values[order], firsts) if n else values
        return gathered

    count = gather(np.add, bars["count"].astype(np.int64))
    return Series(
        raw=False,
        step=step,
        time=start + place[firsts] * step,
        value=gather(np.add, bars["total"]) / count,
        low=gather(np.minimum, bars["low"]),
        high=gather(np.maximum, bars["high"]),
        count=count,
    )
