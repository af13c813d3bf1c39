"""Mapbox Vector Tiles 2.1 of points, written straight to bytes.

Only what the map needs: one layer, point features, properties of text, whole numbers and truth.
Coordinates are tile units (``EXTENT`` to a side, y downwards).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

EXTENT = 4096
_POINT = 1
_MOVE = (1 & 7) | (1 << 3)

Value: TypeAlias = str | int | bool


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append((number & 0x7F) | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _zigzag(number: int) -> int:
    return (number << 1) ^ (number >> 63)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _value(value: Value) -> bytes:
    if isinstance(value, bool):
        return _varint(7 << 3) + _varint(int(value))
    if isinstance(value, int):
        if value < 0:
            return _varint(6 << 3) + _varint(_zigzag(value))
        return _varint(5 << 3) + _varint(value)
    return _field(1, value.encode())


def layer(
    name: str,
    keys: Sequence[str],
    points: Iterable[tuple[int, int, Sequence[Value]]],
) -> bytes:
    """A tile with one layer. ``points`` are (x, y, values of ``keys`` in their order); values that
    repeat are written once."""
    values: dict[tuple[type, Value], int] = {}
    table: list[bytes] = []
    features: list[bytes] = []
    for x, y, held in points:
        tags = bytearray()
        for key, value in enumerate(held):
            found = values.get((type(value), value))
            if found is None:
                found = values[(type(value), value)] = len(table)
                table.append(_field(4, _value(value)))
            tags += _varint(key)
            tags += _varint(found)
        shape = bytes((_MOVE,)) + _varint(_zigzag(x)) + _varint(_zigzag(y))
        features.append(
            _field(2, _field(2, bytes(tags)) + bytes((3 << 3, _POINT)) + _field(4, shape))
        )
    if not features:
        return b""
    body = b"".join(
        (
            _varint(15 << 3) + _varint(2),
            _field(1, name.encode()),
            *features,
            *(_field(3, key.encode()) for key in keys),
            *table,
            _varint(5 << 3) + _varint(EXTENT),
        )
    )
    return _field(3, body)
