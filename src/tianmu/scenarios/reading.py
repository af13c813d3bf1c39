"""Columns of a table as NumPy arrays, with every cell that cannot be read told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tianmu.scenarios.contract import BadInput, BadParameter, remark

MISSING: tuple[str, ...] = (
    "", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "null", "Null", "NULL", "None",
    "none", "-", "--", "---", "–", "—", "——", "－", "/", "*",
)  # fmt: skip
"""texts that mean: no value"""
_NUMERIC = (
    pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal,
    pa.types.is_null,  # a column of Parquet without any value
)  # fmt: skip


def numbers(
    table: pa.Table,
    name: str,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    missing: tuple[str, ...] = MISSING,
    required: bool = True,
    endless: bool = False,
) -> NDArray[np.float64]:
    """Column ``name`` as numbers, shape (rows,); nan where it has none and is not ``required``, and
    where one is infinite and ``endless`` ones are taken as none.

    Raises ``BadInput`` at the first cell that is no number, is infinite (``1e400`` is), is outside
    ``low``…``high``, or is missing although it is required.
    """
    cells = _cells(table, name)
    kind = cells.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        trimmed = pc.utf8_trim_whitespace(cells)
        bare = pc.if_else(pc.is_in(trimmed, pa.array(missing, kind)), None, trimmed)
        read = _read(bare, name)
    elif any(one(kind) for one in _NUMERIC):
        read = pc.cast(cells, pa.float64())
    else:
        raise BadInput(0, name, f"holds {kind}, not numbers", "write it as numbers")
    found: NDArray[np.float64] = read.to_numpy(zero_copy_only=False).astype(np.float64)
    if not endless:
        _check_finite(found, cells, name)
    known = np.isfinite(found)
    if required and not known.all():
        row = int(np.argmin(known))
        raise BadInput(row + 1, name, "no value", "fill it in, or leave the row out")
    found = np.where(known, found, np.nan)
    bad = (found < low) | (found > high)
    if bad.any():
        row = int(np.argmax(bad))
        raise BadInput(row + 1, name, f"{found[row]:g} is {_beyond(low, high)}", "correct it")
    return found


def texts(table: pa.Table, name: str) -> list[str]:
    """Column ``name`` as texts without blanks around them; empty where it has none."""
    cells = _cells(table, name)
    try:
        cast = pc.cast(cells, pa.string())
    except pa.ArrowNotImplementedError as error:
        raise BadInput(0, name, f"holds {cells.type}, not texts", "write it as text") from error
    found: list[str] = pc.fill_null(pc.utf8_trim_whitespace(cast), "").to_pylist()
    return found


def column(values: NDArray[np.float64] | Sequence[float | None]) -> pa.Array:
    """Numbers as a column of a table, empty where one is nan."""
    return pa.array(values, pa.float64(), from_pandas=True)


def number_of(
    parameters: Mapping[str, str], name: str, *, low: float = -np.inf, high: float = np.inf
) -> float:
    """A parameter as a number. Raises ``BadParameter``."""
    text = parameters[name]
    try:
        value = float(text)
    except ValueError:
        raise BadParameter(name, f"{text!r} is no number", f"say {name}=12.5") from None
    if not low <= value <= high:
        raise BadParameter(name, f"{text} is {_beyond(low, high)}", "give another")
    return value


def decimal_commas(bare: pa.Array) -> bool:
    """Whether commas stand for points beyond doubt: where three digits follow each of them, they
    may as well part thousands, and where there are points too, either may."""
    if pc.any(pc.match_substring(bare, ".")).as_py():
        return False
    return bool(pc.any(pc.match_substring_regex(bare, r"\d,(\d{1,2}|\d{4,})(\D|$)")).as_py())


def _cells(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _check_finite(found: NDArray[np.float64], cells: pa.Array, name: str) -> None:
    """A number too large to be one is a fault, and no cell without a value."""
    endless = np.isinf(found)
    if endless.any():
        row = int(np.argmax(endless))
        raise BadInput(
            row + 1, name, f"{cells[row].as_py()!s} is no finite number",
            "correct it, or leave the cell empty",
        )  # fmt: skip


def _beyond(low: float, high: float) -> str:
    if low == -np.inf:
        return f"above {high:g}"
    return f"below {low:g}" if high == np.inf else f"not between {low:g} and {high:g}"


def _read(bare: pa.Array, name: str) -> pa.Array:
    """Texts of column ``name`` as numbers. Raises ``BadInput`` at the first that is none."""
    try:
        return pc.cast(bare, pa.float64())
    except pa.ArrowInvalid:
        pass
    if decimal_commas(bare):
        with suppress(pa.ArrowInvalid):
            read = pc.cast(pc.replace_substring(bare, ",", "."), pa.float64())
            remark(f"column {name}: its commas are read as decimal points")
            return read
    row = _first_no_number(bare)
    what = f"{bare[row].as_py()!r} is no number"
    raise BadInput(row + 1, name, what, "write it like 12.5")


def _first_no_number(bare: pa.Array) -> int:
    """The place of the first text that Arrow reads as no number, where there is one: the half that
    holds it is halved again."""
    low, high = 0, len(bare)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            pc.cast(bare[low:middle], pa.float64())
        except pa.ArrowInvalid:
            high = middle
        else:
            low = middle
    return low
