"""Who is where by name: devices by id or wire address, in segments and registered singly."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.facts.registry import Device
from tianmu.store.registry.column import LEAD, WORTH_MAPPING
from tianmu.store.registry.index import UNKNOWN, Query
from tianmu.store.registry.segment import Segment

U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]

_CHUNK = 16_384


class Part:
    """A segment in its place."""

    def __init__(self, segment: Segment, first_device: int, first_datastream: int) -> None:
        self.segment = segment
        self.first_device, self.first_datastream = first_device, first_datastream
        self._first = segment.column("first")[LEAD:]
        self._property = segment.column("property")[LEAD:]

    def find(self, query: Query, separator: int, out: U32) -> None:
        """Fill ``out`` with the datastreams of ours among ids ``<device><separator><property>``."""
        from tianmu.store.registry import kernels

        index, names = self.segment.indices["device"], self.segment.texts["property"]
        kernels.find(
            query.text,
            query.starts,
            query.ends,
            separator,
            index.texts.data,
            index.texts.offsets,
            index.slots,
            index.tags,
            self._first,
            self._property,
            names.data,
            names.offsets,
            self.segment.first_datastream,
            self.first_datastream - self.segment.first_datastream,
            out,
        )

    def lookup(self, what: str, query: Query, ends: I64, rows: U32) -> None:
        """Fill ``rows`` where it is ``UNKNOWN`` with the row that has this id or address."""
        self.segment.indices[what].lookup(query, ends, rows)

    def streams(self, rows: U32, query: Query, starts: I64, out: U32) -> None:
        """Fill ``out`` with the datastream of ``rows`` whose property is ``query`` from
        ``starts``."""
        from tianmu.store.registry import kernels

        names = self.segment.texts["property"]
        kernels.streams(
            query.text,
            starts,
            query.ends,
            rows,
            self._first,
            self._property,
            names.data,
            names.offsets,
            self.segment.first_datastream,
            self.first_datastream - self.segment.first_datastream,
            out,
        )


class Directory:
    """Names of devices to their dense index. The first who has a name keeps it."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        """all segments, by first device"""
        self._indexed: list[Part] = []
        self._firsts: list[int] = []
        self.single: dict[int, Device] = {}
        self._tables: dict[str, dict[str, int]] = {"device": {}, "address": {}}

    def add(self, index: int, device: Device) -> None:
        self._tables["device"].setdefault(device.device, index)
        if address := device.labels.get("address"):
            self._tables["address"].setdefault(address, index)
        self.single[index] = device

    def add_segment(self, part: Part) -> None:
        self.parts.append(part)
        self._firsts.append(part.first_device)
        if part.segment.devices >= WORTH_MAPPING:
            self._indexed.append(part)
            return
        for what, table in self._tables.items():
            texts = part.segment.texts[what]
            for row in range(len(texts)):
                if text := texts[row]:
                    table.setdefault(text, part.first_device + row)

    def add_from(self, other: Directory, first: int) -> None:
        """Take over what ``other`` has of devices ``first`` and beyond."""
        for part in other.parts:
            if part.first_device >= first:
                self.add_segment(part)
        for index, device in other.single.items():
            if index >= first:
                self.add(index, device)

    def find(self, what: str, name: str) -> int | None:
        """Device whose ``device`` id or wire ``address`` is ``name``."""
        for part in self._indexed:
            row = part.segment.indices[what].find(name)
            if row is not None:
                return part.first_device + row
        return self._tables[what].get(name)

    @property
    def has_single(self) -> bool:
        """Whether any device is in the dictionaries rather than in an index."""
        return bool(self._tables["device"])

    def find_single(self, what: str, name: str) -> int | None:
        """``find`` in the dictionaries alone."""
        return self._tables[what].get(name)

    def place(self, index: int) -> tuple[Part, int] | None:
        """The segment and row that hold device ``index``; None for one registered singly."""
        if index in self.single:
            return None
        part = self.parts[bisect_right(self._firsts, index) - 1]
        return part, index - part.first_device

    def name(self, index: int) -> str:
        """The device's id."""
        place = self.place(index)
        if place is None:
            return self.single[index].device
        return place[0].segment.texts["device"][place[1]]

    def by_id(self, query: Query, separator: int, out: U32) -> None:
        """Fill ``out`` with datastreams by ids ``<device><separator><property>``."""
        for part in self._indexed:
            part.find(query, separator, out)

    def by_address(self, addresses: Query, properties: Query, out: U32) -> None:
        """Fill ``out`` with datastreams: devices by id or else by wire address."""
        for part in self._indexed:
            rows = np.full(len(out), UNKNOWN, np.uint32)
            part.lookup("device", addresses, addresses.ends, rows)
            part.lookup("address", addresses, addresses.ends, rows)
            part.streams(rows, properties, properties.starts, out)

    def devices(self, what: str, names: Sequence[str]) -> U32:
        """Device indices of a batch of ids or addresses, ``UNKNOWN`` where there is none."""
        out = np.full(len(names), UNKNOWN, np.uint32)
        if self._indexed:
            query = Query.of(names)
            for part in self._indexed:
                rows = np.full(len(out), UNKNOWN, np.uint32)
                part.lookup(what, query, query.ends, rows)
                found = (rows != UNKNOWN) & (out == UNKNOWN)
                out[found] = rows[found] + np.uint32(part.first_device)
        table = self._tables[what]
        if table and hasattr(names, "buffers"):
            held, indices = _in_table(names, table)
            out[held] = np.minimum(out[held], indices)
        elif table:
            for row in np.flatnonzero(out == UNKNOWN).tolist():
                out[row] = table.get(names[row], UNKNOWN)
        return out

    def containing(self, words: str, after: int) -> Iterator[int]:
        """Devices beyond index ``after`` whose id, name or address holds ``words`` (letters of
        ASCII in either case), in order."""
        needle = words.encode().lower()
        held = sorted(i for i in self.single if i > after)
        at = 0
        for part in self.parts:
            while at < len(held) and held[at] < part.first_device:
                if _holds(self.single[held[at]], needle):
                    yield held[at]
                at += 1
            start = max(0, after + 1 - part.first_device)
            for row in _rows(part.segment, needle, start):
                yield part.first_device + row
        for index in held[at:]:
            if _holds(self.single[index], needle):
                yield index


