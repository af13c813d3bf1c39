"""Tables as files: CSV, Parquet or an Arrow stream, made while they are sent, a batch at a time.

Whoever gets a file can see whether it is whole: a CSV ends with a line that begins with ``#`` and
says so, a Parquet file that was broken off has no footer, an Arrow stream no end; and one that was
cut at its most rows says that where it ends (``complete`` is ``false``).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.csv

ROWS = 65_536
"""of a row group"""


class Encoder(Protocol):
    """Makes the bytes of one file; each call gives what is ready to be sent."""

    def batch(self, batch: Any) -> bytes: ...
    def end(self, rows: int, complete: bool) -> bytes: ...


def _verdict(rows: int, complete: bool) -> dict[str, str]:
    return {"complete": "true" if complete else "false", "rows": str(rows)}


class _Sink(io.RawIOBase):
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._held, self._at = bytearray(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        n = len(data)
        self._at += n
        return n

    def tell(self) -> int:
        return self._at

    def take(self) -> bytes:
        taken = bytes(self._held)
        self._held = bytearray()
        return taken


class Csv:
    """RFC 4180 in UTF-8 with a head; times RFC 3339 with microseconds."""

    def __init__(self, schema: Any) -> None:
        self._schema = pa.schema(
            pa.field(f.name, pa.string() if pa.types.is_timestamp(f.type) else f.type)
            for f in schema
        )
        self._sink = _Sink()
        self._writer = pyarrow.csv.CSVWriter(pa.PythonFile(self._sink, "w"), self._schema)

    def batch(self, batch: Any) -> bytes:
        columns = [
            _rfc3339(column) if pa.types.is_timestamp(column.type) else column
            for column in batch.columns
        ]
        self._writer.write_batch(pa.record_batch(columns, schema=self._schema))
        return self._sink.take()

    def end(self, rows: int, complete: bool) -> bytes:
        self._writer.close()
        said = (
            f"# complete: {rows} rows" if complete else f"# cut off after {rows} rows: more is left"
        )
        return self._sink.take() + said.encode() + b"\n"


def _rfc3339(column: Any) -> Any:
    times = column.cast(pa.int64()).to_numpy().astype("datetime64[us]")
    return pa.array([f"{one}Z" for one in np.datetime_as_string(times).tolist()], pa.string())


class Parquet:
    """Row groups of at least ``ROWS`` rows, zstd; whether it is whole is in the file's metadata."""

    def __init__(self, schema: Any) -> None:
        import pyarrow.parquet as pq

        self._schema, self._sink = schema, _Sink()
        self._waiting: list[Any] = []
        self._rows = 0
        self._writer = pq.ParquetWriter(pa.PythonFile(self._sink, "w"), schema, compression="zstd")

    def batch(self, batch: Any) -> bytes:
        self._waiting.append(batch)
        self._rows += len(batch)
        if self._rows >= ROWS:
            self._write()
        return self._sink.take()

    def _write(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
        self._waiting, self._rows = [], 0

    def end(self, rows: int, complete: bool) -> bytes:
        self._write()
        self._writer.add_key_value_metadata(_verdict(rows, complete))
        self._writer.close()
        return self._sink.take()


class Arrow:
    """An Arrow IPC stream; a last batch without rows carries the verdict as its metadata."""

    def __init__(self, schema: Any) -> None:
        self._schema, self._sink = schema, _Sink()
        self._writer = pa.ipc.new_stream(pa.PythonFile(self._sink, "w"), schema)

    def batch(self, batch: Any) -> bytes:
        self._writer.write_batch(batch)
        return self._sink.take()

    def end(self, rows: int, complete: bool) -> bytes:
        empty = pa.RecordBatch.from_pylist([], schema=self._schema)
        self._writer.write_batch(empty, custom_metadata=_verdict(rows, complete))
        self._writer.close()
        return self._sink.take()


FORMATS: dict[str, tuple[Callable[[Any], Encoder], str]] = {
    "csv": (Csv, "text/csv; charset=utf-8"),
    "parquet": (Parquet, "application/vnd.apache.parquet"),
    "arrow": (Arrow, "application/vnd.apache.arrow.stream"),
}
"""name (and ending) → encoder, media type"""


def pieces(batches: Iterator[Any], encoder: Encoder, most: int) -> Iterator[bytes]:
    """The bytes of a file of at most ``most`` rows."""
    rows, complete = 0, True
    for whole in batches:
        batch = whole.slice(0, most - rows)
        complete = len(batch) == len(whole)
        rows += len(batch)
        made = encoder.batch(batch) if len(batch) else b""
        if made:
            yield made
        if not complete:
            break
    yield encoder.end(rows, complete)
