"""Writing one Parquet file of the past: sorted columns in, a durable file and its facts out."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tianmu.facts import clock
from tianmu.store.history.manifest import BY_AREA, BY_STREAM, RAW, SCHEMA, File

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
ROWS = 16_384
"""rows of a row group: what one query of one series reads at least. Measured on 8 M rows of a day:
131,072 take 2.0 ms to read and 5.12 bytes a row, 32,768 1.1 ms and 5.19, 16,384 0.5 ms and 5.26; a
hundred series lie in a hundred row groups"""
CHUNK = 1 << 20
"""rows that are worked on at once where whole files are read"""
_DELTA = {"time": "DELTA_BINARY_PACKED", "datastream": "DELTA_BINARY_PACKED"}


class _Summed(io.RawIOBase):
    """A file that knows the checksum of what was written to it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self.hash = hashlib.blake2b(digest_size=16)
        self.bytes = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.bytes

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self.hash.update(view)
        done = 0
        while done < len(view):
            done += self._file.write(view[done:])
        self.bytes += done
        return done

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def checksum(path: Path) -> str:
    """The checksum of a file as the manifest has it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


@dataclass(frozen=True)
class Covers:
    """What a file is told to be of, for its metadata: orders of flushes, and by topic the journal
    positions (beyond, up to) where they are known."""

    first_order: int = 0
    last_order: int = 0
    positions: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class Output:
    """A Parquet file being written, sorted by the first columns of its schema; it appears when
    ``close`` has made it durable and somebody commits the ``File`` it gives.

    ``token`` begins the random part of its names, so that what a dead writer left can be told.
    """

    def __init__(self, folder: Path, day: str, kind: str, level: int, token: str = "") -> None:
        self._folder, self._day, self._kind, self._level = folder, day, kind, level
        token += secrets.token_hex(8)
        self._name = f"{day}/{kind}-{token}.parquet"
        self._draft = folder / day / f".{token}.draft"
        self._draft.parent.mkdir(parents=True, exist_ok=True)
        self._sink = _Summed(self._draft)
        schema = self._schema = SCHEMAS[kind]
        self._sorted_by = schema.names[0]
        delta = {n: e for n, e in _DELTA.items() if n in schema.names}
        self._writer = pq.ParquetWriter(
            self._sink,
            schema,
            compression="zstd",
            use_dictionary=[n for n in schema.names if n not in delta],
            column_encoding=delta,
            write_statistics=[self._sorted_by, "time"],
            data_page_size=1 << 18,
            write_page_checksum=True,
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
        streams = np.asarray(columns.get("datastream", (0,)))
        self._streams = [
            min(self._streams[0], int(streams[0])),
            max(self._streams[1], int(streams[-1])),
        ]
        self._times = [
            min(self._times[0], int(times.min())),
            max(self._times[1], int(times.max())),
        ]

    @property
    def last_stream(self) -> int:
        """The highest datastream written, -1 for none."""
        return self._streams[1]

    def close(self, covers: Covers = Covers()) -> File | None:
        """Make it durable under its name; None (and no file) where nothing was written."""
        positions = {t: list(p) for t, p in covers.positions.items()}
        self._writer.add_key_value_metadata(
            {
                "tianmu.schema": str(SCHEMA),
                "tianmu.kind": self._kind,
                "tianmu.day": self._day,
                "tianmu.orders": f"{covers.first_order}..{covers.last_order}",
                "tianmu.positions": json.dumps(positions),
            }
        )
        self._writer.close()
        self._sink.close()
        if self._rows == 0:
            self._draft.unlink(missing_ok=True)
            return None
        sync(self._draft)
        path = self._folder / self._name
        self._draft.replace(path)
        sync(path.parent)
        return File(
            name=self._name,
            day=self._day,
            kind=self._kind,
            level=self._level,
            first_order=covers.first_order,
            last_order=covers.last_order,
            rows=self._rows,
            bytes=self._sink.bytes,
            low_stream=self._streams[0],
            high_stream=self._streams[1],
            low_time=self._times[0],
            high_time=self._times[1],
            checksum=self._sink.hash.hexdigest(),
            at=clock.now(),
            schema=SCHEMA,
        )

    def abandon(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(OSError):  # the disk may be full
            self._writer.close()
        self._sink.close()
        self._draft.unlink(missing_ok=True)
        (self._folder / self._name).unlink(missing_ok=True)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
