"""All devices of a registry in one segment.

Each file that is registered is looked up in an index of its own, and only one segment's columns can
be shared by all processes. So the many are merged into one when they have become many; indices
stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tianmu.store.registry.column import LEAD, WORTH_MAPPING
from tianmu.store.registry.registry import Registry
from tianmu.store.registry.segment import DTYPES, Segment, Written, write_pieces
from tianmu.store.registry.table import as_table

TAIL = 10
"""merged when one in so many devices stands outside the first large segment"""
_NUMBERS = ("longitude", "latitude", "precision")
_TEXTS = (
    *("device", "name", "kind", "division", "department", "origin", "source", "address"),
    *("labels", "probe", "place_address", "crs_origin"),
)


def worth_merging(registry: Registry) -> bool:
    """Whether there is much that is not in the one large segment at the beginning."""
    outside = registry.count_devices
    for part in registry.parts:
        if part.first_device == 0:
            outside -= part.segment.devices
    return outside >= WORTH_MAPPING and outside * TAIL >= registry.count_devices


def merge(data: Path, registry: Registry) -> Written:
    """Write the segment; nothing knows it yet. Raises ``ValueError`` where what was written is not
    what is registered: then nothing may be made of it."""
    import pyarrow as pa

    written = write_pieces(data, _tables(pa, data, registry), words=registry.words)
    segment, columns = Segment(data, written.name), registry.columns
    names = {"first": "first_datastream"}
    for name in DTYPES:
        n = segment.datastreams if name in ("device_of", "property") else segment.devices
        mine = segment.column(name)[LEAD : LEAD + n]
        theirs = getattr(columns, names.get(name, name))[:n]
        if not np.array_equal(mine, theirs, equal_nan=name in _NUMBERS):
            raise ValueError(f"merged devices differ in {name}: they stay as they are")
    return written


def _tables(pa: Any, data: Path, registry: Registry) -> Iterator[Any]:
    """The devices in order, in one form."""
    import pyarrow.parquet as pq

    at = 0
    for part in [*registry.parts, None]:
        end = registry.count_devices if part is None else part.first_device
        if at < end:
            single = as_table(pa, [registry.device(i) for i in range(at, end)], None)
            yield _one_form(pa, single)
            at = end
        if part is not None:
            file = data / "registry" / part.segment.name / "devices.parquet"
            table = pq.read_table(file).replace_schema_metadata(None)
            yield _one_form(pa, _with_properties(pa, table, part, registry))
            at = part.first_device + part.segment.devices


def _with_properties(pa: Any, table: Any, part: Any, registry: Registry) -> Any:
    """As they were registered: a file may leave them to the kind, which may have others by now."""
    columns, first = registry.columns, part.first_device
    n = part.segment.devices
    bounds = columns.first_datastream[first : first + n + 1].astype(np.int32)
    names = pa.array(list(registry.properties), pa.string())
    codes = pa.array(columns.property[bounds[0] : bounds[-1]])
    lists = pa.ListArray.from_arrays(
        pa.array(bounds - bounds[0]), pa.DictionaryArray.from_arrays(codes, names).cast(pa.string())
    )
    if "properties" in table.column_names:
        table = table.drop_columns("properties")
    return table.append_column("properties", lists)


def _one_form(pa: Any, table: Any) -> Any:
    made = {}
    for name in (*_TEXTS, *_NUMBERS, "properties"):
        form = (
            pa.list_(pa.string())
            if name == "properties"
            else pa.float64() if name in _NUMBERS else pa.large_string()
        )  # fmt: skip
        if name not in table.column_names:
            made[name] = pa.nulls(table.num_rows, form)
        elif name == "labels" and pa.types.is_nested(table[name].type):
            import json

            held = table[name].to_pylist()
            made[name] = pa.array([one and json.dumps(dict(one)) for one in held], form)
        else:
            made[name] = table[name].cast(form)
    return pa.table(made)