def _in_table(names: Any, table: dict[str, int]) -> tuple[I64, U32]:
    """Rows of an Arrow array of strings that are in a dictionary, and what it has for them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.index_in(names, value_set=pa.array(list(table), names.type))
    rows = np.flatnonzero(pc.is_valid(found).to_numpy(zero_copy_only=False))
    numbers = np.fromiter(table.values(), np.uint32, len(table))
    return rows, numbers[pc.drop_null(found).to_numpy()]


def _holds(device: Device, needle: bytes) -> bool:
    texts = (device.device, device.name, device.labels.get("address", ""))
    return any(needle in text.encode().lower() for text in texts)


def _rows(segment: Segment, needle: bytes, start: int) -> Iterator[int]:
    texts = [segment.texts[what] for what in ("device", "name", "address")]
    for low in range(start, segment.devices, _CHUNK):
        high = min(low + _CHUNK, segment.devices)
        found: set[int] = set()
        for text in texts:
            offsets = text.offsets[low : high + 1].astype(np.int64)
            chunk = text.data[offsets[0] : offsets[-1]].tobytes().lower()
            at = chunk.find(needle)
            while at >= 0:
                row = int(np.searchsorted(offsets, at + offsets[0], side="right")) - 1
                if at + offsets[0] + len(needle) <= offsets[row + 1]:
                    found.add(low + row)
                at = chunk.find(needle, at + 1)
        yield from sorted(found)
