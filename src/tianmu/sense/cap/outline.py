"""Outlines as others draw them, with fewer points: what is kept of a message. Pure.

Points are left out and none is moved. Shapely's own ways to simplify take minutes, or the process
with them, for outlines that somebody made for it."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from tianmu.facts.warning import Ring

MOST = 500
"""points of an outline that are kept"""
FINEST = 0.0005
"""degrees (about 50 m) that points lie apart where an outline has more"""
COARSEST = 0.01
"""degrees (about a kilometre) beyond which all that it spans stands for it instead: a warning
rather reaches too far"""


def fewer(ring: Ring) -> Ring:
    """The outline itself up to ``MOST`` points, else one of at most as many, closed."""
    if len(ring) <= MOST:
        return ring
    points = np.asarray(ring)
    apart = FINEST
    while apart <= COARSEST:
        found = _apart(points, apart)
        if len(found) < 4:
            break
        if len(found) <= MOST:
            return _ring(found)
        apart *= 2
    span = shapely.convex_hull(shapely.linestrings(points))
    if isinstance(span, shapely.Polygon):
        points = shapely.get_coordinates(span)
    return _ring(points[:: -(-len(points) // (MOST - 1))])


def _apart(points: NDArray[np.float64], apart: float) -> NDArray[np.float64]:
    """Without those that lie in the same square of that width as the one before."""
    cells = np.floor(points / apart)
    stays = np.any(cells[1:] != cells[:-1], axis=1)
    found: NDArray[np.float64] = points[np.concatenate([[True], stays])]
    return found


def _ring(points: NDArray[np.float64]) -> Ring:
    found = [(float(x), float(y)) for x, y in points.tolist()]
    return tuple(found if found[0] == found[-1] else [*found, found[0]])
