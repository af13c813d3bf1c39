"""Reading parts of the past's files: footers are read once and kept, row groups one by one.

A file is sorted by datastream, and its footer tells the lowest and highest datastream and time of
each row group: of a day of thirty million rows, one series costs one row group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.store.history.asked import Asked
from tianmu.store.history.held import Held
from tianmu.store.history.manifest import File

HELD = 128 << 20
"""bytes of footers that are kept, about"""
_EXPANDED = 5
"""bytes in memory for a byte of a footer, about"""
_AT_ONCE = 32
"""row groups between two looks at whether anybody still waits"""

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Footer:
    """What the footer says of each row group; arrays of shape (row groups,). ``low`` and ``high``
    are datastreams, ``begin`` and ``end`` the first and last time (µs) in it."""

    metadata: Any
    rows: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]

    def groups(self, datastreams: NDArray[Any] | None, start: int, end: int) -> NDArray[np.int64]:
        """Which row groups may hold times from ``start`` to before ``end`` of ``datastreams``
        (sorted; None: of all)."""
        touched = (self.begin < end) & (self.end >= start)
        if datastreams is not None:
            first = np.searchsorted(datastreams, self.low)
            touched &= np.searchsorted(datastreams, self.high, "right") > first
        return np.flatnonzero(touched)


@dataclass(frozen=True, eq=False)
class Part:
    """Row groups of one file that a question needs."""

    file: File
    footer: Footer
    groups: NDArray[np.int64]

    @property
    def rows(self) -> int:
        return int(self.footer.rows[self.groups].sum())


def narrowed(parts: Sequence[Part], datastreams: NDArray[Any], start: int, end: int) -> list[Part]:
    """What of ``parts`` is needed for fewer datastreams."""
    fewer = [Part(p.file, p.footer, p.footer.groups(datastreams, start, end)) for p in parts]
    return [p for p in fewer if len(p.groups)]


class Shelf:
    """The files of the past for those who read them, from any thread."""

    def __init__(self, folder: Path, most: int = HELD) -> None:
        self.folder = folder
        self.footers: Held[Footer] = Held(most, _size)

    def footer(self, file: File) -> Footer:
        """Read, or remembered: a file never changes. Raises ``FileNotFoundError``."""
        return self.footers.made(file.name, lambda: _read(self.folder / file.name))

    def parts(
        self, files: Sequence[File], datastreams: NDArray[Any] | None, start: int, end: int
    ) -> list[Part]:
        """What of ``files`` a question about ``datastreams`` (sorted; None: all) from ``start`` to
        before ``end`` has to read; files that hold nothing of it are left out."""
        parts = []
        for file in files:
            if file.low_time >= end or file.high_time < start:
                continue
            if datastreams is not None and not np.any(
                (datastreams >= file.low_stream) & (datastreams <= file.high_stream)
            ):
                continue
            footer = self.footer(file)
            groups = footer.groups(datastreams, start, end)
            if len(groups):
                parts.append(Part(file, footer, groups))
        return parts

    def read(
        self,
        part: Part,
        columns: Sequence[str],
        datastreams: NDArray[Any] | None,
        start: int,
        end: int,
        asked: Asked,
    ) -> Columns:
        """``columns`` of the rows of ``datastreams`` (sorted, each once; None: all) from ``start``
        to before ``end``, in the order of the file."""
        pieces = list(self.pieces(part, columns, datastreams, start, end, asked))
        if len(pieces) == 1:
            return pieces[0]
        return {n: np.concatenate([p[n] for p in pieces]) for n in columns}

    def pieces(
        self,
        part: Part,
        columns: Sequence[str],
        datastreams: NDArray[Any] | None,
        start: int,
        end: int,
        asked: Asked,
    ) -> Iterator[Columns]:
        """The same some row groups at a time, for what would not fit in memory."""
        names = list(dict.fromkeys(["datastream", "time", *columns]))
        for table in self.tables(part, names, asked):
            rows = chosen(table, datastreams, start, end)
            yield {n: _numpy(table[n])[rows] for n in columns}

    def tables(self, part: Part, columns: Sequence[str], asked: Asked) -> Iterator[Any]:
        """Whole row groups, some at a time, as Arrow tables."""
        import pyarrow.parquet as pq

        file = pq.ParquetFile(
            self.folder / part.file.name, metadata=part.footer.metadata, memory_map=True
        )
        try:
            for at in range(0, len(part.groups), _AT_ONCE):
                asked.go_on()
                some = part.groups[at : at + _AT_ONCE].tolist()
                yield file.read_row_groups(some, columns=list(columns), use_threads=len(some) > 4)
        finally:
            file.close()


def reckon(parts: Sequence[Part], asked: Asked) -> None:
    """Say what reading ``parts`` costs, before it is done."""
    asked.reckon(sum(p.rows for p in parts), len(parts))


def chosen(table: Any, datastreams: NDArray[Any] | None, start: int, end: int) -> Any:
    """Which rows of a sorted table are asked for: a slice where they are all, else numbers."""
    time = _numpy(table["time"])
    inside = (time >= start) & (time < end)
    if datastreams is None:
        return slice(None) if inside.all() else np.flatnonzero(inside)
    streams = _numpy(table["datastream"])
    first = np.searchsorted(streams, datastreams.astype(streams.dtype), "left")
    count = np.searchsorted(streams, datastreams.astype(streams.dtype), "right") - first
    have = count > 0
    first, count = first[have], count[have]
    rows = np.arange(count.sum()) + np.repeat(first - (np.cumsum(count) - count), count)
    return rows[inside[rows]]


def _numpy(column: Any) -> NDArray[Any]:
    values: NDArray[Any] = column.to_numpy()
    return values


def _read(path: Path) -> Footer:
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    names = metadata.schema.names
    told = {name: names.index(name) for name in ("datastream", "time") if name in names}
    n = metadata.num_row_groups
    bounds = {name: np.zeros((2, n), np.int64) for name in ("datastream", "time")}
    rows = np.zeros(n, np.int64)
    for number in range(n):
        group = metadata.row_group(number)
        rows[number] = group.num_rows
        for name, place in told.items():
            statistics = group.column(place).statistics
            bounds[name][:, number] = statistics.min, statistics.max
    return Footer(metadata, rows, *bounds["datastream"], *bounds["time"])


def _size(footer: Footer) -> int:
    return int(footer.metadata.serialized_size) * _EXPANDED + footer.rows.nbytes * 5
