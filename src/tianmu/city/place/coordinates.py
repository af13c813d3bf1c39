"""China's shifted coordinates: GCJ-02 and BD-09 to and from CGCS2000 / WGS 84.

GCJ-02 shifts positions in mainland China by some 100 to 700 m by a formula that was never
published but is known to within a metre or two; BD-09 shifts GCJ-02 once more. The formulas here
are that public reconstruction. Turning them round is done by iteration to ``INVERSION_M``, so
there and back is exact for every practical purpose; what remains is ``FORMULA_M``.
CGCS2000 and WGS 84 differ by centimetres and are treated as one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

FORMULA_M = 2.0
"""how well the reconstructed formula agrees with real GCJ-02 positions, metres"""
INVERSION_M = 0.01
"""how exactly a conversion there and back returns, metres"""

_A, _EE = 6378245.0, 0.00669342162296594323  # Krasovsky 1940
_BD = math.pi * 3000.0 / 180.0


class Point(NamedTuple):
    longitude: float
    latitude: float


def in_china(longitude: float, latitude: float) -> bool:
    """Whether the shift is applied there, by the rough box that the formula uses."""
    return 72.004 <= longitude <= 137.8347 and 0.8293 <= latitude <= 55.8271


def _shift(longitude: float, latitude: float) -> tuple[float, float]:
    x, y = longitude - 105.0, latitude - 35.0
    root, pi = math.sqrt(abs(x)), math.pi
    waves = (20 * math.sin(6 * x * pi) + 20 * math.sin(2 * x * pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    north += (20 * math.sin(y * pi) + 40 * math.sin(y / 3 * pi)) * 2 / 3
    north += (160 * math.sin(y / 12 * pi) + 320 * math.sin(y * pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    east += (20 * math.sin(x * pi) + 40 * math.sin(x / 3 * pi)) * 2 / 3
    east += (150 * math.sin(x / 12 * pi) + 300 * math.sin(x / 30 * pi)) * 2 / 3
    radians = math.radians(latitude)
    magic = 1 - _EE * math.sin(radians) ** 2
    meridian = _A * (1 - _EE) / (magic * math.sqrt(magic))
    parallel = _A / math.sqrt(magic) * math.cos(radians)
    return math.degrees(east / parallel), math.degrees(north / meridian)


def wgs84_to_gcj02(longitude: float, latitude: float) -> Point:
    """Degrees in CGCS2000 / WGS 84 to GCJ-02; unchanged outside China."""
    if not in_china(longitude, latitude):
        return Point(longitude, latitude)
    east, north = _shift(longitude, latitude)
    return Point(longitude + east, latitude + north)


def gcj02_to_wgs84(longitude: float, latitude: float) -> Point:
    """Degrees in GCJ-02 to CGCS2000 / WGS 84; unchanged outside China."""
    if not in_china(longitude, latitude):
        return Point(longitude, latitude)
    guess = Point(longitude, latitude)
    for _ in range(30):
        there = wgs84_to_gcj02(*guess)
        east, north = longitude - there.longitude, latitude - there.latitude
        guess = Point(guess.longitude + east, guess.latitude + north)
        if abs(east) < 1e-9 and abs(north) < 1e-9:
            break
    return guess


def gcj02_to_bd09(longitude: float, latitude: float) -> Point:
    """Degrees in GCJ-02 to BD-09."""
    radius = math.hypot(longitude, latitude) + 2e-5 * math.sin(latitude * _BD)
    angle = math.atan2(latitude, longitude) + 3e-6 * math.cos(longitude * _BD)
    return Point(radius * math.cos(angle) + 0.0065, radius * math.sin(angle) + 0.006)


def bd09_to_gcj02(longitude: float, latitude: float) -> Point:
    """Degrees in BD-09 to GCJ-02."""
    guess = Point(longitude - 0.0065, latitude - 0.006)
    for _ in range(30):
        there = gcj02_to_bd09(*guess)
        east, north = longitude - there.longitude, latitude - there.latitude
        guess = Point(guess.longitude + east, guess.latitude + north)
        if abs(east) < 1e-9 and abs(north) < 1e-9:
            break
    return guess


def to_wgs84(longitude: float, latitude: float, crs: str) -> Point:
    """A point in ``crs`` to CGCS2000 / WGS 84. Raises ValueError for systems not known here."""
    name = crs.upper().replace("_", "-").replace(" ", "")
    if name in ("", "WGS84", "WGS-84", "CGCS2000", "EPSG:4326", "EPSG:4490"):
        return Point(longitude, latitude)
    if name in ("GCJ-02", "GCJ02"):
        return gcj02_to_wgs84(longitude, latitude)
    if name in ("BD-09", "BD09", "BD09LL", "BD-09LL"):
        return gcj02_to_wgs84(*bd09_to_gcj02(longitude, latitude))
    raise ValueError(f"coordinate system {crs!r} is not known: use CGCS2000, WGS-84, GCJ-02, BD-09")
