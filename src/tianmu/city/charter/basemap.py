"""A tile service of the city's own under the devices: ``[basemap]`` in city.toml.

The map is Web Mercator with places in CGCS2000 / WGS 84, so only such services are taken. One in
GCJ-02 would lie some hundreds of metres off all that stands on it; it is refused, not bent.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from tianmu.facts.text import Text

MERCATOR = "EPSG:3857"
_SECRET = re.compile(r"[?&](tk|key|ak|token|access_token|apikey|api_key)=(?!\{key\})[^&]", re.I)


class Basemap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    layers: tuple[str, ...]
    """URL templates with ``{z}``, ``{x}``, ``{y}`` and, where the service wants one, ``{key}``;
    the first lies lowest"""
    name: Text = {}
    attribution: Text = {}
    crs: str = MERCATOR
    max_zoom: int = 18
    tile_size: int = 256
    """pixels"""
    key_env: str = ""
    """environment variable that holds the key"""
    key_file: str = ""
    """file that holds the key"""

    @property
    def origins(self) -> tuple[str, ...]:
        """Scheme and host of each service: what pages may load pictures from."""
        found = {"{0.scheme}://{0.netloc}".format(urlsplit(layer)) for layer in self.layers}
        return tuple(sorted(found))

    @property
    def keyed(self) -> bool:
        return any("{key}" in layer for layer in self.layers)


def faults(basemap: Basemap) -> list[tuple[str, str, str]]:
    """What is wrong with it: (key, what, remedy)."""
    found = []
    if basemap.crs != MERCATOR:
        remedy = {
            "EPSG:4490": "take the service's Web Mercator matrix set (of Tianditu vec_w and "
            "cva_w, in CGCS2000 too), EPSG:3857",
            "EPSG:4326": "take the service's Web Mercator matrix set, EPSG:3857",
        }.get(basemap.crs, "take a service in CGCS2000 or WGS 84: one in GCJ-02 or BD-09 lies "
                           "hundreds of metres off")  # fmt: skip
        found.append(("crs", f"tiles in {basemap.crs!r} are not drawn", remedy))
    if not basemap.layers:
        found.append(("layers", "no layers", "give a URL template for each"))
    for layer in basemap.layers:
        where = urlsplit(layer)
        # the host stands in the pages' content policy, where a blank or semicolon begins another
        if where.scheme not in ("https", "http") or not re.fullmatch(
            r"[A-Za-z0-9.\-\[\]:]+", where.netloc
        ):
            found.append(("layers", f"{layer!r} is no URL", "begin with https://host/"))
        if any(part not in layer for part in ("{z}", "{x}", "{y}")):
            found.append(("layers", f"{layer!r} lacks {{z}}, {{x}} or {{y}}", "add them"))
        if _SECRET.search(layer):
            what = "a key stands in the pack, where everybody with the pack reads it"
            found.append(("layers", what, "write {key} and name key_env or key_file"))
    if basemap.keyed and bool(basemap.key_env) == bool(basemap.key_file):
        found.append(("layers", "{key} comes from nowhere or from two places",
                      "give one of key_env and key_file"))  # fmt: skip
    if not 0 <= basemap.max_zoom <= 24:
        found.append(("max_zoom", f"{basemap.max_zoom} is no zoom", "give 0 to 24"))
    if basemap.tile_size not in (256, 512):
        found.append(("tile_size", f"{basemap.tile_size} pixels", "give 256 or 512"))
    return found
