"""TLI(Σ): the trophic state of a lake, from five items weighted by their tie to chlorophyll."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tianmu.scenarios.water_ecology.figures import Figures
from tianmu.scenarios.water_ecology.standard import Part, Trophic
from tianmu.scenarios.water_ecology.words import TrophicWords


@dataclass(frozen=True)
class Indices:
    """Of each row; shape (rows,) or (parts, rows)."""

    parts: NDArray[np.float64]
    """TLI(j), nan where the item has no figure above zero"""
    total: NDArray[np.float64]
    """TLI(Σ), nan where the item that decides has none"""
    absent: NDArray[np.int32]
    """bit j: part j was not there"""


def index(value: NDArray[np.float64], part: Part) -> NDArray[np.float64]:
    """TLI(j) of values in the item's own unit; nan where one is not above zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.log(value * part.factor)
    found: NDArray[np.float64] = np.where(value > 0, 10.0 * (part.a + part.b * logarithm), np.nan)
    return found


def weights(parts: Sequence[Part]) -> NDArray[np.float64]:
    """Weights of all parts, shape (parts,), summing to one."""
    squares = np.array([part.r**2 for part in parts], np.float64)
    return np.asarray(squares / squares.sum(), np.float64)


def reckon(figures: Mapping[str, Figures], rows: int, table: Trophic) -> Indices:
    """TLI(Σ) of each row. Where parts are absent, the weights of the others are made to sum to one
    again; without the item that decides there is no index."""
    parts = np.full((len(table.part), rows), np.nan)
    for at, part in enumerate(table.part):
        if part.item in figures:
            parts[at] = index(figures[part.item].values, part)
    there = ~np.isnan(parts)
    share = weights(table.part)[:, None] * there
    with np.errstate(invalid="ignore"):
        total = (share * np.where(there, parts, 0.0)).sum(axis=0) / share.sum(axis=0)
    decides = next(at for at, part in enumerate(table.part) if part.item == table.decides)
    total[~there[decides]] = np.nan
    absent = np.zeros(rows, np.int32)
    for at in range(len(table.part)):
        absent |= (~there[at]).astype(np.int32) << at
    return Indices(parts, total, absent)


def grades(total: NDArray[np.float64], uptos: Sequence[float]) -> NDArray[np.int8]:
    """Number of the grade of each index, -1 where there is none. ``uptos`` are the upper ends of
    all grades but the last, rising; the first end belongs to the grade above it (<30 is
    oligotrophic, 30 is not), the others to the one below (60 is still the lighter one)."""
    ends = np.asarray(uptos, np.float64)
    found = np.searchsorted(ends[1:], total, "left") + (total >= ends[0])
    return np.where(np.isnan(total), -1, found).astype(np.int8)


def told(numbers: NDArray[np.float64]) -> pa.Array:
    """Figures rounded as they are printed, null where there is none."""
    return pa.array(np.round(numbers, 4), from_pandas=True)


def remark(
    absent: int,
    names: Sequence[str],
    table: Trophic,
    words: TrophicWords,
    language: str,
    join: str,
) -> str:
    """Whether all parts were there, or which were not and what that means. ``names`` are those of
    the parts."""
    if not absent:
        return words.whole[language]
    decides = next(at for at, part in enumerate(table.part) if part.item == table.decides)
    how = words.undecided if absent >> decides & 1 else words.renormalised
    return how[language] + join.join(name for at, name in enumerate(names) if absent >> at & 1)
