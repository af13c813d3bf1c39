"""Load for measurements: observations of all datastreams whose bytes are patched, not built, each
time.

Rows have a fixed width and lie one after the other, those of a message beside each other: a
message with new times and new values costs a few array writes on its part of them, since the
generator shares two cores with what it measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

U8 = NDArray[np.uint8]

VALUES = 1_000_000
"""values are hundredths below this"""


def stamp(at: int) -> bytes:
    """RFC 3339 in 24 bytes with milliseconds, of µs since the epoch."""
    moment = datetime.fromtimestamp(at / 1_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z".encode()


@cache
def _written() -> U8:
    """All values as ``dddd.dd``, shape (VALUES, 7)."""
    rows = np.full((VALUES, 7), ord("."), np.uint8)
    rest = np.arange(VALUES)
    for place in (6, 5, 3, 2, 1, 0):
        rows[:, place] = rest % 10 + ord("0")
        rest //= 10
    return rows


def _ended(names: Sequence[str], head: bytes, tail: bytes) -> U8:
    """``head + name + tail`` by row, with blanks before a shorter one: shape (n, width)."""
    encoded = np.array([name.encode() for name in names], dtype=np.bytes_)
    lengths = np.char.str_len(encoded)
    width = int(lengths.max())
    matrix = np.full((len(encoded), len(head) + width + len(tail)), ord(" "), np.uint8)
    letters = encoded.view(np.uint8).reshape(len(encoded), -1)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        start = width - length
        matrix[rows, start : start + len(head)] = np.frombuffer(head, np.uint8)
        matrix[rows, start + len(head) : width + len(head)] = letters[rows, :length]
    matrix[:, width + len(head) :] = np.frombuffer(tail, np.uint8)
    return matrix


@dataclass
class Rows:
    """JSON rows as one (n, width) byte matrix; times and values have fixed places."""

    matrix: U8
    time_at: int
    value_at: int

    def patch(self, at: int, values: NDArray[np.int64], first: int) -> U8:
        """The rows from ``first`` on, with time ``at`` (µs) and ``values`` in hundredths."""
        rows = self.matrix[first : first + len(values)]
        rows[:, self.time_at : self.time_at + 24] = np.frombuffer(stamp(at), np.uint8)
        rows[:, self.value_at + 1 : self.value_at + 8] = _written()[values]
        return rows


def json_rows(datastreams: Sequence[str]) -> Rows:
    """Observation objects, each followed by a comma; values as ``1dddd.dd``, since no JSON number
    of fixed width begins with a nought."""
    tail = b'","time":"' + b"0" * 24 + b'","value":10000.00},'
    matrix = _ended(datastreams, b'{"datastream":"', tail)
    time_at = matrix.shape[1] - len(tail) + len('","time":"')
    return Rows(matrix, time_at, time_at + 24 + len('","value":'))


class JsonBatch:
    """``POST /observations`` bodies as an array of objects."""

    content_type = "application/json"

    def __init__(self, datastreams: Sequence[str]) -> None:
        self._rows = json_rows(datastreams)

    def body(self, at: int, values: NDArray[np.int64], first: int = 0) -> bytes:
        """Observations at ``at`` (µs) of the datastreams from the ``first`` on, as many as there
        are values."""
        return b"[" + self._rows.patch(at, values, first).data.cast("B")[:-1] + b"]"

    def singles(self, at: int, values: NDArray[np.int64], first: int = 0) -> list[bytes]:
        """The same, a message for each."""
        rows = self._rows.patch(at, values, first)
        width = rows.shape[1]
        whole = rows.tobytes()
        return [whole[start : start + width - 1].lstrip() for start in range(0, len(whole), width)]


class ColumnBatch:
    """The same as columns, times in milliseconds."""

    content_type = "application/json"

    def __init__(self, datastreams: Sequence[str]) -> None:
        self._names = _ended(datastreams, b'"', b'",')

    def body(self, at: int, values: NDArray[np.int64], first: int = 0) -> bytes:
        n = len(values)
        written = np.empty((n, 9), np.uint8)
        written[:, 0], written[:, 8] = ord("1"), ord(",")
        written[:, 1:8] = _written()[values]
        return b"".join(
            (
                b'{"datastream":[',
                self._names[first : first + n].tobytes()[:-1],
                b'],"time":[',
                (b"%d," % (at // 1000) * n)[:-1],
                b'],"value":[',
                written.tobytes()[:-1],
                b"]}",
            )
        )


class ArrowBatch:
    """The same as an Arrow IPC stream."""

    content_type = "application/vnd.apache.arrow.stream"

    def __init__(self, datastreams: Sequence[str]) -> None:
        self._names = pa.array(datastreams, pa.string())
        self._schema = pa.schema(
            [
                ("datastream", pa.string()),
                ("time", pa.timestamp("us", "UTC")),
                ("value", pa.float64()),
            ]
        )

    def body(self, at: int, values: NDArray[np.int64], first: int = 0) -> bytes:
        n = len(values)
        times = pa.array(np.full(n, at, dtype=np.int64)).cast(self._schema.field(1).type)
        batch = pa.record_batch(
            [self._names.slice(first, n), times, pa.array(100.0 + values / 100)],
            schema=self._schema,
        )
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self._schema) as writer:
            writer.write_batch(batch)
        written: bytes = sink.getvalue().to_pybytes()
        return written


BATCHES: dict[str, Any] = {
    "json": JsonBatch,
    "columns": ColumnBatch,
    "arrow": ArrowBatch,
    "mqtt": JsonBatch,
}
