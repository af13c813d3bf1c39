"""Roll-ups by area: what datastreams come to together, by town, village, kind and department."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tianmu.store.history.area import DIMENSIONS, Membership
from tianmu.store.history.rollup import in_order

PIECES = 64
"""pieces held apart before they are added up, so that memory stays bounded"""
_SUMS = ("count", "total", "exceeded")

Columns = dict[str, Any]


class AreaTotals:
    """Adds up roll-ups by datastream (rows of ``roll_up``), in any order of pieces.

    Values of different properties are never mixed. Datastreams of one cell (alike in every
    dimension and in their property) are added up first, so that the four dimensions are made of
    few rows.
    """

    def __init__(self, membership: Membership, width: int) -> None:
        self._membership, self._width = membership, width
        self._pieces: list[Columns] = []

    def add(self, rows: Columns) -> None:
        """Rows by datastream of stretches no longer than ours."""
        if not len(rows["time"]):
            return
        piece = {
            "cell": self._membership.cell_of(rows["datastream"]).astype(np.int64),
            "time": rows["time"] // self._width * self._width,
            "count": rows["count"].astype(np.uint64),
            "low": rows["low"],
            "high": rows["high"],
            "total": rows["total"],
            "exceeded": rows["exceeded"].astype(np.uint64),
        }
        self._pieces.append(_gathered(piece, ("cell", "time")))
        if len(self._pieces) >= PIECES:
            self._pieces = [self._together()]

    def _together(self) -> Columns:
        if len(self._pieces) == 1:
            return self._pieces[0]
        joined = {n: np.concatenate([p[n] for p in self._pieces]) for n in self._pieces[0]}
        return _gathered(joined, ("cell", "time"))

    def columns(self, width: int | None = None) -> Columns:
        """Rows for a file of stretches of ``width`` µs (ours, or a multiple), sorted by dimension,
        area, kind, property and time; empty where nothing was added."""
        if not self._pieces:
            return {"time": np.zeros(0, np.int64)}
        rows = self._together()
        self._pieces = [rows]
        rows = {**rows, "time": rows["time"] // (width or self._width) * (width or self._width)}
        _, codes = self._membership.cells
        kind, observed = codes["kind"][rows["cell"]], codes["property"][rows["cell"]]
        kinds, properties = (_ranked(self._membership.words(n)) for n in ("kind", "property"))
        parts: list[Columns] = []
        for dimension in sorted(DIMENSIONS):
            ranks, words = _ranked(self._membership.words(dimension))
            part = _gathered(
                {
                    "area": ranks[codes[dimension][rows["cell"]]],
                    "kind": kinds[0][kind],
                    "property": properties[0][observed],
                    **{n: rows[n] for n in ("time", "low", "high", *_SUMS)},
                },
                ("area", "kind", "property", "time"),
            )
            for name, listed in (
                ("area", words), ("kind", kinds[1]), ("property", properties[1])
            ):  # fmt: skip
                part[name] = listed.take(pa.array(part[name]))
            part["dimension"] = pa.repeat(dimension, len(part["time"]))
            parts.append(part)
        return {
            n: np.concatenate([p[n] for p in parts])
            if isinstance(parts[0][n], np.ndarray)
            else pa.concat_arrays([p[n] for p in parts])
            for n in parts[0]
        }


def _ranked(words: tuple[str, ...]) -> tuple[NDArray[np.int64], pa.Array]:
    """By code its place in order of the words; and the words in that order."""
    order = sorted(range(len(words)), key=words.__getitem__)
    ranks = np.empty(len(words), np.int64)
    ranks[order] = np.arange(len(words))
    return ranks, pa.array([words[i] for i in order], pa.string())


def _gathered(rows: Columns, keys: tuple[str, ...]) -> Columns:
    """Rows of equal keys added up, sorted by them."""
    order = in_order(*(rows[k] for k in keys), stable=False)
    rows = {n: v[order] for n, v in rows.items()}
    changes = np.ones(len(order), bool)
    changes[1:] = np.logical_or.reduce([rows[k][1:] != rows[k][:-1] for k in keys])
    firsts = np.flatnonzero(changes)
    if len(firsts) == len(order):
        return rows
    return {
        **{k: rows[k][firsts] for k in keys},
        **{n: np.add.reduceat(rows[n], firsts) for n in _SUMS},
        "low": np.minimum.reduceat(rows["low"], firsts),
        "high": np.maximum.reduceat(rows["high"], firsts),
    }
