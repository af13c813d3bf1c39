"""Whose front a thing stands before: by its place in the picture, else the nearest.

The fronts are the pack's ``shop_fronts.csv`` (``city.front``), or a file of that name in the
scenario's folder of the city's data, which takes its place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tianmu.city.city import City
from tianmu.city.file.reader import PackReader
from tianmu.city.place.front import FILE, Front, read
from tianmu.city.place.place import distances
from tianmu.facts.origin import Origin
from tianmu.sense.recognition.dwell import Box


class BadFronts(ValueError):
    """A city's own ``shop_fronts.csv`` that cannot be used: file, line, what, remedy."""


@dataclass(frozen=True)
class Answers:
    """The front that answers; ``metres`` from the camera, None where its picture tells."""

    front: Front
    metres: float | None


class Fronts:
    """All fronts of a city."""

    def __init__(self, fronts: Sequence[Front]) -> None:
        self._all = fronts
        self._points = np.array([(one.longitude, one.latitude) for one in fronts]).reshape(-1, 2)
        self._drawn: dict[str, list[tuple[Front, Box]]] = {}
        for one in fronts:
            if one.edges is not None:
                self._drawn.setdefault(one.camera, []).append((one, one.edges))

    def __len__(self) -> int:
        return len({one.code for one in self._all})

    @property
    def seeded(self) -> int:
        """How many are made from a seed."""
        return len({one.code for one in self._all if one.origin is Origin.SEEDED})

    def answers(
        self,
        camera: str,
        longitude: float | None,
        latitude: float | None,
        box: Box | None,
        within_m: float,
    ) -> Answers | None:
        """Where fronts are drawn in the camera's picture, the one in which the foot of the box
        lies; else the nearest within ``within_m`` of the camera; None for nobody's."""
        drawn = self._drawn.get(camera)
        if drawn and box is not None:
            x, y = (box[0] + box[2]) / 2, box[3]
            held = [(_size(edges), one.code, one) for one, edges in drawn if _inside(x, y, edges)]
            return Answers(min(held)[2], None) if held else None
        if longitude is None or latitude is None or not self._all:
            return None
        far = distances(longitude, latitude, self._points)
        at = int(far.argmin())
        metres = float(far[at])
        return Answers(self._all[at], metres) if metres <= within_m else None


def _inside(x: float, y: float, box: Box) -> bool:
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _size(box: Box) -> float:
    return math.hypot(box[2] - box[0], box[3] - box[1])


def of_city(city: City, own: Path) -> Fronts:
    """The fronts of a city; ``own`` is the scenario's folder of its data. Raises ``BadFronts``."""
    if not (own / FILE).is_file():
        return Fronts(city.fronts)
    reader = PackReader(own)
    reader.languages = city.languages
    found = read(reader)
    if reader.faults:
        raise BadFronts(f"{own}/{reader.faults[0]}")
    return Fronts(found)
