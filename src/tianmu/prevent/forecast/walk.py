"""A datastream walked through in order: what was expected of each step, and within which band.

Of the ways to expect (``candidates``) the one counts that erred least so far. The band is that of
split conformal prediction: the quantiles of the errors that this way made before, each measured by
how large they usually are at that time of the day. Nothing that is said of a step rests on anything
later than ``lead`` steps before it, so a past walked through is a back-test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tianmu.prevent.forecast.candidates import (
    F64,
    HALF_SEASONS,
    WAYS,
    candidates,
    filled,
    known_blocks,
)

SEASONS_KEPT = 28
"""seasons of errors that a band goes by"""
MOST_KEPT = 672
"""errors that it goes by at most, but for two seasons"""
PARTS = 8
"""of a season, each with its own usual size of error"""
PRIOR = 5.0
"""errors that the whole day's size counts for beside those of its part"""
TINY = 1e-9
NONE_YET = 255


@dataclass(frozen=True)
class Course:
    """How a stream is looked ahead on."""

    season: int
    """steps of a day; 0: it has none"""
    coverage: float = 0.9
    """of the values that come, the share that the band is to hold"""
    least: float = -np.inf
    most: float = np.inf
    """what can be measured at all"""

    @property
    def block(self) -> int:
        """steps after which it is fitted anew"""
        return max(1, self.season // 4) if self.season else 10

    @property
    def kept(self) -> int:
        """errors that a band goes by, whole seasons"""
        if not self.season:
            return 200
        seasons = min(SEASONS_KEPT, MOST_KEPT // self.season)
        return self.season * max(2, seasons)


@dataclass(frozen=True)
class Lead:
    """What was said ``lead`` steps ahead, by target, shape (steps,) each; nan where nothing was."""

    lead: int
    expected: F64
    low: F64
    high: F64
    """nan as long as too few errors are known for a band"""
    naive: F64
    """the same time of an earlier day, or without a season the latest value: what to compare to"""
    way: NDArray[np.uint8]
    """place in ``WAYS``; ``NONE_YET``"""
    size: F64
    """usual size of an error at that time of the day"""
    errors: F64
    """shape (blocks, kept): errors in sizes known at the end of each block, sorted, nan last"""
    course: Course
    best: NDArray[np.uint8]
    """place in ``WAYS`` of the way that had erred least at the end of each block"""
    sizes: F64
    """shape (blocks, parts): usual size of an error of that way, by part of the season"""
    missed: F64
    """shape (steps, ways): what came, less what each way said of it"""

    @property
    def block(self) -> int:
        return self.course.block

    def came(self, block: int) -> F64:
        """The errors of ``errors`` at the end of a block in the order in which they came, shape
        (kept,): the last is that of its last step."""
        kept, end = self.course.kept, (block + 1) * self.course.block
        first = max(end - kept, 0)
        part = _part(np.arange(first, end), self.course)
        found = np.full(kept, np.nan)
        found[kept - (end - first) :] = (
            self.missed[first:end, self.best[block]] / self.sizes[block, part]
        )
        return found

    def chance(self, target: int, low: float, high: float) -> float:
        """That the value of ``target`` lies at or below ``low`` or at or above ``high`` (nan: no
        such limit): by the share of past errors that would bring it there. Nan without any."""
        at = (target - self.lead + 1) // self.block - 1  # as ``known_blocks`` has it
        if at < 0 or not np.isfinite(self.expected[target]) or not np.isfinite(self.size[target]):
            return float("nan")
        errors = self.errors[at][np.isfinite(self.errors[at])]
        if not len(errors):
            return float("nan")
        would = self.expected[target] + self.size[target] * errors
        beyond = np.count_nonzero((would <= low) | (would >= high))
        return float(beyond / len(errors))


def walk(value: F64, course: Course, leads: range, ahead: int = 0, since: int = 0) -> list[Lead]:
    """What was said of each step of ``value`` (nan: nothing measured) ``lead`` steps before it,
    and of the ``ahead`` steps after the last one. Bands and chances are reckoned only where it
    was said at step ``since`` or later."""
    known = filled(value, course.season)
    more = np.full(ahead, np.nan)
    value, known = np.concatenate((value, more)), np.concatenate((known, more))
    return [_lead(value, known, course, lead, since) for lead in leads]


def _lead(value: F64, known: F64, course: Course, lead: int, since: int) -> Lead:
    steps, block = len(value), course.block
    ways = candidates(value, known, lead, course.season, block)
    np.clip(ways, course.least, course.most, out=ways)
    naive = ways[:, 1] if course.season else ways[:, 0]
    at = known_blocks(steps, lead, block)
    best = _best(value, ways, course)
    way = _ways(ways, best, at)
    said = way != NONE_YET
    expected = np.full(steps, np.nan)
    expected[said] = ways[np.flatnonzero(said), way[said]]
    missed = value[:, None] - ways
    errors, sizes = _errors(missed, best, course, max(0, (since + 1) // block - 1))
    size = _size(sizes, course, at)
    # where the way that was best says nothing, its errors say nothing of the one in its place
    own = at >= 0
    own[own] = way[own] == best[at[own]]
    size[~own] = np.nan
    low, high = _band(expected, size, errors, course, at)
    return Lead(lead, expected, low, high, naive, way, size, errors, course, best, sizes, missed)


def _best(value: F64, ways: F64, course: Course) -> NDArray[np.uint8]:
    """By block, the way that erred least up to its end, old errors counting less; the first way as
    long as none has erred often enough."""
    block = course.block
    error = np.abs(value[:, None] - ways)
    blocks = len(value) // block
    fading = 0.5 ** (block / (HALF_SEASONS * max(course.season, 40)))
    best = np.zeros(blocks, np.uint8)
    total, count = np.zeros(len(WAYS)), np.zeros(len(WAYS))
    for n in range(blocks):
        part = error[n * block : (n + 1) * block]
        seen = np.isfinite(part)
        total = fading * total + np.where(seen, part, 0.0).sum(0)
        count = fading * count + seen.sum(0)
        mean = np.where(count >= block, total / np.maximum(count, 1e-9), np.inf)
        best[n] = np.argmin(mean)
    return best


def _ways(ways: F64, best: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.uint8]:
    """By target the best way known then; where that says nothing, the first that does."""
    speaks = np.isfinite(ways)
    found = np.where(speaks.any(1), np.argmax(speaks, 1), NONE_YET).astype(np.uint8)
    known = np.flatnonzero(at >= 0)
    wish = best[at[known]]
    able = speaks[known, wish]
    found[known[able]] = wish[able]
    return found


def _errors(error: F64, best: NDArray[np.uint8], course: Course, first: int) -> tuple[F64, F64]:
    """The errors of each block's best way up to its end, in their usual size at that time of the
    day, sorted, nan last, shape (blocks, kept); and those sizes, shape (blocks, parts).

    They are those of the way as it would have been taken all along: each was made before its value
    came. Blocks before ``first`` have nan.
    """
    block, kept = course.block, course.kept
    parts = _parts(course)
    errors, all_sizes = np.full((len(best), kept), np.nan), np.full((len(best), parts), np.nan)
    best = best[first:]
    blocks = len(best)
    if not blocks:
        return errors, all_sizes
    ends = (first + np.arange(blocks) + 1) * block
    window = np.empty((blocks, kept))
    for way in np.unique(best).tolist():
        padded = np.concatenate((np.full(kept, np.nan), error[:, way]))
        every = np.lib.stride_tricks.sliding_window_view(padded, kept)
        mine = np.flatnonzero(best == way)
        window[mine] = every[ends[mine]]
    steps_of = ends[:, None] - kept + np.arange(kept)
    part = _part(steps_of, course)
    seen = np.isfinite(window)
    size = np.where(seen, np.abs(window), 0.0)
    whole = size.sum(1) / np.maximum(seen.sum(1), 1)
    place = (np.arange(blocks)[:, None] * parts + part)[seen]
    total = np.bincount(place, size[seen], blocks * parts).reshape(blocks, parts)
    count = np.bincount(place, minlength=blocks * parts).reshape(blocks, parts)
    sizes = (total + PRIOR * whole[:, None]) / (count + PRIOR)
    # what never erred may still do: a band of no width at all would call any change a miss
    sizes = np.maximum(sizes, TINY)
    errors[first:] = np.sort(window / np.take_along_axis(sizes, part, 1), 1)
    all_sizes[first:] = sizes
    return errors, all_sizes


def _parts(course: Course) -> int:
    return min(course.season, PARTS) if course.season else 1


def _part(steps: NDArray[np.int64], course: Course) -> NDArray[np.int64]:
    """Which part of the season each step lies in."""
    if not course.season:
        return np.zeros_like(steps)
    return steps % course.season * _parts(course) // course.season


def _size(sizes: F64, course: Course, at: NDArray[np.int64]) -> F64:
    """By target the usual size of errors at its time of the day; nan where none is known."""
    size = np.full(len(at), np.nan)
    known = np.flatnonzero(at >= 0)
    size[known] = sizes[at[known], _part(known, course)]
    return size


def _band(
    expected: F64, size: F64, errors: F64, course: Course, at: NDArray[np.int64]
) -> tuple[F64, F64]:
    """Lowest and highest by the errors known then; nan where those are too few to say so."""
    steps = len(expected)
    low, high = np.full(steps, np.nan), np.full(steps, np.nan)
    count = np.isfinite(errors).sum(1)
    tail = (1.0 - course.coverage) / 2
    under = np.floor(tail * (count + 1)).astype(np.int64) - 1
    over = np.ceil((1 - tail) * (count + 1)).astype(np.int64) - 1
    able = (under >= 0) & (over < count)
    bounds = np.full((len(errors), 2), np.nan)
    rows = np.flatnonzero(able)
    bounds[rows, 0] = errors[rows, under[rows]]
    bounds[rows, 1] = errors[rows, over[rows]]
    known = at >= 0
    low[known] = expected[known] + size[known] * bounds[at[known], 0]
    high[known] = expected[known] + size[known] * bounds[at[known], 1]
    return np.clip(low, course.least, course.most), np.clip(high, course.least, course.most)
