"""Many strings as one run of bytes with offsets: how ids live in memory-mapped files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = (1 << 32) - 1
"""bytes that offsets of 32 bits reach"""


@dataclass(frozen=True, eq=False)
class Texts:
    """``n`` strings: UTF-8 ``data`` (u8) and ``offsets`` (u32, shape (n + 1,))."""

    data: NDArray[np.uint8]
    offsets: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> str:
        return bytes(self.data[self.offsets[row] : self.offsets[row + 1]]).decode()

    @classmethod
    def of(cls, strings: Sequence[str]) -> Texts:
        encoded = [s.encode() for s in strings]
        offsets = np.zeros(len(encoded) + 1, np.uint32)
        np.cumsum([len(e) for e in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)

    @classmethod
    def of_arrow(cls, column: Any, what: str) -> Texts:
        """Of an Arrow string array or chunked array; null counts as empty.

        Raises ``ValueError`` beyond 4 GiB of text.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        column = pc.fill_null(column.cast(pa.large_string()), "")
        array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks)
        _, offset_buffer, data_buffer = array.buffers()
        offsets = np.frombuffer(offset_buffer, np.int64)[
            array.offset : array.offset + 1 + len(array)
        ]
        if len(offsets) == 0:
            return cls(np.zeros(0, np.uint8), np.zeros(1, np.uint32))
        start, end = int(offsets[0]), int(offsets[-1])
        if end - start > LARGEST:
            raise ValueError(f"column {what} has more than 4 GiB of text: write two segments")
        data = (
            np.frombuffer(data_buffer, np.uint8)[start:end]
            if data_buffer is not None
            else np.zeros(0, np.uint8)
        )
        return cls(data, (offsets - start).astype(np.uint32))
