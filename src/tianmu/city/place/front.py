"""Shop fronts: who answers for the pavement before them, and where a camera sees them."""

from __future__ import annotations

import msgspec

from tianmu.city.file.reader import PackReader, Row
from tianmu.facts.origin import Origin
from tianmu.facts.text import Text

FILE = "shop_fronts.csv"
EDGES = ("left", "top", "right", "bottom")

Edges = tuple[float, float, float, float]


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """One line: a front, or a front as one camera sees it."""

    code: str
    name: Text
    longitude: float
    latitude: float
    camera: str = ""
    """device that sees it; empty: only its place is known"""
    edges: Edges | None = None
    """left, top, right, bottom in that camera's picture, as shares"""
    origin: Origin = Origin.REAL


def read(reader: PackReader) -> tuple[Front, ...]:
    """The fronts of a folder; none where it has no such file."""
    found: dict[tuple[str, str], Front] = {}
    for row in reader.csv(
        FILE, ("code", "longitude", "latitude"), optional=("camera", *EDGES, "origin"),
        texts=("name",), required=False,
    ):  # fmt: skip
        longitude = reader.number(FILE, row, "longitude", low=-180, high=180)
        latitude = reader.number(FILE, row, "latitude", low=-90, high=90)
        edges = _edges(reader, row)
        key = (row["code"], row["camera"])
        if not row["code"] or key in found:
            what = f"front {row['code']!r} is missing or stands twice"
            reader.fault(FILE, row.line, what, "give each front one line for each camera")
        elif longitude is None or latitude is None:
            what = f"front {row['code']} has no place"
            reader.fault(FILE, row.line, what, "give longitude and latitude in degrees, WGS 84")
        else:
            found[key] = Front(
                code=row["code"], name=row.text("name", reader.languages), longitude=longitude,
                latitude=latitude, camera=row["camera"], edges=edges,
                origin=_origin(reader, row),
            )  # fmt: skip
    return tuple(found.values())


def _edges(reader: PackReader, row: Row) -> Edges | None:
    told = [row[edge] for edge in EDGES]
    if any(told) != bool(row["camera"]):
        what = f"front {row['code']}: camera and its edges go together"
        reader.fault(FILE, row.line, what, "give camera, left, top, right and bottom, or none")
        return None
    if not any(told):
        return None
    numbers = [reader.number(FILE, row, edge, low=0, high=1, default=None) for edge in EDGES]
    left, top, right, bottom = (-1.0 if one is None else one for one in numbers)
    if not (0 <= left < right and 0 <= top < bottom):
        what = f"front {row['code']}: left, top, right, bottom enclose nothing"
        reader.fault(FILE, row.line, what, "give shares of the picture: left < right, top < bottom")
        return None
    return left, top, right, bottom


def _origin(reader: PackReader, row: Row) -> Origin:
    try:
        return Origin(row["origin"] or Origin.REAL)
    except ValueError:
        what = f"front {row['code']}: origin {row['origin']!r} is not known"
        reader.fault(FILE, row.line, what, f"use one of {', '.join(Origin)}")
        return Origin.REAL
