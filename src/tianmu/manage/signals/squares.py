"""Open cases by matter and place: which of them a point may lie near. In memory.

Points that say exactly where they are lie in one set of squares, those that do not in another. Most
are exact, and among them only the squares next to a point have to be looked at; how far around it
is looked among the others is what an imprecise place may widen a matter's radius by at most.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from tianmu.city.charter.tuning import Metres
from tianmu.facts.place import DEGREE_M, Place
from tianmu.manage.signals.anchor import Anchor

SIDE = 200.0
"""metres: of a square"""
SPARE = 1.01
"""so much farther is looked: at one edge of the city squares are narrower than they should be"""
DEAR = 8
"""squares that can be looked at in the time in which one case is weighed"""

Square = tuple[str, int, int]
"""matter, column, row"""


class _Layer:
    """Cases by square and by matter."""

    def __init__(self) -> None:
        self.squares: dict[Square, dict[str, Anchor]] = {}
        self.of_matter: dict[str, dict[str, Anchor]] = {}
        self._where: dict[str, set[Square]] = {}

    def put(self, anchor: Anchor, wanted: Iterable[Square]) -> None:
        """Squares in which the case is, beside those in which it is already."""
        known = self._where.setdefault(anchor.case, set())
        for square in wanted:
            if square not in known:
                known.add(square)
                self.squares.setdefault(square, {})[anchor.case] = anchor
                self.of_matter.setdefault(square[0], {})[anchor.case] = anchor

    def drop(self, case: str) -> None:
        for square in self._where.pop(case, ()):
            cases = self.squares[square]
            del cases[case]
            if not cases:
                del self.squares[square]
            held = self.of_matter.get(square[0])
            if held is not None and held.pop(case, None) is not None and not held:
                del self.of_matter[square[0]]

    def near(self, matter: str, column: int, row: int, reach: int) -> Iterator[Anchor]:
        known = self.of_matter[matter]
        if len(known) * DEAR < (2 * reach + 1) ** 2:
            yield from known.values()
            return
        get = self.squares.get
        for x in range(column - reach, column + reach + 1):
            for y in range(row - reach, row + reach + 1):
                cases = get((matter, x, y))
                if cases:
                    yield from cases.values()


class Squares:
    """Cases that have a point, by what they are about and where."""

    def __init__(self, latitude: float, metres: Metres) -> None:
        """``latitude`` of the city: how wide a degree is there; ``metres``: from which precision
        on points are exact, and by how many imprecise places may widen a radius."""
        self._lat = SIDE / DEGREE_M
        self._lon = SIDE / (DEGREE_M * max(0.05, math.cos(math.radians(latitude))))
        self._most, self._exact_m = metres.vague, metres.exact
        self._exact, self._vague = _Layer(), _Layer()

    def put(self, anchor: Anchor) -> None:
        """The case can be found at all its points by all its matters; where it was before it still
        is (``drop`` it first if it shall not be)."""
        matters = tuple(anchor.matters) or ("",)
        for layer, exact in ((self._exact, True), (self._vague, False)):
            spots = [
                one for one in anchor.spots if ((one.precision or 0.0) <= self._exact_m) is exact
            ]
            if spots:
                squares = [self._square(one) for one in spots]
                layer.put(anchor, [(matter, x, y) for x, y in squares for matter in matters])

    def drop(self, case: str) -> None:
        self._exact.drop(case)
        self._vague.drop(case)

    def near(self, place: Place, radii: Mapping[str, float]) -> Iterator[Anchor]:
        """Cases of a matter that lie within its radius (m) of ``place``, as far as either says
        where it is, and some that do not; one may come several times. None without a point."""
        if place.longitude is None:
            return
        column, row = self._square(place)
        slack = min(self._most, math.hypot(place.precision or 0.0, self._exact_m))
        for layer, around in ((self._exact, slack), (self._vague, self._most)):
            if layer.of_matter:
                # a storm is of few matters, and each has a dozen that may be the same
                few = layer.of_matter if len(layer.of_matter) < len(radii) else radii
                for matter in few:
                    if matter not in radii or matter not in layer.of_matter:
                        continue
                    reach = math.ceil((radii[matter] + around) * SPARE / SIDE)
                    yield from layer.near(matter, column, row, reach)

    def _square(self, place: Place) -> tuple[int, int]:
        assert place.longitude is not None
        assert place.latitude is not None
        return math.floor(place.longitude / self._lon), math.floor(place.latitude / self._lat)

    def __len__(self) -> int:
        """Squares in which there is a case."""
        return len(self._exact.squares) + len(self._vague.squares)
