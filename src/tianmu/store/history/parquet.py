"""Writing one Parquet file of the past: sorted columns in, a durable file and its facts out."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tianmu.store.history.manifest import BY_AREA, BY_STREAM, RAW, File

RAW_SCHEMA = pa.schema(
    [
        pa.field("datastream", pa.uint32(), nullable=False),
        pa.field("time", pa.int64(), nullable=False),  # phenomenon time, µs
        pa.field("value", pa.float64(), nullable=False),
        pa.field("quality", pa.uint8(), nullable=False),
        pa.field("sequence", pa.uint32(), nullable=False),
        pa.field("source", pa.uint16(), nullable=False),
        pa.field("result_time", pa.int64()),  # µs, where told
        pa.field("text", pa.string()),  # JSON of a result that is no number
    ]
)
ROLLUP_SCHEMA = pa.schema(
    [
        pa.field("datastream", pa.uint32(), nullable=False),
        pa.field("time", pa.int64(), nullable=False),  # start of the minute or hour, µs
        pa.field("count", pa.uint32(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        pa.field("total", pa.float64(), nullable=False),
        pa.field("last", pa.float64(), nullable=False),
        pa.field("exceeded", pa.uint32(), nullable=False),  # beyond the thresholds then in force
    ]
)
"""of minutes, hours and days by datastream"""
AREA_SCHEMA = pa.schema(
    [
        pa.field("dimension", pa.string(), nullable=False),  # town, village, kind, department
        pa.field("area", pa.string(), nullable=False),  # its code; empty: not known
        pa.field("kind", pa.string(), nullable=False),  # device kind
        pa.field("property", pa.string(), nullable=False),  # values of others are never mixed in
        pa.field("time", pa.int64(), nullable=False),  # start of the hour or day, µs
        pa.field("count", pa.uint64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        pa.field("total", pa.float64(), nullable=False),
        pa.field("exceeded", pa.uint64(), nullable=False),
    ]
)
"""of hours and days by area, sorted in this order"""
SCHEMAS = {RAW: RAW_SCHEMA, **dict.fromkeys(BY_STREAM, ROLLUP_SCHEMA)} | dict.fromkeys(
    BY_AREA, AREA_SCHEMA
)
SCHEMA = 2
"""version of the schemas, in each file's metadata as ``tianmu.schema``; 1 (none told) had no
``exceeded`` and no roll-ups by day or by area"""
ROWS = 131_072
"""rows of a row group: what one query of one series reads at least"""
_DELTA = {"time": "DELTA_BINARY_PACKED", "datastream": "DELTA_BINARY_PACKED"}


class Output:
    """A Parquet file being written, sorted by (datastream, time); it appears when ``close`` has
    made it durable and somebody commits the ``File`` it gives."""

    def __init__(self, folder: Path, day: str, kind: str, level: int) -> None:
        self._folder, self._day, self._kind, self._level = folder, day, kind, level
        self._name = f"{day}/{kind}-{secrets.token_hex(8)}.parquet"
        self._draft = folder / day / f".{secrets.token_hex(8)}.draft"
        self._draft.parent.mkdir(parents=True, exist_ok=True)
        schema = self._schema = SCHEMAS[kind]
        self._sorted_by = schema.names[0]
        delta = {n: e for n, e in _DELTA.items() if n in schema.names}
        self._writer = pq.ParquetWriter(
            self._draft,
            schema,
            compression="zstd",
            use_dictionary=[n for n in schema.names if n not in delta],
            column_encoding=delta,
            write_statistics=[self._sorted_by, "time"],
            data_page_size=1 << 18,
        )
        self._rows = 0
        self._streams = [1 << 62, -1]
        self._times = [1 << 62, -(1 << 62)]

    def write(self, columns: Mapping[str, Any]) -> None:
        """Append rows; arrays of NumPy, or of Arrow where they may be null."""
        n = len(columns["time"])
        if n == 0:
            return
        arrays = [
            columns[f.name] if f.name in columns else pa.nulls(n, f.type) for f in self._schema
        ]
        self._writer.write_table(
            pa.Table.from_arrays(
                [
                    a if isinstance(a, pa.Array) else pa.array(a, f.type)
                    for a, f in zip(arrays, self._schema, strict=True)
                ],
                schema=self._schema,
            ),
            row_group_size=ROWS,
        )
        self._rows += n
        times = np.asarray(columns["time"])
        streams = columns.get("datastream", (0,))
        self._streams = [
            min(self._streams[0], int(streams[0])),
            max(self._streams[1], int(streams[-1])),
        ]
        self._times = [
            min(self._times[0], int(times.min())),
            max(self._times[1], int(times.max())),
        ]

    def close(self, first_order: int = 0, last_order: int = 0) -> File | None:
        """Make it durable under its name; None (and no file) where nothing was written."""
        self._writer.close()
        if self._rows == 0:
            self._draft.unlink(missing_ok=True)
            return None
        _sync(self._draft)
        path = self._folder / self._name
        self._draft.replace(path)
        _sync(path.parent)
        return File(
            name=self._name,
            day=self._day,
            kind=self._kind,
            level=self._level,
            first_order=first_order,
            last_order=last_order,
            rows=self._rows,
            bytes=path.stat().st_size,
            low_stream=self._streams[0],
            high_stream=self._streams[1],
            low_time=self._times[0],
            high_time=self._times[1],
        )

    def abandon(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(OSError):  # the disk may be full
            self._writer.close()
        self._draft.unlink(missing_ok=True)
        (self._folder / self._name).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
