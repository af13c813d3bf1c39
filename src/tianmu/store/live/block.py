"""A block of shared memory with a header, in ``/dev/shm`` where there is room, else in the data
folder.

A block never changes its size: when the city outgrows it, a larger one takes its place and the old
one is marked as superseded, so that whoever has it mapped looks for the new one, which
``<data>/run/live`` names. Memory-backed files are preferred because the kernel would write a
mapped file of the data folder back to disk again and again.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import secrets
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHM = Path("/dev/shm")  # noqa: S108 - file names are unguessable and opened exclusively
_HEAD = 4096
_MAGIC = b"TMLIVE01"
_FIXED = struct.Struct("<8sQQI")
"""magic, capacity of datastreams, capacity of devices, length of the data folder's path"""
_NUMBERS = 64
"""offset of the header's changing numbers: superseded, datastreams, devices (u64 each)"""

BY_DATASTREAM = {"value": "<f8", "time": "<i8", "received": "<i8", "count": "<u4", "quality": "u1"}
BY_DEVICE = {"alarm": "u1"}


class Block:
    """A mapped block. ``columns`` are arrays over its whole capacity."""

    def __init__(self, path: Path, *, readonly: bool) -> None:
        with path.open("rb" if readonly else "r+b") as file:
            access = mmap.ACCESS_READ if readonly else mmap.ACCESS_WRITE
            self._map = mmap.mmap(file.fileno(), 0, access=access)
        magic, self.datastreams, self.devices, _ = _FIXED.unpack_from(self._map)
        if magic != _MAGIC:
            raise ValueError(f"{path} is no block of live columns of this release")
        self.path = path
        self._numbers: NDArray[np.uint64] = np.frombuffer(self._map, "<u8", 3, _NUMBERS)
        self.columns: dict[str, NDArray[Any]] = {}
        offset = _HEAD
        for kinds, rows in ((BY_DATASTREAM, self.datastreams), (BY_DEVICE, self.devices)):
            for name, dtype in kinds.items():
                self.columns[name] = np.frombuffer(self._map, dtype, rows, offset)
                offset = _aligned(offset + self.columns[name].nbytes)

    @property
    def superseded(self) -> bool:
        return bool(self._numbers[0])

    @property
    def used(self) -> tuple[int, int]:
        """Datastreams and devices in use."""
        return int(self._numbers[1]), int(self._numbers[2])

    @used.setter
    def used(self, used: tuple[int, int]) -> None:
        self._numbers[1:3] = used

    def supersede(self) -> None:
        """Tell who has it mapped to look for another, and take away its name."""
        self._numbers[0] = 1
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()


def _aligned(offset: int) -> int:
    return (offset + 4095) // 4096 * 4096


def _size(datastreams: int, devices: int) -> int:
    offset = _HEAD
    for kinds, rows in ((BY_DATASTREAM, datastreams), (BY_DEVICE, devices)):
        for dtype in kinds.values():
            offset = _aligned(offset + rows * np.dtype(dtype).itemsize)
    return offset


def _prefix(data: Path) -> str:
    digest = hashlib.blake2b(os.fsencode(data.resolve()), digest_size=8).hexdigest()
    return f"tianmu-live-{os.getuid()}-{digest}-"


def create(data: Path, datastreams: int, devices: int) -> Block:
    """A new block, all zero, in force for ``data`` from now on; the one before is superseded."""
    run = data / "run"
    run.mkdir(parents=True, exist_ok=True)
    before = current(data)
    size = _size(datastreams, devices)
    folder = run
    if SHM.is_dir() and os.access(SHM, os.W_OK):
        status = os.statvfs(SHM)
        if status.f_bavail * status.f_frsize > 2 * size:
            folder = SHM
    path = folder / (_prefix(data) + secrets.token_hex(6))
    described = os.fsencode(data.resolve())
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        file.truncate(size)
        file.write(_FIXED.pack(_MAGIC, datastreams, devices, len(described)))
        file.seek(_NUMBERS + 24)
        file.write(described[: _HEAD - _NUMBERS - 24])
    block = Block(path, readonly=False)
    draft = run / f".live-{secrets.token_hex(4)}"
    draft.write_text(str(path))
    draft.replace(run / "live")
    if before is not None:
        with contextlib.suppress(OSError, ValueError):
            Block(before, readonly=False).supersede()
    return block


def current(data: Path) -> Path | None:
    """Path of the block in force, None where there is none."""
    try:
        path = Path((data / "run" / "live").read_text())
    except FileNotFoundError:
        return None
    named = path.name.startswith("tianmu-live-") and path.parent in (SHM, data / "run")
    return path if named and path.exists() else None


def _leaked() -> Iterator[Path]:
    """Blocks in shared memory whose data folder is gone."""
    for path in SHM.glob(f"tianmu-live-{os.getuid()}-*"):
        with contextlib.suppress(OSError, struct.error), path.open("rb") as file:
            head = file.read(_HEAD)
            magic, _, _, length = _FIXED.unpack_from(head)
            start = _NUMBERS + 24
            data = Path(os.fsdecode(head[start : start + length]))
            if magic == _MAGIC and length and not data.exists():
                yield path


def sweep() -> None:
    """Give back the memory of cities whose data folder was removed while they ran."""
    for path in _leaked():
        with contextlib.suppress(OSError):
            path.unlink()
