"""Unit cells (单元网格) of about 10,000 m² with the country's coding, made when asked for.

GB/T 30428.1 gives a cell 15 digits: county 6, street or town 3, community or village 3, number
in it 3. No free cells exist, so these are approximate: squares over the pack's grid areas of a
village, numbered from north-west by rows. A village too large for 999 squares of 100 m gets
larger ones, as the standard allows outside built-up areas.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

from tianmu.city.place.place import EARTH_M, Places

SIDE_M = 100.0
MOST = 999
_DIGITS = 12


class Cell(NamedTuple):
    code: str
    """15 digits"""
    side_m: float
    bounds: tuple[float, float, float, float]
    """west, south, east, north"""
    approximate: bool = True


class Cells:
    """Cells of the villages whose grid areas the pack knows."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._squares = lru_cache(maxsize=64)(self._make)

    def at(self, longitude: float, latitude: float) -> Cell | None:
        """The cell that holds the point; None where the village is not known even roughly or the
        country's codes are not of twelve digits."""
        area = self._places.village_grid_at(longitude, latitude)
        if area is None or len(area.division) != _DIGITS or not area.division.isdigit():
            return None
        made = self._squares(area.division)
        if made is None:
            return None
        west, north, dx, dy, side, numbers = made
        column = math.floor((longitude - west) / dx)
        row = math.floor((north - latitude) / dy)
        number = numbers.get((row, column))
        if number is None:
            return None
        box = (
            west + column * dx,
            north - (row + 1) * dy,
            west + (column + 1) * dx,
            north - row * dy,
        )
        return Cell(f"{area.division}{number:03d}", side, box)

    def _make(self, village: str) -> tuple[float, float, float, float, float, Any] | None:
        from shapely import box, prepare, union_all

        areas = [
            one.geometry
            for one in self._places.grids()
            if one.division == village and not one.properties.get("over")
        ]
        if not areas:
            return None
        whole = union_all(areas)
        prepare(whole)
        west, south, east, north = whole.bounds
        degree = math.radians(1) * EARTH_M
        across = degree * math.cos(math.radians((south + north) / 2))
        side = SIDE_M
        while True:
            dx, dy = side / across, side / degree
            numbers: dict[tuple[int, int], int] = {}
            for row in range(math.ceil((north - south) / dy)):
                for column in range(math.ceil((east - west) / dx)):
                    left, top = west + column * dx, north - row * dy
                    if whole.intersects(box(left, top - dy, left + dx, top)):
                        numbers[row, column] = len(numbers) + 1
                if len(numbers) > MOST:
                    break
            if len(numbers) <= MOST:
                return west, north, dx, dy, side, numbers
            side *= 1.25
