"""Vector tiles of the devices, made from columns.

Devices are put once in Z-order (Morton) of their Web Mercator square at zoom 20, so a tile is one
run of them and each cell of a density grid a shorter run in it: counting them and finding the
worst alarm are two reductions over the run, however many devices there are.

Far tiles carry cells ``{n, worst}``, near ones points ``{id, kind, alarm, state}``. A tile is kept
for two seconds: alarms move, places hardly do.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tianmu.access.scope import Scope
from tianmu.web import mvt, signs
from tianmu.web.hub import Hub

DEEP = 20
"""zoom of the squares that devices are sorted by: some 38 m at the equator ÷ 2 … fine enough"""
POINTS = 1500
"""most points of one tile: the zoom at which the fullest tile has so few is the first with points
and not cells, in all tiles alike, so that no map shows half of each"""
NEAR = 17
"""from this zoom on always points"""
GRID = 5
"""a tile's density grid has 2**GRID cells to a side"""
FRESH = 2.0
"""seconds a tile is kept"""
KEEP = 2000
BUFFER = 64
"""tile units around the tile that points may lie in, so that symbols are not cut"""
STATES = ("never", "silent", "online")


def _first_near(code: NDArray[np.uint64]) -> int:
    """The first zoom at which no tile holds more than ``POINTS`` of the sorted ``code``."""
    for z in range(NEAR):
        if len(code) <= POINTS:
            return z
        # the fullest tile holds more than POINTS just where one reaches that far along the order
        tile = code >> np.uint64(2 * (DEEP - z))
        if not (tile[POINTS:] == tile[:-POINTS]).any():
            return z
    return NEAR


