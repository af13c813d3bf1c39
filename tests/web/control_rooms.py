"""Control rooms of the small city: a fire panel each, with its unit, system and components."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tianmu.facts.place import Place
from tianmu.facts.registry import DevicesRegistered
from tianmu.rehearse.panel.panel import Panel


def add_rooms(world: Any, addresses: Iterable[str], source: str = "") -> None:
    """Register the panels of these addresses."""
    hub = world.hub
    properties = {
        kind: tuple(hub.city.kinds[kind].properties)
        for kind in ("fire_transmission_unit", "fire_system", "fire_component")
    }
    place = Place(longitude=119.5, latitude=31.4)
    devices = [
        device
        for address in addresses
        for device in Panel(address, "", 0).devices(properties, place=place, source=source)
    ]

    def register(tx: Any) -> DevicesRegistered:
        registered: DevicesRegistered = hub.registry.registration(
            devices, at=hub.clock(), actor="test"
        )
        return registered

    hub.registrar.write(register)
