"""Devices along a space-filling curve (Z-order, Morton) of their Web Mercator square.

A place is two numbers of 32 bits, share of the world from west and from north: a centimetre at the
equator. Their bits taken in turn are one number whose leading bits say in which tile of each zoom
the place lies, so that a tile is one run of the sorted numbers, and a square of it a shorter one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tianmu.store.registry.column import Columns

U64 = NDArray[np.uint64]
DEEP = 32
"""bits of a place in each direction"""
POINTS = 1500
"""most points of one tile: the zoom at which the fullest tile has so few is the first with points
and not cells, in all tiles alike, so that no map shows half of each"""
NEAR = 17
"""from this zoom on always points"""
_CHUNK = 1 << 18
_SPREAD = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)


def mercator(
    longitude: NDArray[np.float64], latitude: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Web Mercator (EPSG:3857) as shares of the world, 0…1 from west and from north."""
    x = longitude / 360.0 + 0.5
    sine = np.sin(np.radians(np.clip(latitude, -85.05112878, 85.05112878)))
    y = 0.5 - np.log((1 + sine) / (1 - sine)) / (4 * np.pi)
    return x, y


def spread(numbers: U64) -> U64:
    """The lower 32 bits with a zero between each two."""
    n = numbers & np.uint64(0xFFFFFFFF)
    for shift, mask in _SPREAD:
        n = (n | (n << np.uint64(shift))) & np.uint64(mask)
    return n


def unspread(numbers: U64) -> U64:
    """Every second bit, put together again."""
    n = numbers & np.uint64(0x5555555555555555)
    shifts = [shift for shift, _ in reversed(_SPREAD)]
    masks = [mask for _, mask in reversed(_SPREAD[:-1])] + [0x00000000FFFFFFFF]
    for shift, mask in zip(shifts, masks, strict=True):
        n = (n | (n >> np.uint64(shift))) & np.uint64(mask)
    return n


def morton(x: int, y: int) -> int:
    """Z-order of one square."""
    pair = spread(np.array([x, y], dtype=np.uint64))
    return int(pair[0]) | int(pair[1]) << 1


def codes(longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> U64:
    """Z-order of places, shape (n,)."""
    found = np.empty(len(longitude), dtype=np.uint64)
    most = float(2**DEEP - 1)
    for low in range(0, len(longitude), _CHUNK):
        part = slice(low, low + _CHUNK)
        x, y = mercator(longitude[part], latitude[part])
        column = np.clip(x * 2.0**DEEP, 0, most).astype(np.uint64)
        row = np.clip(y * 2.0**DEEP, 0, most).astype(np.uint64)
        found[part] = spread(column) | spread(row) << np.uint64(1)
    return found


@dataclass(frozen=True, eq=False)
class Order:
    """Devices that have a place, along the curve; arrays of one length."""

    devices: int
    """of the registry when it was made: those beyond are not in it"""
    near: int
    """zoom from which tiles carry points"""
    code: U64
    device: NDArray[np.uint32]

    @classmethod
    def of(cls, columns: Columns, held: Order | None = None) -> Order:
        """All devices of the columns in order; ``held`` is an earlier order of fewer of them."""
        first, devices = held.devices if held else 0, len(columns.kind)
        longitude, latitude = columns.longitude[first:devices], columns.latitude[first:devices]
        placed = np.flatnonzero(~(np.isnan(longitude) | np.isnan(latitude)))
        code = codes(longitude[placed], latitude[placed])
        device = (placed + first).astype(np.uint32)
        if held is not None:
            code, device = np.concatenate((held.code, code)), np.concatenate((held.device, device))
        # stable: two runs that are sorted already are only merged
        sort = np.argsort(code, kind="stable" if held is not None else None)
        code = code[sort]
        return cls(devices, _first_near(code), code, device[sort])

    @cached_property
    def _row_of(self) -> NDArray[np.int32]:
        found = np.full(self.devices, -1, dtype=np.int32)
        found[self.device] = np.arange(len(self.device), dtype=np.int32)
        return found

    def rows(self, devices: NDArray[Any]) -> NDArray[np.uint32]:
        """Where devices stand along the curve; those without a place stand nowhere."""
        found = self._row_of[devices]
        return np.asarray(found[found >= 0], dtype=np.uint32)

    def run(self, z: int, x: int, y: int) -> tuple[int, int]:
        """Where the devices of tile z/x/y stand: from (with) to (without)."""
        shift = 2 * (DEEP - z)
        first = morton(x, y) << shift
        start = np.searchsorted(self.code, np.uint64(first))
        end = np.searchsorted(self.code, np.uint64(first + (1 << shift) - 1), side="right")
        return int(start), int(end)

    def edges(self, z: int, x: int, y: int, depth: int) -> NDArray[np.int64]:
        """Where each of the 4**depth squares of a tile begins, along the curve, and where the
        last one ends; shape (4**depth + 1,)."""
        start, end = self.run(z, x, y)
        shift = 2 * (DEEP - z - depth)
        squares = np.arange(1, 4**depth, dtype=np.uint64) << np.uint64(shift)
        bounds = squares + np.uint64(morton(x, y) << 2 * (DEEP - z))
        inner = np.searchsorted(self.code[start:end], bounds) + start
        return np.concatenate(([start], inner, [end])).astype(np.int64)

    def within(self, rows: NDArray[Any], z: int, x: int, y: int, side: int) -> tuple[Any, Any]:
        """Places of rows in units of a tile that is ``side`` (a power of 2) wide."""
        shift = np.uint64(DEEP - z - side.bit_length() + 1)
        code = self.code[rows]
        across = (unspread(code) >> shift).astype(np.int64) - x * side
        down = (unspread(code >> np.uint64(1)) >> shift).astype(np.int64) - y * side
        return across, down


def _first_near(code: U64) -> int:
    """The first zoom at which no tile holds more than ``POINTS`` of the sorted ``code``."""
    if len(code) <= POINTS:
        return 0
    # the fullest tile holds more just where two that are so far apart along the order share all
    # the bits of a tile
    least = int((code[POINTS:] ^ code[:-POINTS]).min())
    return min(NEAR, (2 * DEEP + 2 - least.bit_length()) // 2)
