"""A ring about a point of the map."""

from __future__ import annotations

import math

from tianmu.facts.place import DEGREE_M
from tianmu.scenarios.present import Ring


def around(longitude: float, latitude: float, metres: float, corners: int = 12) -> Ring:
    """So many corners about a point, the first once more at the end."""
    north = metres / DEGREE_M
    east = north / max(math.cos(math.radians(latitude)), 0.1)
    turns = [2 * math.pi * (at % corners) / corners for at in range(corners + 1)]
    return tuple((longitude + east * math.cos(a), latitude + north * math.sin(a)) for a in turns)
