"""What the kernel works on: tables of operations, columns of now, slots of state.

All arrays are plain NumPy; live columns are those of ``tianmu.store.live``. Each datastream has a
*program* (the rules of its place in its device's layout, with the limits of its division) and a
slot of state: one byte per rule, and 8-byte ticks for rules with delays or rates.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tianmu.store.compiled import forget_stale

Array: TypeAlias = NDArray[Any]

forget_stale(Path(__file__).parent, ("program.py", "judge.py", "kernel.py", "sweep.py"))

# kinds of operations; what a, b, c and mask mean for each
HIGH, LOW, OUTSIDE = 0, 1, 2  # a limit (low), b high, c deadband
RISE, FALL, EITHER = 3, 4, 5  # a change, b relative, c deadband, mask window µs; 5 ticks
ANY, ALL, NONE = 6, 7, 8  # mask bits
EQUAL, UNEQUAL = 9, 10  # a value
CHANGED = 11
EXPRESSION = 12  # b own place in the layout, mask greatest age µs, code[lo:hi]
SILENCE = 13  # b datastreams to look at, mask µs; judged by ``sweep_silence`` alone

IDLE, PENDING_ON, ACTIVE, PENDING_OFF = 0, 1, 2, 3
PHASE = 3
TEST = 4
"""raised in test mode or maintenance"""
LISTED = 8
"""on the list of those whose delay runs"""

RAISED, RETURNED, PROMOTED = 0, 1, 2
"""``PROMOTED``: a test alarm whose condition holds outside the test too"""

OBSERVATIONS, LATE, DUPLICATE, UNKNOWN, AHEAD, BAD_QUALITY = 0, 1, 2, 3, 4, 5
COUNTERS = 6

SET_BACK = 2_000_000
"""µs that a clock must have been ahead of ours for its going back to be told from mere disorder"""

BAD, MAINTENANCE, TESTING = 2, 3, 4  # quality, as in ``facts.batch``
NEVER = np.int64(-(1 << 62))


class Columns(NamedTuple):
    """A batch, or several one after the other; all of shape (n,)."""

    datastream: Array  # u32
    time: Array  # i64 µs
    value: Array  # f64
    quality: Array  # u8
    sequence: Array  # u32
    received: Array  # i64 µs


class Live(NamedTuple):
    """What is now, by datastream."""

    value: Array  # f64
    time: Array  # i64
    received: Array  # i64
    quality: Array  # u8
    counts: Array  # u32


class Slots(NamedTuple):
    """State of the rules, by datastream: ``slot[d] = base in state, base in ticks, sequence of
    the latest observation, program`` (u32)."""

    slot: Array  # (n, 4) u32
    state: Array  # u8
    ticks: Array  # i64
    numbers: Array  # the ticks seen as f64: reference values of rates


class Programs(NamedTuple):
    """Operations by program: judged at observations ``start[p]:middle[p]``, by the sweep for
    silence ``middle[p]:start[p + 1]``."""

    start: Array
    middle: Array
    kind: Array
    a: Array
    b: Array
    c: Array
    mask: Array
    on: Array  # µs
    off: Array  # µs
    state: Array  # offset from the owner's base
    tick: Array  # offset from the owner's base, -1: none
    owner: Array  # datastreams from here to the one that owns the state
    home: Array  # the same operation in the owner's program
    lo: Array
    hi: Array
    code: Array
    argument: Array


class Out(NamedTuple):
    """Transitions found; ``size[0]`` is how many, ``size[1]`` the length of the pending list,
    ``size[2]`` of no meaning."""

    size: Array  # i64 (3,)
    row: Array  # i64: row of the batch, -1 from a sweep
    datastream: Array  # u32: owner
    operation: Array  # i32: in the owner's program
    kind: Array  # u8
    test: Array  # u8
    time: Array  # i64: phenomenon time
    value: Array  # f64
    pending_datastream: Array  # u32
    pending_operation: Array  # i32


def grow(array: Array, used: int, needed: int) -> Array:
    """Room for ``needed`` rows, with some to spare once it has to move."""
    if needed <= len(array):
        return array
    spare = 0 if used == 0 else max(1024, needed // 8)
    grown = np.empty((needed + spare, *array.shape[1:]), array.dtype)
    grown[:used] = array[:used]
    return grown


def room_for(room: int, pending: int) -> Out:
    """For so many transitions, and so many delays that run."""
    return Out(
        size=np.zeros(3, np.int64),
        row=np.zeros(room, np.int64),
        datastream=np.zeros(room, np.uint32),
        operation=np.zeros(room, np.int32),
        kind=np.zeros(room, np.uint8),
        test=np.zeros(room, np.uint8),
        time=np.zeros(room, np.int64),
        value=np.zeros(room, np.float64),
        pending_datastream=np.zeros(pending, np.uint32),
        pending_operation=np.zeros(pending, np.int32),
    )
