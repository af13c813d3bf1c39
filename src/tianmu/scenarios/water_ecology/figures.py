"""Figures of published tables: cells with units, signs and words, as columns of numbers.

A cell may hold ``0.05``, ``0.05 mg/L``, ``50μg/L``, ``<0.01`` or ``0.01L`` (below a detection
limit, which then counts by half), or a word for "no figure". What cannot be read is an error that
names its row. A column's different texts are read once each, whole columns at a time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tianmu.scenarios.contract import BadInput, remark
from tianmu.scenarios.reading import decimal_commas
from tianmu.scenarios.water_ecology.standard import Item, Standard, plain, split_head

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_PLAIN = f"^{_NUMBER}$"
_WRITTEN = f"^(?P<sign>[<>]=?|[≤≥])?\\s*(?P<number>{_NUMBER})\\s*(?P<unit>[^\\s\\d].*)?$"
_BELOW = ("<", "<=", "≤")


@dataclass(frozen=True)
class Figures:
    """One item's column."""

    item: Item
    column: str
    """its name in the table"""
    name: str
    """the same without its unit"""
    values: NDArray[np.float64]
    """shape (rows,), in the item's unit; nan where there is no figure"""
    below: NDArray[np.bool_]
    """where the figure lay below a detection limit, of which ``values`` holds the share"""


def read_all(table: pa.Table, standard: Standard) -> dict[str, Figures]:
    """Every item of the standard that the table has, by key, in the order of the table.

    Raises ``BadInput``.
    """
    found: dict[str, Figures] = {}
    for column in table.column_names:
        item, name, unit = identify(column, standard)
        if item is None:
            continue
        if item.key in found:
            other = found[item.key].column
            raise BadInput(0, column, f"is {item.key} as is {other}", "leave one of the two out")
        found[item.key] = read(table.column(column), item, column, name, unit, standard)
    return found


def identify(column: str, standard: Standard) -> tuple[Item | None, str, str]:
    """(item, its name here, unit) of a column's head; None for a column that is no item."""
    if plain(column) in standard.by_code:
        coded, unit = standard.by_code[plain(column)]
        return coded, column.strip(), unit
    name, unit = column.strip(), ""
    while (item := standard.by_name.get(plain(name))) is None:
        name, inner = split_head(name)
        if not inner:
            return None, name, unit
        # a bracket may also hold another name of the item, or what it is reckoned as
        beside = plain(inner) in standard.by_name or re.fullmatch(standard.beside, inner)
        if not beside:
            if unit:
                return None, name, unit
            unit = inner
    return item, name, unit


def read(
    cells: pa.ChunkedArray, item: Item, column: str, name: str, unit: str, standard: Standard
) -> Figures:
    """A column as figures of ``item``. Raises ``BadInput`` at the first cell it cannot read."""
    factor = _factor(unit, item, standard) if unit else 1.0
    if factor is None:
        known = ", ".join(standard.units[item.unit])
        raise BadInput(0, column, f"unit {unit} of {item.key} is not known", f"use one of {known}")
    kind = cells.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = _scaled(pc.cast(cells, pa.float64()).to_numpy().astype(np.float64), factor)
        below = np.zeros(len(values), np.bool_)
    elif pa.types.is_null(kind):
        values = np.full(len(cells), np.nan)
        below = np.zeros(len(values), np.bool_)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        values, below = _read_texts(cells, item, column, factor, standard)
    else:
        raise BadInput(0, column, f"holds {kind}, not figures", "write it as numbers")
    with np.errstate(invalid="ignore"):
        bad = (values < item.low) | (values > item.high) | np.isinf(values)
    if bad.any():
        row = int(np.argmax(bad))
        unit = "" if item.unit.casefold() == item.key else f" {item.unit}"
        what = f"{values[row]:g}{unit} is no possible {item.key}"
        raise BadInput(row + 1, column, what, "correct the figure or empty the cell")
    return Figures(item, column, name, values, below)


def _read_texts(
    cells: pa.ChunkedArray, item: Item, column: str, factor: float, standard: Standard
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    coded = (
        cells if pa.types.is_dictionary(cells.type) else pc.dictionary_encode(cells)
    ).combine_chunks()
    if isinstance(coded, pa.ChunkedArray):  # what an older Arrow gives for a column of no chunks
        coded = coded.chunk(0) if coded.num_chunks else pa.array([], coded.type)
    texts = pc.utf8_trim_whitespace(pc.utf8_normalize(coded.dictionary.cast(pa.string()), "NFKC"))
    if decimal_commas(texts):
        texts = pc.replace_substring_regex(texts, r"(\d),(\d)", r"\1.\2")
        remark(f"column {column}: its commas are read as decimal points")
    numeric = pc.match_substring_regex(texts, _PLAIN)
    bare = pc.cast(pc.if_else(numeric, texts, None), pa.float64())
    values = _scaled(bare.to_numpy(zero_copy_only=False).astype(np.float64), factor)
    below = np.zeros(len(values), np.bool_)
    wrong: dict[int, str] = {}
    for at in np.flatnonzero(~numeric.to_numpy(zero_copy_only=False)):
        text = texts[int(at)].as_py()
        told = _read_odd(text, item, factor, standard)
        if told is None:
            wrong[int(at)] = text
        else:
            values[at], below[at] = told
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    if wrong:
        row = int(np.argmax(np.isin(codes, list(wrong))))
        text = wrong[int(codes[row])]
        raise BadInput(
            row + 1, column, f"{text!r} is no figure", "write it like 0.25, <0.01 or 0.01L"
        )
    # one place more, for rows without a cell: index -1
    return np.append(values, np.nan)[codes], np.append(below, False)[codes]


def _read_odd(
    text: str, item: Item, factor: float, standard: Standard
) -> tuple[float, bool] | None:
    """(value, below a detection limit) of a cell that is no plain number; None: unreadable."""
    if plain(text) in {plain(word) for word in standard.cells.missing}:
        return np.nan, False
    if plain(text) in {plain(word) for word in standard.cells.not_found}:
        return 0.0, True
    parts = pc.extract_regex(pa.array([text]), _WRITTEN)[0].as_py()
    if parts is None:
        return None
    value, unit = float(parts["number"]), parts["unit"].strip()
    below = parts["sign"] in _BELOW
    if unit in {"L", "l"}:  # by itself a mark of laboratories: below this limit of detection
        below, unit = True, ""
    if unit:
        own = _factor(unit.strip("()"), item, standard)
        if own is None:
            return None
        factor = own
    value = float(_scaled(np.array([value]), factor)[0])
    return value * (standard.below_share if below else 1.0), below


def _factor(unit: str, item: Item, standard: Standard) -> float | None:
    return standard.plain_units[item.unit].get(plain(unit))


def _scaled(values: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """``values`` times ``factor`` to twelve digits, so that 35 μg/L is 0.035 mg/L and no hair more:
    a limit is compared with it."""
    if factor == 1.0:
        return values
    scaled = values * factor
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.floor(np.log10(np.abs(scaled)))
    tens = 10.0 ** np.clip(11 - np.where(np.isfinite(size), size, 0), -20, 20)
    return np.asarray(np.round(scaled * tens) / tens)
