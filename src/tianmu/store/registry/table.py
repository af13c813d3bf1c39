"""Devices in whatever form they come, as an Arrow table that has been checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tianmu.facts.registry import Device


def _rows(devices: Iterable[Device]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            *("device", "name", "kind", "properties", "longitude", "latitude", "precision"),
            *("division", "department", "origin", "source", "address", "labels", "probe"),
            *("place_address", "crs_origin"),
        )
    }
    for device in devices:
        place = device.place
        row = {
            "device": device.device,
            "name": device.name,
            "kind": device.kind,
            "properties": list(device.properties),
            "longitude": place.longitude,
            "latitude": place.latitude,
            "precision": place.precision,
            "division": place.division,
            "department": device.department,
            "origin": device.origin.value,
            "source": device.source,
            "address": device.labels.get("address", ""),
            "labels": json.dumps(device.labels) if device.labels else None,
            "probe": device.probe,
            "place_address": place.address,
            "crs_origin": place.crs_origin,
        }
        for name, value in row.items():
            columns[name].append(value)
    return columns


def as_table(pa: Any, devices: Any, properties: Mapping[str, Sequence[str]] | None) -> Any:
    """A table with all the columns a segment needs; ``ValueError`` says which row is wrong."""
    import pyarrow.compute as pc

    if isinstance(devices, pa.Table):
        table = devices
    elif isinstance(devices, Mapping):
        table = pa.table(dict(devices))
    else:
        table = pa.table(_rows(devices))
    for name in ("device", "kind"):
        if name not in table.column_names:
            raise ValueError(f"column {name} is missing: every device has one")
        empty = pc.fill_null(pc.equal(pc.cast(table[name], pa.large_string()), ""), True)
        if pc.any(empty).as_py():
            row = pc.index(empty, True).as_py()
            raise ValueError(f"row {row}: {name} is empty")
    if "properties" not in table.column_names:
        if properties is None:
            raise ValueError("column properties is missing, and none are given by kind")
        kinds = pc.dictionary_encode(table["kind"]).combine_chunks()
        if isinstance(kinds, pa.ChunkedArray):
            kinds = pa.concat_arrays(kinds.unify_dictionaries().chunks)
        unknown = [k for k in kinds.dictionary.to_pylist() if k not in properties]
        if unknown:
            raise ValueError(f"no properties are given for kind {unknown[0]!r}")
        lists = pa.array(
            [list(properties[k]) for k in kinds.dictionary.to_pylist()], pa.list_(pa.string())
        )
        table = table.append_column("properties", lists.take(kinds.indices))
    for name, limit in (("longitude", 180.0), ("latitude", 90.0)):
        if name in table.column_names:
            wrong = pc.fill_null(
                pc.greater(pc.abs(pc.cast(table[name], pa.float64())), limit), False
            )
            if pc.any(wrong).as_py():
                row = pc.index(wrong, True).as_py()
                raise ValueError(f"row {row}: {name} {table[name][row]} is outside ±{limit:g}")
    return table


def extras(pa: Any, table: Any) -> Any:
    """JSON of what few devices have; empty where there is nothing."""
    sources = [
        (column, field)
        for column, field in (
            ("labels", "labels"),
            ("precision", "precision"),
            ("place_address", "address"),
            ("crs_origin", "crs_origin"),
            ("probe", "probe"),
        )
        if column in table.column_names and table[column].null_count < table.num_rows
    ]
    if not sources:
        return pa.nulls(table.num_rows, pa.large_string())
    # many devices share what they have: each different row is made once
    key = np.zeros(table.num_rows, np.int64)
    for column, _ in sources:
        coded = _dictionary(pa, table[column])
        codes = coded.indices.to_numpy(zero_copy_only=False)
        _, key = np.unique(key * (len(coded.dictionary) + 1) + codes, return_inverse=True)
    _, example, key = np.unique(key, return_index=True, return_inverse=True)
    rows_of = pa.array(example)
    rows: list[str | None] = []
    for values in zip(
        *(table[column].take(rows_of).to_pylist() for column, _ in sources), strict=True
    ):
        row: dict[str, Any] = {}
        for (_, field), value in zip(sources, values, strict=True):
            if value in (None, ""):
                continue
            if field == "labels":
                labels = json.loads(value) if isinstance(value, str) else dict(value)
                value = {str(k): str(v) for k, v in labels.items()}  # noqa: PLW2901
            row[field] = value
        rows.append(json.dumps(row, ensure_ascii=False) if row else None)
    return pa.array(rows, pa.large_string()).take(pa.array(key))


def _dictionary(pa: Any, column: Any) -> Any:
    """The column as one dictionary array; maps and the like, which have none, row by row."""
    import pyarrow.compute as pc

    whole = column.combine_chunks()
    whole = pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
    if pa.types.is_nested(whole.type):
        texts = [None if one is None else json.dumps(dict(one)) for one in whole.to_pylist()]
        whole = pa.array(texts, pa.large_string())
    if pa.types.is_dictionary(whole.type):
        whole = whole.dictionary_decode()
    return pc.dictionary_encode(whole, null_encoding="encode")
