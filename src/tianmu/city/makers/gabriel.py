"""A seeded street graph: settlements and grids joined where nothing lies between them.

Two nodes are joined when the circle over their connecting line holds no third (Gabriel graph):
such graphs look like and have about the ways of country road networks. Edges that leave the
outline or cross a lake are left out as long as the graph stays in one piece.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tianmu.city.place.place import distances

if TYPE_CHECKING:
    from tianmu.city.city import City

BASIS = "seeded, not the real network"
WINDING = 1.25
"""how much longer a way is than the straight line; default"""
SPEEDS = {"main": 60.0, "secondary": 45.0, "local": 30.0}
"""km/h by class; default"""


class Node(NamedTuple):
    id: str
    lon: float
    lat: float
    rank: int
    """0 town, 1 village with a known point, 2 grid"""


def gabriel(points: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Edges of the Gabriel graph of ``points`` (n, 2) in a plane, each once, first < second."""
    from scipy.spatial import Delaunay, cKDTree

    if len(points) < 3:
        return [(0, 1)] if len(points) == 2 else []
    pairs = set()
    for a, b, c in Delaunay(points).simplices.tolist():
        for one, other in ((a, b), (b, c), (c, a)):
            pairs.add((min(one, other), max(one, other)))
    tree = cKDTree(points)
    found = []
    for a, b in sorted(pairs):
        middle = (points[a] + points[b]) / 2
        radius = float(np.hypot(*(points[a] - points[b]))) / 2
        nearest, _ = tree.query(middle, k=1)
        if nearest >= radius * (1 - 1e-9):
            found.append((a, b))
    return found


def nodes_of(city: City) -> list[Node]:
    """Known points of towns and villages, and the middle of each general grid."""
    found: dict[tuple[float, float], Node] = {}
    for division in city.divisions.values():
        point = division.point
        if division.parent and point is not None and point.longitude is not None:
            at = (point.longitude, float(point.latitude or 0))
            rank = 0 if division.tier == 2 else 1
            found.setdefault(at, Node(division.code, *at, rank))
    for grid in city.places.grids():
        if not grid.properties.get("over"):
            middle = grid.geometry.representative_point()
            at = (round(middle.x, 6), round(middle.y, 6))
            found.setdefault(at, Node(grid.code, *at, 2))
    return list(found.values())


def edges_of(city: City, nodes: list[Node]) -> list[tuple[int, int, str]]:
    """(node, node, class); the graph is one piece."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from shapely import LineString, prepare, union_all

    points = np.array([(node.lon, node.lat) for node in nodes])
    flat = points * (np.cos(np.radians(city.center[1])), 1.0)
    outline = city.places.outline.buffer(0.002)
    prepare(outline)
    lakes = union_all(list(_lakes(city)))
    good: list[tuple[int, int]] = []
    poor: list[tuple[int, int]] = []
    for a, b in gabriel(flat):
        line = LineString([points[a], points[b]])
        sound = outline.contains(line) and not lakes.intersects(line)
        (good if sound else poor).append((a, b))

    def pieces(edges: list[tuple[int, int]]) -> Any:
        ends = np.array(edges).reshape(-1, 2)
        graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), (len(nodes),) * 2)
        return connected_components(graph, directed=False)[1]

    for pair in poor:  # a bridge or a causeway, where there is no other way
        label = pieces(good)
        if label[pair[0]] != label[pair[1]]:
            good.append(pair)
    ranks = [node.rank for node in nodes]
    major = {i for i, rank in enumerate(ranks) if rank < 2}
    return [(a, b, _kind(ranks[a], ranks[b])) for a, b in good] + _mains(flat, sorted(major), good)


def _kind(one: int, other: int) -> str:
    return "secondary" if min(one, other) < 2 else "local"


def _mains(
    flat: NDArray[np.float64], major: list[int], there: list[tuple[int, int]]
) -> list[tuple[int, int, str]]:
    """Main roads between settlements, straight over the grids between."""
    known = set(there)
    found = []
    for a, b in gabriel(flat[major]):
        pair = (min(major[a], major[b]), max(major[a], major[b]))
        if pair not in known:
            found.append((*pair, "main"))
    return found


def _lakes(city: City) -> list[Any]:
    return [area.geometry for area in city.places.layer_areas("lakes")]


def write_streets(city: City) -> tuple[int, int]:
    """Write the pack's street files; how many nodes and edges."""
    from tianmu.city.way.streets import EDGES, NODES

    nodes = nodes_of(city)
    edges = edges_of(city, nodes)
    with (city.folder / NODES).open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["id", "lon", "lat", "basis"])
        out.writerows([node.id, f"{node.lon:.6f}", f"{node.lat:.6f}", BASIS] for node in nodes)
    with (city.folder / EDGES).open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["a", "b", "class", "speed_kmh", "length_m", "basis"])
        for a, b, kind in edges:
            end = np.array([(nodes[b].lon, nodes[b].lat)])
            length = float(distances(nodes[a].lon, nodes[a].lat, end)[0]) * WINDING
            row = [nodes[a].id, nodes[b].id, kind, SPEEDS[kind], round(max(length, 1.0)), BASIS]
            out.writerow(row)
    return len(nodes), len(edges)
