"""Live columns: the last observation of every datastream and the worst alarm of every device."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.store.live import block as blocks
from tianmu.store.live.block import BY_DATASTREAM, BY_DEVICE, Block
from tianmu.store.live.snapshot import Frozen, Restored, Room, load

_ROOM = 65_536


class NotRunning(LookupError):
    """Nobody writes live columns for this data folder yet."""


class Live:
    """Columns over shared memory. One process writes (``Live(data)``), any number read
    (``Live.open_readonly(data)``) without locks: a number is never torn, but a row read while it
    is being written may mix two observations.

    By datastream index, shape (datastreams,): ``value`` f64 (last value), ``time`` i64 (its
    phenomenon time, µs), ``received`` i64 (µs), ``quality`` u8, ``count`` u32 (observations since
    the beginning, 0 = never heard of). By device index: ``alarm`` u8, priority of the worst active
    alarm (1 highest … 4), 0 where there is none.
    """

    def __init__(self, data: Path, *, datastreams: int = 0, devices: int = 0) -> None:
        """Begin empty, with room for more than is asked for; readers of an older one move over."""
        self._data = Path(data)
        self.readonly = False
        blocks.sweep()
        self._block = self._make(datastreams, devices)
        self._block.used = (datastreams, devices)

    @classmethod
    def open_readonly(cls, data: Path) -> Live:
        """For other processes. Raises ``NotRunning`` where nothing has been written yet."""
        live = cls.__new__(cls)
        live._data = Path(data)
        live.readonly = True
        live._block = live._find()
        return live

    def _find(self) -> Block:
        for _ in range(10):
            path = blocks.current(self._data)
            if path is None:
                break
            try:
                return Block(path, readonly=True)
            except FileNotFoundError:
                continue  # replaced just now
        raise NotRunning(
            f"there are no live columns in {self._data / 'run'}: the process that writes them "
            "has not started yet"
        )

    def _make(self, datastreams: int, devices: int) -> Block:
        return blocks.create(
            self._data,
            datastreams + max(_ROOM, datastreams // 4),
            devices + max(_ROOM, devices // 4),
        )

    def _now(self) -> Block:
        if self.readonly and self._block.superseded:
            try:
                self._block = self._find()
            except NotRunning:
                return self._block  # the writer is starting again: the last known values
        return self._block

    # what there is

    @property
    def count_datastreams(self) -> int:
        return self._now().used[0]

    @property
    def count_devices(self) -> int:
        return self._now().used[1]

    def _by_datastream(self, name: str) -> NDArray[Any]:
        block = self._now()
        return block.columns[name][: block.used[0]]

    @property
    def value(self) -> NDArray[np.float64]:
        return self._by_datastream("value")

    @property
    def time(self) -> NDArray[np.int64]:
        return self._by_datastream("time")

    @property
    def received(self) -> NDArray[np.int64]:
        return self._by_datastream("received")

    @property
    def quality(self) -> NDArray[np.uint8]:
        return self._by_datastream("quality")

    @property
    def count(self) -> NDArray[np.uint32]:
        return self._by_datastream("count")

    @property
    def alarm(self) -> NDArray[np.uint8]:
        block = self._now()
        return block.columns["alarm"][: block.used[1]]

    # writing

    def grow(self, datastreams: int, devices: int) -> None:
        """Have at least so many rows, new ones zero. Views taken before may then be of a block
        that nobody reads any more: take them anew."""
        have = self._block.used
        wanted = (max(have[0], datastreams), max(have[1], devices))
        if wanted[0] > self._block.datastreams or wanted[1] > self._block.devices:
            old = self._block
            columns = {name: column.copy() for name, column in self._used_columns().items()}
            self._block = self._make(*wanted)
            self._fill(columns)
            self._block.used = wanted
            old.supersede()
            return
        self._block.used = wanted

    def _used_columns(self) -> dict[str, NDArray[Any]]:
        block = self._block
        datastreams, devices = block.used
        return {
            **{name: block.columns[name][:datastreams] for name in BY_DATASTREAM},
            **{name: block.columns[name][:devices] for name in BY_DEVICE},
        }

    def _fill(self, columns: Mapping[str, NDArray[Any]]) -> None:
        for name, values in columns.items():
            self._block.columns[name][: len(values)] = values

    # snapshots

    def columns(self, extra: Mapping[str, NDArray[Any]] | None = None) -> dict[str, NDArray[Any]]:
        """All that a snapshot holds, by name, as it is now (no copies): ours, and ``extra``."""
        ours = {f"live.{name}": column for name, column in self._used_columns().items()}
        return ours | {f"extra.{name}": np.asarray(v) for name, v in (extra or {}).items()}

    def freeze(
        self,
        positions: Mapping[str, int],
        extra: Mapping[str, NDArray[Any]] | None = None,
        meta: Mapping[str, Any] | None = None,
        room: Room | None = None,
    ) -> Frozen:
        """A copy of everything as of ``positions`` (topic → last position applied), to be written
        by ``Frozen.write`` in whatever thread. ``extra`` arrays (state of the rules…) and ``meta``
        (JSON) come back from ``restore``. With ``room`` it holds until that is used again."""
        columns = (room or Room({})).take(self.columns(extra))
        return Frozen(self._data, dict(positions), dict(meta or {}), columns)

    def restore(self) -> Restored | None:
        """Take over the newest snapshot that is whole; None where there is none. What came after
        its positions is to be read from the journal again."""
        found = load(self._data)
        if found is None:
            return None
        columns = {
            name.removeprefix("live."): values
            for name, values in found.columns.items()
            if name.startswith("live.")
        }
        self.grow(len(columns["value"]), len(columns["alarm"]))
        self._fill(columns)
        extra = {
            name.removeprefix("extra."): values
            for name, values in found.columns.items()
            if name.startswith("extra.")
        }
        return Restored(found.positions, extra, found.meta)

    def close(self) -> None:
        """The writer takes its block away; a reader lets go of it."""
        if not self.readonly:
            self._block.supersede()
