"""The roll of devices: columns, words and names, growing fact by fact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.facts.registry import Device, DevicesMerged, DevicesRegistered
from tianmu.store.registry.column import Codes, Column, Columns
from tianmu.store.registry.directory import Directory, Part
from tianmu.store.registry.segment import DTYPES, ORIGINS, Segment


class Roll:
    """Changed by one thread; ``columns`` is what others may see of it."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.directory = Directory()
        self.words = {
            "kind": Codes(),
            "division": Codes([""]),
            "department": Codes([""]),
            "source": Codes([""]),
            "property": Codes(),
        }
        self._grown = _empty()
        self.columns = self._publish()

    def take(self, fact: DevicesRegistered) -> Columns:
        """Grow by the fact's devices. Raises ``ValueError`` where its indices do not follow."""
        have = (self._grown["kind"].rows, self._grown["device_of"].rows)
        if (fact.first_device, fact.first_datastream) != have:
            raise ValueError(
                f"devices registered from {fact.first_device} (datastreams from "
                f"{fact.first_datastream}), but there are {have[0]} and {have[1]}: "
                "a fact is missing or was applied twice"
            )
        if fact.segment:
            self._take_segment(self._segment(fact))
        else:
            for device in fact.devices:
                self._take_device(device)
        self.columns = self._publish()
        return self.columns

    def merge(self, fact: DevicesMerged) -> Columns:
        """Put the fact's segment in the place of all it holds; what came after stays. Devices
        that had not been taken yet are taken with it."""
        segment = self._segment(fact)
        n, streams = segment.devices, segment.datastreams
        before, beyond = self._grown, self.directory
        have = before["kind"].rows
        if have > n and int(self.columns.first_datastream[n]) != streams:
            raise ValueError(f"segment {fact.segment} does not hold the first {n} devices")
        self._grown, self.directory = _empty(), Directory()
        self._take_segment(segment)
        if have > n:
            for name, column in self._grown.items():
                start = streams if name in ("device_of", "property") else n
                column.extend(before[name].view[start:])
            self._grown["first"].after(before["device_of"].rows)
            self.directory.add_from(beyond, n)
        self.columns = self._publish()
        return self.columns

    def _segment(self, fact: DevicesRegistered | DevicesMerged) -> Segment:
        segment = Segment(self._data, fact.segment)
        told = (fact.count_devices, fact.count_datastreams)
        found = (segment.devices, segment.datastreams)
        if told != found:
            raise ValueError(f"segment {fact.segment} has {found} rows, the fact says {told}")
        return segment

    def _take_device(self, device: Device) -> None:
        columns, words = self._grown, self.words
        index, stream = columns["kind"].rows, columns["device_of"].rows
        place = device.place
        nowhere = place.longitude is None or place.latitude is None
        for name, value in (
            ("kind", words["kind"].code(device.kind)),
            ("longitude", np.nan if nowhere else place.longitude),
            ("latitude", np.nan if nowhere else place.latitude),
            ("division", words["division"].code(place.division)),
            ("department", words["department"].code(device.department)),
            ("source", words["source"].code(device.source)),
            ("origin", ORIGINS.index(device.origin.value)),
            ("probe", bool(device.probe)),
            ("first", stream),
        ):
            columns[name].extend([value])
        columns["device_of"].extend([index] * len(device.properties))
        columns["property"].extend([words["property"].code(p) for p in device.properties])
        columns["first"].after(stream + len(device.properties))
        self.directory.add(index, device)

    def _take_segment(self, segment: Segment) -> None:
        columns = self._grown
        part = Part(segment, columns["kind"].rows, columns["device_of"].rows)
        shifts = {
            "first": part.first_datastream - segment.first_datastream,
            "device_of": part.first_device - segment.first_device,
        }
        for name, column in columns.items():
            n = segment.datastreams if name in ("device_of", "property") else segment.devices
            column.extend_mapped(
                segment.column(name), n, codes=self._codes(name, segment), shift=shifts.get(name, 0)
            )
        columns["first"].after(part.first_datastream + segment.datastreams)
        self.directory.add_segment(part)

    def _codes(self, name: str, segment: Segment) -> NDArray[Any] | None:
        """How the segment's codes of a column translate to ours, None where they are the same."""
        words = self.words.get(name)
        if words is None:
            return None
        texts = segment.texts["property"]
        listed = (
            [texts[i] for i in range(len(texts))] if name == "property" else (segment.lists[name])
        )
        codes = np.array([words.code(word) for word in listed], DTYPES[name])
        return None if np.array_equal(codes, np.arange(len(codes))) else codes

    def _publish(self) -> Columns:
        columns = self._grown
        return Columns(
            kind=columns["kind"].view,
            longitude=columns["longitude"].view,
            latitude=columns["latitude"].view,
            division=columns["division"].view,
            department=columns["department"].view,
            source=columns["source"].view,
            origin=columns["origin"].view,
            probe=columns["probe"].view,
            first_datastream=columns["first"].view_with_end,
            device_of=columns["device_of"].view,
            property=columns["property"].view,
        )


def _empty() -> dict[str, Column[Any]]:
    grown = {name: Column[Any](dtype) for name, dtype in DTYPES.items()}
    grown["first"].after(0)
    return grown
