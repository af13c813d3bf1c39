"""Whose a row is, and whether it can be reckoned: several stations in one file, cells without a
value."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tianmu.scenarios.contract import BadInput, Column, remark
from tianmu.scenarios.reading import texts

STATION = Column(
    "station",
    "",
    "whose row it is: each station has a series of its own, begun with the parameters; left out: "
    "all rows are of one",
)
SOME = 5
"""rows that are named of those without a value"""


def series(table: pa.Table) -> list[NDArray[np.int64]]:
    """The rows (from 0, in their order) of each station. Raises ``BadInput``."""
    if STATION.name not in table.column_names:
        return [np.arange(len(table))]
    found: dict[str, list[int]] = {}
    for row, name in enumerate(texts(table, STATION.name)):
        if not name:
            raise BadInput(row + 1, STATION.name, "no station", "fill it in, or drop the column")
        found.setdefault(name, []).append(row)
    return [np.array(rows) for rows in found.values()]


def whole(*parts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows have all their values; says which have not. Nothing is made up for these: their
    results are empty, and the row after goes on from the last that was whole."""
    found: NDArray[np.bool_] = np.all([np.isfinite(part) for part in parts], axis=0)
    lacking = (np.flatnonzero(~found) + 1).tolist()
    if lacking:
        some = ", ".join(str(row) for row in lacking[:SOME]) + (" …" if lacking[SOME:] else "")
        remark(
            f"{len(lacking):,} of {len(found):,} rows lack a value ({some}): their results are "
            "empty, and the next goes on from the last row that is whole"
        )
    return found
