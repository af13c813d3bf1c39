"""Which files of a day answer a question: the coarsest roll-up that is exact for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from tianmu.store.history.manifest import DAILY, DAY, HOUR, MINUTE, OUTSIDE, RAW, File
from tianmu.store.history.rollup import HOUR_US, MINUTE_US

WIDTH = {DAILY: DAY, HOUR: HOUR_US, MINUTE: MINUTE_US}
"""µs that a row of a roll-up by datastream stands for, coarsest first"""


def by_day(files: Sequence[File]) -> dict[str, list[File]]:
    """Files by day, in order; within a day in the order given."""
    days: dict[str, list[File]] = defaultdict(list)
    for file in files:
        days[file.day].append(file)
    return dict(sorted(days.items()))


def standing(files: Sequence[File], kind: str) -> tuple[list[File], list[File]]:
    """The final roll-up of ``kind`` of a day, and the raw files that must be read besides.

    No roll-up where it does not know all there is and the raw files do: what came later may
    correct what it counted. Where these have been let go, the roll-up and what came later."""
    raw = [f for f in files if f.kind == RAW]
    final = [f for f in files if f.kind == kind and f.level == 3]
    if not final or files[0].day == OUTSIDE:
        return [], raw
    known = max(f.last_order for f in final)
    late = [f for f in raw if f.last_order > known]
    if late and min(f.first_order for f in raw) <= min(f.first_order for f in final):
        return [], raw
    return final, late


def complete(files: Sequence[File]) -> bool:
    """Whether the observations of a day are all still there."""
    raw = [f.first_order for f in files if f.kind == RAW]
    return bool(raw) and min(raw) <= min(f.first_order for f in files)


def fitting(files: Sequence[File], step: float, start: int, end: int) -> str | None:
    """The coarsest roll-up of a day whose rows are no longer than ``step`` and are not cut through
    by the span's bounds; None where only the observations themselves will do. Where these have
    been let go nothing knows better: rows that are cut through are left out (``inner``)."""
    first, last = min(f.low_time for f in files), max(f.high_time for f in files)
    gone = not complete(files)
    for kind, width in WIDTH.items():
        cut = (start > first and start % width) or (end <= last and end % width)
        if step >= width and (gone or not cut) and standing(files, kind)[0]:
            return kind
    return None


def inner(files: Sequence[File], kind: str, start: int, end: int) -> tuple[int, int]:
    """Between which times rows of a roll-up of a day begin that lie whole between ``start`` and
    ``end``; where the observations are still there a roll-up that fits is not cut through."""
    if complete(files):
        return start, end
    width = WIDTH[kind]
    last = max(f.high_time for f in files)
    return -(-start // width) * width, end if end > last + width else end - width + 1


def finest(files: Sequence[File], start: int, end: int) -> int:
    """Width (µs) of the finest there is of a day: 0 where there are observations."""
    if complete(files):
        return 0
    for width in reversed(WIDTH.values()):
        if fitting(files, width, start, end):
            return width
    return 0


def within(file: File, others: Sequence[File]) -> bool:
    """Whether the flushes that are in ``file`` are all in one of ``others``."""
    return any(
        o.first_order <= file.first_order and o.last_order >= file.last_order for o in others
    )
