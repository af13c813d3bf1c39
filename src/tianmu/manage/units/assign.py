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
    pairs = _solve(matrix, rows, columns, np.asarray(task.unmet, dtype=np.float64)[rows])
    return pairs if pairs is not None else _flow(task, costs)


def _solve(
    matrix: NDArray[np.float64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    unmet: NDArray[np.float64],
) -> Pairs | None:
    """Places × columns of least cost, each place with the choice of staying open; None where a
    case got a unit twice."""
    from scipy.optimize import linear_sum_assignment

    # leaving a place open costs the same in every column, so it can be taken off beforehand: a
    # pair that gains nothing is no pair
    gain = np.minimum(np.where(np.isfinite(matrix), matrix - unmet[:, None], 0.0), 0.0)
    chosen, at = linear_sum_assignment(gain)
    real = gain[chosen, at] < 0
    found = list(zip(rows[chosen[real]].tolist(), columns[at[real]].tolist(), strict=True))
    pairs = frozenset(found)
    return pairs if len(pairs) == len(found) else None


def _flow(task: Task, costs: NDArray[np.float64]) -> Pairs:
    """The same as a flow of least cost from cases to units, at most one along each pair: a linear
    programme whose corners are whole numbers (HiGHS)."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    gain = costs - np.asarray(task.unmet, dtype=np.float64)[:, None]
    places, room = np.maximum(task.places, 0), np.maximum(task.room, 0)
    case, unit = np.nonzero(np.isfinite(gain) & (gain < 0) & (places[:, None] > 0) & (room > 0))
    if not len(case):
        return frozenset()
    # a unit's second case costs ``load``, its third twice that …
    holder = np.repeat(np.arange(len(room)), room)
    nth = np.arange(len(holder)) - np.searchsorted(holder, holder)
    pairs, cases, units = len(case), len(places), len(room)
    ones = np.ones(pairs)
    most = coo_array((ones, (case, np.arange(pairs))), shape=(cases, pairs + len(holder)))
    through = coo_array(
        (
            np.concatenate([ones, -np.ones(len(holder))]),
            (np.concatenate([unit, holder]), np.arange(pairs + len(holder))),
        ),
        shape=(units, pairs + len(holder)),
    )
    solved = linprog(
        np.concatenate([gain[case, unit], task.load * nth]),
        A_ub=most.tocsr(),
        b_ub=places,
        A_eq=through.tocsr(),
        b_eq=np.zeros(units),
        bounds=(0, 1),
        method="highs-ds",
    )
    if solved.x is None:  # pragma: no cover - nothing chosen is always a way
        return greedy(task)
    taken = solved.x[:pairs] > 0.5
    return frozenset(zip(case[taken].tolist(), unit[taken].tolist(), strict=True))
