"""Devices: the list, one with its present values, its past, and registering them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from fastapi import Depends, Query

from tianmu.access.scope import Extent, covers
from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.registry import Device, DevicesRegistered
from tianmu.facts.text import Text
from tianmu.prevent.alarm import table as alarm_table
from tianmu.store.records import Transaction
from tianmu.web.answer import moment, page
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Cursor, Limit, Page
from tianmu.web.answer.place import PlaceSaid, department_name, division_name, said
from tianmu.web.answer.problem import Fault, Problem, not_found
from tianmu.web.api.alarms import alarms
from tianmu.web.devices.usual import UsualSaid, usual_of
from tianmu.web.hub import Hub
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken

routes = Routes("devices")

_NAME = re.compile(r"[^\s/]{1,128}")


class DeviceSaid(msgspec.Struct, frozen=True, kw_only=True):
    device: str
    name: str
    kind: str
    kind_name: Text | None
    properties: list[str]
    place: PlaceSaid
    division_name: Text | None
    department: str
    department_name: Text | None
    origin: str
    source: str
    probe: str
    labels: dict[str, str]
    state: str
    """``online``, ``silent`` or ``never``"""
    alarm: int
    """priority of its worst active alarm, 0 none"""
    last_seen_at: Instant | None


class ValueSaid(msgspec.Struct, frozen=True, kw_only=True):
    property: str
    name: Text | None
    unit: str
    value: float | None
    at: Instant | None
    received_at: Instant | None
    quality: int
    """0 good, 1 uncertain, 2 bad, 3 maintenance, 4 test"""
    count: int
    usual: UsualSaid | None
    """null where it is not learnt"""


class DeviceWhole(DeviceSaid, frozen=True, kw_only=True):
    values: list[ValueSaid]
    alarms: list[alarms.AlarmSaid]


class NewDevice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    device: str
    kind: str
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    properties: tuple[str, ...] = ()
    """those of its kind where left out"""
    place: Place = msgspec.field(default_factory=Place)
    department: str = ""
    """that of its kind where left out"""
    origin: Origin = Origin.REAL
    source: str = ""
    labels: dict[str, str] = {}


EXAMPLE = {
    "device": "smoke-0001",
    "kind": "smoke",
    "name": "Stair A, 3rd floor",
    "place": {"longitude": 119.4842, "latitude": 31.4159, "precision": 5},
    "labels": {"address": "gbt26875/16777217/1/2"},
}


def _state(hub: Hub, index: int) -> tuple[str, int, int]:
    """State, worst alarm, and µs of the last message of a device."""
    live, registry = hub.live(), hub.registry
    if live is None:
        return "never", 0, 0
    streams = registry.datastreams_of(index)
    received = live.received[streams.start : streams.stop]
    last = int(received.max()) if len(received) else 0
    alarm = int(live.alarm[index]) if index < live.count_devices else 0
    if not last:
        return "never", alarm, 0
    kind = hub.city.kinds.get(registry.kinds[registry.kind[index]])
    beat = kind.heartbeat_s if kind else None
    silent = beat is not None and hub.clock() - last > beat * 1_000_000
    return "silent" if silent else "online", alarm, last


def _fields(hub: Hub, index: int) -> dict[str, Any]:
    city, device = hub.city, hub.registry.device(index)
    state, alarm, last = _state(hub, index)
    kind = city.kinds.get(device.kind)
    return {
        "device": device.device,
        "name": device.name,
        "kind": device.kind,
        "kind_name": kind.name if kind else None,
        "properties": list(device.properties),
        "place": said(device.place),
        "division_name": division_name(city, device.place.division),
        "department": device.department,
        "department_name": department_name(city, device.department),
        "origin": str(device.origin),
        "source": device.source,
        "probe": device.probe,
        "labels": device.labels,
        "state": state,
        "alarm": alarm,
        "last_seen_at": moment.say(last),
    }


def device_said(hub: Hub, index: int) -> DeviceSaid:
    """The device with this index as lists say it."""
    return DeviceSaid(**_fields(hub, index))


def extent(hub: Hub, index: int) -> Extent:
    """Where a device stands."""
    registry = hub.registry
    return Extent(
        registry.divisions[registry.division[index]],
        (registry.departments[registry.department[index]],),
        registry.device(index).probe,
    )


@routes("GET", "/api/devices", may="device.read", gives=Page[DeviceSaid])
def list_devices(
    ask: Asking,
    q: Annotated[str, Query(max_length=100)] = "",
    kind: str = "",
    division: str = "",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[DeviceSaid]:
    """Devices in the account's scope, in the order they were registered."""
    hub, scope = ask.hub, ask.who.scope
    divisions = set(hub.below(division)) if division else None
    if scope.divisions is not None:
        divisions = set(scope.divisions) & (divisions or set(scope.divisions))
    after = page.read(cursor, int)
    last = after[0] if after else -1
    found: list[int] = []
    while len(found) <= limit:
        some = hub.registry.search(
            q,
            kinds=[kind] if kind else None,
            divisions=divisions,
            after=last,
            limit=limit + 1,
        )
        found += [index for index in some if covers(scope, extent(hub, index))]
        if len(some) <= limit:
            break
        last = some[-1]
    items = found[:limit]
    total = None
    if not (q or kind or division) and scope.whole:
        total = hub.registry.count_devices
    return Page(
        items=[device_said(hub, index) for index in items],
        next=page.write(items[-1]) if len(found) > limit else None,
        total=total,
    )


