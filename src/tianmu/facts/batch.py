"""Observations that came in together: columns, never objects.

An observation's identity is (datastream, phenomenon_time, sequence); a correction is a later fact
over the same identity. Terms are those of OGC 18-088 (SensorThings 1.1), clause 8.2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

MAGIC = b"OB"
VERSION = 1
# magic, version, flags, n, source, reserved, received, side length: 24 bytes, so columns align
_HEAD = struct.Struct("<2sBBIHHqI")
_HAS_RESULT_TIME = 1
_HAS_QUALITY = 2
_HAS_SEQUENCE = 4

GOOD, UNCERTAIN, BAD, MAINTENANCE, TEST = 0, 1, 2, 3, 4
"""Quality of an observation. MAINTENANCE and TEST never dispatch."""


@dataclass(frozen=True, eq=False)
class ObservationBatch:
    """``n`` observations as columns; all arrays have shape ``(n,)``.

    ``datastream`` is the registry's dense index (u32); ``phenomenon_time`` and ``result_time`` are
    µs since the epoch (i64); ``value`` is f64 (NaN where the result is no number: then ``side``
    holds it by row); ``quality`` u8; ``sequence`` u32 tells apart observations of one datastream
    with equal time. ``received`` (µs) and ``source`` (u16, registry number) hold for the batch.
    """

    datastream: NDArray[np.uint32]
    phenomenon_time: NDArray[np.int64]
    value: NDArray[np.float64]
    received: int
    source: int
    result_time: NDArray[np.int64] | None = None
    quality: NDArray[np.uint8] | None = None
    sequence: NDArray[np.uint32] | None = None
    side: dict[int, Any] = field(default_factory=dict)
    """row → text, flag or JSON result that is not a number (msgpack-able)"""

    def __post_init__(self) -> None:
        n = len(self.datastream)
        for name in ("phenomenon_time", "value", "result_time", "quality", "sequence"):
            column = getattr(self, name)
            if column is not None and len(column) != n:
                raise ValueError(f"column {name} has {len(column)} rows, datastream has {n}")

    def __len__(self) -> int:
        return len(self.datastream)

    def rows(self, which: Sequence[int]) -> ObservationBatch:
        """Some of its rows, in the order of ``which``, as a batch of their own."""
        at = np.asarray(which, dtype=np.intp)
        return ObservationBatch(
            datastream=self.datastream[at],
            phenomenon_time=self.phenomenon_time[at],
            value=self.value[at],
            received=self.received,
            source=self.source,
            result_time=None if self.result_time is None else self.result_time[at],
            quality=None if self.quality is None else self.quality[at],
            sequence=None if self.sequence is None else self.sequence[at],
            side=side_of(self.side, which),
        )

    def encode(self) -> bytes:
        """The batch as journal bytes: a header, then each column little-endian, then the side."""
        flags = 0
        columns: list[bytes] = [
            self.phenomenon_time.astype("<i8", copy=False).tobytes(),
            self.value.astype("<f8", copy=False).tobytes(),
        ]
        if self.result_time is not None:
            flags |= _HAS_RESULT_TIME
            columns.append(self.result_time.astype("<i8", copy=False).tobytes())
        columns.append(self.datastream.astype("<u4", copy=False).tobytes())
        if self.sequence is not None:
            flags |= _HAS_SEQUENCE
            columns.append(self.sequence.astype("<u4", copy=False).tobytes())
        if self.quality is not None:
            flags |= _HAS_QUALITY
            columns.append(self.quality.astype("u1", copy=False).tobytes())
        side = msgspec.msgpack.encode(self.side) if self.side else b""
        head = _HEAD.pack(
            MAGIC, VERSION, flags, len(self), self.source, 0, self.received, len(side)
        )
        return b"".join((head, *columns, side))

    @classmethod
    def decode(cls, data: bytes | memoryview) -> ObservationBatch:
        """Views over ``data`` (no copy). Raises ``ValueError`` where the bytes are no batch."""
        if len(data) < _HEAD.size:
            raise ValueError(f"{len(data)} bytes are too few for an observation batch")
        magic, version, flags, n, source, _, received, side_length = _HEAD.unpack_from(data)
        if magic != MAGIC or version != VERSION:
            raise ValueError(f"not an observation batch of version {VERSION}: {magic!r} {version}")
        offset = _HEAD.size

        def take(dtype: str) -> NDArray[Any]:
            nonlocal offset
            column = np.frombuffer(data, dtype=dtype, count=n, offset=offset)
            offset += column.nbytes
            return column

        phenomenon_time = take("<i8")
        value = take("<f8")
        result_time = take("<i8") if flags & _HAS_RESULT_TIME else None
        datastream = take("<u4")
        sequence = take("<u4") if flags & _HAS_SEQUENCE else None
        quality = take("u1") if flags & _HAS_QUALITY else None
        if len(data) != offset + side_length:
            raise ValueError(f"batch is {len(data)} bytes long, expected {offset + side_length}")
        side = msgspec.msgpack.decode(data[offset:], type=dict[int, Any]) if side_length else {}
        return cls(
            datastream=datastream,
            phenomenon_time=phenomenon_time,
            value=value,
            received=received,
            source=source,
            result_time=result_time,
            quality=quality,
            sequence=sequence,
            side=side,
        )


def side_of(side: Mapping[int, Any], rows: Iterable[int]) -> dict[int, Any]:
    """What ``side`` holds of ``rows``, by their new numbers: the first of them is 0."""
    return {new: side[old] for new, old in enumerate(rows) if old in side}
