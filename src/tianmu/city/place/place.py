"""Places: which division a point lies in, where a division told by name is, and the map layers.

A pack gives areas as GeoJSON in CGCS2000 / WGS 84. Where no free areas exist they are
approximate, each feature says so, and one file replaces them. Geometry is opened when first
asked for, so that loading a pack stays quick.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tianmu.city.place.division import Division
from tianmu.city.place.naming import Names, ShortName, spoken
from tianmu.facts.place import Place

LAYERS = {
    "outline": "outline.geojson",
    "towns": "towns.geojson",
    "lakes": "lakes.geojson",
    "grids": "grids.geojson",
    "neighbours": "neighbours.geojson",
}
"""Map layer → file of the pack."""
EARTH_M = 6_371_008.8


class Area(NamedTuple):
    """A feature of a layer: its code, the division it belongs to, and what it says of itself."""

    code: str
    division: str
    geometry: Any
    properties: Mapping[str, Any]


class Named(NamedTuple):
    """A division found in words."""

    division: str
    words: str
    place: Place


class Layer:
    """Areas of one GeoJSON file with an index over them."""

    def __init__(self, path: Path) -> None:
        from shapely import STRtree
        from shapely.geometry import shape

        data = json.loads(path.read_text(encoding="utf-8"))
        self.areas = [
            Area(
                str(feature["properties"].get("code", "")),
                str(feature["properties"].get("division", "")),
                shape(feature["geometry"]),
                feature["properties"],
            )
            for feature in data["features"]
        ]
        self._tree = STRtree([area.geometry for area in self.areas])

    def at(self, longitude: float, latitude: float) -> list[Area]:
        """The areas that hold the point, the smallest first."""
        from shapely import Point

        found = self._tree.query(Point(longitude, latitude), predicate="intersects")
        return sorted((self.areas[i] for i in found), key=lambda area: float(area.geometry.area))

    def many(self, longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> NDArray[Any]:
        """Index of the area that holds each point, −1 where none does; shape (n,)."""
        import shapely

        found = np.full(len(longitude), -1, dtype=np.int64)
        points, areas = self._tree.query(
            shapely.points(longitude, latitude), predicate="intersects"
        )
        found[points[::-1]] = areas[::-1]
        return found


class Places:
    """Areas and names of one city."""

    def __init__(
        self,
        folder: Path,
        divisions: Mapping[str, Division],
        *,
        village_radius_m: float = 0.0,
        short_names: Sequence[ShortName] = (),
    ) -> None:
        self._folder, self._divisions = folder, divisions
        self._village_radius_m, self._short_names = village_radius_m, tuple(short_names)

    def layer_file(self, layer: str) -> Path | None:
        """The GeoJSON file of a map layer, or None where the pack has none."""
        name = LAYERS.get(layer)
        path = self._folder / name if name else None
        return path if path is not None and path.is_file() else None

    def geojson(self, layer: str) -> bytes:
        """The GeoJSON of ``layer`` as it stands. KeyError for a layer the pack does not have."""
        path = self.layer_file(layer)
        if path is None:
            raise KeyError(f"no layer {layer!r}: use {', '.join(LAYERS)}")
        return path.read_bytes()

    def _layer(self, name: str) -> Layer | None:
        path = self.layer_file(name)
        return Layer(path) if path is not None else None

    @cached_property
    def _towns(self) -> Layer | None:
        return self._layer("towns")

    @cached_property
    def _grids(self) -> Layer | None:
        return self._layer("grids")

    def layer_areas(self, layer: str) -> list[Area]:
        """All features of a layer; empty where the pack has none."""
        found = self._layer(layer)
        return found.areas if found else []

    def areas(self, layer: str) -> dict[str, Any]:
        """Division → shapely geometry of a layer whose features belong to divisions."""
        found = self._layer(layer)
        return {area.division: area.geometry for area in found.areas} if found else {}

    @cached_property
    def outline(self) -> Any:
        """The city's outline as a shapely geometry."""
        layer = self._layer("outline")
        if layer is None or not layer.areas:
            raise KeyError("the pack has no outline.geojson")
        return layer.areas[0].geometry

    @cached_property
    def _points(self) -> tuple[list[str], NDArray[np.float64]]:
        known = [one for one in self._divisions.values() if one.point is not None]
        deepest = max((one.tier for one in self._divisions.values()), default=0)
        known = [one for one in known if one.tier == deepest]
        return [one.code for one in known], np.array(
            [(one.point.longitude, one.point.latitude) for one in known if one.point is not None],
            dtype=np.float64,
        ).reshape(-1, 2)

    def division_at(self, longitude: float, latitude: float) -> str:
        """Code of the smallest division that surely holds the point, empty outside the city.

        The town by its area; the village only where one is known to lie within the pack's
        ``village_radius_m`` and in that town.
        """
        if self._towns is None:
            return ""
        area = next(iter(self._towns.at(longitude, latitude)), None)
        if area is None:
            return ""
        codes, points = self._points
        if self._village_radius_m and codes:
            far = distances(longitude, latitude, points)
            near = int(np.argmin(far))
            if far[near] <= self._village_radius_m:
                village = self._divisions[codes[near]]
                if area.division in (village.code, village.parent):
                    return village.code
        return area.division

    def divisions_at(
        self, longitude: NDArray[np.float64], latitude: NDArray[np.float64]
    ) -> list[str]:
        """The town area's division of each point, empty outside; lists of equal length."""
        if self._towns is None:
            return [""] * len(longitude)
        codes = [area.division for area in self._towns.areas]
        return [codes[i] if i >= 0 else "" for i in self._towns.many(longitude, latitude)]

    def grid_at(self, longitude: float, latitude: float) -> str:
        """Code of the grid worker's area that holds the point, or empty."""
        area = self.grid_area_at(longitude, latitude)
        return area.code if area is not None else ""

    def grid_area_at(self, longitude: float, latitude: float) -> Area | None:
        """The smallest grid worker's area that holds the point, or None."""
        return next(iter(self._grids.at(longitude, latitude)), None) if self._grids else None

    def village_grid_at(self, longitude: float, latitude: float) -> Area | None:
        """The grid area that holds the point among those that part the city between them: areas
        laid over them for one site (``"over": true``) are left aside."""
        found = self._grids.at(longitude, latitude) if self._grids else ()
        return next((area for area in found if not area.properties.get("over")), None)

    def grids(self) -> Sequence[Area]:
        """All grid areas of the pack."""
        return self._grids.areas if self._grids is not None else ()

    def place_of(self, code: str) -> Place | None:
        """Where a division lies as far as is known: its point, else the middle of the nearest
        area around it, always with the precision; None for an unknown code."""
        division = self._divisions.get(code)
        if division is None:
            return None
        if division.point is not None:
            return division.point
        around: Division | None = division
        while around is not None:
            middle = self._middles.get(around.code)
            if middle is not None:
                return Place(
                    longitude=middle[0], latitude=middle[1], precision=middle[2], division=code
                )
            around = self._divisions.get(around.parent)
        return None

    @cached_property
    def _middles(self) -> dict[str, tuple[float, float, float]]:
        """Division → a point inside its area and the radius around it that covers the area."""
        found: dict[str, tuple[float, float, float]] = {}
        for name in ("outline", "towns"):
            layer = self._layer(name)
            for area in layer.areas if layer is not None else ():
                middle = area.geometry.representative_point()
                rim = np.array(area.geometry.convex_hull.exterior.coords)
                radius = float(distances(middle.x, middle.y, rim).max())
                found[area.division] = (middle.x, middle.y, float(math.ceil(radius)))
        return found

    @cached_property
    def _names(self) -> Names:
        return Names(
            (name, division)
            for division in self._divisions.values()
            if division.parent
            for name in spoken(division.name, self._short_names)
        )

    def locate(self, words: str) -> list[Named]:
        """Divisions named in ``words``, smallest division first, each with its place.

        A village is only taken by its own name; where several villages share the name, the town
        named beside it decides, and without one all are given: then the name decides nothing.
        """
        named = []
        for name, division in self._names.find(words, self._divisions):
            place = self.place_of(division.code)
            named.append(Named(division.code, name, place or Place(division=division.code)))
        return named


def distances(
    longitude: float, latitude: float, points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Metres from one point to each of ``points`` (n, 2), on a sphere, exact to 0.5 %."""
    lon, lat = np.radians(points[:, 0]), np.radians(points[:, 1])
    lon0, lat0 = math.radians(longitude), math.radians(latitude)
    half = (
        np.sin((lat - lat0) / 2) ** 2 + np.cos(lat) * math.cos(lat0) * np.sin((lon - lon0) / 2) ** 2
    )
    return np.asarray(2 * EARTH_M * np.arcsin(np.sqrt(half)), dtype=np.float64)


def distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres between two points (longitude, latitude)."""
    return float(distances(one[0], one[1], np.array([other], dtype=np.float64))[0])


def feature(geometry: Any, properties: Mapping[str, Any]) -> dict[str, Any]:
    """A GeoJSON feature with coordinates to a metre's fraction (six decimals)."""
    from shapely import set_precision
    from shapely.geometry import mapping

    return {
        "type": "Feature",
        "properties": dict(properties),
        "geometry": mapping(set_precision(geometry, 1e-6)),
    }
