"""Areas, grids and streets for a city that has no free ones: made by rule and seed, marked so.

``python -m tianmu.city.makers.approximate PACK`` writes ``towns.geojson``, ``grids.geojson``,
``street_nodes.csv`` and ``street_edges.csv`` of a pack from its outline, its known points and
``approximate.toml``. Each file can be replaced by the city's own without touching another.

* A town's area is the union of the Voronoi cells of all known points in it (its own and those of
  its villages), within the outline. It is not a legal boundary.
* A village's cell is the Voronoi cell of its known point, or else of a seeded one, within its
  town; it only serves to spread the grids.
* General grids part each village's cell; dedicated grids are discs laid over them.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tianmu.city.city import City
from tianmu.city.makers.gabriel import write_streets
from tianmu.city.pack import load
from tianmu.city.place.division import Division
from tianmu.city.place.place import distances, feature
from tianmu.facts.place import DEGREE_M
from tianmu.facts.text import Text, say

FILE = "approximate.toml"


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to make: the pack's ``approximate.toml``."""

    seed: int
    general: int
    """grids that part the city between them"""
    dedicated: int
    """grids laid over them for one site each"""
    dedicated_radius_m: float
    general_name: Text
    """``{name}`` the division's name, ``{n}`` a number in it"""
    dedicated_name: Text
    basis: str
    weight: dict[str, float] = {}
    """division of tier 2 → how much denser its grids are than its count of villages says"""


class Seed(NamedTuple):
    division: str
    x: float
    y: float


class Plane:
    """Degrees to a plane where distances are nearly true around the city, and back."""

    def __init__(self, latitude: float) -> None:
        self.scale = float(np.cos(np.radians(latitude)))

    def flat(self, geometry: Any) -> Any:
        from shapely import transform

        return transform(geometry, lambda c: c * (self.scale, 1.0))

    def round(self, geometry: Any) -> Any:
        from shapely import transform

        return transform(geometry, lambda c: c / (self.scale, 1.0))


def cells(points: NDArray[np.float64], within: Any) -> list[Any]:
    """Voronoi cells of ``points`` (n, 2), clipped to ``within``, in the points' order."""
    from shapely import MultiPoint, Point, STRtree, voronoi_polygons

    if len(points) == 1:
        return [within]
    west, south, east, north = within.bounds
    far = max(east - west, north - south) * 3
    made = list(voronoi_polygons(MultiPoint(points), extend_to=within.buffer(far)).geoms)
    tree = STRtree(made)
    found = []
    for x, y in points:
        index = int(tree.query_nearest(Point(x, y))[0])
        found.append(made[index].intersection(within))
    return found


def town_areas(city: City, tier: int = 2) -> list[dict[str, Any]]:
    """One feature per division of ``tier``: the dissolved cells of all known points in it.

    ``precision_m`` is the greatest distance from a place in the area to a known point of its own.
    Raises ValueError where a division has no known point at all.
    """
    from shapely import union_all

    known = _known(city)
    outline = city.places.outline
    plane = Plane(city.center[1])
    flat = np.array([(p.x * plane.scale, p.y) for p in known])
    parts: dict[str, list[Any]] = {}
    for point, cell in zip(known, cells(flat, plane.flat(outline)), strict=True):
        town = next(c for c in city.lineage(point.division) if city.divisions[c].tier == tier)
        parts.setdefault(town, []).append(cell)
    features = []
    for code, division in city.divisions.items():
        if division.tier != tier:
            continue
        if code not in parts:
            raise ValueError(f"{code} has no known point in it: add one to divisions.csv")
        area = plane.round(union_all(parts[code])).intersection(outline)
        own = np.array([(p.x, p.y) for p in known if code in city.lineage(p.division)])
        rim = np.concatenate([np.array(ring.coords) for ring in _rings(area)])
        reach = max(float(distances(x, y, own).min()) for x, y in rim)
        features.append(
            feature(
                area,
                {
                    "code": code,
                    "division": code,
                    "name": division.name,
                    "approximate": True,
                    "points": len(own),
                    "precision_m": round(reach, -2),
                    "basis": "Voronoi cells of the known points; not a legal boundary",
                },
            )
        )
    return features


def _known(city: City) -> list[Seed]:
    """Every known point below the city itself, no two at one place."""
    seen: set[tuple[float, float]] = set()
    found = []
    for division in city.divisions.values():
        point = division.point
        if point is None or not division.parent or point.longitude is None:
            continue
        at = (point.longitude, float(point.latitude or 0))
        if at not in seen:
            seen.add(at)
            found.append(Seed(division.code, *at))
    return found


def _rings(area: Any) -> Iterator[Any]:
    for part in getattr(area, "geoms", [area]):
        yield part.exterior


