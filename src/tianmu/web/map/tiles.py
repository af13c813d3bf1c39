"""Vector tiles of the devices, made from columns.

Far tiles carry cells ``{n, worst}``, near ones points ``{kind, alarm, state}`` whose feature id is
the device's index. A tile is made once for each class of viewer (scope and filter) and kept until
something in its run of devices changed; who asks for it while it is being made waits for that one.
"""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from tianmu.access.scope import Scope
from tianmu.web.hub import Hub
from tianmu.web.map import filter, mvt
from tianmu.web.map.filter import ALL, STATES, Filter
from tianmu.web.map.picture import ALARM, STATE, Picture, Pictures, Rows
from tianmu.web.map.zorder import Order, unspread

GRID = 5
"""a tile's density grid has 2**GRID cells to a side"""
SQUARES = 14
"""zoom of the squares that changes are told by"""
DEEPEST = 22
KEEP = 24 << 20
"""bytes of tiles kept"""
CLASSES = 8
"""classes of viewers whose devices are kept; at most 4 bytes a device each"""
PACK = 4
"""of zlib: half as large in 0.6 ms; 6 takes four times as long for 2 % less"""


@dataclass(frozen=True, eq=False)
class Tile:
    version: tuple[int, int]
    """devices of its order, and the epoch of the last change in its run"""
    etag: str
    packed: bytes
    """gzip; empty where there is nothing"""


@dataclass(frozen=True, eq=False)
class Members:
    """The devices that one class of viewers sees."""

    rows: Rows | None
    """of the order, ascending; None for all"""
    alarmed: Rows
    """those of them that have an alarm"""

    def count(self, picture: Picture) -> int:
        return len(picture.look) if self.rows is None else len(self.rows)

    def between(self, start: int, end: int) -> Rows:
        """Rows of a run that are members."""
        if self.rows is None:
            return np.arange(start, end, dtype=np.uint32)
        low, high = np.searchsorted(self.rows, (start, end))
        return self.rows[low:high]


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """Which squares of the map changed; a tile within one, or around one, is to be taken again."""

    epoch: int
    """give it as `after` next time"""
    near: int
    """zoom from which tiles carry points"""
    z: int
    """zoom of the squares"""
    whole: bool
    """take all tiles again: devices were added, or `after` is too long ago"""
    alarms: list[tuple[int, int]] = []
    """x, y of squares in which an alarm came, went or changed its priority: cells and points"""
    states: list[tuple[int, int]] = []
    """… in which only a device's state changed: points, and cells where states are filtered"""


