"""A place: a point with its precision, and the division that holds it."""

from __future__ import annotations

import msgspec

DEGREE_M = 111_195.0
"""metres of one degree of a great circle on a sphere of 6,371 km"""


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Where something is. Any part may be unknown; what is known says how precisely."""

    longitude: float | None = None
    """degrees east, CGCS2000 / WGS 84"""
    latitude: float | None = None
    """degrees north"""
    precision: float | None = None
    """radius in metres within which the truth lies, if known"""
    division: str = ""
    """code of the smallest division that surely holds it (12 digits in China), or empty"""
    address: str = ""
    """as told, not normalised"""
    crs_origin: str = ""
    """the coordinate system it arrived in when that was another one (``GCJ-02``, ``BD-09``)"""

    def __post_init__(self) -> None:
        if (self.longitude is None) != (self.latitude is None):
            raise ValueError("a place has both longitude and latitude, or neither")
        if self.longitude is not None and not -180 <= self.longitude <= 180:
            raise ValueError(f"longitude {self.longitude} is outside −180…180")
        if self.latitude is not None and not -90 <= self.latitude <= 90:
            raise ValueError(f"latitude {self.latitude} is outside −90…90")
