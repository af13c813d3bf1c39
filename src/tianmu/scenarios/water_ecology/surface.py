"""Classes of surface water: GB 3838-2002 item by item, and the item that decides.

A water has the class of its worst item (单因子评价). Whole columns at a time; names of items are
put together once per combination of items that occurs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tianmu.scenarios.water_ecology.figures import Figures
from tianmu.scenarios.water_ecology.standard import WORST, Item, Standard

NONE = -1
"""class number where there is no figure"""
SATURATED = 0.9
"""share of saturation that makes class Ⅰ whatever the figure"""


@dataclass(frozen=True)
class Judged:
    """Every row judged; all arrays of shape (rows,) or (items, rows)."""

    counted: tuple[Figures, ...]
    apart: tuple[Figures, ...]
    numbers: NDArray[np.int8]
    """class number of each counted item, ``NONE`` where it has no figure"""
    apart_numbers: NDArray[np.int8]
    worst: NDArray[np.int8]
    """class number of the water, ``NONE`` where no counted item has a figure"""
    rounded: NDArray[np.int8]
    """class number if every figure printed exactly at a limit were a hair beyond it"""
    deciding: NDArray[np.int32]
    """bit i: counted item i decides"""
    exceeding: NDArray[np.int32]
    """bit i: counted item i is beyond the target"""
    multiple: NDArray[np.float64]
    """greatest multiple of excess of the items that decide; 0 where the target is kept, nan where
    only items decide of which none is reckoned"""


def judge(
    figures: Sequence[Figures],
    water: str,
    target: int | NDArray[np.int8],
    *,
    also: frozenset[str] = frozenset(),
    temperature: NDArray[np.float64] | None = None,
) -> Judged:
    """Judge rows of ``water`` (river or lake) against class number ``target``, or one of each row.

    ``also`` names items that are counted although the standard judges them apart. With
    ``temperature`` (°C, shape (rows,)) oxygen at 90 % of saturation is of the first class.
    """
    known = [one for one in figures if one.item.limits_in(water)]
    counted = tuple(one for one in known if one.item.counted or one.item.key in also)
    apart = tuple(one for one in known if one not in counted)
    rows = len(figures[0].values) if figures else 0
    worst, rounded = np.full(rows, NONE, np.int8), np.full(rows, NONE, np.int8)
    numbers = np.empty((len(counted), rows), np.int8)
    for at, one in enumerate(counted):
        numbers[at] = numbers_of(one.values, one.item, water)
        if temperature is not None and one.item.sense == "at_least":
            full = one.values >= SATURATED * saturation(temperature)
            numbers[at][full] = 0
        np.maximum(worst, numbers[at], out=worst)
        beyond = np.maximum(numbers[at], numbers_of(one.values, one.item, water, rounded=True))
        np.maximum(rounded, beyond, out=rounded)
    deciding, exceeding = np.zeros(rows, np.int32), np.zeros(rows, np.int32)
    multiple = np.full(rows, np.nan)
    for at, one in enumerate(counted):
        decides = (numbers[at] == worst) & (worst != NONE)
        deciding |= decides.astype(np.int32) << at
        exceeding |= (numbers[at] > target).astype(np.int32) << at
        if one.item.multiple:
            excess = one.values / np.asarray(one.item.limits_in(water))[target] - 1.0
            np.fmax(multiple, excess, out=multiple, where=decides)
    multiple[(worst != NONE) & (worst <= target)] = 0.0
    return Judged(
        counted,
        apart,
        numbers,
        np.array([numbers_of(one.values, one.item, water) for one in apart], np.int8).reshape(
            len(apart), rows
        ),
        worst,
        rounded,
        deciding,
        exceeding,
        multiple,
    )


def numbers_of(
    values: NDArray[np.float64], item: Item, water: str, *, rounded: bool = False
) -> NDArray[np.int8]:
    """Class number of each value of ``item``; ``rounded``: a value at a limit is beyond it."""
    limits = np.asarray(item.limits_in(water))
    side: Literal["left", "right"] = "right" if rounded else "left"
    if item.sense == "between":
        low, high = limits
        out = (values <= low) | (values >= high) if rounded else (values < low) | (values > high)
        found = np.where(out, WORST, 0)
    elif item.sense == "at_least":
        found = np.searchsorted(-limits, -values, side)
    else:
        found = np.searchsorted(limits, values, side)
    return np.where(np.isnan(values), NONE, found).astype(np.int8)


def saturation(celsius: NDArray[np.float64]) -> NDArray[np.float64]:
    """Dissolved oxygen at saturation, mg/L at 101.3 kPa: 468 / (31.6 + T)."""
    return 468.0 / (31.6 + celsius)


def columns(judged: Judged, standard: Standard, language: str) -> pa.Table:
    """What is said of each row: see ``GIVES`` of the model."""
    rows = len(judged.worst)
    names = [one.name for one in judged.counted]

    def said(numbers: NDArray[np.int8], words: Sequence[str]) -> pa.Array:
        return taken(numbers, [*words, None])  # the last one is NONE

    def listed(bits: NDArray[np.int32]) -> pa.Array:
        return per_code(bits, lambda code: _names(code, names, standard.join[language]))

    absent = np.zeros(rows, np.int32)
    below = np.zeros(rows, np.int32)
    for at, one in enumerate(judged.counted):
        absent |= np.isnan(one.values).astype(np.int32) << at
        below |= one.below.astype(np.int32) << at
    changed = np.where(judged.rounded == judged.worst, NONE, judged.rounded).astype(np.int8)
    return pa.table(
        {
            "class": said(judged.worst, standard.classes),
            "deciding": listed(judged.deciding),
            "multiple": pa.array(np.round(judged.multiple, 6), from_pandas=True),
            "exceeding": listed(judged.exceeding),
            "quality": said(judged.worst, standard.words(language)),
            "apart": _apart(judged, standard, standard.join[language], rows),
            "class_if_rounded": said(changed, standard.classes),
            "no_figure": listed(absent),
            "below_detection": listed(below),
        }
    )


def _apart(judged: Judged, standard: Standard, join: str, rows: int) -> pa.Array:
    """Items that are judged apart with their classes, as one text a row."""
    codes = np.zeros(rows, np.int32)
    for numbers in judged.apart_numbers:
        codes = codes * (WORST + 2) + numbers + 1

    def said(code: int) -> str | None:
        parts = []
        for one in reversed(judged.apart):
            code, number = divmod(code, WORST + 2)
            if number:
                parts.append(f"{one.name} {standard.classes[number - 1]}")
        return join.join(reversed(parts)) or None

    return per_code(codes, said)


def _names(code: int, names: Sequence[str], join: str) -> str | None:
    return join.join(name for at, name in enumerate(names) if code >> at & 1) or None


def per_code(codes: NDArray[np.int32], say: Callable[[int], str | None]) -> pa.Array:
    """``say`` asked once for each code that occurs, and taken for every row that has it."""
    coded = pc.dictionary_encode(pa.array(codes))
    texts = pa.array([say(code) for code in coded.dictionary.to_pylist()], pa.string())
    return texts.take(coded.indices)


def taken(numbers: NDArray[np.int8], words: Sequence[str | None]) -> pa.Array:
    """The word of each number; that of ``NONE`` is the last one."""
    at = np.where(numbers < 0, len(words) - 1, numbers)
    return pa.array(words, pa.string()).take(pa.array(at))
