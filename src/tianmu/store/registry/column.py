"""A column that begins in a file shared by all processes and grows privately.

A segment's column file has room before its first row and after its last one (a hole: it takes no
disk). Mapped copy-on-write, the rows of the segment stay shared memory; only the pages of rows
that come from elsewhere become this process's own.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

LEAD = 65_536
"""rows of room before a segment's first one"""
WORTH_MAPPING = 16_384
"""segments smaller than this are copied"""

S = TypeVar("S", bound=np.generic)


class Codes:
    """Words and the numbers they have been given, in order of appearance."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self.words: list[str] = []
        self._codes: dict[str, int] = {}
        for word in words:
            self.code(word)

    def code(self, word: str) -> int:
        code = self._codes.get(word)
        if code is None:
            code = self._codes[word] = len(self.words)
            self.words.append(word)
        return code


@dataclass(frozen=True, eq=False)
class Columns:
    """What has been published: arrays by device, shape (devices,), and by datastream."""

    kind: NDArray[np.uint16]
    longitude: NDArray[np.float64]
    """degrees, NaN where unknown"""
    latitude: NDArray[np.float64]
    division: NDArray[np.uint32]
    department: NDArray[np.uint16]
    source: NDArray[np.uint16]
    origin: NDArray[np.uint8]
    probe: NDArray[np.uint8]
    first_datastream: NDArray[np.uint32]
    """shape (devices + 1,): a device's datastreams are ``first[d]`` to ``first[d + 1]``"""
    device_of: NDArray[np.uint32]
    property: NDArray[np.uint16]


def slack(rows: int) -> int:
    """Rows of room after a segment's last one."""
    return max(LEAD, rows // 4)


def write_column(path: Path, values: NDArray[Any]) -> None:
    """``values`` with room before and after, durable."""
    with path.open("wb") as file:
        file.truncate((LEAD + len(values) + slack(len(values))) * values.itemsize)
        file.seek(LEAD * values.itemsize)
        file.write(np.ascontiguousarray(values).view(np.uint8).data)
        file.flush()
        os.fsync(file.fileno())


def map_column(path: Path, dtype: str) -> NDArray[Any]:
    """All of the file, room included, copy-on-write."""
    with path.open("rb") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), dtype)


class Column(Generic[S]):
    """Rows of one dtype; ``view`` is what has been published of them."""

    def __init__(self, dtype: Any) -> None:
        self.rows = 0
        self._array: NDArray[S] = np.zeros(0, dtype)

    @property
    def view(self) -> NDArray[S]:
        return self._array[: self.rows]

    def _reserve(self, capacity: int) -> None:
        if capacity > len(self._array):
            grown = np.zeros(max(capacity, len(self._array) * 5 // 4, 1024), self._array.dtype)
            grown[: self.rows] = self.view
            self._array = grown

    def extend(self, values: Any) -> None:
        n = len(values)
        self._reserve(self.rows + n + 1)
        self._array[self.rows : self.rows + n] = values
        self.rows += n

    def extend_mapped(
        self, mapped: NDArray[S], n: int, *, codes: NDArray[S] | None = None, shift: int = 0
    ) -> None:
        """Rows ``LEAD`` to ``LEAD + n`` of a mapped file; ``codes`` translates them, ``shift`` is
        added to them, where these are not as written."""
        if n >= WORTH_MAPPING and self.rows <= LEAD:
            array = mapped[LEAD - self.rows :]
            array[: self.rows] = self.view
            self._array = array
            rows = array[self.rows : self.rows + n]
            if codes is not None:
                rows[:] = codes[rows]
            if shift:
                np.add(rows, shift, out=rows, casting="unsafe")
            self.rows += n
            return
        values = mapped[LEAD : LEAD + n]
        if codes is not None:
            values = codes[values]
        self.extend(np.add(values, shift) if shift else values)

    def after(self, value: Any) -> None:
        """Write ``value`` behind the last row, as the end of a list of starts has it."""
        self._reserve(self.rows + 1)
        self._array[self.rows] = value

    @property
    def view_with_end(self) -> NDArray[S]:
        return self._array[: self.rows + 1]