class Tiles:
    """Tiles of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._pictures = Pictures(hub)
        self._lock = threading.Lock()
        self._tiles: OrderedDict[tuple[Scope, Filter, int, int, int], Tile] = OrderedDict()
        self._size = 0
        self._making: dict[tuple[Scope, Filter, int, int, int], threading.Lock] = {}
        self._still: OrderedDict[tuple[Scope, Filter], tuple[Order, Rows | None]] = OrderedDict()
        self._members: OrderedDict[tuple[Scope, Filter], tuple[Picture, Members]] = OrderedDict()
        self._class_lock = threading.Lock()

    def picture(self) -> Picture:
        """How all devices look, no older than a second."""
        return self._pictures.now()

    def tile(self, scope: Scope, z: int, x: int, y: int, wanted: Filter = ALL) -> Tile:
        """The tile as of at most a second ago. Raises ``ValueError`` for one that does not
        exist."""
        if not (0 <= z <= DEEPEST and 0 <= x < 1 << z and 0 <= y < 1 << z):
            raise ValueError(f"there is no tile {z}/{x}/{y}")
        key, picture = (scope, wanted, z, x, y), self.picture()
        version = self._version(picture, z, x, y, wanted)
        found = self._held(key, version)
        if found is not None:
            return found
        with self._lock:
            turn = self._making.setdefault(key, threading.Lock())
        with turn:
            found = self._held(key, version)
            if found is None:
                found = self._make(picture, key, version)
                self._keep(key, found)
        with self._lock:
            self._making.pop(key, None)
        return found

    def body(self, scope: Scope, z: int, x: int, y: int, wanted: Filter = ALL) -> bytes:
        """The tile, unpacked."""
        packed = self.tile(scope, z, x, y, wanted).packed
        return zlib.decompress(packed, 31) if packed else b""

    def members(self, picture: Picture, scope: Scope, wanted: Filter) -> Members:
        """The devices of a class of viewers in a picture."""
        key = (scope, wanted)
        with self._class_lock:
            held = self._members.get(key)
            if held is not None and held[0] is picture:
                return held[1]
            rows = self._still_rows(picture.order, scope, wanted.still)
            if wanted.moves:
                passes = wanted.looks()
                if rows is None:
                    rows = np.flatnonzero(passes[picture.look]).astype(np.uint32)
                else:
                    rows = rows[passes[picture.look[rows]]]
            made = Members(rows, _common(picture.alarmed, rows))
            self._members[key] = (picture, made)
            self._members.move_to_end(key)
            while len(self._members) > CLASSES:
                self._members.popitem(last=False)
            return made

    def changes(self, scope: Scope, epoch: int) -> Changes:
        """What changed after ``epoch`` in what the scope holds."""
        self.picture()
        picture, log = self._pictures.since(epoch)
        if log is None:
            return Changes(epoch=picture.epoch, near=picture.order.near, z=SQUARES, whole=True)
        mask = filter.mask(self._hub, scope, ALL)

        def squares(parts: list[Rows]) -> list[tuple[int, int]]:
            rows = np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint32)
            if mask is not None:
                rows = rows[mask[picture.order.device[rows]]]
            x, y = picture.order.within(np.unique(rows), SQUARES, 0, 0, 1)
            return sorted(set(zip(x.tolist(), y.tolist(), strict=True)))

        return Changes(
            epoch=picture.epoch,
            near=picture.order.near,
            z=SQUARES,
            whole=False,
            alarms=squares([one.alarms for one in log]),
            states=squares([one.states for one in log]),
        )

    def square(
        self, scope: Scope, z: int, x: int, y: int, wanted: Filter, most: int
    ) -> tuple[int, list[int]]:
        """How many devices stand in a square, and the indices of the first ``most`` of them, worst
        alarms first. Raises ``ValueError`` for a square that does not exist."""
        if not (0 <= z <= 28 and 0 <= x < 1 << z and 0 <= y < 1 << z):
            raise ValueError(f"there is no square {z}/{x}/{y}")
        picture = self.picture()
        rows = self.members(picture, scope, wanted).between(*picture.order.run(z, x, y))
        alarm = (picture.look[rows] & ALARM).astype(np.int8)
        first = rows[np.argsort(np.where(alarm > 0, alarm, ALARM), kind="stable")[:most]]
        return len(rows), picture.order.device[first].tolist()

    def _still_rows(self, order: Order, scope: Scope, still: Filter) -> Rows | None:
        key = (scope, still)
        held = self._still.get(key)
        if held is not None and held[0] is order:
            return held[1]
        mask = filter.mask(self._hub, scope, still)
        rows = None if mask is None else np.flatnonzero(mask[order.device]).astype(np.uint32)
        self._still[key] = (order, rows)
        self._still.move_to_end(key)
        while len(self._still) > CLASSES:
            self._still.popitem(last=False)
        return rows

    def _version(self, picture: Picture, z: int, x: int, y: int, wanted: Filter) -> tuple[int, int]:
        start, end = picture.order.run(z, x, y)
        states = wanted.moves or z >= picture.order.near
        return picture.order.devices, picture.version(start, end, states=states)

    def _held(self, key: tuple[Scope, Filter, int, int, int], version: object) -> Tile | None:
        with self._lock:
            found = self._tiles.get(key)
            if found is None or found.version != version:
                return None
            self._tiles.move_to_end(key)
            return found

    def _keep(self, key: tuple[Scope, Filter, int, int, int], tile: Tile) -> None:
        with self._lock:
            before = self._tiles.pop(key, None)
            self._size += len(tile.packed) - (len(before.packed) if before else 0)
            self._tiles[key] = tile
            while self._size > KEEP or len(self._tiles) > KEEP >> 10:
                _, gone = self._tiles.popitem(last=False)
                self._size -= len(gone.packed)

    def _make(
        self,
        picture: Picture,
        key: tuple[Scope, Filter, int, int, int],
        version: tuple[int, int],
    ) -> Tile:
        scope, wanted, z, x, y = key
        members = self.members(picture, scope, wanted)
        if z < picture.order.near:
            body = _cells(picture, members, z, x, y)
        else:
            body = self._points(picture, members, z, x, y)
        if not body:
            return Tile(version, "", b"")
        packer = zlib.compressobj(PACK, zlib.DEFLATED, 31)
        etag = hashlib.blake2b(body, digest_size=12).hexdigest()
        return Tile(version, etag, packer.compress(body) + packer.flush())

    def _points(self, picture: Picture, members: Members, z: int, x: int, y: int) -> bytes:
        order, registry = picture.order, self._hub.registry
        rows = members.between(*order.run(z, x, y))
        across, down = order.within(rows, z, x, y, mvt.EXTENT)
        devices, look = order.device[rows], picture.look[rows]
        kinds, kind = np.unique(registry.columns.kind[devices], return_inverse=True)
        return mvt.layer(
            "devices",
            across,
            down,
            {
                "kind": (kind, [registry.kinds[one] for one in kinds.tolist()]),
                "alarm": (look & ALARM, range(ALARM)),
                "state": (look >> STATE, STATES),
            },
            ids=devices,
        )


def _cells(picture: Picture, members: Members, z: int, x: int, y: int) -> bytes:
    """The tile's squares that have devices, each with their number and worst alarm."""
    edges = picture.order.edges(z, x, y, GRID)
    if edges[0] == edges[-1]:
        return b""
    held = edges if members.rows is None else np.searchsorted(members.rows, edges)
    counts = np.diff(held)
    low, high = np.searchsorted(members.alarmed, edges[[0, -1]])
    alarmed = members.alarmed[low:high]
    # 1 is the highest priority and 0 none: turned round, the worst is the largest
    turned = np.zeros(len(counts), dtype=np.uint8)
    at = np.searchsorted(edges, alarmed, side="right") - 1
    np.maximum.at(turned, at, ALARM - (picture.look[alarmed] & ALARM))
    there = np.flatnonzero(counts)
    worst = np.where(turned > 0, ALARM - turned, 0)[there]
    columns, rows = _halves(there)
    size = mvt.EXTENT >> GRID
    numbers, number = np.unique(counts[there], return_inverse=True)
    return mvt.layer(
        "devices",
        columns * size + size // 2,
        rows * size + size // 2,
        {"n": (number, numbers.tolist()), "worst": (worst, range(ALARM))},
    )


def _halves(squares: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    code = squares.astype(np.uint64)
    return unspread(code).astype(np.int64), unspread(code >> np.uint64(1)).astype(np.int64)


def _common(rows: Rows, others: Rows | None) -> Rows:
    """Rows that are among ascending others too."""
    if others is None:
        return rows
    if not len(others):
        return others
    at = np.minimum(np.searchsorted(others, rows), len(others) - 1)
    return np.asarray(rows[others[at] == rows])
