"""To what each datastream belongs, and beyond which values it counts as exceeding."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

DIMENSIONS = ("town", "village", "kind", "department")
"""by which areas are rolled up"""
_LISTS = {
    "town": "towns",
    "village": "villages",
    "kind": "kinds",
    "department": "departments",
    "property": "properties",
}


@dataclass(frozen=True, eq=False)
class Membership:
    """Columns by datastream, all of shape (n,), that count the lists of codes beside them.

    Code 0 of each list is the empty word: not known, or no such tier. Datastreams from n on are
    not known yet and belong to it throughout. ``low`` and ``high`` are the alarm thresholds of the
    rules in force: a value at or below ``low``, at or above ``high`` exceeds; NaN where none.
    Raises ``ValueError`` where the columns do not fit together.
    """

    town: NDArray[np.uint16]
    village: NDArray[np.uint32]
    kind: NDArray[np.uint16]
    department: NDArray[np.uint16]
    property: NDArray[np.uint16]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    towns: tuple[str, ...]
    villages: tuple[str, ...]
    kinds: tuple[str, ...]
    departments: tuple[str, ...]
    properties: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.town)
        for column, words in _LISTS.items():
            listed = getattr(self, words)
            if not listed or listed[0] or len(getattr(self, column)) != n:
                raise ValueError(
                    f"{column}: {len(getattr(self, column))} rows of {n}; {words} must begin "
                    "with the empty word"
                )
        if len(self.low) != n or len(self.high) != n:
            raise ValueError(f"{len(self.low)} low and {len(self.high)} high thresholds for {n}")

    def __len__(self) -> int:
        return len(self.town)

    @cached_property
    def cells(self) -> tuple[NDArray[np.uint32], dict[str, NDArray[np.int64]]]:
        """Datastreams that are alike share a cell: the cell of each, shape (n + 1,), the last for
        what is not known yet; and by cell its codes of each dimension and property."""
        names = tuple(_LISTS)
        widths = [len(getattr(self, words)) for words in _LISTS.values()]
        key = np.zeros(len(self) + 1, np.int64)
        for name, width in zip(names, widths, strict=True):
            key[:-1] = key[:-1] * width + getattr(self, name)
        alike, cell = np.unique(key, return_inverse=True)
        codes: dict[str, NDArray[np.int64]] = {}
        for name, width in zip(reversed(names), reversed(widths), strict=True):
            codes[name] = alike % width
            alike = alike // width
        return cell.astype(np.uint32), codes

    def cell_of(self, datastreams: NDArray[Any]) -> NDArray[np.uint32]:
        cell, _ = self.cells
        found: NDArray[np.uint32] = cell[np.minimum(datastreams, len(self))]
        return found

    def exceeds(self, datastreams: NDArray[Any], value: NDArray[Any]) -> NDArray[np.bool_]:
        """Which values lie beyond the thresholds of their datastreams."""
        if not len(self):
            return np.zeros(len(value), np.bool_)
        known = np.minimum(datastreams, len(self) - 1)
        found: NDArray[np.bool_] = (value >= self.high[known]) | (value <= self.low[known])
        return found & (datastreams < len(self))

    def words(self, column: str) -> tuple[str, ...]:
        """The list of codes that ``column`` counts."""
        found: tuple[str, ...] = getattr(self, _LISTS[column])
        return found

    def save(self, path: Path) -> None:
        """Write it where another process maps it into memory (``load``), whole or not at all."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        lists = {n: arrays.pop(n) for n in _LISTS.values()}
        table = pa.table({n: pa.array(a) for n, a in arrays.items()})
        table = table.replace_schema_metadata({"lists": msgspec.json.encode(lists)})
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
        with pa.OSFile(str(fresh), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        fresh.replace(path)

    @classmethod
    def load(cls, path: Path) -> Membership:
        """What ``save`` wrote, mapped. Raises ``FileNotFoundError``."""
        if not path.exists():
            raise FileNotFoundError(f"{path} is not there: works writes it when it starts")
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all().combine_chunks()
        lists: dict[str, Any] = msgspec.json.decode(
            table.schema.metadata[b"lists"], type=dict[str, tuple[str, ...]]
        )
        return cls(**{n: table[n].to_numpy() for n in table.column_names}, **lists)
