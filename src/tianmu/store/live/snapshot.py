"""Snapshots: columns as of journal positions, whole or not there at all."""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

KEEP = 2
"""how many snapshots stay: the newest, and the one before in case the newest is damaged"""
_MAGIC = b"TMSNAP01"
_SIZE = struct.Struct("<I")
_CHUNK = 1 << 22
LIVE = "live"
"""the series of the live columns"""
SPARE = 65_536
"""rows of room for what is registered between two snapshots"""


class _Column(msgspec.Struct):
    name: str
    dtype: str
    shape: tuple[int, ...]


class _Head(msgspec.Struct):
    at: int
    positions: dict[str, int]
    meta: dict[str, Any]
    columns: list[_Column]


@dataclass(frozen=True)
class Restored:
    """What a snapshot held besides the live columns."""

    positions: dict[str, int]
    """topic → last position that is in"""
    extra: dict[str, NDArray[Any]]
    meta: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Room:
    """Memory to copy into, touched before: the first touch of a page costs more than its copy."""

    columns: dict[str, NDArray[Any]]

    @classmethod
    def like(cls, columns: Mapping[str, NDArray[Any]]) -> Room:
        """Room for ``columns`` and ``SPARE`` more rows of each."""
        made = {n: np.empty((len(c) + SPARE, *c.shape[1:]), c.dtype) for n, c in columns.items()}
        for column in made.values():
            column.fill(0)
        return cls(made)

    def fits(self, columns: Mapping[str, NDArray[Any]]) -> bool:
        return all(self._has(name, column) for name, column in columns.items())

    def take(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """``columns``, copied to here where there is room, else to memory of their own."""
        taken: dict[str, NDArray[Any]] = {}
        for name, column in columns.items():
            if self._has(name, column):
                taken[name] = self.columns[name][: len(column)]
                taken[name][...] = column
            else:
                taken[name] = np.array(column)
        return taken

    def _has(self, name: str, column: NDArray[Any]) -> bool:
        ours = self.columns.get(name)
        if ours is None or ours.dtype != column.dtype or ours.shape[1:] != column.shape[1:]:
            return False
        return len(ours) >= len(column)


@dataclass(frozen=True, eq=False)
class Frozen:
    """Columns copied at one moment."""

    data: Path
    positions: dict[str, int]
    meta: dict[str, Any]
    columns: dict[str, NDArray[Any]]
    series: str = LIVE
    """what it is of: each has snapshots of its own"""

    def write(self) -> Path:
        """Compress, write, sync, and only then give it its name; older ones go.

        Raises ``OSError`` where the disk is full: the one before stays.
        """
        folder = self.data / "snapshot"
        folder.mkdir(parents=True, exist_ok=True)
        head = msgspec.msgpack.encode(
            _Head(
                time.time_ns() // 1000,
                self.positions,
                self.meta,
                [_Column(n, c.dtype.str, c.shape) for n, c in self.columns.items()],
            )
        )
        for left in folder.glob(f".draft-{self.series}-*"):  # its writer was killed
            left.unlink(missing_ok=True)
        draft = folder / f".draft-{self.series}-{os.getpid()}-{time.time_ns()}"
        try:
            with draft.open("wb") as file:
                file.write(_MAGIC)
                compressor = zstandard.ZstdCompressor(level=1, write_checksum=True)
                with compressor.stream_writer(file, closefd=False) as out:
                    out.write(_SIZE.pack(len(head)))
                    out.write(head)
                    for column in self.columns.values():
                        view = np.ascontiguousarray(column).reshape(-1).view(np.uint8).data
                        for start in range(0, len(view), _CHUNK):
                            out.write(view[start : start + _CHUNK])
                file.flush()
                os.fsync(file.fileno())
            final = folder / f"{self.series}-{time.time_ns() // 1000:020d}.snap"
            draft.replace(final)
        finally:
            draft.unlink(missing_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        for old in list(_newest_first(self.data, self.series))[KEEP:]:
            with contextlib.suppress(OSError):
                old.unlink()
        return final


def _newest_first(data: Path, series: str = LIVE) -> Iterator[Path]:
    yield from sorted((data / "snapshot").glob(f"{series}-*.snap"), reverse=True)


def snapshot_positions(data: Path) -> dict[str, int]:
    """Topic → position from which the journal is still needed to come back from any of the
    snapshots that are kept; empty where there is none."""
    lowest: dict[str, int] = {}
    for path in _newest_first(data):
        with (
            contextlib.suppress(OSError, ValueError, zstandard.ZstdError, msgspec.MsgspecError),
            path.open("rb") as file,
        ):
            for topic, position in _head(path, file)[0].positions.items():
                lowest[topic] = min(position, lowest.get(topic, position))
    return lowest


def _head(path: Path, file: BinaryIO) -> tuple[_Head, Any]:
    """The head, and the stream of what follows it."""
    if file.read(len(_MAGIC)) != _MAGIC:
        raise ValueError(f"{path} is no snapshot of this release")
    source = zstandard.ZstdDecompressor().stream_reader(file)
    (length,) = _SIZE.unpack(_exactly(source, _SIZE.size))
    return msgspec.msgpack.decode(_exactly(source, length), type=_Head), source


Into: TypeAlias = Callable[[str, tuple[int, ...], str], NDArray[Any]]


def _anew(_: str, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    return np.empty(shape, dtype)


def load(data: Path, series: str = LIVE, into: Into = _anew) -> Frozen | None:
    """The newest snapshot that is whole, None where there is none. ``into`` gives, for a column's
    name, shape and dtype, the memory that it is read into; one that turns out not to be whole has
    been read there too."""
    for path in _newest_first(data, series):
        with contextlib.suppress(OSError, ValueError, zstandard.ZstdError, msgspec.MsgspecError):
            return _read(data, path, into)
    return None


def _read(data: Path, path: Path, into: Into) -> Frozen:
    with path.open("rb") as file:
        head, source = _head(path, file)
        with source:
            columns: dict[str, NDArray[Any]] = {}
            for column in head.columns:
                values = into(column.name, column.shape, column.dtype)
                view = values.reshape(-1).view(np.uint8).data
                done = 0
                while done < len(view):
                    got = source.readinto(view[done : done + _CHUNK])
                    if not got:
                        raise ValueError(f"{path} ends within {column.name}")
                    done += got
                columns[column.name] = values
            if source.read(1):
                raise ValueError(f"{path} has bytes behind its end")
    return Frozen(data, head.positions, head.meta, columns)


def _exactly(source: Any, length: int) -> bytes:
    parts: list[bytes] = []
    while length:
        part = source.read(length)
        if not part:
            raise ValueError("a snapshot ends within its head")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
