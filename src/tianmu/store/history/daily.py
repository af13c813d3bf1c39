"""Highest and lowest value of every datastream by day, as columns that are held in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tianmu.store.history.asked import Asked
from tianmu.store.history.choice import complete, within
from tianmu.store.history.footer import Part, Shelf
from tianmu.store.history.held import Held
from tianmu.store.history.manifest import DAILY, DAY, HOUR, OUTSIDE, RAW, File, begin_of
from tianmu.store.history.rollup import HOUR_US, counts

HELD = 256 << 20
"""bytes of columns that are kept: a day of 1.56 M datastreams is 12.5 MB"""


@dataclass(frozen=True, eq=False)
class Extremes:
    """``value`` by datastream, shape (n,): the highest, or the lowest with its sign turned; -inf
    where nothing counts. Where it is not ``settled``, after a correction it may be too large."""

    value: NDArray[np.float64]
    files: frozenset[File]
    settled: bool


@dataclass(frozen=True)
class Wanted:
    """What a day's column is made of."""

    key: tuple[str, int, int, bool]
    rolled: list[Part]
    raw: list[Part]
    settled: bool


class Daily:
    """Columns of days and of parts of days, made when they are first asked for."""

    def __init__(self, shelf: Shelf, most: int = HELD) -> None:
        self._shelf = shelf
        self.columns: Held[Extremes] = Held(most, lambda column: column.value.nbytes)

    def plan(self, name: str, files: Sequence[File], start: int, end: int, lowest: bool) -> Wanted:
        """From which files the column of a day (``name``, with all its files) is to be made."""
        kinds: tuple[str, ...] = ()
        if name != OUTSIDE:
            first = begin_of(name)
            start, end = max(start, first), min(end, first + DAY)
            if not complete(files):
                start, end = -(-start // HOUR_US) * HOUR_US, end // HOUR_US * HOUR_US
            if start == first and end == first + DAY:
                kinds = (DAILY, HOUR)
            elif start % HOUR_US == 0 and end % HOUR_US == 0:
                kinds = (HOUR,)
        raw = [f for f in files if f.kind == RAW]
        of_kind = ([f for f in files if f.kind == kind] for kind in kinds)
        rolled = next((some for some in of_kind if some), [])
        rest = [f for f in raw if not within(f, rolled)]
        settled = all(f.level == 3 for f in (*rolled, *rest)) and not (rolled and rest)
        return Wanted(
            (name, start, end, lowest),
            self._shelf.parts(rolled, None, start, end),
            self._shelf.parts(rest, None, start, end),
            settled,
        )

    def missing(self, wanted: Wanted) -> tuple[Extremes | None, list[Part], list[Part]]:
        """The column as far as it is held, and what has to be read besides (roll-ups, raw)."""
        held = self.columns.get(wanted.key)
        files = {part.file for part in (*wanted.rolled, *wanted.raw)}
        if held is None or held.settled != wanted.settled or (held.settled and held.files != files):
            return None, wanted.rolled, wanted.raw
        known = tuple(held.files)
        return (
            held,
            [p for p in wanted.rolled if not within(p.file, known)],
            [p for p in wanted.raw if not within(p.file, known)],
        )

    def column(self, wanted: Wanted, asked: Asked) -> Extremes:
        """Made or brought up to date."""
        held, rolled, raw = self.missing(wanted)
        if held is not None and not rolled and not raw:
            return held
        _, start, end, lowest = wanted.key
        top = max((p.file.high_stream for p in (*rolled, *raw)), default=-1) + 1
        value = np.full(max(top, 0 if held is None else len(held.value)), -np.inf)
        if held is not None:
            value[: len(held.value)] = held.value
        name, sign = ("low", -1.0) if lowest else ("high", 1.0)
        for part in rolled:
            for rows in self._shelf.pieces(part, ("datastream", name), None, start, end, asked):
                _take(value, rows["datastream"], sign * rows[name])
        for part in raw:
            names = ("datastream", "value", "quality")
            for rows in self._shelf.pieces(part, names, None, start, end, asked):
                good = counts(rows["value"], rows["quality"])
                _take(value, rows["datastream"][good], sign * rows["value"][good])
        files = {p.file for p in (*rolled, *raw)} | (held.files if held is not None else set())
        return self.columns.put(wanted.key, Extremes(value, frozenset(files), wanted.settled))


def _take(
    into: NDArray[np.float64], streams: NDArray[np.uint32], value: NDArray[np.float64]
) -> None:
    """The larger of what is there and the values of sorted ``streams``."""
    if not len(streams):
        return
    firsts = np.flatnonzero(np.append(True, streams[1:] != streams[:-1]))
    if len(firsts) < len(streams):
        streams, value = streams[firsts], np.maximum.reduceat(value, firsts)
    into[streams] = np.maximum(into[streams], value)
