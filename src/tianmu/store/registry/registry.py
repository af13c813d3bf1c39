"""The city's devices and datastreams with their dense indices, replayed from topic ``registry``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.facts.encoding import Fact, decode
from tianmu.facts.origin import Origin
from tianmu.facts.registry import Device, DevicesMerged, DevicesRegistered, SourceChanged
from tianmu.facts.topic import REGISTRY
from tianmu.store.journal.contract import Journal
from tianmu.store.registry.column import Columns
from tianmu.store.registry.directory import Part
from tianmu.store.registry.index import UNKNOWN, Query
from tianmu.store.registry.roll import Roll
from tianmu.store.registry.segment import ORIGINS, Written

__all__ = ["UNKNOWN", "Registry"]

_SLASH = 47
_FEW = 24
"""batches smaller than this are looked up one by one: a kernel is not worth its calls"""


class Registry:
    """Devices and datastreams of a city. One thread applies facts, any number may look up.

    Every process that has applied the same facts gives the same indices. Lookups see a fact when
    ``apply`` has returned. Bulk segments are memory-mapped and shared between processes; devices
    registered singly live in dictionaries.
    """

    def __init__(self, data: Path) -> None:
        self._lock = threading.Lock()
        self._roll = Roll(Path(data))
        self._words, self._directory = self._roll.words, self._roll.directory
        self.sources: dict[str, SourceChanged] = {}
        """sources as they now are, by name"""
        self.position = 0
        """of topic ``registry``, up to which facts have been applied"""
        self.columns: Columns = self._roll.columns
        """arrays by device and by datastream; replaced as a whole by each fact"""

    # what there is

    @property
    def count_devices(self) -> int:
        return len(self.columns.kind)

    @property
    def count_datastreams(self) -> int:
        return len(self.columns.device_of)

    @property
    def parts(self) -> Sequence[Part]:
        """the segments in their places, by first device"""
        return self._directory.parts

    @property
    def words(self) -> dict[str, list[str]]:
        """the words that columns count by, in the order of their numbers; for ``write_segment``"""
        return {name: list(codes.words) for name, codes in self._words.items()}

    @property
    def kinds(self) -> Sequence[str]:
        """device kinds by which column ``kind`` counts; the other lists likewise"""
        return self._words["kind"].words

    @property
    def divisions(self) -> Sequence[str]:
        """codes; 0 is unknown, so are the next two"""
        return self._words["division"].words

    @property
    def departments(self) -> Sequence[str]:
        return self._words["department"].words

    @property
    def source_names(self) -> Sequence[str]:
        return self._words["source"].words

    @property
    def properties(self) -> Sequence[str]:
        return self._words["property"].words

    @property
    def origins(self) -> Sequence[str]:
        return ORIGINS

    @property
    def kind(self) -> NDArray[np.uint16]:
        return self.columns.kind

    @property
    def longitude(self) -> NDArray[np.float64]:
        return self.columns.longitude

    @property
    def latitude(self) -> NDArray[np.float64]:
        return self.columns.latitude

    @property
    def division(self) -> NDArray[np.uint32]:
        return self.columns.division

    @property
    def department(self) -> NDArray[np.uint16]:
        return self.columns.department

    @property
    def source(self) -> NDArray[np.uint16]:
        return self.columns.source

    @property
    def origin(self) -> NDArray[np.uint8]:
        return self.columns.origin

    # facts

    def apply(self, fact: Fact) -> None:
        """Take in one fact of topic ``registry``; those that are not about devices or sources
        pass by. Raises ``ValueError`` where its indices do not follow on ours."""
        if isinstance(fact, SourceChanged):
            self.sources[fact.source] = fact
        elif isinstance(fact, DevicesRegistered):
            with self._lock:
                self.columns = self._roll.take(fact)
        elif isinstance(fact, DevicesMerged):
            with self._lock:
                self.columns = self._roll.merge(fact)
                self._directory = self._roll.directory

    def refresh(self, journal: Journal, also: Callable[[Fact], None] | None = None) -> int:
        """Apply what is new in the journal, handing each fact to ``also`` afterwards; how many.
        What was merged later is taken as it was merged: its files may be gone."""
        facts: list[tuple[int, Fact]] = []
        position = self.position
        while entries := journal.read(REGISTRY.name, position):
            facts += [(entry.position, decode(entry.payload)) for entry in entries]
            position = entries[-1].position
        merged = next((one for _, one in reversed(facts) if isinstance(one, DevicesMerged)), None)
        if merged is not None:
            self.apply(merged)
        for position, fact in facts:
            if merged is None or not _merged_by(merged, fact):
                self.apply(fact)
            self.position = position
            if also is not None:
                also(fact)
        return len(facts)

    replay = refresh

    def merged(self, segment: Written, *, at: int) -> DevicesMerged:
        """The fact that puts the first devices into one segment; it is not applied."""
        return DevicesMerged(
            segment=segment.name,
            count_devices=segment.count_devices,
            count_datastreams=segment.count_datastreams,
            at=at,
        )

    def registration(self, devices: Sequence[Device], *, at: int, actor: str) -> DevicesRegistered:
        """The fact that registers ``devices`` next; it is not applied.

        Raises ``ValueError`` where an id or a wire address is taken already.
        """
        seen: set[str] = set()
        addresses: set[str] = set()
        for device in devices:
            if not device.device or self.find(device.device) is not None or device.device in seen:
                raise ValueError(f"device {device.device!r} is registered already, or has no id")
            seen.add(device.device)
            address = device.labels.get("address", "")
            if address and (self.find_address(address) is not None or address in addresses):
                raise ValueError(f"wire address {address!r} belongs to another device already")
            addresses.add(address)
        return DevicesRegistered(
            first_device=self.count_devices,
            first_datastream=self.count_datastreams,
            at=at,
            actor=actor,
            devices=tuple(devices),
            count_devices=len(devices),
            count_datastreams=sum(len(d.properties) for d in devices),
        )

    def registration_of(self, segment: Written, *, at: int, actor: str) -> DevicesRegistered:
        """The fact that registers a segment next; it is not applied."""
        return DevicesRegistered(
            first_device=self.count_devices,
            first_datastream=self.count_datastreams,
            at=at,
            actor=actor,
            segment=segment.name,
            count_devices=segment.count_devices,
            count_datastreams=segment.count_datastreams,
        )

    # looking up

    def find(self, device: str) -> int | None:
        """Index of the device with this id."""
        return self._directory.find("device", device)

    def find_address(self, address: str) -> int | None:
        """Index of the device whose label ``address`` (on the wire) is this."""
        return self._directory.find("address", address)

    def device_index(self, devices: Sequence[str]) -> NDArray[np.uint32]:
        """``find`` for a batch: shape (n,), ``UNKNOWN`` where nobody has registered it."""
        return self._directory.devices("device", devices)

    def address_index(self, addresses: Sequence[str]) -> NDArray[np.uint32]:
        """``find_address`` for a batch, likewise; null or empty is nobody's address."""
        return self._directory.devices("address", addresses)

    def datastream_index(self, ids: Sequence[str] | Query) -> NDArray[np.uint32]:
        """Datastreams by id ``<device>/<property>``, shape (n,); ``UNKNOWN`` where there is
        none."""
        out = np.full(len(ids), UNKNOWN, np.uint32)
        if bulk := len(ids) >= _FEW:
            self._directory.by_id(Query.of(ids), _SLASH, out)
        if find := self._finder(bulk):
            for row in np.flatnonzero(out == UNKNOWN).tolist():
                device, _, name = str(ids[row]).rpartition("/")
                out[row] = self._stream(find("device", device), name)
        return out

    def resolve(self, addresses: Sequence[str], properties: Sequence[str]) -> NDArray[np.uint32]:
        """Datastreams by device id or wire address, and property; shape (n,), ``UNKNOWN`` where
        there is none. Raises ``ValueError`` where the two have different lengths."""
        if len(addresses) != len(properties):
            raise ValueError(f"{len(addresses)} addresses, {len(properties)} properties")
        out = np.full(len(addresses), UNKNOWN, np.uint32)
        if bulk := len(addresses) >= _FEW:
            self._directory.by_address(Query.of(addresses), Query.of(properties), out)
        if find := self._finder(bulk):
            for row in np.flatnonzero(out == UNKNOWN).tolist():
                device = find("device", addresses[row])
                if device is None:
                    device = find("address", addresses[row])
                out[row] = self._stream(device, properties[row])
        return out

    def _finder(self, bulk: bool) -> Callable[[str, str], int | None] | None:
        """How to look for what is left: everywhere, or, after the kernels, in the dictionaries."""
        directory = self._directory
        if not bulk:
            return directory.find
        return directory.find_single if directory.has_single else None

    def _stream(self, device: int | None, name: str) -> int:
        """Datastream of a device by property name, ``UNKNOWN`` where there is none."""
        columns = self.columns
        if device is None or device >= len(columns.kind):
            return UNKNOWN
        words, first = self.properties, columns.first_datastream
        for stream in range(int(first[device]), int(first[device + 1])):
            if words[columns.property[stream]] == name:
                return stream
        return UNKNOWN

    def device_id(self, device: int) -> str:
        """Id of the device with this index. Raises ``IndexError`` where there is none."""
        self._check(device, self.count_devices, "device")
        return self._directory.name(int(device))

    def device(self, device: int) -> Device:
        """All that is known of the device with this index. Raises ``IndexError``."""
        self._check(device, self.count_devices, "device")
        device = int(device)
        place = self._directory.place(device)
        if place is None:
            return self._directory.single[device]
        part, row = place
        columns = self.columns
        longitude, latitude = float(columns.longitude[device]), float(columns.latitude[device])
        known = not (np.isnan(longitude) or np.isnan(latitude))
        return part.segment.device(
            row,
            longitude=longitude if known else None,
            latitude=latitude if known else None,
            kind=self.kinds[columns.kind[device]],
            properties=tuple(
                self.properties[columns.property[s]] for s in self.datastreams_of(device)
            ),
            division=self.divisions[columns.division[device]],
            department=self.departments[columns.department[device]],
            source=self.source_names[columns.source[device]],
            origin=Origin(ORIGINS[columns.origin[device]]),
        )

    def labels(self, device: int) -> dict[str, str]:
        """The labels of the device with this index: less to read than ``device``. Raises
        ``IndexError``."""
        self._check(device, self.count_devices, "device")
        place = self._directory.place(int(device))
        if place is None:
            return self._directory.single[int(device)].labels
        return place[0].segment.labels(place[1])

    def datastream(self, datastream: int) -> str:
        """Id of the datastream with this index. Raises ``IndexError`` where there is none."""
        self._check(datastream, self.count_datastreams, "datastream")
        columns = self.columns
        name = self.properties[columns.property[datastream]]
        return f"{self._directory.name(int(columns.device_of[datastream]))}/{name}"

    def property_of(self, datastream: int) -> str:
        """Name of the property that the datastream observes."""
        self._check(datastream, self.count_datastreams, "datastream")
        return self.properties[int(self.columns.property[datastream])]

    def device_of(self, datastream: Any) -> Any:
        """Device index of a datastream index, or of an array of them."""
        return self.columns.device_of[datastream]

    def datastreams_of(self, device: int) -> range:
        """Datastream indices of a device, in the order of its properties."""
        self._check(device, self.count_devices, "device")
        first = self.columns.first_datastream
        return range(int(first[device]), int(first[device + 1]))

    def search(
        self,
        words: str = "",
        *,
        kinds: Iterable[str] | None = None,
        divisions: Iterable[str] | None = None,
        after: int = -1,
        limit: int = 100,
    ) -> list[int]:
        """Device indices in order, beyond ``after``, at most ``limit``: those whose id, name or
        address holds ``words``, of one of ``kinds`` and in one of ``divisions`` (codes)."""
        columns = self.columns
        allowed = np.ones(len(columns.kind), bool)
        for wanted, name, column in (
            (kinds, "kind", columns.kind),
            (divisions, "division", columns.division),
        ):
            if wanted is not None:
                chosen = set(wanted)
                codes = [i for i, word in enumerate(self._words[name].words) if word in chosen]
                allowed &= np.isin(column, codes)
        if not words:
            rows = np.flatnonzero(allowed[after + 1 :])[:limit] + after + 1
            return [int(row) for row in rows]
        found: list[int] = []
        for index in self._directory.containing(words, after):
            if index < len(allowed) and allowed[index]:
                found.append(index)
                if len(found) >= limit:
                    break
        return found

    @staticmethod
    def _check(index: int, count: int, what: str) -> None:
        if not 0 <= index < count:
            raise IndexError(f"there is no {what} {index}: there are {count}")


def _merged_by(merged: DevicesMerged, fact: Fact) -> bool:
    """Whether what ``fact`` says of devices is in the segment that ``merged`` names."""
    if isinstance(fact, DevicesMerged):
        return True
    return (
        isinstance(fact, DevicesRegistered)
        and fact.first_device + fact.count_devices <= merged.count_devices
    )
