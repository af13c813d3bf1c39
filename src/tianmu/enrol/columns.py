"""The columns of a file of devices, and how they are brought to one form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tianmu.enrol.fault import MOST, Faults, Unusable

TEXT = pa.large_string()
NUMBER = pa.float64()
LIST = pa.list_(pa.string())

COLUMNS: dict[str, pa.DataType] = {
    "device": TEXT,
    "name": TEXT,
    "kind": TEXT,
    "longitude": NUMBER,
    "latitude": NUMBER,
    "precision": NUMBER,
    "division": TEXT,
    "department": TEXT,
    "origin": TEXT,
    "source": TEXT,
    "address": TEXT,
    "properties": LIST,
    "place_address": TEXT,
    "labels": TEXT,
}
"""name → form; ``labels`` is a JSON object of texts"""
NEEDED = ("device", "kind")
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


def check_head(names: list[str]) -> None:
    """Raises ``Unusable`` for columns that are missing, unknown or doubled."""
    for name in names:
        if names.count(name) > 1:
            raise Unusable(0, name, "the head names this column twice", "keep one of them")
    for name in NEEDED:
        if name not in names:
            raise Unusable(
                0, name, "this column is missing", f"name it in the head; it has {_listed(names)}"
            )
    for name in names:
        if name not in COLUMNS:
            raise Unusable(
                0, name, "there is no such column",
                f"take it out, or give it one of the names {', '.join(COLUMNS)}",
            )  # fmt: skip


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names[:20]) or "no columns"


def one_form(table: pa.Table, numbers: NDArray[np.int64], faults: Faults) -> pa.Table:
    """The table with every column in its form, empty cells null; what has none is a fault and
    null. ``numbers`` (n,) are those of its rows."""
    columns: dict[str, Any] = {}
    for name in table.column_names:
        form, column = COLUMNS[name], _whole(table[name])
        if form == NUMBER:
            columns[name] = _numbers(column, name, numbers, faults)
        elif form == LIST:
            columns[name] = _lists(column, name)
        else:
            columns[name] = _texts(column, name)
    return pa.table(columns)


def rows_of(mask: Any) -> NDArray[np.int64]:
    """Where a boolean Arrow array is true (null counts as false)."""
    return np.flatnonzero(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    found = column.combine_chunks()
    return pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found


def _texts(column: pa.Array, name: str) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type) or pa.types.is_nested(column.type):
        raise Unusable(
            0, name, f"holds {column.type}, and texts are wanted", "write it as a column of texts"
        )
    try:
        trimmed = pc.utf8_trim_whitespace(column.cast(TEXT))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Unusable(0, name, str(error), "write it as a column of texts in UTF-8") from error
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, TEXT), trimmed)


def _numbers(column: pa.Array, name: str, numbers: NDArray[np.int64], faults: Faults) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        texts = _texts(column, name)
        wrong = pc.invert(pc.match_substring_regex(texts, _NUMBER))
        rows = rows_of(wrong)
        for row in rows[:MOST].tolist():
            faults.add(
                int(numbers[row]), name, f"{texts[row].as_py()[:40]!r} is no number",
                "write it with a point, e.g. 119.4842; leave the cell empty where it is unknown",
            )  # fmt: skip
        faults.count += max(0, len(rows) - MOST)
        return pc.if_else(pc.fill_null(wrong, False), pa.scalar(None, TEXT), texts).cast(NUMBER)
    try:
        found = column.cast(NUMBER, safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Unusable(0, name, str(error), "write it as a column of numbers") from error
    return pc.if_else(pc.is_nan(found), pa.scalar(None, NUMBER), found)


def _lists(column: pa.Array, name: str) -> pa.Array:
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        try:
            lists = column.cast(LIST)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise Unusable(0, name, str(error), "write lists of texts") from error
    else:
        texts = _texts(column, name).cast(pa.string())
        lists = pc.utf8_split_whitespace(texts)
    empty = pc.equal(pc.list_value_length(lists), 0)
    return pc.if_else(empty, pa.scalar(None, LIST), lists)
