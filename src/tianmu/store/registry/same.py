"""Whether rows of a table say the same of devices as the registry has, column by column."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.store.registry.directory import Part
from tianmu.store.registry.registry import Registry
from tianmu.store.registry.segment import ORIGINS

CODED = {"kind": "kinds", "division": "divisions", "department": "departments",
         "source": "source_names"}  # fmt: skip
NUMBERS = ("longitude", "latitude")
TEXTS = ("name", "address")


def differing(
    registry: Registry, table: Any, devices: NDArray[np.uint32]
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """For each column of ``table`` that says something else of some of ``devices`` (n,) than is
    registered: its name and which rows. A cell without a value says nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = registry.columns
    for name in table.column_names:
        column = table[name]
        said = pc.is_valid(column).to_numpy(zero_copy_only=False)
        if not said.any() or name == "device":
            continue
        if name in CODED or name == "origin":
            words = ORIGINS if name == "origin" else list(getattr(registry, CODED[name]))
            codes = pc.index_in(column, value_set=pa.array(words, column.type))
            mine = pc.fill_null(codes, -1).to_numpy(zero_copy_only=False)
            theirs = getattr(columns, name)[devices].astype(np.int64)
            other = mine != theirs
        elif name in NUMBERS:
            mine = column.to_numpy(zero_copy_only=False)
            other = ~(mine == getattr(columns, name)[devices])
        elif name == "properties":
            other = _properties(registry, column, devices)
        elif name in TEXTS:
            other = _texts(registry, name, column, devices)
        else:
            other = _rest(registry, name, column, devices, said)
        other = said & other
        if other.any():
            yield name, other


def _places(
    registry: Registry, devices: NDArray[np.uint32]
) -> Iterator[tuple[Part, NDArray[np.int64], NDArray[np.int64]]]:
    """By segment: which of ``devices`` are in it, and their rows there."""
    for part in registry.parts:
        inside = (devices >= part.first_device) & (
            devices < part.first_device + part.segment.devices
        )
        at = np.flatnonzero(inside)
        if len(at):
            yield part, at, devices[at].astype(np.int64) - part.first_device


def _texts(
    registry: Registry, name: str, column: Any, devices: NDArray[np.uint32]
) -> NDArray[np.bool_]:
    import pyarrow as pa
    import pyarrow.compute as pc

    other = np.zeros(len(devices), bool)
    single = np.ones(len(devices), bool)
    for part, at, rows in _places(registry, devices):
        single[at] = False
        texts = part.segment.texts[name]
        held = pa.LargeStringArray.from_buffers(
            len(texts), pa.py_buffer(texts.offsets.astype(np.int64)), pa.py_buffer(texts.data)
        )
        unlike = pc.not_equal(column.take(pa.array(at)), held.take(pa.array(rows)))
        other[at] = pc.fill_null(unlike, False).to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(single).tolist():
        device = registry.device(int(devices[row]))
        held_text = device.name if name == "name" else device.labels.get("address", "")
        other[row] = column[row].as_py() not in (None, held_text)
    return other


def _properties(registry: Registry, column: Any, devices: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Lists are the same where they are as long and name the same one after the other."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = registry.columns
    first = columns.first_datastream[devices].astype(np.int64)
    have = columns.first_datastream[devices.astype(np.int64) + 1].astype(np.int64) - first
    lists = column.combine_chunks()
    lists = pa.concat_arrays(lists.chunks) if isinstance(lists, pa.ChunkedArray) else lists
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    other = np.asarray(lengths != have)
    flat = pc.list_flatten(lists)
    codes = pc.index_in(flat, value_set=pa.array(list(registry.properties), flat.type))
    mine = pc.fill_null(codes, -1).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    fits = ~other[row]
    stream = first[row[fits]] + place[fits]
    wrong = columns.property[stream].astype(np.int64) != mine[fits]
    other[row[fits][wrong]] = True
    return other


def _rest(
    registry: Registry,
    name: str,
    column: Any,
    devices: NDArray[np.uint32],
    said: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    other = np.zeros(len(devices), bool)
    for row in np.flatnonzero(said).tolist():
        device = registry.device(int(devices[row]))
        value = column[row].as_py()
        if name == "precision":
            other[row] = device.place.precision != value
        elif name == "place_address":
            other[row] = device.place.address != value
        elif name == "labels":
            labels = {k: v for k, v in device.labels.items() if k != "address"}
            wanted = {k: v for k, v in json.loads(value).items() if k != "address"}
            other[row] = labels != wanted
    return other