def mercator(
    longitude: NDArray[np.float64], latitude: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Web Mercator (EPSG:3857) as shares of the world, 0…1 from west and from north."""
    x = longitude / 360.0 + 0.5
    sine = np.sin(np.radians(np.clip(latitude, -85.05112878, 85.05112878)))
    y = 0.5 - np.log((1 + sine) / (1 - sine)) / (4 * np.pi)
    return x, y


def spread(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The lower 32 bits with a zero between each two (for Z-order)."""
    n = numbers & np.uint64(0xFFFFFFFF)
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        n = (n | (n << np.uint64(shift))) & np.uint64(mask)
    return n


def morton(x: int, y: int) -> int:
    """Z-order of one square."""
    pair = spread(np.array([x, y], dtype=np.uint64))
    return int(pair[0]) | int(pair[1]) << 1


@dataclass(frozen=True, eq=False)
class _Order:
    """Devices with a place, in Z-order; arrays of one length."""

    devices: int
    """of the registry when it was made"""
    near: int
    """zoom from which tiles carry points"""
    code: NDArray[np.uint64]
    device: NDArray[np.uint32]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    """shares of the world"""


class Tiles:
    """Tiles of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._order: _Order | None = None
        self._lock = threading.Lock()
        self._tiles: OrderedDict[tuple[Scope, int, int, int], tuple[float, bytes]] = OrderedDict()
        self._states: tuple[float, NDArray[np.uint8]] | None = None

    def tile(self, scope: Scope, z: int, x: int, y: int) -> bytes:
        """The tile, no older than two seconds; empty where there is nothing. Raises
        ``ValueError`` for a tile that does not exist."""
        if not (0 <= z <= 22 and 0 <= x < 1 << z and 0 <= y < 1 << z):
            raise ValueError(f"there is no tile {z}/{x}/{y}")
        key, now = (scope, z, x, y), time.monotonic()
        with self._lock:
            held = self._tiles.get(key)
            if held is not None and now - held[0] < FRESH:
                return held[1]
        body = self._make(scope, z, x, y)
        with self._lock:
            self._tiles[key] = (now, body)
            self._tiles.move_to_end(key)
            while len(self._tiles) > KEEP:
                self._tiles.popitem(last=False)
        return body

    def order(self) -> _Order:
        """Devices in Z-order, made anew when some were registered."""
        columns = self._hub.registry.columns
        devices = len(columns.kind)
        held = self._order
        if held is not None and held.devices == devices:
            return held
        placed = np.flatnonzero(~np.isnan(columns.longitude[:devices]))
        x, y = mercator(columns.longitude[placed], columns.latitude[placed])
        side = 1 << DEEP
        column = np.clip((x * side).astype(np.int64), 0, side - 1).astype(np.uint64)
        row = np.clip((y * side).astype(np.int64), 0, side - 1).astype(np.uint64)
        code = spread(column) | spread(row) << np.uint64(1)
        sort = np.argsort(code, kind="stable")
        code = code[sort]
        made = _Order(
            devices=devices,
            near=_first_near(code),
            code=code,
            device=placed[sort].astype(np.uint32),
            x=x[sort],
            y=y[sort],
        )
        self._order = made
        return made

    def states(self) -> NDArray[np.uint8]:
        """Number into ``STATES`` for each device, at most two seconds old."""
        now = time.monotonic()
        held = self._states
        devices = self._hub.registry.count_devices
        if held is not None and now - held[0] < FRESH and len(held[1]) >= devices:
            return held[1]
        last = signs.last_heard(self._hub)
        if last is None or not len(last):
            state = np.zeros(devices, dtype=np.uint8)
        else:
            kind = self._hub.registry.columns.kind[: len(last)]
            online = self._hub.clock() - last <= signs.heartbeats(self._hub)[kind]
            state = np.where(last > 0, np.where(online, 2, 1), 0).astype(np.uint8)
        self._states = (now, state)
        return state

    def _alarm(self, devices: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """Priority of the worst active alarm, 0 none."""
        live = self._hub.live()
        if live is None:
            return np.zeros(len(devices), dtype=np.uint8)
        column = live.alarm
        found = np.zeros(len(devices), dtype=np.uint8)
        known = devices < len(column)
        found[known] = column[devices[known]]
        return found

    def _make(self, scope: Scope, z: int, x: int, y: int) -> bytes:
        order = self.order()
        start, end = self._run(order, z, x, y)
        mask = signs.device_mask(self._hub, scope)
        if z < order.near:
            inside = None if mask is None else mask[order.device[start:end]]
            return self._cells(order, start, end, z, inside)
        return self._points(order, z, x, y, mask)

    @staticmethod
    def _run(order: _Order, z: int, x: int, y: int) -> tuple[int, int]:
        if z > DEEP:
            # deeper than the sort: the run of the square that holds the tile
            x, y, z = x >> (z - DEEP), y >> (z - DEEP), DEEP
        shift = 2 * (DEEP - z)
        first = morton(x, y) << shift
        bounds = np.array([first, first + (1 << shift)], dtype=np.uint64)
        start, end = np.searchsorted(order.code, bounds)
        return int(start), int(end)

    def _cells(
        self,
        order: _Order,
        start: int,
        end: int,
        z: int,
        inside: NDArray[np.bool_] | None,
    ) -> bytes:
        depth = min(GRID, DEEP - z)
        if start == end:
            return mvt.layer("devices", ("n", "worst"), ())
        cell = order.code[start:end] >> np.uint64(2 * (DEEP - z - depth))
        devices = order.device[start:end]
        if inside is not None:
            cell, devices = cell[inside], devices[inside]
            if not len(cell):
                return mvt.layer("devices", ("n", "worst"), ())
        begins = np.flatnonzero(np.concatenate(([True], cell[1:] != cell[:-1])))
        counts = np.diff(np.concatenate((begins, [len(cell)])))
        alarm = self._alarm(devices)
        # 1 is the highest priority and 0 none: turned round, the worst is the largest
        turned = np.where(alarm > 0, 5 - alarm.astype(np.int8), 0)
        worst = np.maximum.reduceat(turned, begins)
        worst = np.where(worst > 0, 5 - worst, 0)
        size = mvt.EXTENT >> depth
        within = cell[begins] & np.uint64((1 << 2 * depth) - 1)
        columns, rows = _unspread(within), _unspread(within >> np.uint64(1))
        return mvt.layer(
            "devices",
            ("n", "worst"),
            (
                (int(c) * size + size // 2, int(r) * size + size // 2, (int(n), int(w)))
                for c, r, n, w in zip(columns, rows, counts, worst, strict=True)
            ),
        )

    def _points(
        self, order: _Order, z: int, x: int, y: int, mask: NDArray[np.bool_] | None
    ) -> bytes:
        """Points of the tile and of a rim around it."""
        side = 1 << z
        rows: list[NDArray[np.int64]] = []
        for column in (x - 1, x, x + 1):
            for row in (y - 1, y, y + 1):
                if 0 <= column < side and 0 <= row < side:
                    start, end = self._run(order, z, column, row)
                    rows.append(np.arange(start, end))
        found = np.unique(np.concatenate(rows))
        across = np.floor((order.x[found] * side - x) * mvt.EXTENT).astype(np.int64)
        down = np.floor((order.y[found] * side - y) * mvt.EXTENT).astype(np.int64)
        near = (
            (across >= -BUFFER)
            & (across < mvt.EXTENT + BUFFER)
            & (down >= -BUFFER)
            & (down < mvt.EXTENT + BUFFER)
        )
        if mask is not None:
            near &= mask[order.device[found]]
        found, across, down = found[near], across[near], down[near]
        devices = order.device[found]
        registry = self._hub.registry
        alarm, state = self._alarm(devices), self.states()
        kind = registry.columns.kind
        kinds = registry.kinds
        return mvt.layer(
            "devices",
            ("id", "kind", "alarm", "state"),
            (
                (
                    int(across[n]),
                    int(down[n]),
                    (
                        registry.device_id(int(device)),
                        kinds[kind[device]],
                        int(alarm[n]),
                        STATES[state[device]] if device < len(state) else STATES[0],
                    ),
                )
                for n, device in enumerate(devices)
            ),
        )


def _unspread(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Every second bit, put together again."""
    n = numbers & np.uint64(0x5555555555555555)
    for shift, mask in (
        (1, 0x3333333333333333),
        (2, 0x0F0F0F0F0F0F0F0F),
        (4, 0x00FF00FF00FF00FF),
        (8, 0x0000FFFF0000FFFF),
        (16, 0x00000000FFFFFFFF),
    ):
        n = (n | (n >> np.uint64(shift))) & np.uint64(mask)
    return n
