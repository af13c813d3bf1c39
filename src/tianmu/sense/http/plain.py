"""The usual messages, read from their bytes without an object for each observation.

What is not usual (escapes, texts as values, a field that is not ours, anything broken) is left as
a whole to the decoder that knows all, in ``codec``; what is read here is what that one would read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tianmu.sense.http.columns import Columns
from tianmu.store.registry.index import Query

ARRAY, LINES, ONE = 0, 1, 2
"""objects as an array, one a line, or a single one (as in ``scan``)"""
WORTH = 400
"""bytes of a message from which on this is faster than to decode it as a whole"""
OBJECT, PLACE = len('{"datastream":"","time":1,"value":1}'), len('"",1,1,')
"""bytes of the shortest object, and of the shortest place in columns"""


def read_objects(body: bytes, mode: int, *, least: int = WORTH) -> Columns | None:
    """Columns of a message of objects, or None where it is not a usual one of ``least`` bytes."""
    return _read(body, mode, OBJECT) if len(body) >= least else None


def read_columns(body: bytes, *, least: int = WORTH) -> Columns | None:
    """Columns of a message of columns, or None where it is not a usual one of ``least`` bytes."""
    return _read(body, None, PLACE) if len(body) >= least else None


def warm() -> None:
    """Have the kernels compiled (or loaded) before the first message needs them."""
    read_objects(b'{"datastream":"a/b","time":"1970-01-01T00:00:00Z","value":1}', ONE, least=0)
    read_columns(b'{"datastream":["a/b"],"time":[0],"value":[1]}', least=0)


def _read(body: bytes, mode: int | None, shortest: int) -> Columns | None:
    from tianmu.sense.http import scan

    text = np.frombuffer(body, np.uint8)
    out, size = scan.room_for(text, shortest), np.zeros(5, np.int64)
    told = scan.columns(text, size, out) if mode is None else scan.objects(text, mode, size, out)
    rows = int(told)
    if rows < 1:
        return None
    starts, ends, time, value, sequence, quality, hard = (column[:rows] for column in out)
    if size[scan.HARD] and not _read_hard(body, hard[: size[scan.HARD]], value):
        return None
    return Columns(
        datastream=Query(text, starts, ends),
        time=time,
        value=value,
        sequence=sequence if size[scan.SEQUENCES] and sequence.any() else None,
        quality=quality if size[scan.QUALITIES] and quality.any() else None,
    )


def _read_hard(body: bytes, hard: Any, value: Any) -> bool:
    """Read values of many digits from their places; False where one is beyond a double."""
    for row, begin, end in hard.tolist():
        value[row] = float(body[begin:end])
    return bool(np.isfinite(value[hard[:, 0]]).all())