def grid_areas(city: City, plan: Plan) -> list[dict[str, Any]]:
    """General grids (each village's cell parted) and dedicated ones (discs), as features."""
    from shapely import Point, unary_union

    rng = np.random.default_rng(plan.seed)
    plane = Plane(city.center[1])
    towns = {code: plane.flat(area) for code, area in city.places.areas("towns").items()}
    villages = _village_cells(city, towns, plane, rng)
    counts = share(
        {code: plan.weight.get(city.divisions[code].parent, 1.0) for code in villages},
        plan.general,
        least=1,
    )
    features = []
    for code, cell in villages.items():
        division = city.divisions[code]
        parts = cells(_spread(cell, counts[code], rng), cell)
        for n, part in enumerate(parts, 1):
            name = _named(plan.general_name, division, n)
            features.append(
                feature(
                    plane.round(part),
                    {
                        "code": f"{code}-g{n:02d}",
                        "division": code,
                        "kind": "general",
                        "name": name,
                        "approximate": True,
                        "basis": plan.basis,
                    },
                )
            )
    discs = share({code: float(counts[code]) for code in villages}, plan.dedicated, least=0)
    radius = plan.dedicated_radius_m / DEGREE_M
    inside = unary_union(list(villages.values()))
    for code, number in discs.items():
        for n, (x, y) in enumerate(_inside(villages[code], number, rng), 1):
            disc = Point(x, y).buffer(radius, quad_segs=4).intersection(inside)
            features.append(
                feature(
                    plane.round(disc),
                    {
                        "code": f"{code}-d{n:02d}",
                        "division": code,
                        "kind": "dedicated",
                        "over": True,
                        "name": _named(plan.dedicated_name, city.divisions[code], n),
                        "approximate": True,
                        "basis": plan.basis,
                    },
                )
            )
    return features


def _village_cells(
    city: City, towns: Mapping[str, Any], plane: Plane, rng: np.random.Generator
) -> dict[str, Any]:
    """Village → its cell within its town; a town without villages stands for one."""
    from shapely import Point

    found: dict[str, Any] = {}
    for town, area in towns.items():
        members = [one for one in city.divisions.values() if one.parent == town]
        if not members:
            found[town] = area
            continue
        fixed = {}
        for one in members:
            if one.point is not None and one.point.longitude is not None:
                x, y = one.point.longitude * plane.scale, float(one.point.latitude or 0)
                if area.intersects(Point(x, y)):
                    fixed[one.code] = (x, y)
        free = [one.code for one in members if one.code not in fixed]
        points = np.array([*fixed.values(), *_inside(area, len(free), rng)]).reshape(-1, 2)
        for _ in range(6):  # even out the seeded points, leave the known ones where they are
            for i, cell in enumerate(cells(points, area)):
                if i >= len(fixed) and not cell.is_empty:
                    middle = cell.centroid if area.contains(cell.centroid) else None
                    if middle is not None:
                        points[i] = (middle.x, middle.y)
        found |= dict(zip([*fixed, *free], cells(points, area), strict=True))
    return {code: found[code] for code in sorted(found)}


def _spread(area: Any, number: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """``number`` points in ``area``, evened out: means of the nearest of many random points."""
    sample = _inside(area, max(200, 40 * number), rng)
    points = sample[rng.choice(len(sample), number, replace=False)]
    for _ in range(8):
        nearest = cKDTree(points).query(sample)[1]
        for i in range(number):
            mine = sample[nearest == i]
            if len(mine):
                points[i] = mine.mean(axis=0)
    return points


def _inside(area: Any, number: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """``number`` random points inside ``area``, shape (number, 2)."""
    import shapely

    shapely.prepare(area)
    west, south, east, north = area.bounds
    found: list[NDArray[np.float64]] = [np.empty((0, 2))]
    have = 0
    while have < number:
        tried = rng.uniform((west, south), (east, north), (max(64, 3 * number), 2))
        held = tried[shapely.contains_xy(area, tried[:, 0], tried[:, 1])]
        found.append(held)
        have += len(held)
    points: NDArray[np.float64] = np.concatenate(found)[:number]
    return points


def share(weights: Mapping[str, float], total: int, *, least: int) -> dict[str, int]:
    """``total`` parted by weight, ``least`` to each, exactly (largest remainders)."""
    if total < least * len(weights):
        raise ValueError(f"{total} cannot give {least} to each of {len(weights)}")
    rest = total - least * len(weights)
    whole = sum(weights.values())
    exact = {code: rest * weight / whole for code, weight in weights.items()}
    given = {code: int(part) for code, part in exact.items()}
    left = rest - sum(given.values())
    for code in sorted(exact, key=lambda code: (given[code] - exact[code], code))[:left]:
        given[code] += 1
    return {code: least + number for code, number in given.items()}


def _named(template: Text, division: Division, n: int) -> Text:
    return {
        language: words.replace("{name}", say(division.name, language)).replace("{n}", str(n))
        for language, words in template.items()
    }


def write(path: Path, features: Sequence[Mapping[str, Any]], note: str) -> None:
    """A feature collection, one feature a line, so that a change shows as one."""
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in features)
    head = json.dumps({"type": "FeatureCollection", "note": note}, ensure_ascii=False)[:-1]
    path.write_text(f'{head}, "features": [\n{lines}\n]}}\n', encoding="utf-8")


def main(pack: str) -> None:
    """Make all approximate files of a pack."""
    city = load(pack)
    plan = msgspec.convert(tomllib.loads((city.folder / FILE).read_text(encoding="utf-8")), Plan)
    note = f"{plan.basis}; made by python -m tianmu.city.makers.approximate {city.folder.name}"
    write(city.folder / "towns.geojson", town_areas(city), note)
    city = load(pack)
    write(city.folder / "grids.geojson", grid_areas(city, plan), note)
    city = load(pack)
    nodes, edges = write_streets(city)
    sys.stderr.write(
        f"{city.folder}: {len(city.places.areas('towns'))} areas, "
        f"{len(city.places.grids())} grids, {nodes} street nodes, {edges} street edges\n"
    )


if __name__ == "__main__":
    main(sys.argv[1])
