"""What hub asks the clerk about a file of devices, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from tianmu.city.city import City
from tianmu.city.device.device import DeviceKind
from tianmu.city.people.department import Department
from tianmu.city.place.division import Division
from tianmu.city.place.place import Places
from tianmu.enrol.fault import Fault
from tianmu.store.registry import Written


class Ground(NamedTuple):
    """What of a pack devices are held against."""

    digest: str
    kinds: Mapping[str, DeviceKind]
    divisions: Mapping[str, Division]
    departments: Mapping[str, Department]
    places: Places

    @classmethod
    def of(cls, city: City) -> Ground:
        return cls(city.digest, city.kinds, city.divisions, city.departments, city.places)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    file: str
    form: str
    skip: bool
    """rows that are registered already and say the same are left out"""
    check: bool
    """nothing is written"""
    first_row: int = 1
    """number of the file's first row in what the sender counts"""


class Outcome(msgspec.Struct, kw_only=True):
    rows: int = 0
    known: int = 0
    """registered already, with the same content"""
    encoding: str = ""
    faults: list[Fault] = []
    count: int = 0
    """faults in all"""
    taken: bool = False
    """among them are ids or addresses that belong to devices already"""
    segment: Written | None = None
    first_device: int = 0
    devices: int = 0
    """new ones; with ``check`` those that would be"""


class Merge(msgspec.Struct, frozen=True):
    """Put all devices into one segment, where that is worth it (the answer: ``Written | None``)."""
