"""Which units to which cases, all together: the assignment of least cost (SciPy).

A cost is in minutes, infinite where it must not be. Every case has so many places; every place
that is left open costs ``unmet``. To give up a unit that was proposed before costs ``change``, so
that a small change of the costs changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pairs: TypeAlias = frozenset[tuple[int, int]]
"""(case, unit) by their rows and columns in the costs"""


@dataclass(frozen=True)
class Task:
    """What is to be assigned. Of ``costs`` rows are cases, columns are units."""

    costs: NDArray[np.float64]
    places: Sequence[int]
    """of each case: how many units it is to get"""
    room: Sequence[int]
    """of each unit: how many more cases it can take"""
    unmet: Sequence[float]
    """of each case: cost of a place left open"""
    change: Sequence[float] | float = 0.0
    """of each case: what it costs to give up a unit that was proposed before"""
    load: float = 0.0
    """cost of each further case of a unit"""
    before: Collection[tuple[int, int]] = field(default_factory=frozenset)

    def adjusted(self) -> NDArray[np.float64]:
        """Costs, with what was proposed before cheaper by what a change costs; shape as
        ``costs``."""
        found = np.array(self.costs, dtype=np.float64)
        change = np.broadcast_to(np.asarray(self.change, dtype=np.float64), len(found))
        for case, unit in self.before:
            found[case, unit] -= change[case]
        return found


def total(task: Task, pairs: Pairs) -> float:
    """Cost of an assignment: of its pairs, of places left open, of units with several."""
    costs = task.adjusted()
    filled = [0] * len(task.places)
    taken: dict[int, int] = {}
    cost = 0.0
    for case, unit in pairs:
        cost += float(costs[case, unit])
        filled[case] += 1
        taken[unit] = taken.get(unit, 0) + 1
    cost += sum(task.load * n * (n - 1) / 2 for n in taken.values())
    return cost + sum(
        max(0, place - one) * unmet
        for place, one, unmet in zip(task.places, filled, task.unmet, strict=True)
    )


def greedy(task: Task) -> Pairs:
    """The cheapest pair, then the next: what somebody does who looks at one case at a time."""
    costs = task.adjusted()
    gain = costs - np.asarray(task.unmet, dtype=np.float64)[:, None]
    order = np.argsort(gain, axis=None, kind="stable")
    places, room, taken = list(task.places), list(task.room), [0] * len(task.room)
    pairs: set[tuple[int, int]] = set()
    for flat in order:
        case, unit = divmod(int(flat), costs.shape[1])
        worth = float(gain[case, unit]) + task.load * taken[unit]
        if not np.isfinite(worth) or worth >= 0 or places[case] < 1 or taken[unit] >= room[unit]:
            continue
        pairs.add((case, unit))
        places[case] -= 1
        taken[unit] += 1
    return frozenset(pairs)


def assign(task: Task) -> Pairs:
    """The pairs of least total cost: no case gets a unit twice, no unit more than its room."""
    costs = task.adjusted()
    if not costs.size:
        return frozenset()
    rows = np.repeat(np.arange(len(task.places)), np.maximum(task.places, 0))
    # a unit with room for several stands in as many columns, each dearer than the one before
    columns = np.repeat(np.arange(len(task.room)), np.minimum(np.maximum(task.room, 0), len(rows)))
    if not len(rows) or not len(columns):
        return frozenset()
    again = np.arange(len(columns)) - np.searchsorted(columns, columns)
    matrix = costs[rows][:, columns] + task.load * again
    found = _solve(matrix, rows, columns, np.asarray(task.unmet, dtype=np.float64)[rows])
    # where a case had to be kept from a unit it got twice the optimum is only near
    if np.any(np.asarray(task.room) > 1):
        other = greedy(task)
        return min(found, other, key=lambda pairs: total(task, pairs))
    return found


def _solve(
    matrix: NDArray[np.float64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    unmet: NDArray[np.float64],
) -> Pairs:
    """Places × columns of least cost, each place with the choice of staying open."""
    from scipy.optimize import linear_sum_assignment

    while True:
        # leaving a place open costs the same in every column, so it can be taken off beforehand:
        # a pair that gains nothing is no pair
        gain = np.minimum(np.where(np.isfinite(matrix), matrix - unmet[:, None], 0.0), 0.0)
        chosen, at = linear_sum_assignment(gain)
        pairs: dict[tuple[int, int], int] = {}
        doubled = []
        for row, column in zip(chosen, at, strict=True):
            if gain[row, column] < 0:
                pair = (int(rows[row]), int(columns[column]))
                if pair in pairs:
                    doubled.append((row, pair[1]))
                pairs[pair] = row
        if not doubled:
            return frozenset(pairs)
        for row, unit in doubled:
            matrix[row, columns == unit] = np.inf
