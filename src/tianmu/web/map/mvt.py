"""Mapbox Vector Tiles 2.1 of points, written from columns to bytes.

Only what the map needs: one layer, point features, properties of text, whole numbers and truth.
Coordinates are tile units (``EXTENT`` to a side, y downwards). All features are written at once,
as rows of a matrix with room for the longest of each field; taking out what is not used leaves the
bytes in their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

EXTENT = 4096
_POINT = 1
_MOVE = (1 & 7) | (1 << 3)

Value: TypeAlias = str | int | bool
Property: TypeAlias = tuple[NDArray[Any], Sequence[Value]]
"""for each feature a number into the list of values"""


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append((number & 0x7F) | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _value(value: Value) -> bytes:
    if isinstance(value, bool):
        return _varint(7 << 3) + _varint(int(value))
    if isinstance(value, int):
        if value < 0:
            return _varint(6 << 3) + _varint((value << 1) ^ (value >> 63))
        return _varint(5 << 3) + _varint(value)
    return _field(1, value.encode())


class _Rows:
    """Bytes of the features, a row each: pieces side by side and how much of each is used."""

    def __init__(self, rows: int) -> None:
        self.length = np.zeros(rows, dtype=np.int64)
        self._pieces: list[NDArray[np.uint8]] = []
        self._used: list[NDArray[np.bool_]] = []

    def same(self, *octets: int) -> _Rows:
        """The same bytes in each row."""
        rows = len(self.length)
        self._pieces.append(np.tile(np.array(octets, dtype=np.uint8), (rows, 1)))
        self._used.append(np.ones((rows, len(octets)), dtype=bool))
        self.length += len(octets)
        return self

    def varints(self, numbers: NDArray[Any]) -> _Rows:
        """A variable-length number in each row."""
        n = numbers.astype(np.uint64)
        width = max(1, -(-int(n.max(initial=np.uint64(0))).bit_length() // 7))
        shifts = np.arange(width, dtype=np.uint64) * np.uint64(7)
        rest = n[:, None] >> shifts
        used = rest > 0
        used[:, 0] = True
        piece = (rest & np.uint64(0x7F)).astype(np.uint8)
        piece[:, :-1] |= used[:, 1:].astype(np.uint8) << 7
        self._pieces.append(piece)
        self._used.append(used)
        self.length += used.sum(axis=1)
        return self

    def rows(self, others: _Rows) -> _Rows:
        """The other rows, each behind its length."""
        self.varints(others.length)
        self._pieces += others._pieces
        self._used += others._used
        self.length += others.length
        return self

    def bytes(self) -> bytes:
        return np.hstack(self._pieces)[np.hstack(self._used)].tobytes()


def _zigzag(numbers: NDArray[Any]) -> NDArray[np.int64]:
    n = numbers.astype(np.int64)
    return (n << 1) ^ (n >> 63)


def layer(
    name: str,
    x: NDArray[Any],
    y: NDArray[Any],
    properties: Mapping[str, Property],
    ids: NDArray[Any] | None = None,
) -> bytes:
    """A tile with one layer of points; nothing where there are none. ``ids`` become the features'
    own, whole numbers."""
    rows = len(x)
    if not rows:
        return b""
    tags = _Rows(rows)
    table: list[bytes] = []
    for key, (numbers, values) in enumerate(properties.values()):
        tags.varints(np.full(rows, key)).varints(np.asarray(numbers) + len(table))
        table += [_field(4, _value(value)) for value in values]
    shape = _Rows(rows).same(_MOVE).varints(_zigzag(x)).varints(_zigzag(y))
    feature = _Rows(rows)
    if ids is not None:
        feature.same(1 << 3).varints(ids)
    feature.same(2 << 3 | 2).rows(tags).same(3 << 3, _POINT, 4 << 3 | 2).rows(shape)
    body = b"".join(
        (
            _varint(15 << 3) + _varint(2),
            _field(1, name.encode()),
            _Rows(rows).same(2 << 3 | 2).rows(feature).bytes(),
            *(_field(3, key.encode()) for key in properties),
            *table,
            _varint(5 << 3) + _varint(EXTENT),
        )
    )
    return _field(3, body)
