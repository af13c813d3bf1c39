"""The column of times, as numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tianmu.scenarios.contract import BadInput
from tianmu.scenarios.dates import year_last

FORMS = (
    "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d",
    "%Y年%m月%d日 %H:%M:%S", "%Y年%m月%d日 %H:%M",
    "%Y年%m月%d日%H时%M分%S秒", "%Y年%m月%d日%H时%M分",
    "%Y年%m月%d日 %H时", "%Y年%m月%d日%H时", "%Y年%m月%d日",
)  # fmt: skip
"""beside ISO 8601 and seconds since 1970"""
DIGITS = {r"^(19|20)\d{12}$": "%Y%m%d%H%M%S", r"^(19|20)\d{6}$": "%Y%m%d"}
"""dates without anything between their parts: where all texts are of one such form, and dates"""
FINER = r"(\.\d{6})\d+"
"""finer than µs: cut off"""
LONGEST = 1e11
"""seconds; a larger number is of milliseconds, or of microseconds"""


def times(table: pa.Table, name: str, dates: str = "") -> NDArray[np.int64]:
    """Column ``name`` in µs since 1970, shape (rows,), by the clock that stands there; one that
    says its distance from UTC is read in UTC. ``dates``: see ``dates.DATES``. Raises
    ``BadInput``."""
    cells = table.column(name)
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    kind = cells.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        read = cells.cast(pa.timestamp("us"), safe=False)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        read = _counted(cells.cast(pa.float64()))
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        read = _read(pc.utf8_trim_whitespace(cells.cast(pa.string())), name, dates)
    else:
        raise BadInput(0, name, f"holds {kind}, not times", "write it like 2021-04-01 08:00:00")
    if read.null_count:
        row = pc.index(pc.is_null(read), True).as_py() + 1
        raise BadInput(row, name, "no time", "fill it in, or leave the row out")
    found: NDArray[np.int64] = read.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return found


def _counted(seconds: pa.Array) -> pa.Array:
    read = seconds.to_numpy(zero_copy_only=False).astype(np.float64)
    size = np.abs(read)
    unit = np.where(size < LONGEST, 1e6, np.where(size < 1e3 * LONGEST, 1e3, 1.0))
    known = np.isfinite(read) & (size < 1e6 * LONGEST)
    micro = np.where(known, np.where(known, read, 0) * unit, 0).astype(np.int64)
    return pa.array(micro, pa.timestamp("us"), mask=~known)


def _read(texts: pa.Array, name: str, dates: str) -> pa.Array:
    if not len(texts):
        return pa.nulls(0, pa.timestamp("us"))
    bare = pc.if_else(pc.equal(texts, ""), None, texts)
    bare = pc.replace_substring_regex(bare, FINER, r"\1")
    for pattern, form in DIGITS.items():
        if pc.all(pc.match_substring_regex(bare, pattern)).as_py():
            solid = pc.strptime(bare, form, "us", error_is_null=True)
            if solid.null_count == bare.null_count:
                return solid
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return bare.cast(kind).cast(pa.timestamp("us"))
        except pa.ArrowInvalid:
            continue
    try:
        return _counted(bare.cast(pa.float64()))
    except pa.ArrowInvalid:
        pass
    by_order = year_last(bare, name, dates)
    if by_order is not None:
        return by_order
    read = pa.nulls(len(bare), pa.timestamp("us"))
    for form in FORMS:
        read = pc.coalesce(read, pc.strptime(bare, form, "us", error_is_null=True))
    wrong = pc.and_(pc.is_null(read), pc.is_valid(bare))
    if pc.any(wrong).as_py():
        row = _first_unlike(bare) if len(bare) < 1_000_000 else pc.index(wrong, True).as_py()
        what = f"{bare[row].as_py()!r} is no time"
        raise BadInput(row + 1, name, what, "write it like 2021-04-01 08:00:00, all in one form")
    return read


def _first_unlike(bare: pa.Array) -> int:
    """The first text that cannot be read as ISO 8601; the first of all where none can."""
    for row, text in enumerate(bare):
        try:
            text.cast(pa.timestamp("us"))
        except pa.ArrowInvalid:
            return row
    return 0
