"""Devices that came in bulk: a Parquet file, and what is built from it to be memory-mapped.

``<data>/registry/<segment>/devices.parquet`` is the truth, named by its own digest;
``<segment>/index-<version>/`` beside it is derived, and made again where it is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.registry import Device
from tianmu.store.registry.column import map_column, write_column
from tianmu.store.registry.index import Index
from tianmu.store.registry.table import as_table, extras
from tianmu.store.registry.text import Texts

VERSION = 1
"""of the derived files; another one is built anew"""
ORIGINS = [origin.value for origin in Origin]

_CODED = ("kind", "division", "department", "source", "origin")
DTYPES = {
    "kind": "<u2",
    "longitude": "<f8",
    "latitude": "<f8",
    "division": "<u4",
    "department": "<u2",
    "source": "<u2",
    "origin": "u1",
    "probe": "u1",
    "first": "<u4",
    "device_of": "<u4",
    "property": "<u2",
}
_TEXTS = ("device", "name", "address", "extra", "property")
_INDEXED = ("device", "address")


class Written(NamedTuple):
    """A segment on disk, to be told in ``DevicesRegistered``."""

    name: str
    count_devices: int
    count_datastreams: int


class Extra(msgspec.Struct, omit_defaults=True):
    """What few devices have, as JSON."""

    labels: dict[str, str] = {}
    precision: float | None = None
    address: str = ""
    crs_origin: str = ""
    probe: str = ""


def write_segment(
    data: Path,
    devices: Any,
    *,
    properties: Mapping[str, Sequence[str]] | None = None,
    first_device: int = 0,
    first_datastream: int = 0,
    words: Mapping[str, Sequence[str]] | None = None,
) -> Written:
    """Put devices on disk as a segment, durable and indexed; nothing knows it yet.

    ``devices`` is a ``pyarrow.Table``, a mapping of columns, or an iterable of ``Device``. Columns
    ``device`` and ``kind`` must be there; ``properties`` (list of names) may be left out where the
    argument ``properties`` gives them by kind; ``name, longitude, latitude, precision, division,
    department, origin, source, address`` (wire address), ``labels`` (JSON object or mapping),
    ``probe`` may be. ``first_device`` and ``first_datastream`` are where it will be registered, if
    known: another place works too, but costs each process some memory. So does another order of
    ``words`` (see ``Registry.words``) than the registry has when the segment is registered.

    Raises ``ValueError`` where the columns make no sense, saying which row.
    """
    import pyarrow as pa

    table = as_table(pa, devices, properties)
    return write_pieces(
        data, [table], first_device=first_device, first_datastream=first_datastream, words=words
    )


def write_pieces(
    data: Path,
    tables: Iterable[Any],
    *,
    first_device: int = 0,
    first_datastream: int = 0,
    words: Mapping[str, Sequence[str]] | None = None,
) -> Written:
    """``write_segment`` of tables of one schema, one after the other, that have been checked; never
    all of them are held."""
    folder = data / "registry"
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".draft-{os.getpid()}-{os.urandom(4).hex()}"
    draft.mkdir()
    try:
        place: dict[str, Any] = {
            "first_device": first_device,
            "first_datastream": first_datastream,
            "words": {name: list(known) for name, known in (words or {}).items()},
        }
        file = draft / "devices.parquet"
        rows = _write_parquet(file, tables, {"tianmu": json.dumps({"version": 1, **place})})
        _sync(file)
        name = "s" + _digest(file)[:20]
        streams = _build(_Stored(file), draft / f"index-{VERSION}", place)
        _sync(draft)
        final = folder / name
        if not final.exists():
            draft.rename(final)
            _sync(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Written(name, rows, streams)


def _write_parquet(file: Path, tables: Iterable[Any], metadata: dict[str, str]) -> int:
    """How many rows were written."""
    import pyarrow.parquet as pq

    rows, writer = 0, None
    try:
        for table in tables:
            told = table.replace_schema_metadata(metadata)
            if writer is None:
                writer = pq.ParquetWriter(file, told.schema, compression="zstd")
            writer.write_table(told, row_group_size=131_072)
            rows += told.num_rows
    finally:
        if writer is not None:
            writer.close()
    return rows


class _Stored:
    """A segment's Parquet file as a table whose columns are read when they are asked for."""

    def __init__(self, file: Path) -> None:
        import pyarrow.parquet as pq

        self._file = file
        schema = pq.read_schema(file)
        self.column_names = list(schema.names)
        self.metadata: dict[bytes, bytes] = schema.metadata
        self.num_rows: int = pq.read_metadata(file).num_rows

    def __getitem__(self, name: str) -> Any:
        import pyarrow.parquet as pq

        return pq.read_table(self._file, columns=[name])[name]


