"""What a screen is told of a city, and whether its map layers are sound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tianmu.city.city import City
from tianmu.city.device.device import DeviceKind
from tianmu.city.file.reader import PackReader
from tianmu.city.level.profile import Level
from tianmu.city.matter.matter import Matter
from tianmu.city.place.division import Division
from tianmu.city.place.place import LAYERS


def brief(city: City) -> dict[str, Any]:
    """What a screen needs to know of the city, as plain data (``GET /api/city``)."""
    return {
        "code": city.code,
        "name": city.name,
        "center": list(city.center),
        "bbox": list(city.bbox),
        "time_zone": city.time_zone,
        "languages": list(city.languages),
        "tiers": [
            {"number": tier.number, "name": tier.name, "centre": tier.centre} for tier in city.tiers
        ],
        "divisions": [_division(one) for one in city.divisions.values()],
        "departments": [
            {"code": one.code, "name": one.name, "kind": str(one.kind), "division": one.division}
            for one in city.departments.values()
        ],
        "categories": [{"code": code, "name": name} for code, name in city.categories.items()],
        "kinds": [_kind(one) for one in city.kinds.values()],
        "matters": [_matter(one) for one in city.matters.values()],
        "profile": {
            "name": city.profile.name,
            "reading": city.profile.reading,
            "levels": [_level(one) for one in city.profile.levels],
        },
        "layers": city.layers(),
        "notes": list(city.notes),
    }


def _division(one: Division) -> dict[str, Any]:
    return {
        "code": one.code,
        "name": one.name,
        "kind": one.kind,
        "tier": one.tier,
        "parent": one.parent,
        "lon": one.point.longitude if one.point else None,
        "lat": one.point.latitude if one.point else None,
        "precision": one.point.precision if one.point else one.precision,
    }


def _kind(one: DeviceKind) -> dict[str, Any]:
    return {
        "code": one.code,
        "name": one.name,
        "category": one.category,
        "icon": one.icon,
        "properties": [
            {"code": p.code, "name": p.name, "unit": p.unit, "states": p.states}
            for p in one.properties.values()
        ],
    }


def _matter(one: Matter) -> dict[str, Any]:
    return {
        "key": one.key,
        "code": one.code,
        "name": one.name,
        "kind": one.kind,
        "class_name": one.class_name,
        "synonyms": list(one.synonyms),
    }


def _level(one: Level) -> dict[str, Any]:
    return {
        "name": one.name,
        "number": one.number,
        "text": one.text,
        "colour": one.colour,
        "tier": one.tier,
    }


def check(reader: PackReader, city: City) -> None:
    """Faults of the map layers: shapes that are none, unknown divisions, points outside."""
    for name, file in LAYERS.items():
        data = reader.geojson(file, required=name == "outline")
        if data is not None:
            _check_features(reader, file, data, city, coded=name in ("towns", "grids"))
    try:
        outline = city.places.outline
    except (KeyError, ValueError):
        return
    west, south, east, north = outline.bounds
    box = city.bbox
    if (
        west < box[0] - 1e-6
        or south < box[1] - 1e-6
        or east > box[2] + 1e-6
        or north > box[3] + 1e-6
    ):
        remedy = f"set it to [{west}, {south}, {east}, {north}]"
        line = reader.find("city.toml", "bbox")
        reader.fault("city.toml", line, "bbox does not hold outline.geojson", remedy)
    from shapely import Point

    for one in city.divisions.values():
        if one.point is None or one.point.longitude is None:
            continue
        if not outline.intersects(Point(one.point.longitude, one.point.latitude)):
            what = f"the point of {one.code} lies outside the outline"
            line = reader.line_of("divisions.csv", one.code)
            reader.fault("divisions.csv", line, what, "correct it (longitude first, WGS 84)")
    if reader.faults:
        return
    towns = {one.code for one in city.divisions.values() if one.tier == 2}
    covered = set(city.places.areas("towns"))
    for code in sorted(towns - covered if covered else ()):
        what = f"{code} has no area in {LAYERS['towns']}"
        line = reader.line_of("divisions.csv", code)
        reader.fault("divisions.csv", line, what, "add a feature with its code as division there")


def _check_features(
    reader: PackReader, file: str, data: Mapping[str, Any], city: City, *, coded: bool
) -> None:
    from shapely.errors import ShapelyError
    from shapely.geometry import shape
    from shapely.validation import explain_validity

    seen: set[str] = set()
    for number, one in enumerate(data["features"]):
        where = f"feature {number}"

        def fault(what: str, remedy: str, number: int = number) -> None:
            reader.fault(file, reader.find(file, '"geometry"', number), what, remedy)

        properties = one.get("properties") if isinstance(one, dict) else None
        if not isinstance(properties, dict):
            fault(f"{where} has no properties", 'give "properties": {}')
            continue
        try:
            geometry = shape(one["geometry"])
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, ShapelyError) as error:
            fault(f"{where} has no readable geometry ({error})", "mend it")
            continue
        if geometry.is_empty or not geometry.is_valid:
            why = "it is empty" if geometry.is_empty else explain_validity(geometry)
            fault(f"{where}: {why}", "mend the geometry")
        if not coded:
            continue
        code, division = str(properties.get("code", "")), str(properties.get("division", ""))
        if not code or code in seen:
            fault(f"{where}: code {code!r} missing or doubled", "give it its own")
        seen.add(code)
        if division not in city.divisions:
            what = f"{where} belongs to {division or '(nothing)'}, which is no division"
            fault(what, "use a code of divisions.csv")
