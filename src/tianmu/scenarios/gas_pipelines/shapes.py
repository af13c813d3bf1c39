"""Pipes, valves and places as shapes of the map."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import shapely

from tianmu.scenarios.gas_pipelines.held import Held
from tianmu.scenarios.gas_pipelines.network import Network
from tianmu.scenarios.gas_pipelines.words import said
from tianmu.scenarios.present import Ring, Shape
from tianmu.scenarios.ring import around

VALVE_M = 6.0
"""half of the side of a valve's square"""


@lru_cache(maxsize=4)
def mains(network: Network, judged: bool) -> tuple[Shape, ...]:
    """Mains between branchings, each as a line there and back (kind ``line``); without a degree
    where the network could not be ``judged``."""
    degree = np.zeros(network.junctions, np.int64)
    beside: list[list[int]] = [[] for _ in range(network.junctions)]
    for pipe in np.flatnonzero(~network.house).tolist():
        for junction in (int(network.start[pipe]), int(network.end[pipe])):
            degree[junction] += 1
            beside[junction].append(pipe)
    ends = set(np.flatnonzero((degree > 0) & (degree != 2)).tolist())
    used: set[int] = set()
    found: list[Shape] = []
    # from each branching along its pipes; then what is left over are rings without one
    for junction in [*sorted(ends), *range(network.junctions)]:
        # what is used grows while this goes on
        found.extend(
            _shape(network, _walk(network, beside, ends, junction, pipe, used), int(judged))
            for pipe in beside[junction]
            if pipe not in used
        )
    return tuple(found)


def _walk(
    network: Network, beside: list[list[int]], ends: set[int], junction: int, pipe: int,
    used: set[int],
) -> tuple[list[int], float, float]:  # fmt: skip
    """(junctions along it, metres, widest diameter in m)."""
    way, length, wide = [junction], 0.0, 0.0
    while pipe not in used:
        used.add(pipe)
        length += float(network.length[pipe])
        wide = max(wide, float(network.diameter[pipe]))
        start, end = int(network.start[pipe]), int(network.end[pipe])
        junction = end if start == junction else start
        way.append(junction)
        if junction in ends:
            break
        onward = [one for one in beside[junction] if one not in used]
        if not onward:
            break
        pipe = onward[0]
    return way, length, wide


def _shape(network: Network, walked: tuple[list[int], float, float], degree: int) -> Shape:
    way, length, wide = walked
    line = [(float(network.longitude[at]), float(network.latitude[at])) for at in way]
    label = said("main", length=f"{length:.0f}", wide=f"{wide * 1000:.0f}")
    return Shape("line", (*line, *reversed(line[:-1])), degree, round(length, 1), label)


def valve_squares(known: Held) -> tuple[Shape, ...]:
    network = known.network
    return tuple(
        Shape(
            "valve",
            around(float(network.longitude[one.junction]), float(network.latitude[one.junction]),
                 VALVE_M, 4),
            0, None, said("valve", number=str(at + 1), pipe=str(network.pipe[one.pipe])),
        )
        for at, one in enumerate(known.valves)
    )  # fmt: skip


def outlines(area: shapely.Geometry) -> list[Ring]:
    """The outer rings of an area; of lines and points, a narrow strip about them."""
    parts = shapely.get_parts(area if area.geom_type.endswith("Polygon") else area.buffer(2e-5))
    return [
        tuple((float(x), float(y)) for x, y in shapely.get_coordinates(part.exterior))
        for part in parts
    ]
