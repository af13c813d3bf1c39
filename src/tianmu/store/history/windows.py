"""Stretches of time of many datastreams, each for itself or by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.store.history.asked import Asked
from tianmu.store.history.choice import WIDTH, by_day, fitting, inner, standing
from tianmu.store.history.duck import Duck, quoted
from tianmu.store.history.footer import Columns, Part, Shelf, narrowed, reckon
from tianmu.store.history.manifest import MINUTE, RAW, File
from tianmu.store.history.observed import observed
from tianmu.store.history.rollup import counts
from tianmu.store.history.series import F64, I64

FEW = 4096
"""datastreams up to which row groups are picked one by one; DuckDB scans for more"""
_BARS = ("datastream", "time", "count", "low", "high", "total")


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


@dataclass(frozen=True)
class _Planned:
    """What of a day is read. Of minutes, datastreams too sparse for them are read again from the
    observations."""

    minutes: bool
    span: tuple[int, int]
    rolled: list[Part]
    late: list[Part]
    sparse: list[Part]


def windows(
    shelf: Shelf,
    duck: Duck,
    files: list[File],
    datastreams: NDArray[np.uint32],
    start: int,
    end: int,
    step: int,
    groups: NDArray[np.int64] | None,
    asked: Asked,
) -> Windows:
    """Stretches of ``step`` µs of many datastreams, each for itself or by ``groups`` (a number for
    each datastream). From the coarsest roll-up that no stretch cuts through."""
    if step <= 0 or end <= start:
        raise ValueError(f"a step above 0 and an end after the start: {step}, {start}, {end}")
    keys = datastreams.astype(np.int64) if groups is None else groups.astype(np.int64)
    if len(keys) != len(datastreams):
        raise ValueError(f"{len(datastreams)} datastreams, {len(keys)} groups")
    order = np.lexsort((keys, datastreams))
    pairs = np.unique(np.stack((datastreams[order].astype(np.int64), keys[order])), axis=1)
    if not pairs.shape[1]:
        return _windows(_no_bars(), pairs, start, step)
    chosen = [(day, _kind(day, start, end, step)) for day in by_day(files).values()]
    if len(datastreams) > FEW:
        return _scanned(shelf, duck, chosen, pairs, start, end, step, asked)
    return _windows(
        _picked(shelf, chosen, np.unique(pairs[0]), start, end, asked), pairs, start, step
    )


def _kind(day: list[File], start: int, end: int, step: int) -> str | None:
    """The roll-up of a day whose rows fall whole into stretches."""
    for width in WIDTH.values():
        if step % width == 0 and start % width == 0:
            return fitting(day, width, start, end)
    return None


def _picked(
    shelf: Shelf,
    chosen: list[tuple[list[File], str | None]],
    wanted: NDArray[np.int64],
    start: int,
    end: int,
    asked: Asked,
) -> Columns:
    planned: list[_Planned] = []
    for day, kind in chosen:
        rolled, late = standing(day, kind or "")
        sparse = standing(day, "")[1] if kind == MINUTE else []
        span = inner(day, kind, start, end) if kind else (start, end)
        planned.append(
            _Planned(
                minutes=kind == MINUTE,
                span=span,
                rolled=shelf.parts(rolled, wanted, *span),
                late=shelf.parts(late, wanted, start, end),
                sparse=shelf.parts(sparse, wanted, start, end),
            )
        )
    reckon([p for day in planned for p in (*day.rolled, *day.late)], asked)
    found: list[Columns] = []
    for plan in planned:
        bars = [shelf.read(part, _BARS, wanted, *plan.span, asked) for part in plan.rolled]
        known = wanted
        if plan.minutes:
            known = np.unique(np.concatenate([wanted[:0], *(b["datastream"] for b in bars)]))
            rest = np.setdiff1d(wanted, known)
            found.append(_observed(shelf, plan.sparse, rest, start, end, asked))
        found += [*bars, _observed(shelf, plan.late, known, start, end, asked)]
    return {n: np.concatenate([_no_bars()[n], *(f[n] for f in found)]) for n in _BARS}


def _observed(
    shelf: Shelf, parts: list[Part], wanted: NDArray[Any], start: int, end: int, asked: Asked
) -> Columns:
    """Observations that count, each as a bar of its own."""
    streams = wanted.astype(np.uint32)
    parts = narrowed(parts, streams, start, end)
    rows = observed(shelf, parts, ("value", "quality"), streams, start, end, asked)
    good = counts(rows["value"], rows["quality"])
    value = rows["value"][good]
    return {
        "datastream": rows["datastream"][good],
        "time": rows["time"][good],
        "count": np.ones(len(value), np.int64),
        "low": value,
        "high": value,
        "total": value,
    }


def _no_bars() -> Columns:
    return {n: np.zeros(0, np.int64 if i < 3 else np.float64) for i, n in enumerate(_BARS)}


def _windows(bars: Columns, pairs: NDArray[np.int64], start: int, step: int) -> Windows:
    """Bars of datastreams added up by the keys that ``pairs`` (datastream, key) give them."""
    streams = bars["datastream"].astype(np.int64)
    first = np.searchsorted(pairs[0], streams, "left")
    count = np.searchsorted(pairs[0], streams, "right") - first
    row = np.repeat(np.arange(len(streams)), count)
    place = np.arange(len(row)) + np.repeat(first - (np.cumsum(count) - count), count)
    key, begin = pairs[1][place], (bars["time"][row].astype(np.int64) - start) // step
    order = np.lexsort((begin, key))
    row, key, begin = row[order], key[order], begin[order]
    n = len(row)
    if n == 0:
        empty = np.zeros(0)
        none = np.zeros(0, np.int64)
        return Windows(none, none, none, empty, empty, empty)
    firsts = np.flatnonzero(np.append(True, (key[1:] != key[:-1]) | (begin[1:] != begin[:-1])))
    counted = np.add.reduceat(bars["count"].astype(np.int64)[row], firsts)
    return Windows(
        key=key[firsts],
        time=start + begin[firsts] * step,
        count=counted,
        mean=np.add.reduceat(bars["total"][row], firsts) / counted,
        low=np.minimum.reduceat(bars["low"][row], firsts),
        high=np.maximum.reduceat(bars["high"][row], firsts),
    )


def _scanned(
    shelf: Shelf,
    duck: Duck,
    chosen: list[tuple[list[File], str | None]],
    pairs: NDArray[np.int64],
    start: int,
    end: int,
    step: int,
    asked: Asked,
) -> Windows:
    import pyarrow as pa

    low, high = int(pairs[0].min()), int(pairs[0].max())
    selects: list[str] = []
    read: list[File] = []
    for day, kind in chosen:
        # minutes know dense datastreams only: of many, the observations are read
        coarse = None if kind == MINUTE else kind
        rolled, late = standing(day, coarse or "")
        for source, some in ((coarse or RAW, rolled), (RAW, late)):
            files = [
                f
                for f in some
                if f.low_stream <= high and f.high_stream >= low
                and f.low_time < end and f.high_time >= start
            ]  # fmt: skip
            if files:
                read += files
                paths = quoted([shelf.folder / f.name for f in files])
                since, until = (start, end) if source == RAW else inner(day, source, start, end)
                selects.append(_select(source, paths, len(files), since, until, low, high))
    if not selects:
        return _windows(_no_bars(), pairs, start, step)
    asked.reckon(sum(f.rows for f in read), len(read))
    wanted = pa.table(
        {"datastream": pa.array(pairs[0].astype(np.uint32)), "key": pa.array(pairs[1])}
    )
    cursor = duck.cursor()
    try:
        cursor.register("wanted", wanted)
        with asked.interrupts(cursor.interrupt):
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
    if kind != RAW:
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