def find(ask: Ask, name: str) -> int:
    """Index of a device that the account may see; 404 otherwise."""
    index = ask.hub.registry.find(name)
    if index is None or not covers(ask.who.scope, extent(ask.hub, index)):
        raise not_found("device", name)
    return index


def number(value: float) -> float | None:
    """What JSON has no number for is null."""
    return None if np.isnan(value) or np.isinf(value) else float(value)


@routes("GET", "/api/devices/{device}", may="device.read", gives=DeviceWhole)
def get_device(ask: Asking, device: str) -> DeviceWhole:
    """One device: its present values and its alarms."""
    hub, index = ask.hub, find(ask, device)
    registry, live = hub.registry, hub.live()
    kind = hub.city.kinds.get(registry.kinds[registry.kind[index]])
    values, usual = [], usual_of(hub, registry.datastreams_of(index))
    for stream in registry.datastreams_of(index):
        name = registry.property_of(stream)
        known = kind.properties.get(name) if kind else None
        heard = live is not None and stream < live.count_datastreams and live.count[stream] > 0
        values.append(
            ValueSaid(
                property=name,
                name=known.name if known else None,
                unit=known.unit if known else "",
                value=number(live.value[stream]) if live is not None and heard else None,
                at=moment.say(int(live.time[stream])) if live is not None and heard else None,
                received_at=moment.say(int(live.received[stream]))
                if live is not None and heard
                else None,
                quality=int(live.quality[stream]) if live is not None and heard else 0,
                count=int(live.count[stream]) if live is not None and heard else 0,
                usual=usual.get(stream),
            )
        )
    found: list[Any] = []
    if ask.may("alarm.read"):
        found = hub.ask("watch", lambda c: alarm_table.of_device(c, device), [])
    return DeviceWhole(**_fields(hub, index), values=values, alarms=alarms.saids(hub, found))


def fact_of(ask: Ask, new: NewDevice) -> Device:
    """A new device as a fact; what its kind says fills what is left out."""
    hub = ask.hub
    faults: list[Fault] = []
    kind = hub.city.kinds.get(new.kind)
    if kind is None:
        faults.append(Fault(where="body.kind", what=f"{new.kind!r} is no device kind of the pack"))
    if not _NAME.fullmatch(new.device):
        faults.append(Fault(where="body.device", what="1 to 128 characters, no space, no slash"))
    if new.place.division and new.place.division not in hub.city.divisions:
        faults.append(Fault(where="body.place.division", what="is no division of the pack"))
    if new.department and new.department not in hub.city.departments:
        faults.append(Fault(where="body.department", what="is no department of the pack"))
    if new.source and new.source not in hub.registry.sources:
        faults.append(Fault(where="body.source", what="is no registered source"))
    if kind is not None:
        faults += [
            Fault(where="body.properties", what=f"{one!r} is no property of {new.kind}")
            for one in new.properties
            if one not in kind.properties
        ]
    if faults or kind is None:
        raise Problem(
            422,
            "invalid",
            "; ".join(f"{one.where}: {one.what}" for one in faults),
            "mend what is named; GET /api/city lists kinds, divisions and departments",
            faults=faults,
        )
    place = new.place
    if not place.division and place.longitude is not None and place.latitude is not None:
        place = msgspec.structs.replace(
            place, division=hub.city.places.division_at(place.longitude, place.latitude)
        )
    return Device(
        device=new.device,
        name=new.name,
        kind=new.kind,
        properties=new.properties or tuple(kind.properties),
        place=place,
        department=new.department or kind.department,
        origin=new.origin,
        source=new.source,
        probe=ask.who.probe,
        labels=new.labels,
    )


def register(ask: Ask, devices: Sequence[Device], verb: str, **detail: Any) -> DevicesRegistered:
    """Register devices; 409 where an id or wire address is taken."""
    hub = ask.hub

    def make(tx: Transaction) -> DevicesRegistered:
        fact = hub.registry.registration(devices, at=hub.clock(), actor=ask.who.account)
        for device in devices:
            ask.note(tx, verb, device.device, kind=device.kind, **detail)
        return fact

    try:
        return hub.registrar.write(make)
    except ValueError as error:
        raise Problem(409, "taken", str(error), "choose another id or wire address") from error


@routes(
    "POST",
    "/api/devices",
    may="device.write",
    takes=NewDevice,
    gives=Device,
    status=201,
    example=EXAMPLE,
)
def register_device(ask: Asking, body: Annotated[NewDevice, Depends(taken(NewDevice))]) -> Reply:
    """Register one device; what was held for its wire address is played then."""
    device = fact_of(ask, body)
    register(ask, [device], "device.register")
    return Reply(device, headers={"Location": f"/api/devices/{device.device}"})
