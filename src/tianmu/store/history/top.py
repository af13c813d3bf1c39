"""The datastreams with the largest (or lowest) values of a span."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.store.history.asked import Asked
from tianmu.store.history.choice import by_day, complete
from tianmu.store.history.daily import Daily, Wanted
from tianmu.store.history.footer import Shelf
from tianmu.store.history.manifest import DAY, RAW, File
from tianmu.store.history.observed import observed
from tianmu.store.history.rollup import counts
from tianmu.store.history.series import F64, I64


@dataclass(frozen=True, eq=False)
class Top:
    """Datastreams by value, the most extreme first; of equal ones the lower index. ``day`` is the
    beginning (µs) of a UTC day on which it was so."""

    datastream: I64
    value: F64
    day: I64

    def __len__(self) -> int:
        return len(self.datastream)


def top(
    shelf: Shelf,
    daily: Daily,
    files: list[File],
    n: int,
    start: int,
    end: int,
    among: NDArray[Any] | None,
    lowest: bool,
    asked: Asked,
) -> Top:
    """The ``n`` datastreams (``among``: a mask, or their indices) whose largest value from
    ``start`` to before ``end`` is largest."""
    if end <= start:
        raise ValueError(f"the end ({end}) must come after the start ({start})")
    if n < 1:
        raise ValueError(f"the {n} largest: ask for at least one")
    days = by_day(files)
    plans = [daily.plan(name, day, start, end, lowest) for name, day in days.items()]
    reading = [p for plan in plans for some in daily.missing(plan)[1:] for p in some]
    asked.reckon(sum(p.rows for p in reading), len(reading))
    sign = -1.0 if lowest else 1.0
    columns = [daily.column(plan, asked).value for plan in plans]
    bound = np.full(max((len(c) for c in columns), default=0), -np.inf)
    for column in columns:
        np.maximum(bound[: len(column)], column, out=bound[: len(column)])
    if among is not None:
        bound = _only(bound, among)
    open_ = [
        (number, day)
        for number, (plan, day) in enumerate(zip(plans, days.values(), strict=True))
        if not plan.settled and complete(day)
    ]
    best = _best(bound, n)
    checked: dict[int, float] = {}
    while open_:
        # a corrected value may have been larger than what holds now: look at those that lead
        new = np.array([s for s in best.tolist() if s not in checked], np.int64)
        if not len(new):
            break
        for number, day in open_:
            exact = _exact(shelf, day, new, plans[number], sign, asked)
            columns[number] = _longer(columns[number], len(bound))
            columns[number][new] = exact
        now = np.max([_at(c, new) for c in columns], axis=0)
        bound[new] = now
        checked.update(zip(new.tolist(), now.tolist(), strict=True))
        best = _best(bound, n)
    found = np.array([_at(c, best) for c in columns]).reshape(len(columns), len(best))
    when = np.array([plan.key[1] // DAY * DAY for plan in plans], np.int64)
    return Top(
        datastream=best,
        value=sign * bound[best],
        day=when[found.argmax(axis=0)] if columns else np.zeros(0, np.int64),
    )


def _only(bound: F64, among: NDArray[Any]) -> F64:
    mask = np.zeros(len(bound), bool)
    if among.dtype == bool:
        mask[: len(among)] = among[: len(bound)]
    else:
        mask[among[among < len(bound)]] = True
    return np.where(mask, bound, -np.inf)


def _best(bound: F64, n: int) -> I64:
    """Indices of the ``n`` largest, sorted; of equal ones the lower."""
    known = np.flatnonzero(bound > -np.inf)  # a partition of many that are equal is slow
    value = bound[known]
    if n < len(value):
        least = np.partition(value, len(value) - n)[len(value) - n]
        above = known[value > least]
        known = np.append(above, known[value == least][: n - len(above)])
    return known[np.lexsort((known, -bound[known]))]


def _exact(
    shelf: Shelf, day: list[File], streams: I64, plan: Wanted, sign: float, asked: Asked
) -> F64:
    """The extreme of each of ``streams`` on a day, as it stands now."""
    _, start, end, _ = plan.key
    order = np.sort(streams)
    parts = shelf.parts([f for f in day if f.kind == RAW], order, start, end)
    rows = observed(shelf, parts, ("value", "quality"), order.astype(np.uint32), start, end, asked)
    good = counts(rows["value"], rows["quality"])
    value, which = sign * rows["value"][good], rows["datastream"][good]
    found = np.full(len(order), -np.inf)
    np.maximum.at(found, np.searchsorted(order, which), value)
    return found[np.searchsorted(order, streams)]


def _at(column: F64, streams: I64) -> F64:
    known = streams < len(column)
    found = np.full(len(streams), -np.inf)
    found[known] = column[streams[known]]
    return found


def _longer(column: F64, n: int) -> F64:
    return np.append(column, np.full(max(0, n - len(column)), -np.inf))
