"""Whose a row is and when it was: stations and times of published tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tianmu.scenarios.contract import BadInput
from tianmu.scenarios.water_ecology.standard import Standard, plain, split_head

FORMATS = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d", "%Y-%m", "%Y%m%d%H%M%S")


@dataclass(frozen=True)
class Stations:
    """The stations of a table's rows."""

    names: list[str]
    codes: NDArray[np.int32]
    """place in ``names`` of each row's station, shape (rows,)"""


def column_for(table: pa.Table, role: str, standard: Standard) -> str | None:
    """The column that plays ``role`` (a key of ``standard.columns``); None if there is none."""
    wanted = {plain(word) for word in standard.columns[role]}
    for name in table.column_names:
        if plain(name) in wanted or plain(split_head(name)[0]) in wanted:
            return str(name)
    return None


def needed(table: pa.Table, role: str, standard: Standard) -> str:
    """The same. Raises ``BadInput`` where there is none."""
    found = column_for(table, role, standard)
    if found is None:
        names = ", ".join(standard.columns[role])
        raise BadInput(0, "", f"no column says the {role}", f"call it one of {names}")
    return found


def stations(table: pa.Table, standard: Standard, *, alone: bool = False) -> Stations:
    """The station of every row. Raises ``BadInput`` for a row without one. ``alone``: a table that
    names no stations is all of one."""
    if alone and column_for(table, "station", standard) is None:
        return Stations([""], np.zeros(len(table), np.int32))
    column = needed(table, "station", standard)
    texts = pc.fill_null(pc.utf8_trim_whitespace(table.column(column).cast(pa.string())), "")
    coded = pc.dictionary_encode(texts).combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.chunk(0) if coded.num_chunks else pa.array([], coded.type)
    names: list[str] = coded.dictionary.to_pylist()
    codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    if "" in names and (bad := codes == names.index("")).any():
        row = int(np.argmax(bad)) + 1
        raise BadInput(row, column, "no station", "fill it in, or leave the row out")
    return Stations(names, codes)


def times(table: pa.Table, standard: Standard) -> NDArray[np.datetime64]:
    """The time of every row, to the second, as it stands there. Raises ``BadInput``."""
    column = needed(table, "time", standard)
    cells = table.column(column)
    if pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type):
        read = cells.cast(pa.timestamp("s"), safe=False)
    else:
        read = _read_texts(cells, column)
    found: NDArray[np.datetime64] = read.to_numpy().astype("datetime64[s]")
    absent = np.isnat(found)
    if absent.any():
        row = int(np.argmax(absent)) + 1
        raise BadInput(row, column, "no time", "fill it in, or leave the row out")
    return found


def _read_texts(cells: pa.ChunkedArray, column: str) -> pa.ChunkedArray:
    texts = pc.utf8_trim_whitespace(cells.cast(pa.string()))
    try:
        return texts.cast(pa.timestamp("s"))
    except pa.ArrowInvalid:
        pass
    read = pa.nulls(len(texts), pa.timestamp("s"))
    for form in FORMATS:
        read = pc.coalesce(read, pc.strptime(texts, form, "s", error_is_null=True))
    wrong = pc.and_(pc.is_null(read), pc.not_equal(pc.fill_null(texts, ""), ""))
    if pc.any(wrong).as_py():
        row = pc.index(wrong, True).as_py()
        what = f"{texts[row].as_py()!r} is no time"
        raise BadInput(row + 1, column, what, "write it like 2021-04-01 08:00")
    return read if isinstance(read, pa.ChunkedArray) else pa.chunked_array([read])
