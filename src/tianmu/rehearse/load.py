"""Load for measurements: batches of observations whose bytes are patched, not built, each time.

Rows have a fixed width, so that a batch with new times and new values costs a few array writes:
the generator shares two cores with what it measures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

ZERO = ord("0")


def stamp(at: int) -> bytes:
    """RFC 3339 in 24 bytes with milliseconds, of µs since the epoch."""
    moment = datetime.fromtimestamp(at / 1_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z".encode()


@dataclass
class Rows:
    """``n`` JSON rows as one (n, width) byte matrix; times and values have fixed places."""

    matrix: NDArray[np.uint8]
    time_at: int
    value_at: int

    def patch(self, at: int, values: NDArray[np.int64]) -> bytes:
        """The rows with time ``at`` (µs) and ``values`` in hundredths, 0…999999."""
        self.matrix[:, self.time_at : self.time_at + 24] = np.frombuffer(stamp(at), np.uint8)
        _write_values(self.matrix, self.value_at, values)
        return self.matrix.tobytes()


def _write_values(matrix: NDArray[np.uint8], start: int, values: NDArray[np.int64]) -> None:
    """Hundredths as ``1dddd.dd``: the leading 1 keeps it a JSON number of fixed width."""
    place = start + 7
    rest = values
    for position in range(6):
        matrix[:, place] = rest % 10 + ZERO
        rest = rest // 10
        place -= 2 if position == 1 else 1


def json_rows(datastreams: list[str]) -> Rows:
    """An array of observation objects; shorter names are padded at the front of their row."""
    width = max(map(len, datastreams))
    tail = '","time":"' + "0" * 24 + '","value":10000.00},'
    head = len('{"datastream":"')
    lines = [
        "{" + " " * (width - len(name)) + f'"datastream":"{name}' + tail for name in datastreams
    ]
    matrix = np.frombuffer("".join(lines).encode(), np.uint8).reshape(len(lines), -1).copy()
    time_at = head + width + len('","time":"')
    return Rows(matrix, time_at, time_at + 24 + len('","value":'))


class JsonBatch:
    """``POST /observations`` bodies as an array of objects."""

    content_type = "application/json"

    def __init__(self, datastreams: list[str]) -> None:
        self._rows = json_rows(datastreams)

    def body(self, at: int, values: NDArray[np.int64]) -> bytes:
        return b"[" + self._rows.patch(at, values)[:-1] + b"]"


class ColumnBatch:
    """The same as columns, times in milliseconds."""

    content_type = "application/json"

    def __init__(self, datastreams: list[str]) -> None:
        names = ",".join(f'"{name}"' for name in datastreams)
        self._head = f'{{"datastream":[{names}],"time":['.encode()
        n = len(datastreams)
        self._times = np.frombuffer(b"0000000000000," * n, np.uint8).reshape(n, 14).copy()
        self._values = np.frombuffer(b"10000.00," * n, np.uint8).reshape(n, 9).copy()

    def body(self, at: int, values: NDArray[np.int64]) -> bytes:
        self._times[:, :13] = np.frombuffer(str(at // 1000).encode(), np.uint8)
        _write_values(self._values, 0, values)
        return b"".join(
            (
                self._head,
                self._times.tobytes()[:-1],
                b'],"value":[',
                self._values.tobytes()[:-1],
                b"]}",
            )
        )


class ArrowBatch:
    """The same as an Arrow IPC stream."""

    content_type = "application/vnd.apache.arrow.stream"

    def __init__(self, datastreams: list[str]) -> None:
        self._names = pa.array(datastreams, pa.string())
        self._schema = pa.schema(
            [
                ("datastream", pa.string()),
                ("time", pa.timestamp("us", "UTC")),
                ("value", pa.float64()),
            ]
        )

    def body(self, at: int, values: NDArray[np.int64]) -> bytes:
        times = pa.array(np.full(len(values), at, dtype=np.int64)).cast(self._schema.field(1).type)
        batch = pa.record_batch(
            [self._names, times, pa.array(100.0 + values / 100)], schema=self._schema
        )
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self._schema) as writer:
            writer.write_batch(batch)
        return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


BATCHES: dict[str, Any] = {
    "json": JsonBatch,
    "columns": ColumnBatch,
    "arrow": ArrowBatch,
    "mqtt": JsonBatch,
}
