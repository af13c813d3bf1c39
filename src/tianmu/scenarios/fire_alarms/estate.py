"""Which building a device belongs to, which zone of it, and what kind of detector it is.

A building is known by its transmission unit: every device whose address on the wire begins with
the unit's stands in it. A detector of no panel belongs to the building that its registration names
by label, else it stands for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tianmu.facts.text import Text
from tianmu.scenarios.fire_alarms.figures import Watched, settings
from tianmu.scenarios.world import Devices, World
from tianmu.sense.gbt26875.readings import PROTOCOL
from tianmu.store.registry import Registry

ZONE_BITS = 16
"""lower bits of a component's address that count within its zone"""
COMPONENT = "component"


@dataclass(frozen=True)
class Spot:
    """Where a device stands."""

    building: str
    """id of the transmission unit's device; or the name by label; or the device itself"""
    zone: str
    kind: str
    """of detector; empty: of the rule alone"""
    name: str


@dataclass
class _Kept:
    """What was found in a registry; registrations are never changed, only added to."""

    devices: int
    spots: dict[str, Spot]
    units: dict[str, str]
    """source address → device of its unit"""
    sources: dict[str, str]
    """device of a unit → its source address"""


_KEPT: WeakKeyDictionary[Registry, _Kept] = WeakKeyDictionary()


def _kept(registry: Registry) -> _Kept:
    """What is known of this registry as long as no device is added."""
    found = _KEPT.get(registry)
    if found is None or found.devices != registry.count_devices:
        found = _KEPT[registry] = _Kept(registry.count_devices, {}, {}, {})
    return found


class Estate:
    """Asks the registry once for each device."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._watched: Watched = settings().watched
        kept = _kept(world.registry)
        self._spots, self._units, self._sources = kept.spots, kept.units, kept.sources
        self._of_component = {
            number: one.code for one in settings().evidence.kinds for number in one.components
        }

    def units(self) -> Devices:
        """Transmission units with a place."""
        return self._world.devices(self._watched.unit, self._watched.buildings)

    def spot(self, device: str) -> Spot:
        if device not in self._spots:
            self._spots[device] = self._find(device)
        return self._spots[device]

    def _find(self, device: str) -> Spot:
        registry, watched = self._world.registry, self._watched
        index = registry.find(device)
        if index is None:
            return Spot(device, "", "", device)
        known = registry.device(index)
        labels = known.labels
        kind = watched.detectors.get(known.kind, "")
        zone = labels.get(watched.zone_label, "")
        building = labels.get(watched.building_label, "")
        parts = parted(labels.get("address", ""))
        if parts is not None:
            unit, component = parts
            building = self._unit(unit) or building
            if component is not None:
                system, type_, address = component
                kind = self._of_component.get(type_, "other")
                zone = zone or f"{system}-{address >> ZONE_BITS}"
        return Spot(building or device, zone, kind, known.name or device)

    def _unit(self, source: str) -> str:
        """The device of the unit with this source address; empty where none is registered."""
        if source not in self._units:
            index = self._world.registry.find_address(f"{PROTOCOL}/{source}")
            found = "" if index is None else self._world.registry.device_id(index)
            self._units[source] = found
        return self._units[source]

    def name(self, building: str) -> Text:
        """As the pack's buildings call it, else as its unit is registered."""
        known = self._world.city.buildings.get(self.source(building))
        if known is not None and known.name:
            either = next(iter(known.name.values()))
            return {language: known.name.get(language, either) for language in ("zh", "en")}
        name = self.spot(building).name
        return {"zh": name, "en": name}

    def source(self, unit: str) -> str:
        """Source address of a transmission unit's device; empty for what is none."""
        if unit not in self._sources:
            registry = self._world.registry
            index = registry.find(unit)
            address = "" if index is None else registry.labels(index).get("address", "")
            self._sources[unit] = (parted(address) or ("",))[0]
        return self._sources[unit]

    def components(self, unit: str) -> NDArray[np.int64]:
        """Indices of all systems and components behind a unit's device."""
        registry, watched = self._world.registry, self._watched
        index = registry.find(unit)
        address = "" if index is None else registry.labels(index).get("address", "")
        if not address:
            return np.empty(0, np.int64)
        found = registry.search(
            f"{address}/", kinds=(watched.system, watched.component), limit=MOST
        )  # fmt: skip
        return np.array(
            [
                one
                for one in found
                if registry.labels(one).get("address", "").startswith(f"{address}/")
            ],
            np.int64,
        )


MOST = 5_000
"""components of one building that are looked through"""


def parted(address: str) -> tuple[str, tuple[str, int, int] | None] | None:
    """The unit's source address and, of a component, its system, type and address; None for an
    address that is none of a fire panel's."""
    protocol, _, rest = address.partition("/")
    if protocol != PROTOCOL or not rest:
        return None
    source, _, inner = rest.partition("/")
    parts = inner.split("-")
    if len(parts) != 4 or not all(one.isdecimal() for one in parts):
        return source, None
    return source, (f"{parts[0]}-{parts[1]}", int(parts[2]), int(parts[3]))
