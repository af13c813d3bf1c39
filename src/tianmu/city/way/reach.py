"""How far one gets from a place within so many minutes: isochrones as polygons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tianmu.city.way.travel import LINE, STREETS, Pace, Travel

WIDTH_M = 150.0
"""of the strip along a reached street that counts as reached"""


class Reach(NamedTuple):
    minutes: float
    by: str
    """``streets``, or ``line`` where the graph does not reach the place"""
    geometry: Any
    """shapely (multi-)polygon in degrees"""


def isochrones(
    travel: Travel, longitude: float, latitude: float, minutes: Sequence[float], pace: Pace
) -> list[Reach]:
    """Where one is within each of ``minutes``, the longest first; each holds all shorter ones.

    By the streets: strips along every piece of street reached, cut where the time is up, and the
    circle around the place that is reached off the streets. Straight (a circle, with the pack's
    detour unless one flies) where the place is not near a street.
    """
    import shapely

    point = np.array([[longitude, latitude]])
    node, off = travel.snap(point)
    here = travel.flat(point)[0]
    by = STREETS if not pace.air and off[0] <= travel.rules.reach_m else LINE
    found = []
    whole = None
    for limit in sorted(minutes):
        if by == STREETS:
            shape = _strips(travel, int(node[0]), float(off[0]), here, limit * 60, pace)
        else:
            speed = (pace.top_kmh or travel.rules.line_kmh) / 3.6
            detour = 1.0 if pace.air else travel.rules.detour
            shape = shapely.Point(*here).buffer(limit * 60 * speed / detour)
        whole = shape if whole is None else shapely.union(whole, shape)
        degrees = shapely.transform(whole, travel.degrees)
        found.append(Reach(limit, by, shapely.make_valid(degrees)))
    return found[::-1]


def _strips(
    travel: Travel, node: int, off: float, here: NDArray[np.float64], seconds: float, pace: Pace
) -> Any:
    import shapely

    walk = travel.rules.off_street_kmh / 3.6
    near = shapely.Point(*here).buffer(max(1.0, min(seconds * walk, WIDTH_M)))
    left = seconds - off / walk
    if left <= 0:
        return near
    lines = reached(travel, node, left, pace)
    start = travel.flat(travel.streets.nodes[[node]])[0]
    way = shapely.linestrings([here, start])
    strips = shapely.union_all(shapely.buffer(np.append(lines, way), WIDTH_M, quad_segs=3))
    return _without_specks(shapely.union(strips, near).simplify(WIDTH_M / 10))


def reached(travel: Travel, node: int, left: float, pace: Pace) -> NDArray[Any]:
    """Every piece of street that is reached from ``node`` within ``left`` seconds, as lines in
    metres: from each end as far as its time allows."""
    import shapely

    times = travel.columns([node], pace)[node]
    flat = travel.flat(travel.streets.nodes)
    ends, seconds = travel.ends, travel.edge_seconds(pace)
    lines: list[NDArray[np.float64]] = []
    for first, last in ((0, 1), (1, 0)):
        spare = left - times[ends[:, first]]
        share = np.clip(spare / seconds, 0, 1)
        some = np.isfinite(share) & (share > 0)
        a, b = flat[ends[some, first]], flat[ends[some, last]]
        lines += list(np.stack([a, a + (b - a) * share[some, None]], axis=1))
    found: NDArray[Any] = shapely.linestrings(np.array(lines).reshape(-1, 2, 2))
    return found


def _without_specks(shape: Any) -> Any:
    """Holes smaller than the strips are wide are no places that one cannot reach."""
    import shapely

    least = (4 * WIDTH_M) ** 2
    kept = []
    for part in shapely.get_parts(shape):
        holes = [ring for ring in part.interiors if shapely.Polygon(ring).area > least]
        kept.append(shapely.Polygon(part.exterior, holes))
    return shapely.union_all(kept)
