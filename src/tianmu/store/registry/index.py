"""A hash index over texts: open addressing, verified on the bytes, built once, memory-mapped.

``slots`` hold row numbers, ``tags`` the top byte of the hash, so that most false candidates are
passed over without touching the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.store.registry.text import Texts

UNKNOWN = 0xFFFFFFFF
"""what a lookup gives for an id that nobody has registered"""

_WORD = (1 << 64) - 1


def hash_of(key: bytes) -> int:
    """FNV-1a, 64 bits, with a final mix: the same as in ``kernels``."""
    h = 0xCBF29CE484222325
    for byte in key:
        h = ((h ^ byte) * 0x100000001B3) & _WORD
    h ^= h >> 33
    h = (h * 0xFF51AFD7ED558CCD) & _WORD
    return h ^ (h >> 33)


@dataclass(frozen=True, eq=False)
class Index:
    """Rows of ``texts`` by their bytes; empty texts are not in."""

    texts: Texts
    slots: NDArray[np.uint32]
    tags: NDArray[np.uint8]

    @classmethod
    def build(cls, texts: Texts, what: str) -> Index:
        """Raises ``ValueError`` where two rows have the same text."""
        from tianmu.store.registry import kernels

        capacity = 16
        while capacity < 1.6 * len(texts):
            capacity *= 2
        slots = np.full(capacity, UNKNOWN, np.uint32)
        tags = np.zeros(capacity, np.uint8)
        twice = kernels.build(texts.data, texts.offsets, slots, tags)
        if twice >= 0:
            raise ValueError(f"{what} {texts[twice]!r} occurs twice (again in row {twice})")
        return cls(texts, slots, tags)

    def find(self, key: str) -> int | None:
        """The row whose text is ``key``; without Numba."""
        encoded = key.encode()
        if not encoded:
            return None
        h = hash_of(encoded)
        tag, mask = h >> 56, len(self.slots) - 1
        at = h & mask
        offsets, data = self.texts.offsets, self.texts.data
        while (row := int(self.slots[at])) != UNKNOWN:
            if self.tags[at] == tag and (
                data[offsets[row] : offsets[row + 1]].tobytes() == encoded
            ):
                return row
            at = (at + 1) & mask
        return None

    def lookup(
        self,
        query: Query,
        ends: NDArray[np.int64],
        out: NDArray[np.uint32],
    ) -> None:
        """Fill ``out`` where it is ``UNKNOWN``: the row that equals ``query`` up to ``ends``."""
        from tianmu.store.registry import kernels

        kernels.lookup(
            query.text,
            query.starts,
            ends,
            self.texts.data,
            self.texts.offsets,
            self.slots,
            self.tags,
            out,
        )


@dataclass(frozen=True, eq=False)
class Query:
    """A batch of strings as one run of bytes with bounds, made without a loop over them; one of
    them is made a string only when it is asked for."""

    text: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, strings: Sequence[str] | Query) -> Query:
        """Of a sequence, or of an Arrow string array: its buffers are taken as they are."""
        if isinstance(strings, Query):
            return strings
        from tianmu.store.registry import kernels

        if hasattr(strings, "buffers"):
            return cls._of_arrow(strings)
        n = len(strings)
        starts, ends = np.empty(n, np.int64), np.empty(n, np.int64)
        text = np.frombuffer("\n".join(strings).encode("utf-8", "surrogatepass"), np.uint8)
        if n and kernels.split(text, 10, starts, ends) != n:
            # one of them holds a line break: rare, and slow
            encoded = [s.encode("utf-8", "surrogatepass") for s in strings]
            ends = np.cumsum([len(e) for e in encoded]).astype(np.int64)
            starts = np.concatenate(([0], ends[:-1])).astype(np.int64)
            text = np.frombuffer(b"".join(encoded), np.uint8)
        return cls(text, starts, ends)

    @classmethod
    def _of_arrow(cls, strings: Any) -> Query:
        _, offsets, data = strings.buffers()
        wide = "large" in str(strings.type)
        width: type[np.signedinteger[Any]] = np.int64 if wide else np.int32
        bounds: NDArray[np.int64] = np.frombuffer(offsets, width).astype(np.int64)
        bounds = bounds[strings.offset : strings.offset + len(strings) + 1]
        text = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
        return cls(text, bounds[:-1].copy(), bounds[1:].copy())

    @classmethod
    def join(cls, parts: Sequence[Query]) -> Query:
        """One after the other."""
        shifts = np.cumsum([0, *(len(part.text) for part in parts[:-1])])
        return cls(
            np.concatenate([part.text for part in parts]),
            np.concatenate([part.starts + s for part, s in zip(parts, shifts, strict=True)]),
            np.concatenate([part.ends + s for part, s in zip(parts, shifts, strict=True)]),
        )

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(len(self)))

    def __getitem__(self, row: int) -> str:
        return self.text[self.starts[row] : self.ends[row]].tobytes().decode()