def _digest(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "blake2b").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _strings(pa: Any, table: Any, name: str) -> Any:
    if name in table.column_names:
        return table[name]
    return pa.nulls(table.num_rows, pa.large_string())


def _build(table: _Stored, folder: Path, place: Mapping[str, Any]) -> int:
    """Make the memory-mapped files; how many datastreams there are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    folder.mkdir()
    n = table.num_rows
    lists: dict[str, list[str]] = {}
    words = place.get("words") or {}
    for name in _CODED:
        codes, lists[name] = _encode(pa, pc, _strings(pa, table, name), name, words.get(name, ()))
        _save(folder, name, codes)
    for name in ("longitude", "latitude"):
        if name in table.column_names:
            values = pc.fill_null(pc.cast(table[name], pa.float64()), float("nan"))
            _save(folder, name, values.to_numpy())
        else:
            _save(folder, name, np.full(n, np.nan))
    probe = pc.fill_null(pc.not_equal(_strings(pa, table, "probe").cast(pa.string()), ""), False)
    _save(folder, "probe", probe.cast(pa.uint8()).to_numpy())

    properties = table["properties"].combine_chunks()
    if isinstance(properties, pa.ChunkedArray):
        properties = pa.concat_arrays(properties.chunks)
    counts = pc.fill_null(pc.list_value_length(properties), 0).to_numpy(zero_copy_only=False)
    ends = np.cumsum(counts, dtype=np.int64)
    streams = int(ends[-1]) if n else 0
    starts = np.concatenate(([0], ends)) + place["first_datastream"]
    codes, names = _encode(
        pa, pc, pc.list_flatten(properties), "property", words.get("property", ())
    )
    for wrong in (p for p in names if "/" in p or not p):
        raise ValueError(f"property {wrong!r}: a property has a name, and no '/' in it")
    _save(folder, "first", starts)
    _save(folder, "property", codes)
    owner = np.repeat(np.arange(n, dtype=np.int64) + place["first_device"], counts)
    _save(folder, "device_of", owner)
    del properties, counts, ends, starts, codes, owner

    for name in _TEXTS:
        if name == "extra":
            text = extras(pa, table)
        elif name == "property":
            text = pa.array(names, pa.large_string())
        else:
            text = _strings(pa, table, name)
        column = Texts.of_arrow(text, name)
        _save_raw(folder, f"{name}.text", column.data)
        _save_raw(folder, f"{name}.offsets", column.offsets)
        if name in _INDEXED:
            index = Index.build(column, name)
            _save_raw(folder, f"{name}.slots", index.slots)
            _save_raw(folder, f"{name}.tags", index.tags)
    meta = {
        "version": VERSION,
        "devices": n,
        "datastreams": streams,
        "lists": lists,
        "first_device": place["first_device"],
        "first_datastream": place["first_datastream"],
    }
    (folder / "meta.json").write_text(json.dumps(meta, ensure_ascii=False))
    _sync(folder / "meta.json")
    _sync(folder)
    return streams


def _encode(
    pa: Any, pc: Any, column: Any, name: str, known: Sequence[str]
) -> tuple[NDArray[Any], list[str]]:
    """Codes and the list they count in: ``known`` words and those that follow them; origins have
    a fixed list."""
    column = pc.fill_null(column.cast(pa.large_string()), "")
    if name == "origin":
        column = pc.if_else(pc.equal(column, ""), Origin.REAL.value, column)
        codes = pc.index_in(column, value_set=pa.array(ORIGINS, pa.large_string()))
        if codes.null_count:
            row = pc.index(pc.is_null(codes), True).as_py()
            raise ValueError(f"row {row}: origin {column[row]} is none of {', '.join(ORIGINS)}")
        return codes.to_numpy(), ORIGINS
    values = pc.unique(column)
    if known:
        before = pa.array(known, pa.large_string())
        new = values.filter(pc.invert(pc.is_in(values, value_set=before)))
        values = pa.concat_arrays([before, new])
    if len(values) > np.iinfo(DTYPES[name]).max:
        raise ValueError(f"column {name} has {len(values)} different values: too many")
    return pc.index_in(column, value_set=values).to_numpy(), values.to_pylist()


def _save(folder: Path, name: str, values: NDArray[Any]) -> None:
    write_column(folder / f"{name}.column", values.astype(DTYPES[name], copy=False))


def _save_raw(folder: Path, name: str, values: NDArray[Any]) -> None:
    with (folder / name).open("wb") as file:
        file.write(np.ascontiguousarray(values).view(np.uint8).data)
        file.flush()
        os.fsync(file.fileno())


class Segment:
    """An open segment: its texts and indices memory-mapped, its columns ready to be taken over."""

    def __init__(self, data: Path, name: str) -> None:
        self.name = name
        folder = data / "registry" / name
        if not (folder / "devices.parquet").exists():
            raise FileNotFoundError(
                f"segment {name} is missing in {folder.parent}: restore it from a backup"
            )
        self._folder = folder / f"index-{VERSION}"
        if not (self._folder / "meta.json").exists():
            rebuild(folder)
        meta = json.loads((self._folder / "meta.json").read_text())
        self.devices: int = meta["devices"]
        self.datastreams: int = meta["datastreams"]
        self.first_device: int = meta["first_device"]
        self.first_datastream: int = meta["first_datastream"]
        self.lists: dict[str, list[str]] = meta["lists"]
        self.texts = {name: self._texts(name) for name in _TEXTS}
        self.indices = {
            name: Index(
                self.texts[name],
                self._raw(f"{name}.slots", "<u4"),
                self._raw(f"{name}.tags", "u1"),
            )
            for name in _INDEXED
        }

    def column(self, name: str) -> NDArray[Any]:
        """A whole column file, mapped copy-on-write."""
        return map_column(self._folder / f"{name}.column", DTYPES[name])

    def _raw(self, name: str, dtype: str) -> NDArray[Any]:
        path = self._folder / name
        if path.stat().st_size == 0:
            return np.zeros(0, dtype)
        mapped: NDArray[Any] = np.memmap(path, dtype, mode="r").view(np.ndarray)
        return mapped

    def _texts(self, name: str) -> Texts:
        return Texts(self._raw(f"{name}.text", "u1"), self._raw(f"{name}.offsets", "<u4"))

    def rest(self, row: int) -> Extra:
        text = self.texts["extra"][row]
        return msgspec.json.decode(text, type=Extra) if text else Extra()

    def labels(self, row: int, extra: Extra | None = None) -> dict[str, str]:
        """What the row's device is labelled with, its address on the wire included."""
        extra = extra or self.rest(row)
        address = self.texts["address"][row]
        return {"address": address, **extra.labels} if address else extra.labels

    def device(self, row: int, **coded: Any) -> Device:
        """The row as a fact; ``coded`` are the columns the registry keeps."""
        extra = self.rest(row)
        longitude, latitude = coded.pop("longitude"), coded.pop("latitude")
        known = longitude is not None and latitude is not None
        return Device(
            device=self.texts["device"][row],
            name=self.texts["name"][row],
            place=Place(
                longitude=longitude if known else None,
                latitude=latitude if known else None,
                precision=extra.precision,
                division=coded.pop("division"),
                address=extra.address,
                crs_origin=extra.crs_origin,
            ),
            labels=self.labels(row, extra),
            probe=extra.probe,
            **coded,
        )


def rebuild(folder: Path) -> None:
    """Make the derived files of a segment again from its Parquet; safe when several processes
    do it at once."""

    file = folder / "devices.parquet"
    if not folder.name.endswith(_digest(file)[:20]):
        raise ValueError(f"{file} is damaged: its digest is not its name; restore it from a backup")
    table = _Stored(file)
    place = json.loads(table.metadata[b"tianmu"])
    draft = folder / f".draft-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        _build(table, draft, place)
        final = folder / f"index-{VERSION}"
        try:
            draft.rename(final)
        except OSError:
            if not (final / "meta.json").exists():
                raise
        _sync(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
