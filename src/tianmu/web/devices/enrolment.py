"""One file of devices against the city: what is wrong in it, what is new, and the segment of that.

Runs in the clerk's process; nothing is registered here, a segment is only written.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tianmu.enrol.columns import COLUMNS, LIST, TEXT, rows_of
from tianmu.enrol.fault import MOST, Fault, Faults, Unusable
from tianmu.enrol.shape import twice
from tianmu.enrol.sheet import open_sheet
from tianmu.store.registry import UNKNOWN, Registry, write_segment
from tianmu.store.registry.same import differing
from tianmu.web.devices.upload import Ground, Job, Outcome

PIECE = 262_144
ROWS = 4_000_000
"""most devices of one upload"""


class _Sheet(NamedTuple):
    table: Any
    numbers: NDArray[np.int64]


def enrol(job: Job, data: Path, city: Ground, registry: Registry) -> Outcome:
    """Look at the file and write the segment of its new devices, if there is no fault."""
    faults, outcome = Faults(), Outcome()
    try:
        sheet = _read(job, faults, outcome)
    except Unusable as unusable:
        one = unusable.fault
        faults.add(one.row + job.first_row - 1 if one.row else 0, one.column, one.what, one.remedy)
        return _told(outcome, faults)
    _check_words(sheet, city, registry, faults)
    if len(sheet.table):
        sheet = _new(sheet, job, registry, faults, outcome)
    if faults:
        return _told(outcome, faults)
    outcome.devices = len(sheet.table)
    if outcome.devices and not job.check:
        outcome.first_device = registry.count_devices
        outcome.segment = write_segment(
            data,
            _filled(sheet.table, city),
            first_device=registry.count_devices,
            first_datastream=registry.count_datastreams,
            words=registry.words,
        )
    return outcome


def _told(outcome: Outcome, faults: Faults) -> Outcome:
    outcome.faults, outcome.count = sorted(faults.told), faults.count
    return outcome


def _read(job: Job, faults: Faults, outcome: Outcome) -> _Sheet:
    sheet = open_sheet(Path(job.file), job.form)
    outcome.encoding = sheet.encoding
    tables, numbers = [], []
    for piece in sheet.pieces(PIECE):
        shift = job.first_row - 1
        faults.told += [
            Fault(one.row + shift, one.column, one.what, one.remedy)
            for one in piece.faults.told[: MOST - len(faults.told)]
        ]
        faults.count += piece.faults.count
        tables.append(piece.table)
        numbers.append(piece.numbers + shift)
        outcome.rows += len(piece.table)
        if outcome.rows > ROWS:
            raise Unusable(ROWS, "", f"more than {ROWS} rows", "send it in parts")
    if not tables:
        return _Sheet(pa.table({"device": pa.array([], TEXT)}), np.empty(0, np.int64))
    whole = _Sheet(pa.concat_tables(tables), np.concatenate(numbers))
    for name in ("device", "address"):
        if name in sheet.columns:
            twice(whole.table[name], name, whole.numbers, faults)
    return whole


def _check_words(sheet: _Sheet, city: Ground, registry: Registry, faults: Faults) -> None:
    """Kinds, divisions, departments, sources and properties are known."""
    table = sheet.table
    for name, known, whose in (
        ("kind", city.kinds, "the pack"),
        ("division", city.divisions, "the pack"),
        ("department", city.departments, "the pack"),
        ("source", registry.sources, "the city"),
    ):
        if name not in table.column_names:
            continue
        for value in pc.unique(table[name]).to_pylist():
            if value is not None and value not in known:
                rows = rows_of(pc.equal(table[name], value))
                faults.many(
                    sheet.numbers[rows[:MOST]].tolist(), len(rows), name,
                    f"{value!r} is no {name} of {whose}", f"use one that it has, or add {value!r}",
                )  # fmt: skip
    if "properties" in table.column_names:
        _check_properties(sheet, city, faults)


def _check_properties(sheet: _Sheet, city: Ground, faults: Faults) -> None:
    """Each property is one of its device's kind, and stands once."""
    lists = _whole(sheet.table["properties"])
    owner = np.repeat(np.arange(len(lists)), pc.fill_null(pc.list_value_length(lists), 0))
    names = pc.dictionary_encode(pc.list_flatten(lists))
    kinds = pc.dictionary_encode(_whole(sheet.table["kind"]))
    kind_of = pc.fill_null(kinds.indices, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    wide = max(1, len(names.dictionary))
    codes = names.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    pairs = kind_of[owner] * wide + codes
    for pair in np.unique(pairs).tolist():
        kind, name = kinds.dictionary[pair // wide].as_py(), names.dictionary[pair % wide].as_py()
        if kind in city.kinds and name not in city.kinds[kind].properties:
            rows = np.unique(owner[pairs == pair])
            faults.many(
                sheet.numbers[rows[:MOST]].tolist(), len(rows), "properties",
                f"{name!r} is no property of {kind}",
                f"it has {', '.join(list(city.kinds[kind].properties)[:20])}",
            )  # fmt: skip
    held = owner * wide + codes
    different, first = np.unique(held, return_index=True)
    if len(different) < len(held):
        rows = np.unique(np.delete(owner, first))
        faults.many(
            sheet.numbers[rows[:MOST]].tolist(), len(rows), "properties",
            "a property stands twice", "name each once",
        )  # fmt: skip


def _new(sheet: _Sheet, job: Job, registry: Registry, faults: Faults, outcome: Outcome) -> _Sheet:
    """Without the rows that are registered already; another content under the same id is a
    fault, and so is a wire address that belongs to somebody else."""
    table = sheet.table
    devices = registry.device_index(pc.fill_null(_whole(table["device"]), ""))
    known = np.flatnonzero(devices != UNKNOWN)
    if len(known) and not job.skip:
        _taken(
            faults, outcome, table["device"], sheet.numbers, known, "device",
            "is registered already", "leave it out, or give it an id of its own (known=skip "
            "leaves out those that are registered with the same content)",
        )  # fmt: skip
    elif len(known):
        some = table.take(pa.array(known))
        for name, other in differing(registry, some, devices[known]):
            outcome.taken = True
            rows = np.flatnonzero(other)
            for row in rows[:MOST].tolist():
                device = registry.device(int(devices[known[row]]))
                faults.many(
                    [int(sheet.numbers[known[row]])], 1, name,
                    f"device {device.device!r} is registered with another {name} "
                    f"({_held(device, name)}, here {_shown(some[name][row].as_py())})",
                    "a registered device stays as it is: take the row out, or write what is "
                    "registered",
                )  # fmt: skip
            faults.count += max(0, len(rows) - MOST)
        outcome.known = len(known)
    if len(known):
        left = np.flatnonzero(devices == UNKNOWN)
        sheet = _Sheet(table.take(pa.array(left)), sheet.numbers[left])
    if "address" in table.column_names and len(sheet.table):
        owners = registry.address_index(pc.fill_null(_whole(sheet.table["address"]), ""))
        _taken(
            faults, outcome, sheet.table["address"], sheet.numbers,
            np.flatnonzero(owners != UNKNOWN), "address", "belongs to another device already",
            "each device has its own",
        )  # fmt: skip
    return sheet


def _taken(
    faults: Faults,
    outcome: Outcome,
    column: Any,
    numbers: NDArray[np.int64],
    rows: NDArray[np.int64],
    name: str,
    what: str,
    remedy: str,
) -> None:
    outcome.taken |= len(rows) > 0
    for row in rows[:MOST].tolist():
        faults.add(int(numbers[row]), name, f"{column[row].as_py()!r} {what}", remedy)
    faults.count += max(0, len(rows) - MOST)


def _held(device: Any, name: str) -> str:
    place = device.place
    return _shown(
        {
            "longitude": place.longitude,
            "latitude": place.latitude,
            "precision": place.precision,
            "division": place.division,
            "place_address": place.address,
            "address": device.labels.get("address", ""),
        }.get(name, getattr(device, name, None))
    )


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        value = " ".join(value)
    return "none" if value is None else str(value)[:60] or "empty"


def _filled(table: Any, city: Ground) -> Any:
    """What is left out: properties and department by the kind, the division by the point."""
    kinds = pc.dictionary_encode(_whole(table["kind"]))
    of = [city.kinds[kind] for kind in kinds.dictionary.to_pylist()]
    usual = {
        "properties": pa.array([list(kind.properties) for kind in of], LIST),
        "department": pa.array([kind.department or None for kind in of], TEXT),
    }
    for name, values in usual.items():
        table = _fill(table, name, values.take(kinds.indices))
    if {"longitude", "latitude"} <= set(table.column_names):
        table = _located(table, city)
    return table


def _fill(table: Any, name: str, values: Any) -> Any:
    if name not in table.column_names:
        return table.append_column(name, values)
    told = _whole(table[name])
    filled = pc.if_else(pc.is_valid(told), told, values.cast(COLUMNS[name]))
    return table.set_column(table.column_names.index(name), name, filled)


def _located(table: Any, city: Ground) -> Any:
    """With the divisions that it leaves out, by the points, as for a single device."""
    points = [
        table[name].to_numpy(zero_copy_only=False).astype(np.float64)
        for name in ("longitude", "latitude")
    ]
    empty = np.isfinite(points[0]) & np.isfinite(points[1])
    if "division" in table.column_names:
        empty &= pc.is_null(table["division"]).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(empty)
    if not len(rows):
        return table
    codes = np.full(len(table), None, object)
    for start in range(0, len(rows), 131_072):
        some = rows[start : start + 131_072]
        codes[some] = city.places.divisions_at(points[0][some], points[1][some])
    found = pa.array(codes, TEXT)
    return _fill(table, "division", pc.if_else(pc.equal(found, ""), pa.scalar(None, TEXT), found))


def _whole(column: Any) -> Any:
    found = column.combine_chunks()
    return pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found


def stray(data: Path, registry: Registry) -> Iterable[Path]:
    """Segments that were written and never registered: their writer died in between."""
    named = {part.segment.name for part in registry.parts}
    for path in (data / "registry").glob("s*"):
        if path.is_dir() and path.name not in named:
            yield path
