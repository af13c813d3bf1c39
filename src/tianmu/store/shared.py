"""Tables in shared memory that grow row by row without ever being copied.

Each table is a flat file that lies in memory (``/dev/shm``) where there is room, else in the data
folder. It grows by whole blocks of rows, which are claimed before they are used: where there is no
room that is an ``OSError`` and no crash. One process writes, any number read without locks: a
number is never torn, a row that is being written may mix what was and what is.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHM = Path("/dev/shm")  # noqa: S108 - the folder's name is unguessable, and it is ours alone
BLOCK = 65_536
"""rows by which a table grows"""
SPARE = 64 << 20
"""bytes of memory that stay free for others"""
_OF = ".of"
"""file that names the data folder"""

Columns = Mapping[str, tuple[str, int]]
"""table → dtype of its numbers, and how many a row has"""


class NotThere(LookupError):
    """Nobody has written these tables yet."""


class Shared:
    """The tables ``name`` of a data folder; ``tables[x]`` is an array of shape (rows, numbers)."""

    def __init__(self, data: Path, name: str, columns: Columns) -> None:
        """Begin empty; whoever reads those of before moves over."""
        self._data, self._name, self._columns = Path(data), name, dict(columns)
        self.readonly = False
        run = self._data / "run"
        run.mkdir(parents=True, exist_ok=True)
        for leaked in _leaked(name):
            shutil.rmtree(leaked, ignore_errors=True)
        self._drop()
        self.folder = self._place(run)
        (self.folder / _OF).write_bytes(os.fsencode(self._data.resolve()))
        self._files = {table: self._create(table) for table in columns}
        self._maps: dict[str, NDArray[Any]] = {}
        for table in columns:
            self._map(table)
        draft = run / f".{name}-{secrets.token_hex(4)}"
        draft.write_text(str(self.folder))
        draft.replace(run / name)

    @classmethod
    def open_readonly(cls, data: Path, name: str, columns: Columns) -> Shared:
        """For other processes. Raises ``NotThere``."""
        shared = cls.__new__(cls)
        shared._data, shared._name, shared._columns = Path(data), name, dict(columns)
        shared.readonly = True
        shared._files, shared._maps = {}, {}
        shared._open()
        return shared

    def __getitem__(self, table: str) -> NDArray[Any]:
        """As it is now; an array taken before it grew goes on showing the rows it has."""
        if self.readonly:
            self._follow(table)
        return self._maps[table]

    def grow(self, table: str, rows: int) -> None:
        """Have at least so many rows, new ones zero. Raises ``OSError`` where there is no room."""
        have = len(self._maps[table])
        if rows <= have:
            return
        rows = -(-rows // BLOCK) * BLOCK
        width = self._width(table)
        wanted = (rows - have) * width
        status = os.statvfs(self.folder)
        if status.f_bavail * status.f_frsize < wanted + SPARE:
            raise OSError(f"no room for {wanted >> 20} MiB more in {self.folder}")
        os.posix_fallocate(self._files[table], have * width, wanted)
        self._map(table)

    def close(self) -> None:
        """The writer takes its tables away; a reader lets go of them."""
        self._maps.clear()
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()
        if not self.readonly:
            self._drop()

    # the files

    def _place(self, run: Path) -> Path:
        for folder in (SHM, run):
            if folder.is_dir() and os.access(folder, os.W_OK):
                status = os.statvfs(folder)
                if folder is run or status.f_bavail * status.f_frsize > 8 * SPARE:
                    made = folder / (_prefix(self._name, self._data) + secrets.token_hex(6))
                    made.mkdir(mode=0o700)
                    return made
        raise OSError(f"neither {SHM} nor {run} can be written")

    def _create(self, table: str) -> int:
        return os.open(
            self.folder / table, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
        )

    def _width(self, table: str) -> int:
        dtype, numbers = self._columns[table]
        return np.dtype(dtype).itemsize * numbers

    def _map(self, table: str) -> None:
        dtype, numbers = self._columns[table]
        descriptor = self._files[table]
        rows = os.fstat(descriptor).st_size // self._width(table)
        if not rows:
            self._maps[table] = np.zeros((0, numbers), dtype)
            return
        access = mmap.ACCESS_READ if self.readonly else mmap.ACCESS_WRITE
        held = mmap.mmap(descriptor, rows * self._width(table), access=access)
        self._maps[table] = np.frombuffer(held, dtype).reshape(rows, numbers)

    def _drop(self) -> None:
        """Take away what the data folder has now."""
        before = current(self._data, self._name)
        if before is not None:
            shutil.rmtree(before, ignore_errors=True)

    # reading

    def _open(self) -> None:
        for _ in range(10):
            folder = current(self._data, self._name)
            if folder is None:
                break
            try:
                files = {t: os.open(folder / t, os.O_RDONLY | os.O_CLOEXEC) for t in self._columns}
            except FileNotFoundError:
                continue  # replaced just now
            self._maps.clear()
            for descriptor in self._files.values():
                os.close(descriptor)
            self.folder, self._files = folder, files
            for table in self._columns:
                self._map(table)
            return
        raise NotThere(f"there are no tables {self._name} in {self._data / 'run'} yet")

    def _follow(self, table: str) -> None:
        folder = current(self._data, self._name)
        if folder is not None and folder != self.folder:
            with contextlib.suppress(NotThere):  # its writer is starting again: the last known
                self._open()
            return
        if os.fstat(self._files[table]).st_size > len(self._maps[table]) * self._width(table):
            self._map(table)


def _prefix(name: str, data: Path) -> str:
    digest = hashlib.blake2b(os.fsencode(data.resolve()), digest_size=8).hexdigest()
    return f"tianmu-{name}-{os.getuid()}-{digest}-"


def current(data: Path, name: str) -> Path | None:
    """Folder of the tables in force, None where there is none."""
    try:
        path = Path((data / "run" / name).read_text())
    except FileNotFoundError:
        return None
    ours = path.name.startswith(_prefix(name, data)) and path.parent in (SHM, data / "run")
    return path if ours and path.is_dir() else None


def _leaked(name: str) -> Iterator[Path]:
    """Tables in memory whose data folder is gone."""
    for path in SHM.glob(f"tianmu-{name}-{os.getuid()}-*"):
        with contextlib.suppress(OSError):
            if not Path(os.fsdecode((path / _OF).read_bytes())).exists():
                yield path
