"""Observations of many datastreams as a stream of Arrow batches, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tianmu.store.history.asked import Asked
from tianmu.store.history.choice import by_day
from tianmu.store.history.footer import Part, Shelf, chosen, narrowed, reckon
from tianmu.store.history.manifest import RAW, File
from tianmu.store.history.observed import IDENTITY
from tianmu.store.history.parquet import RAW_SCHEMA
from tianmu.store.history.write import last_of_each

STRETCH = 1_000_000
"""rows that are sorted at once, about, where several files hold a day"""
BATCH = 65_536
"""rows of a batch, at most"""


def batches(
    shelf: Shelf,
    files: list[File],
    datastreams: NDArray[np.uint32] | None,
    start: int,
    end: int,
    asked: Asked,
) -> Any:
    """A ``pyarrow.RecordBatchReader`` with the columns of raw files, by day, datastream, time and
    sequence; each identity once, as the newest flush told."""
    if end <= start:
        raise ValueError(f"the end ({end}) must come after the start ({start})")
    days = [
        shelf.parts([f for f in day if f.kind == RAW], datastreams, start, end)
        for day in by_day(files).values()
    ]
    reckon([part for parts in days for part in parts], asked)

    def stream() -> Iterator[Any]:
        for parts in days:
            for low, high in _stretches(parts):
                table = _stretch(shelf, parts, datastreams, low, high, start, end, asked)
                yield from table.to_batches(BATCH)

    return pa.RecordBatchReader.from_batches(RAW_SCHEMA, stream())


def _stretches(parts: Sequence[Part]) -> Iterator[tuple[int, int]]:
    """Ranges of datastreams, both bounds inclusive, of about ``STRETCH`` rows in all files."""
    if not parts:
        return
    low = np.concatenate([p.footer.low[p.groups] for p in parts])
    rows = np.concatenate([p.footer.rows[p.groups] for p in parts])
    high = max(int(p.footer.high[p.groups].max()) for p in parts)
    order = np.argsort(low, kind="stable")
    low, place = low[order], np.cumsum(rows[order]) // STRETCH
    begins = np.unique(low[np.append(True, place[1:] != place[:-1])]).tolist()
    for begin, after in zip(begins, [*begins[1:], high + 1], strict=True):
        yield begin, after - 1


def _stretch(
    shelf: Shelf,
    parts: Sequence[Part],
    datastreams: NDArray[np.uint32] | None,
    low: int,
    high: int,
    start: int,
    end: int,
    asked: Asked,
) -> Any:
    tables = []
    for part in parts:
        touched = (part.footer.low[part.groups] <= high) & (part.footer.high[part.groups] >= low)
        those = Part(part.file, part.footer, part.groups[touched])
        some: Part | None = those
        wanted = datastreams
        if wanted is not None:
            first, after = np.searchsorted(wanted, np.array([low, high + 1]))
            wanted = wanted[first:after]
            some = next(iter(narrowed([those], wanted, start, end)), None)
        if some is None or not len(some.groups):
            continue
        for table in shelf.tables(some, RAW_SCHEMA.names, asked):
            kept = table.take(_numbers(table, chosen(table, wanted, start, end)))
            streams = kept["datastream"].to_numpy()
            first, after = np.searchsorted(streams, (low, high + 1))
            tables.append(kept.slice(first, after - first).cast(RAW_SCHEMA))
    if not tables:
        return RAW_SCHEMA.empty_table()
    joined = pa.concat_tables(tables)
    if len(parts) == 1 or not len(joined):
        return joined
    columns = {n: joined[n].to_numpy() for n in IDENTITY}
    order = np.lexsort(tuple(columns[n] for n in reversed(IDENTITY)))
    columns = {n: values[order] for n, values in columns.items()}
    return joined.take(last_of_each({**columns, "row": order})["row"])


def _numbers(table: Any, rows: Any) -> Any:
    return np.arange(len(table)) if isinstance(rows, slice) else rows
