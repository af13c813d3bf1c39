"""The street graph: nodes and edges with lengths and speeds, for how long a way takes.

Where no free graph of the city exists the pack's is seeded and every edge says so.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tianmu.city.file.reader import PackReader
from tianmu.city.place.place import distances

NODES, EDGES = "street_nodes.csv", "street_edges.csv"


class Way(NamedTuple):
    """A way between two points by the street graph."""

    seconds: float
    metres: float
    points: list[tuple[float, float]]
    """longitude, latitude, from the start to the end"""


class Streets:
    """The graph of one pack, opened when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tree = lru_cache(maxsize=256)(self._from)

    @cached_property
    def nodes(self) -> NDArray[np.float64]:
        """Longitude and latitude of each node, shape (n, 2)."""
        return np.array(
            [(float(row["lon"]), float(row["lat"])) for row in self._rows(NODES)],
            dtype=np.float64,
        ).reshape(-1, 2)

    @cached_property
    def edges(self) -> list[dict[str, str]]:
        """Rows of the edges file: ``a, b, class, speed_kmh, length_m, basis``."""
        return self._rows(EDGES)

    def _rows(self, file: str) -> list[dict[str, str]]:
        path = self._folder / file
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Id of a node → its row in ``nodes``."""
        return {row["id"]: i for i, row in enumerate(self._rows(NODES))}

    @cached_property
    def _graph(self) -> tuple[Any, dict[tuple[int, int], float]]:
        from scipy.sparse import csr_array

        number = self.numbers
        rows, columns, seconds = [], [], []
        metres: dict[tuple[int, int], float] = {}
        for edge in self.edges:
            a, b = number[edge["a"]], number[edge["b"]]
            length, speed = float(edge["length_m"]), float(edge["speed_kmh"])
            for one, other in ((a, b), (b, a)):
                rows.append(one)
                columns.append(other)
                seconds.append(length / (speed / 3.6))
                metres[one, other] = length
        n = len(number)
        return csr_array((seconds, (rows, columns)), shape=(n, n)), metres

    def _from(self, node: int) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        from scipy.sparse.csgraph import dijkstra

        seconds, before = dijkstra(self._graph[0], indices=node, return_predecessors=True)
        return seconds, before

    def nearest(self, longitude: float, latitude: float) -> tuple[int, float]:
        """The node nearest to a point and the metres to it. LookupError without a graph."""
        if not len(self.nodes):
            raise LookupError(f"the pack has no street graph: add {NODES} and {EDGES}")
        far = distances(longitude, latitude, self.nodes)
        node = int(np.argmin(far))
        return node, float(far[node])

    def way(
        self, start: tuple[float, float], end: tuple[float, float], *, off_street_kmh: float = 5.0
    ) -> Way | None:
        """The quickest way between two points (longitude, latitude); None where there is none.

        Between a point and its nearest node the way is straight, at ``off_street_kmh``.
        """
        first, to_first = self.nearest(*start)
        last, from_last = self.nearest(*end)
        seconds, before = self._tree(first)
        if not np.isfinite(seconds[last]):
            return None
        nodes = [last]
        while nodes[-1] != first:
            nodes.append(int(before[nodes[-1]]))
        nodes.reverse()
        metres = self._graph[1]
        length = sum(metres[pair] for pair in pairwise(nodes))
        off = to_first + from_last
        points = [(float(self.nodes[i][0]), float(self.nodes[i][1])) for i in nodes]
        return Way(
            float(seconds[last]) + off / (off_street_kmh / 3.6),
            length + off,
            [start, *points, end],
        )

    def geojson(self) -> bytes:
        """Every edge as a line with its class and speed."""
        nodes, number = self.nodes, self.numbers
        features = [
            {
                "type": "Feature",
                "properties": {
                    "class": edge["class"],
                    "speed_kmh": float(edge["speed_kmh"]),
                    "basis": edge.get("basis", ""),
                },
                "geometry": {
                    "type": "LineString",
                    "coordinates": [
                        nodes[number[edge["a"]]].tolist(),
                        nodes[number[edge["b"]]].tolist(),
                    ],
                },
            }
            for edge in self.edges
        ]
        return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def check(reader: PackReader, classes: Collection[str] = ()) -> None:
    """Faults of the graph's files: doubled nodes, edges to nowhere, no length or speed, classes
    (if any are given) that are not among ``classes``."""
    if not (reader.folder / NODES).exists() and not (reader.folder / EDGES).exists():
        return
    nodes: set[str] = set()
    for row in reader.csv(NODES, ("id", "lon", "lat"), optional=("name", "basis")):
        if not row["id"] or row["id"] in nodes:
            what = f"node {row['id'] or '(no id)'} is missing or doubled"
            reader.fault(NODES, row.line, what, "give each node one id")
        nodes.add(row["id"])
        if (
            reader.number(NODES, row, "lon", low=-180, high=180) is None
            or reader.number(NODES, row, "lat", low=-90, high=90) is None
        ):
            reader.fault(NODES, row.line, f"node {row['id']} has no point", "give lon and lat")
    for row in reader.csv(EDGES, ("a", "b", "class", "speed_kmh", "length_m"), optional=("basis",)):
        for end in (row["a"], row["b"]):
            if end not in nodes:
                what = f"edge to {end or '(nowhere)'}, which is no node"
                reader.fault(EDGES, row.line, what, f"use an id of {NODES}")
        for column in ("speed_kmh", "length_m"):
            if not reader.number(EDGES, row, column, low=0.1, high=1_000_000):
                reader.fault(EDGES, row.line, f"edge has no {column}", "give one above 0")
        if classes and row["class"] not in classes:
            what = f"class {row['class'] or '(none)'} is no [[street]] of sending.toml"
            reader.fault(EDGES, row.line, what, f"use one of {', '.join(classes)}, or add it there")
