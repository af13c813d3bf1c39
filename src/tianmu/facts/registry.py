"""Changes to what the city knows of itself: devices, sources, rules, the pack."""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.text import Text


class Device(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sensing thing with a place and an owner (SensorThings *Thing*).

    Its datastreams are ``<device>/<property>``, one for each name in ``properties``.
    """

    device: str
    name: str = ""
    kind: str
    """a device kind of the pack"""
    properties: tuple[str, ...]
    place: Place = msgspec.field(default_factory=Place)
    department: str = ""
    origin: Origin = Origin.REAL
    source: str = ""
    probe: str = ""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    """address on the wire (panel, loop, MN…), building, floor, …; ``name_<language>``: its name in
    a language that ``name`` is not in"""


class DevicesRegistered(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="devices/1"
):
    """Devices given the next dense indices, in order; datastreams likewise, device by device."""

    first_device: int
    first_datastream: int
    at: int
    actor: str
    devices: tuple[Device, ...] = ()
    segment: str = ""
    """name of a Parquet segment that holds them instead, when they came in bulk"""
    count_devices: int
    count_datastreams: int


class DevicesMerged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="merged/1"):
    """The first ``count_devices`` devices, however they came, stand in one segment now. Nothing
    about them is changed; what earlier facts name need not be there any more."""

    segment: str
    count_devices: int
    count_datastreams: int
    at: int


class SourceChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="source/1"):
    """A source of facts as it now is: who may send, by which protocol, and what it stands for."""

    source: str
    number: int
    """u16 by which observation batches name it; 0 is nobody"""
    protocol: str
    name: Text = msgspec.field(default_factory=dict)
    origin: Origin = Origin.REAL
    life_safety: bool = False
    token_digest: str = ""
    """SHA-256 (hex) of its bearer token, or empty where the protocol has none"""
    allow: tuple[str, ...] = ()
    """device addresses that may speak (GB/T 26875 source addresses, HJ 212 MN), empty: any known"""
    settings: dict[str, Any] = msgspec.field(default_factory=dict)
    probe: str = ""
    active: bool = True
    version: int = 1
    """counted from 1; what was written before versions were counted has 1"""
    at: int
    actor: str


class RulesPublished(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="rules/1"):
    """The rule set in force from here on; ``rules`` is data, compiled by ``prevent``."""

    version: int
    rules: tuple[dict[str, Any], ...]
    at: int
    actor: str
    reason: str = ""


class MaintenanceChanged(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="maintenance/1"
):
    """A window in which a device's (or a source's) signals are shown but never dispatched."""

    object: str
    """device or source"""
    start: int
    end: int
    at: int
    actor: str
    reason: str = ""


class PackLoaded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="pack/1"):
    """The city pack in force from here on."""

    name: str
    digest: str
    at: int
    actor: str
