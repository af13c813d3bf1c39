"""Where wind would carry a fire from a point: the shape, not how fast.

Forestry Canada Fire Danger Group: Development and structure of the Canadian Forest Fire Behavior
Prediction System, ST-X-3 (1992), equation 79: length to breadth of the ellipse by wind speed.
"""

from __future__ import annotations

import math

from tianmu.city.place.place import EARTH_M
from tianmu.scenarios.present import Ring

CORNERS = 36


def length_to_breadth(wind: float) -> float:
    """Of the ellipse, at ``wind`` km/h (79)."""
    return 1 + 8.729 * math.pow(1 - math.exp(-0.030 * wind), 2.155)


def ellipse(longitude: float, latitude: float, origin: float, wind: float, metres: float) -> Ring:
    """The ellipse that reaches ``metres`` ahead of the point where it begins (its rear focus), at
    wind from ``origin`` degrees (0 north, 90 east) with ``wind`` km/h."""
    ratio = length_to_breadth(wind)
    flat = math.sqrt(1 - 1 / ratio**2)
    half = metres / (1 + flat)
    heading = math.radians(origin + 180)
    north_m = math.radians(1) * EARTH_M
    east_m = north_m * math.cos(math.radians(latitude))
    ring = []
    for corner in range(CORNERS):
        turn = 2 * math.pi * corner / CORNERS
        ahead = half * (math.cos(turn) + flat)
        aside = half / ratio * math.sin(turn)
        east = ahead * math.sin(heading) + aside * math.cos(heading)
        north = ahead * math.cos(heading) - aside * math.sin(heading)
        ring.append((round(longitude + east / east_m, 6), round(latitude + north / north_m, 6)))
    return (*ring, ring[0])
