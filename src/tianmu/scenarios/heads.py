"""Heads of a file's columns: which column of a model each is, however it is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tianmu.scenarios.contract import BadInput, Column, Model

BRACKETED = re.compile(r"^(?P<name>.*?\S)\s*[(（\[【](?P<unit>[^()（）\[\]【】]*)[)）\]】]$")
ALIKE = {
    "℃": "°c", "c": "°c", "degc": "°c", "％": "%", "percent": "%", "kph": "km/h", "kmh": "km/h",
    "km/hr": "km/h", "m3/h": "m³/h", "°n": "°", "deg": "°", "%rh": "%",
}  # fmt: skip
"""other ways to write a unit → the way it is compared in"""


class Head(NamedTuple):
    """A head of a file, taken apart."""

    name: str
    """folded, and without its unit"""
    unit: str | None
    """as it is compared; None where the head says none"""


def head(text: str) -> Head:
    found = BRACKETED.match(text)
    if found is None:
        return Head(text.casefold(), None)
    return Head(found["name"].casefold(), plain(found["unit"]))


def plain(unit: str) -> str:
    """``unit`` as it is compared with others."""
    folded = "".join(unit.casefold().split())
    return ALIKE.get(folded, folded)


def named(model: Model, rows: pa.Table) -> pa.Table:
    """``rows`` with the columns of the model under its own names: a file may write them in other
    cases and with their unit in brackets, where that leaves no doubt. Cells that say the column's
    own unit are read without it. Raises ``BadInput``."""
    names = list(rows.column_names)
    for one in (*model.needs, *model.optional):
        if one.name not in names and (index := _index(names, one)) is not None:
            names[index] = one.name
    lacking = [one for one in model.needs if one.name not in names]
    if lacking:
        raise _lacking(lacking, rows.column_names)
    for one in model.gives:
        if one.name in rows.column_names:
            raise BadInput(
                0, one.name, "the model gives a column of this name", "rename or drop it first"
            )
    called = rows.rename_columns(names)
    for one in (*model.needs, *model.optional):
        if one.unit and one.name in names:
            index = names.index(one.name)
            called = called.set_column(index, one.name, bare(called.column(index), one.unit))
    return called


def bare(cells: pa.ChunkedArray, unit: str) -> pa.ChunkedArray:
    """Texts without ``unit`` behind their figures; other columns as they are."""
    if not (pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)):
        return cells
    wanted = plain(unit)
    ways = sorted({unit, wanted, *(way for way, of in ALIKE.items() if of == wanted)})
    written = "|".join(re.escape(way) for way in ways)
    return pc.replace_substring_regex(cells, rf"(?i)(\d)\s*(?:{written})\s*$", r"\1")


def _index(names: Sequence[str], column: Column) -> int | None:
    """The one head that means ``column``; None where there is none, or more than one."""
    name = column.name.casefold()
    whole = [index for index, text in enumerate(names) if text.casefold() == name]
    if whole:
        return whole[0] if len(whole) == 1 else None
    heads = [head(text) for text in names]
    like = [index for index, one in enumerate(heads) if one.name == name]
    if len(like) != 1:
        return None
    said = heads[like[0]].unit
    if said and column.unit and said != plain(column.unit):
        text = names[like[0]]
        unit = text[len(column.name) :].strip().strip("()（）[]【】").strip()
        raise BadInput(
            0, text, f"its unit is {unit}, and {column.unit} is wanted",
            f"convert it, and call it {column.name} ({column.unit})",
        )  # fmt: skip
    return like[0]


def _lacking(columns: Sequence[Column], there: Sequence[str]) -> BadInput:
    wanted = "; ".join(
        f"{one.name}{f' ({one.unit})' if one.unit else ''}, {one.what}" for one in columns
    )
    has = f"the file has only {', '.join(there)}"
    if len(columns) == 1:
        return BadInput(
            0, columns[0].name, f"it is not there, {has}",
            f"add it, or give the column that holds it this name: {wanted}",
        )  # fmt: skip
    return BadInput(
        0, [one.name for one in columns], f"they are not there, {has}",
        f"add them, or give the columns that hold them these names: {wanted}",
    )  # fmt: skip
