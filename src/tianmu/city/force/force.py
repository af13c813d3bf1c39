"""Units that can be sent: crews, vehicles, drones, grid workers' teams, with their bases."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec

from tianmu.city.file.reader import PackReader
from tianmu.facts.place import Place
from tianmu.facts.text import Text

FILE = "units.csv"


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    kind: str
    """``fire_engine``, ``repair_crew``, ``drone``, ``grid_team``, ``desk``, …"""
    department: str
    division: str
    base: Place | None = None
    speed_kmh: float | None = None
    """how fast it gets about; None: the streets' own speeds hold"""
    basis: str = ""


def read(
    reader: PackReader, departments: Mapping[str, object], divisions: Mapping[str, object]
) -> dict[str, Unit]:
    """Units by code; faults for unknown departments and divisions."""
    found: dict[str, Unit] = {}
    for row in reader.csv(
        FILE,
        ("code", "kind", "department", "division"),
        optional=("lon", "lat", "speed_kmh", "basis"),
        texts=("name",),
        required=False,
    ):
        code = row["code"]
        if not code or code in found:
            what = f"code {code!r} is missing or taken"
            reader.fault(FILE, row.line, what, "give each unit one code of its own")
            continue
        reader.note(FILE, code, row.line)
        if row["department"] not in departments:
            what = f"{code} belongs to {row['department'] or '(nobody)'}, which is no department"
            reader.fault(FILE, row.line, what, "use a code of departments.csv")
        if row["division"] not in divisions:
            what = f"{code} serves {row['division'] or '(nothing)'}, which is no division"
            reader.fault(FILE, row.line, what, "use a code of divisions.csv")
        lon = reader.number(FILE, row, "lon", low=-180, high=180)
        lat = reader.number(FILE, row, "lat", low=-90, high=90)
        known = lon is not None and lat is not None
        found[code] = Unit(
            code=code,
            name=row.text("name", reader.languages),
            kind=row["kind"],
            department=row["department"],
            division=row["division"],
            base=Place(longitude=lon, latitude=lat, division=row["division"]) if known else None,
            speed_kmh=reader.number(FILE, row, "speed_kmh", low=0, high=1000),
            basis=row["basis"],
        )
    return found


def geojson(given: Mapping[str, Unit]) -> bytes:
    """Units with a known base as GeoJSON points."""
    features = [
        {
            "type": "Feature",
            "properties": {
                "code": unit.code,
                "name": unit.name,
                "kind": unit.kind,
                "department": unit.department,
                "basis": unit.basis,
            },
            "geometry": {
                "type": "Point",
                "coordinates": [unit.base.longitude, unit.base.latitude],
            },
        }
        for unit in given.values()
        if unit.base is not None
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()
