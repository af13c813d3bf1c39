"""Numba kernels that read observations out of the bytes of a JSON message without an object for
each: the usual shapes alone. What they do not know they leave to the decoder that knows all.

Imported only where messages are decoded in bulk, since Numba takes most of a second.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tianmu.sense.http.scalar import (
    CLOSE,
    COLON,
    COMMA,
    DATASTREAM,
    LEFT,
    LINE,
    OPEN,
    QUOTE,
    RIGHT,
    SEQUENCE,
    TIME,
    VALUE,
    blanks,
    field,
    integer,
    moment,
    number,
    text,
)
from tianmu.store.compiled import forget_stale
from tianmu.store.pointer import pointer

forget_stale(Path(__file__).parent, ("scalar.py", "scan.py"))

U8 = NDArray[np.uint8]

ARRAY, LINES, ONE = 0, 1, 2
"""objects as an array, one a line, or a single one"""
GIVEN_UP = -1
_NEEDED = 7
"""bits of the fields that each observation has"""

HARD, SEQUENCES, QUALITIES = 0, 1, 2
"""places in ``size``: how many hard values, and whether sequences and qualities were told"""


@njit(cache=True, nogil=True)
def _told(body, at, end, which, row, told, starts, ends, times, values, sequences, qualities, hard):
    """Take the value of field ``which`` that begins at ``at`` into ``row``; where it has ended, −1
    where it is not one of the usual."""
    if which == DATASTREAM:
        close = text(body, at, end)
        if close < 0:
            return -1
        starts[row] = at + 1
        ends[row] = close
        return close + 1
    if which == TIME:
        time, at = moment(body, at, end, told)
        times[row] = time
        return at
    if which == VALUE:
        begin = at
        value, exact, at = number(body, at, end)
        values[row] = value
        if at >= 0 and not exact:
            place = 3 * told[HARD]
            hard[place] = row
            hard[place + 1] = begin
            hard[place + 2] = at
            told[HARD] += 1
        return at
    count, at = integer(body, at, end)
    if at < 0 or count < 0:
        return -1
    if which == SEQUENCE:
        if count > 0xFFFFFFFF:
            return -1
        sequences[row] = count
        told[SEQUENCES] = 1
    else:
        if count > 4:
            return -1
        qualities[row] = count
        told[QUALITIES] = 1
    return at


@njit(cache=True, nogil=True)
def objects(message, mode, size, out):
    """Rows of a message of objects (``mode``); how many, or ``GIVEN_UP``.

    ``out`` is (starts and ends of the ids, times in µs, values, sequences and qualities (all 0),
    rows and bounds of values that are left), each with room for all rows that ``message`` can
    have. ``size`` (all 0) is told what the names of its places say.
    """
    end = len(message)
    lines = mode != LINES
    starts, ends = pointer(out[0]), pointer(out[1])
    times, values = pointer(out[2]), pointer(out[3])
    sequences, qualities, hard = pointer(out[4]), pointer(out[5]), pointer(out[6])
    told = pointer(size)
    body = pointer(message)
    row = 0
    at = blanks(body, 0, end, True)
    if mode == ARRAY:
        if at >= end or body[at] != OPEN:
            return GIVEN_UP
        at = blanks(body, at + 1, end, True)
    while True:
        if at >= end or body[at] != LEFT:
            return GIVEN_UP
        at += 1
        seen = 0
        while True:
            at = blanks(body, at, end, lines)
            if at >= end or body[at] != QUOTE:
                return GIVEN_UP
            which, at = field(body, at, end)
            if which < 0 or seen & (1 << which):
                return GIVEN_UP
            seen |= 1 << which
            at = blanks(body, at, end, lines)
            if at >= end or body[at] != COLON:
                return GIVEN_UP
            at = blanks(body, at + 1, end, lines)
            at = _told(
                body,
                at,
                end,
                which,
                row,
                told,
                starts,
                ends,
                times,
                values,
                sequences,
                qualities,
                hard,
            )
            if at < 0:
                return GIVEN_UP
            at = blanks(body, at, end, lines)
            if at >= end:
                return GIVEN_UP
            byte = body[at]
            at += 1
            if byte == RIGHT:
                break
            if byte != COMMA:
                return GIVEN_UP
        if seen & _NEEDED != _NEEDED:
            return GIVEN_UP
        row += 1
        at = blanks(body, at, end, lines)
        if mode == ARRAY:
            if at >= end:
                return GIVEN_UP
            if body[at] == COMMA:
                at = blanks(body, at + 1, end, True)
                continue
            if body[at] != CLOSE:
                return GIVEN_UP
            at += 1
        elif mode == LINES and at < end:
            if body[at] != LINE:
                return GIVEN_UP
            at = blanks(body, at, end, True)
            if at < end:
                continue
        at = blanks(body, at, end, True)
        return row if at == end else GIVEN_UP


@njit(cache=True, nogil=True)
def columns(message, size, out):
    """Rows of a message of columns; how many, or ``GIVEN_UP``. ``out`` as for ``objects``."""
    end = len(message)
    starts, ends = pointer(out[0]), pointer(out[1])
    times, values = pointer(out[2]), pointer(out[3])
    sequences, qualities, hard = pointer(out[4]), pointer(out[5]), pointer(out[6])
    told = pointer(size)
    body = pointer(message)
    seen = 0
    rows = -1
    room = len(out[0])
    at = blanks(body, 0, end, True)
    if at >= end or body[at] != LEFT:
        return GIVEN_UP
    at += 1
    while True:
        at = blanks(body, at, end, True)
        if at >= end or body[at] != QUOTE:
            return GIVEN_UP
        which, at = field(body, at, end)
        if which < 0 or seen & (1 << which):
            return GIVEN_UP
        seen |= 1 << which
        at = blanks(body, at, end, True)
        if at >= end or body[at] != COLON:
            return GIVEN_UP
        at = blanks(body, at + 1, end, True)
        if at >= end or body[at] != OPEN:
            return GIVEN_UP
        at += 1
        row = 0
        while True:
            # before anything is written: one that is longer than the others has no room
            if row >= room or 0 <= rows <= row:
                return GIVEN_UP
            at = blanks(body, at, end, True)
            at = _told(
                body,
                at,
                end,
                which,
                row,
                told,
                starts,
                ends,
                times,
                values,
                sequences,
                qualities,
                hard,
            )
            if at < 0:
                return GIVEN_UP
            row += 1
            at = blanks(body, at, end, True)
            if at >= end:
                return GIVEN_UP
            byte = body[at]
            at += 1
            if byte == CLOSE:
                break
            if byte != COMMA:
                return GIVEN_UP
        if row != rows and rows >= 0:
            return GIVEN_UP
        rows = row
        at = blanks(body, at, end, True)
        if at >= end:
            return GIVEN_UP
        byte = body[at]
        at += 1
        if byte == RIGHT:
            break
        if byte != COMMA:
            return GIVEN_UP
    at = blanks(body, at, end, True)
    return rows if at == end and seen & _NEEDED == _NEEDED else GIVEN_UP


Out = tuple[Any, Any, Any, Any, Any, Any, Any]


def room_for(body: U8, least: int) -> Out:
    """Empty arrays for as many rows as ``body`` can have, where one has at least so many bytes."""
    n = len(body) // least + 1
    return (
        np.empty(n, np.int64),
        np.empty(n, np.int64),
        np.empty(n, np.int64),
        np.empty(n, np.float64),
        np.zeros(n, np.uint32),
        np.zeros(n, np.uint8),
        np.empty((n, 3), np.int64),
    )
