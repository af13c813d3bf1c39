"""Map tiles of the devices."""

from __future__ import annotations

from starlette.responses import Response

from tianmu.web.problem import Problem
from tianmu.web.route import Asking, Routes
from tianmu.web.tiles import Tiles

routes = Routes("tiles")
MEDIA = "application/vnd.mapbox-vector-tile"


@routes("GET", "/api/tiles/devices/{z}/{x}/{y}.mvt", may="device.read", media=MEDIA)
def get_device_tile(ask: Asking, z: int, x: int, y: int) -> Response:
    """A vector tile, layer `devices`: cells `{n, worst}` far away, points `{id, kind, alarm,
    state}` near by, in the account's scope. Empty tiles are 204."""
    tiles: Tiles = ask.hub.memory.setdefault("tiles", Tiles(ask.hub))
    try:
        body = tiles.tile(ask.who.scope, z, x, y)
    except ValueError as error:
        raise Problem(404, "not-found", str(error), "0 ≤ x, y < 2^z, z ≤ 22") from error
    headers = {"Cache-Control": "private, max-age=2", "Vary": "Cookie, Authorization"}
    if not body:
        return Response(status_code=204, headers=headers)
    return Response(body, media_type=MEDIA, headers=headers)
