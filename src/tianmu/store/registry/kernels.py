"""Numba kernels of the hash index. Imported only by what looks up or builds in bulk, since Numba
takes most of a second to import. ``index`` has the same hash in Python: keep them equal."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tianmu.store.pointer import pointer

U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]

_AT_ONCE = 128
"""rows whose memory is asked for together"""
_EMPTY = np.uint32(0xFFFFFFFF)
_SEED = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0xFF51AFD7ED558CCD)
_33 = np.uint64(33)
_56 = np.uint64(56)


@njit(cache=True, nogil=True, inline="always")
def _hash(text: U8, start: int, end: int) -> np.uint64:
    """FNV-1a, 64 bits, with a final mix so that the low bits are good."""
    h = _SEED
    for i in range(start, end):
        h = (h ^ np.uint64(text[i])) * _PRIME
    h ^= h >> _33
    h *= _MIX
    h ^= h >> _33
    return h


@njit(cache=True, nogil=True, inline="always")
def _same(a: U8, a0: int, a1: int, b: U8, b0: int, b1: int) -> bool:
    if a1 - a0 != b1 - b0:
        return False
    for i in range(a1 - a0):  # noqa: SIM110 - a kernel
        if a[a0 + i] != b[b0 + i]:
            return False
    return True


@njit(cache=True, nogil=True)
def build(text: U8, offsets: U32, slots: U32, tags: U8) -> int:
    """Fill ``slots`` (all empty) and ``tags`` with the rows of ``text`` that are not empty.

    Returns −1, or the first row whose bytes occurred before.
    """
    mask = np.uint64(len(slots) - 1)
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        if start == end:
            continue
        h = _hash(text, start, end)
        tag = np.uint8(h >> _56)
        at = np.int64(h & mask)
        while slots[at] != _EMPTY:
            other = slots[at]
            if tags[at] == tag and _same(
                text, start, end, text, offsets[other], offsets[other + 1]
            ):
                return row
            at = (at + 1) & np.int64(mask)
        slots[at] = np.uint32(row)
        tags[at] = tag
    return -1


@njit(cache=True, nogil=True)
def split(text: U8, separator: int, starts: I64, ends: I64) -> int:
    """Bounds of the rows of ``text`` between separators; how many rows there are."""
    rows = 0
    limit = len(starts)
    start = 0
    for i in range(len(text)):
        if text[i] == separator:
            if rows < limit:
                starts[rows], ends[rows] = start, i
            rows += 1
            start = i + 1
    if rows < limit:
        starts[rows], ends[rows] = start, len(text)
    return rows + 1


@njit(cache=True, nogil=True)
def lookup(
    query: U8, starts: I64, ends: I64, text: U8, offsets: U32, slots: U32, tags: U8, out: U32
) -> int:
    """For rows whose ``out`` is empty: the row of ``text`` with the same bytes, else empty.

    What it returns has no meaning; it keeps the loops that fetch memory ahead alive."""
    n = len(starts)
    mask = np.uint64(len(slots) - 1)
    hashes = np.empty(n, np.uint64)
    firsts = np.empty(n, np.uint32)
    # in loops of their own, so that the processor waits for many cache lines at once
    for row in range(n):
        hashes[row] = _hash(query, starts[row], ends[row])
    for row in range(n):
        firsts[row] = slots[np.int64(hashes[row] & mask)]
    for row in range(n):
        first = firsts[row]
        firsts[row] = offsets[first] if first != _EMPTY else 0
    warm = np.uint8(0)
    for row in range(n):
        if len(text):
            warm ^= text[min(firsts[row], np.uint32(len(text) - 1))]
    for row in range(n):
        if out[row] != _EMPTY or ends[row] <= starts[row]:
            continue
        tag = np.uint8(hashes[row] >> _56)
        at = np.int64(hashes[row] & mask)
        while slots[at] != _EMPTY:
            other = slots[at]
            if tags[at] == tag and _same(
                query, starts[row], ends[row], text, offsets[other], offsets[other + 1]
            ):
                out[row] = other
                break
            at = (at + 1) & np.int64(mask)
    return int(warm)


@njit(cache=True, nogil=True)
def streams(
    query: U8,
    starts: I64,
    ends: I64,
    device: U32,
    first: U32,
    property_: U16,
    names: U8,
    name_offsets: U32,
    base: int,
    shift: int,
    out: U32,
) -> None:
    """Datastream of ``device[row]`` whose property is ``query[starts:ends]``.

    ``first`` (n + 1) holds each device's first datastream, ``property_`` their property codes,
    counted from ``base``; ``shift`` is added to what is found.
    """
    for row in range(len(starts)):
        d = device[row]
        if d == _EMPTY:
            continue
        for stream in range(first[d], first[d + 1]):
            code = property_[stream - base]
            if _same(
                query, starts[row], ends[row], names, name_offsets[code], name_offsets[code + 1]
            ):
                out[row] = np.uint32(stream + shift)
                break


@njit(cache=True, nogil=True)
def find(
    query: U8,
    starts: I64,
    ends: I64,
    separator: int,
    text: U8,
    offsets: U32,
    slots: U32,
    tags: U8,
    first: U32,
    property_: U16,
    names: U8,
    name_offsets: U32,
    base: int,
    shift: int,
    out: U32,
) -> int:
    """``lookup`` and ``streams`` in one, for ids ``<device><separator><property>``; one that has no
    separator names no datastream.

    Each place in memory is asked for in a loop of its own, for some rows at a time, so that the
    processor waits for many cache lines at once. What it returns has no meaning.
    """
    n = len(starts)
    mask = np.uint64(len(slots) - 1)
    cuts = np.empty(_AT_ONCE, np.int64)
    hashes = np.empty(_AT_ONCE, np.uint64)
    found = np.empty(_AT_ONCE, np.uint32)
    asked, ids, words = pointer(query), pointer(text), pointer(names)
    warm = np.int64(0)
    for low in range(0, n, _AT_ONCE):
        some = min(_AT_ONCE, n - low)
        for i in range(some):
            start, cut = starts[low + i], ends[low + i] - 1
            while cut >= start and asked[cut] != separator:
                cut -= 1
            cuts[i] = cut
            hashes[i] = _hash(asked, start, cut) if cut > start else np.uint64(0)
        for i in range(some):
            at = np.int64(hashes[i] & mask)
            found[i] = slots[at]
            warm += tags[at]
        for i in range(some):
            row = found[i]
            if row != _EMPTY:
                warm += offsets[row] + first[row]
        for i in range(some):
            row = found[i]
            if row != _EMPTY:
                warm += ids[offsets[row]]
                if first[row] < first[row + 1]:
                    warm += property_[first[row] - base]
        for i in range(some):
            start, cut = starts[low + i], cuts[i]
            if cut <= start:
                continue
            tag = np.uint8(hashes[i] >> _56)
            at = np.int64(hashes[i] & mask)
            while slots[at] != _EMPTY:
                row = slots[at]
                if tags[at] == tag and _same(
                    asked, start, cut, ids, offsets[row], offsets[row + 1]
                ):
                    for stream in range(first[row], first[row + 1]):
                        code = property_[stream - base]
                        if _same(
                            asked,
                            cut + 1,
                            ends[low + i],
                            words,
                            name_offsets[code],
                            name_offsets[code + 1],
                        ):
                            out[low + i] = np.uint32(stream + shift)
                            break
                    break
                at = (at + 1) & np.int64(mask)
    return int(warm)
