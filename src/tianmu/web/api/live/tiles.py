"""Map tiles of the devices, what changed in them, and which devices stand where."""

from __future__ import annotations

import zlib
from typing import Annotated

import msgspec
from fastapi import Depends, Query
from starlette.responses import Response

from tianmu.access.scope import covers
from tianmu.web.answer.problem import Problem
from tianmu.web.api.devices import devices
from tianmu.web.api.devices.devices import DeviceSaid
from tianmu.web.map import filter
from tianmu.web.map.filter import Filter
from tianmu.web.map.tiles import Changes, Tiles
from tianmu.web.route.route import Ask, Asking, Routes

routes = Routes("tiles")
MEDIA = "application/vnd.mapbox-vector-tile"
MOST = 50
"""devices named of one square"""


def _filter(
    ask: Asking,
    kind: Annotated[str, Query(description="device kinds, separated by commas")] = "",
    category: Annotated[str, Query(description="categories of device kinds")] = "",
    department: Annotated[str, Query(description="departments")] = "",
    state: Annotated[str, Query(description="online, silent, never")] = "",
    alarm: Annotated[str, Query(description="priorities of the worst active alarm")] = "",
) -> Filter:
    return filter.read(
        ask.hub, kind=kind, category=category, department=department, state=state, alarm=alarm
    )


Wanted = Annotated[Filter, Depends(_filter)]


def tiles_of(ask: Ask) -> Tiles:
    """The tiles of the hub."""
    tiles: Tiles = ask.hub.memory["tiles"]
    return tiles


@routes("GET", "/api/tiles/devices/{z}/{x}/{y}.mvt", may="device.read", media=MEDIA)
def get_device_tile(ask: Asking, wanted: Wanted, z: int, x: int, y: int) -> Response:
    """A vector tile, layer `devices`: cells `{n, worst}` far away, points `{kind, alarm, state}`
    near by whose feature id is the device's number, in the account's scope. Empty tiles are 204.
    """
    try:
        tile = tiles_of(ask).tile(ask.who.scope, z, x, y, wanted)
    except ValueError as error:
        raise Problem(404, "not-found", str(error), "0 ≤ x, y < 2^z, z ≤ 22") from error
    headers = {
        "Cache-Control": "private, no-cache",
        "Vary": "Cookie, Authorization, Accept-Encoding",
    }
    if not tile.packed:
        return Response(status_code=204, headers=headers)
    headers["ETag"] = f'"{tile.etag}"'
    if headers["ETag"] in ask.request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" not in ask.request.headers.get("accept-encoding", ""):
        return Response(zlib.decompress(tile.packed, 31), media_type=MEDIA, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(tile.packed, media_type=MEDIA, headers=headers)


@routes("GET", "/api/tiles/devices/changes", may="device.read", gives=Changes)
def get_tile_changes(ask: Asking, after: Annotated[int, Query(ge=0)] = 0) -> Changes:
    """What changed on the map after an epoch, in the account's scope. Push tells the same as
    event `tiles`; who was away asks here."""
    return tiles_of(ask).changes(ask.who.scope, after)


class DevicesCounted(msgspec.Struct, frozen=True, kw_only=True):
    matching: int
    """devices on the map that the filter asks for"""
    total: int
    """devices on the map"""
    unplaced: int
    """devices of the whole city that no place is known of: they are on no map"""


@routes("GET", "/api/tiles/devices/count", may="device.read", gives=DevicesCounted)
def count_devices(ask: Asking, wanted: Wanted) -> DevicesCounted:
    """How many devices a filter asks for, in the account's scope."""
    tiles, scope = tiles_of(ask), ask.who.scope
    picture = tiles.picture()
    return DevicesCounted(
        matching=tiles.members(picture, scope, wanted).count(picture),
        total=tiles.members(picture, scope, filter.ALL).count(picture),
        unplaced=picture.order.devices - len(picture.look) if scope.whole else 0,
    )


class SquareSaid(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    items: list[DeviceSaid]
    """at most 50, worst alarms first"""


@routes("GET", "/api/tiles/devices/{z}/{x}/{y}", may="device.read", gives=SquareSaid)
def get_square(ask: Asking, wanted: Wanted, z: int, x: int, y: int) -> SquareSaid:
    """The devices in a square of the map (of the tile scheme, zoom up to 28)."""
    try:
        total, found = tiles_of(ask).square(ask.who.scope, z, x, y, wanted, MOST)
    except ValueError as error:
        raise Problem(404, "not-found", str(error), "0 ≤ x, y < 2^z, z ≤ 28") from error
    return SquareSaid(total=total, items=[devices.device_said(ask.hub, one) for one in found])


@routes("GET", "/api/tiles/devices/numbered", may="device.read", gives=list[DeviceSaid])
def get_numbered(
    ask: Asking, n: Annotated[list[int], Query(max_length=MOST, description="feature ids")]
) -> list[DeviceSaid]:
    """The devices behind points of the map, in the account's scope."""
    hub, scope = ask.hub, ask.who.scope
    return [
        devices.device_said(hub, one)
        for one in n
        if 0 <= one < hub.registry.count_devices and covers(scope, devices.extent(hub, one))
    ]
