"""Where a message of another body holds, as divisions of the city: by codes, outlines, circles,
names. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from tianmu.facts.warning import Ring
from tianmu.sense.cap.codec import CapArea

if TYPE_CHECKING:
    from tianmu.city.city import City

SHARE = 0.01
"""part of a town that an outline must reach to warn it: borders are not drawn to the metre"""
WHOLE = 0.99
"""part of the city from which on an outline warns all of it"""
TANGLED = 200
"""points of an outline that crosses itself …"""
CROSSINGS = 40
"""… and crossings up to which its parts are found: with more it takes seconds, then minutes"""
KM = 111.195
"""of a degree along a meridian"""


def divisions(city: City, areas: Iterable[CapArea]) -> tuple[tuple[str, ...], bool]:
    """The divisions, and whether the message says where at all in a way that can be read: a message
    of which each area can be read, and none lies here, is about elsewhere."""
    found: dict[str, None] = {}
    read = True
    for area in areas:
        coded = _coded(city, area.codes)
        shapes = [_polygon(ring) for ring in area.rings] + [_circle(*one) for one in area.circles]
        named = _named(city, area.name)
        if coded:
            here: Sequence[str] = coded
        elif shapes:
            here = _touched(city, shapely.union_all(shapes))
        else:
            here = named
            read = read and bool(named)
        found |= dict.fromkeys(here)
    if city.root.code in found:
        return (city.root.code,), read
    return tuple(found), read


def _coded(city: City, codes: Sequence[tuple[str, str]]) -> list[str]:
    """Codes that the pack knows: its divisions', or those that ``warnings.toml`` translates."""
    translated = city.warnings.geocodes
    found = []
    for _, value in codes:
        # the national format names several in one element
        for one in value.replace(",", " ").split():
            code = translated.get(one, one)
            if code in city.divisions:
                found.append(code)
    return found


def _named(city: City, name: str) -> list[str]:
    """Divisions with exactly this name, in whatever language."""
    told = name.strip().casefold()
    return [
        one.code
        for one in city.divisions.values()
        if any(words.casefold() == told for words in one.name.values())
    ]


def _touched(city: City, shape: shapely.Geometry) -> list[str]:
    outlines = city.places.areas("outline")
    whole = outlines.get(city.root.code)
    if whole is not None and whole.intersection(shape).area >= WHOLE * whole.area:
        return [city.root.code]
    found = []
    for code, town in city.places.areas("towns").items():
        common = town.intersection(shape).area
        # a small outline within a town reaches little of it, and warns of it all the same
        if (
            common > SHARE * town.area
            or (shape.area and common > 0.5 * shape.area)
            or (not shape.area and town.intersects(shape))
        ):
            found.append(code)
    if not found and whole is not None and whole.intersects(shape):
        # little of each of several towns: named all, rather than none
        found = [c for c, town in city.places.areas("towns").items() if town.intersects(shape)]
    return found


def _polygon(ring: Ring) -> shapely.Geometry:
    """What others draw may cross itself: all that it encloses counts; where it does so often, all
    that lies between its points, for a warning rather reaches too far."""
    drawn = shapely.Polygon(ring)
    if drawn.is_valid:
        return drawn
    if len(ring) > TANGLED or _crossings(ring) > CROSSINGS:
        return drawn.convex_hull
    return shapely.make_valid(drawn, method="structure")


def _crossings(ring: Ring) -> int:
    """How often an outline crosses itself."""
    points = np.asarray(ring)
    begins, ends = points[:-1], points[1:]

    def side(of: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each segment (rows), on which side each point (columns) lies."""
        along, to = (ends - begins)[:, None, :], of[None, :, :] - begins[:, None, :]
        found: NDArray[np.float64] = np.sign(
            along[..., 0] * to[..., 1] - along[..., 1] * to[..., 0]
        )
        return found

    parts = side(begins) * side(ends) < 0
    return int(np.count_nonzero(parts & parts.T)) // 2


def _circle(longitude: float, latitude: float, radius: float) -> shapely.Geometry:
    """A circle of ``radius`` km, as many points as the error of a hundredth of it needs."""
    if not radius:
        return shapely.Point(longitude, latitude)
    shrink = max(math.cos(math.radians(latitude)), 1e-6)
    steps = [2 * math.pi * k / 48 for k in range(48)]
    ring = [
        (longitude + radius / KM / shrink * math.cos(a), latitude + radius / KM * math.sin(a))
        for a in steps
    ]
    return shapely.Polygon(ring)
