"""What stands ready in the city: hydrants, cameras, shelters, hospitals, stores of material."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tianmu.city.file.reader import PackReader
from tianmu.facts.text import Text

FILE = "resources.csv"


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    kind: str
    """a ``[[resource]]`` of sending.toml"""
    division: str
    department: str
    longitude: float
    latitude: float
    holds: str = ""
    """what or how much: places of a shelter, beds, pumps…"""
    phone: str = ""
    """personal where it is somebody's: masked wherever it is shown"""
    basis: str = ""


def read(
    reader: PackReader,
    kinds: Mapping[str, object],
    departments: Mapping[str, object],
    divisions: Mapping[str, object],
) -> dict[str, Resource]:
    """Resources by code; faults for unknown kinds, departments, divisions and for no point."""
    found: dict[str, Resource] = {}
    for row in reader.csv(
        FILE,
        ("code", "kind", "division", "lon", "lat"),
        optional=("department", "holds", "phone", "basis"),
        texts=("name",),
        required=False,
    ):
        code = row["code"]
        if not code or code in found:
            what = f"code {code!r} is missing or taken"
            reader.fault(FILE, row.line, what, "give each resource one code of its own")
            continue
        for column, known, file in (
            ("kind", kinds, "a [[resource]] of sending.toml"),
            ("division", divisions, "a code of divisions.csv"),
            ("department", departments, "a code of departments.csv"),
        ):
            if row[column] not in known and (row[column] or column != "department"):
                what = f"{code}: {column} {row[column] or '(none)'} is not known"
                reader.fault(FILE, row.line, what, f"use {file}")
        lon = reader.number(FILE, row, "lon", low=-180, high=180)
        lat = reader.number(FILE, row, "lat", low=-90, high=90)
        if lon is None or lat is None:
            what = f"{code} has no point"
            reader.fault(FILE, row.line, what, "give lon and lat in degrees")
            continue
        found[code] = Resource(
            code=code,
            name=row.text("name", reader.languages),
            kind=row["kind"],
            division=row["division"],
            department=row["department"],
            longitude=lon,
            latitude=lat,
            holds=row["holds"],
            phone=row["phone"],
            basis=row["basis"],
        )
    return found
