"""Working time: which days are worked, and exact arithmetic over them.

Urgent limits run in natural time; work hours and work days run only in working hours of working
days, holidays and shifted working days counted. One work day is as many working hours as an
ordinary day has (8 where work is 08–12 and 14–18). Beyond the last year whose holidays are
published only weekends are free, and ``published`` says so.

A limit that runs out exactly when work stops is due then, not when work starts again. Where
clocks are changed, working time is the time that really passes; hours that begin or end inside a
repeated hour begin at its first and end at its second pass.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tianmu.city.calendar.limit import HOUR, NATURAL, Limit, LimitUnit

FIRST_YEAR, LAST_YEAR = 1990, 2150
"""Working time can be reckoned from the first to the last of these years."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """Working hours from ``start`` to ``end`` (local wall clock, minutes after midnight)."""

    start: int
    end: int


@dataclass(frozen=True)
class WorkingTime:
    """What a pack says of its working time; all else follows from it."""

    time_zone: str
    hours: tuple[Span, ...]
    """of an ordinary working day, in order, without overlap"""
    weekend: frozenset[int]
    """weekdays that are free, Monday 0"""
    country: str = ""
    """country (ISO 3166-1) whose holidays the ``holidays`` library gives, or empty"""
    subdivision: str = ""
    published: str = "always"
    """``always``: holidays follow from law; ``substitution``: a year is published when the library
    knows which of its weekends are worked instead; ``listed``: only ``published_years``"""
    published_years: frozenset[int] = frozenset()
    """years published besides"""
    free: frozenset[date] = frozenset()
    """days off besides, or instead of what the library says"""
    worked: frozenset[date] = frozenset()
    """days worked although they are weekends or holidays"""
    half_days: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    """``YYYY-MM-DD`` or ``MM-DD`` → the shorter hours of that day, if it is worked at all"""


class Calendar:
    """Days and working time of one city. Safe to share between threads: it only ever grows."""

    def __init__(self, working: WorkingTime) -> None:
        self.working = working
        self._zone = ZoneInfo(working.time_zone)
        self._day_us = sum(span.end - span.start for span in working.hours) * 60_000_000
        self._table = lru_cache(maxsize=4)(self._build)
        self._years = lru_cache(maxsize=None)(self._holidays)
        self._walls = lru_cache(maxsize=1024)(self._wall)
        self._range = (0, 0)

    # -- days ----------------------------------------------------------------------------------

    def _holidays(self, year: int) -> tuple[frozenset[date], frozenset[date], bool]:
        """Days off, weekend days worked instead, and whether the year is published."""
        working = self.working
        if not working.country:
            return frozenset(), frozenset(), working.published == "always"
        import holidays

        days = holidays.country_holidays(
            working.country,
            subdiv=working.subdivision or None,
            years=(year - 1, year, year + 1),  # a neighbour's arrangement may reach into this year
        )
        swapped = frozenset(d for d in getattr(days, "weekend_workdays", ()) if d.year == year)
        published = working.published == "always" or (
            working.published == "substitution" and bool(swapped)
        )
        return frozenset(d for d in days if d.year == year), swapped, published

    def published(self, year: int) -> bool:
        """Whether the holidays of ``year`` are known; if not, only weekends are free."""
        if year in self.working.published_years:
            return True
        return self._years(year)[2]

    def unpublished(self, start: int, end: int) -> list[int]:
        """The years between two times (µs) whose calendar is not published."""
        first, last = sorted((self.local(start).year, self.local(end).year))
        return [year for year in range(first, last + 1) if not self.published(year)]

    def is_working_day(self, day: date) -> bool:
        working = self.working
        if day in working.worked:
            return True
        if day in working.free:
            return False
        if self.published(day.year):
            off, swapped, _ = self._years(day.year)
            if day in swapped:
                return True
            if day in off:
                return False
        return day.weekday() not in working.weekend

    def hours(self, day: date) -> tuple[Span, ...]:
        """The working hours of ``day``; empty where it is not worked."""
        if not self.is_working_day(day):
            return ()
        half = self.working.half_days
        if half:
            for key in (day.isoformat(), day.isoformat()[5:]):
                if key in half:
                    return half[key]
        return self.working.hours

    # -- clocks --------------------------------------------------------------------------------

    def local(self, at: int) -> datetime:
        """The city's wall clock at ``at`` (µs); what was just asked for is remembered."""
        return self._walls(at)

    def _wall(self, at: int) -> datetime:
        return (_EPOCH + timedelta(microseconds=at)).astimezone(self._zone)

    def instant(self, day: date, minute: int, *, last: bool = False) -> int:
        """µs of a wall-clock minute of ``day`` (1440 = midnight after it)."""
        day, minute = day + timedelta(days=minute // 1440), minute % 1440
        wall = datetime.combine(day, time(minute // 60, minute % 60, fold=int(last)), self._zone)
        return (wall.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)

    def _build(self, first: int, last: int) -> tuple[list[int], list[int], list[int]]:
        """Starts, ends, and working µs up to each end, of all spans of those years."""
        starts: list[int] = []
        ends: list[int] = []
        sums: list[int] = []
        total = 0
        day, stop = date(first, 1, 1), date(last, 12, 31)
        while day <= stop:
            for span in self.hours(day):
                start = self.instant(day, span.start)
                end = self.instant(day, span.end, last=True)
                if end > start:
                    total += end - start
                    starts.append(start)
                    ends.append(end)
                    sums.append(total)
            day += timedelta(days=1)
        return starts, ends, sums

    def _reach(self, first: int, last: int) -> tuple[list[int], list[int], list[int]]:
        """The table over at least those years."""
        if first < FIRST_YEAR or last > LAST_YEAR:
            raise ValueError(
                f"working time of {first}…{last} cannot be reckoned: "
                f"years {FIRST_YEAR} … {LAST_YEAR} are known"
            )
        low, high = self._range
        if not low:
            low, high = first, last
        if first < low or last > high or not self._range[0]:
            low = max(FIRST_YEAR, min(low, first - 1))
            high = min(LAST_YEAR, max(high, last + 2))
            self._range = (low, high)
        return self._table(low, high)

    def fingerprint(self, at: int) -> int:
        """A number (of 62 bits) that changes with any working span of the year of ``at`` (µs), the
        one before and the two after it: limits that run then have to be reckoned anew."""
        year = self.local(at).year
        starts, ends, _ = self._build(max(FIRST_YEAR, year - 1), min(LAST_YEAR, year + 2))
        written = repr((starts, ends, self._day_us)).encode()
        return int.from_bytes(sha256(written).digest()[:8]) >> 2

    # -- arithmetic ----------------------------------------------------------------------------

    def worked(self, start: int, end: int) -> int:
        """Working µs between two times; negative when ``end`` lies before ``start``."""
        if end < start:
            return -self.worked(end, start)
        starts, ends, sums = self._reach(self.local(start).year, self.local(end).year)
        return _upto(starts, ends, sums, end) - _upto(starts, ends, sums, start)

    def length(self, limit: Limit) -> int:
        """µs that ``limit`` takes, of natural or of working time by its unit."""
        return round(limit.value * self.unit(limit.unit))

    def unit(self, unit: LimitUnit | str) -> int:
        """µs in one of ``unit``, of natural or of working time."""
        unit = LimitUnit(unit)
        if unit is LimitUnit.WORK_HOUR:
            return HOUR
        if unit is LimitUnit.WORK_DAY:
            return self._day_us
        return NATURAL[unit]

    def add(self, start: int, limit: Limit) -> int:
        """When ``limit``, begun at ``start`` (µs), runs out (µs)."""
        need = self.length(limit)
        if need == 0 or not limit.unit.working:
            return start + need
        if not self._day_us:
            raise ValueError("the calendar has no working hours: no working limit can run out")
        year = self.local(start).year
        last = year
        while True:
            starts, ends, sums = self._reach(year, last)
            target = _upto(starts, ends, sums, start) + need
            span = bisect_left(sums, target)
            if span < len(sums):
                return ends[span] - (sums[span] - target)
            last = max(last, self._range[1]) + 1

    def elapsed(self, start: int, end: int, unit: LimitUnit | str) -> float:
        """Time from ``start`` to ``end`` in ``unit`` (of natural or of working time)."""
        unit = LimitUnit(unit)
        passed = self.worked(start, end) if unit.working else end - start
        return passed / self.unit(unit)

    def remaining(self, due: int, now: int, unit: LimitUnit | str) -> float:
        """Time left until ``due`` in ``unit``; negative when it is overdue."""
        return self.elapsed(now, due, unit)

    def is_open(self, at: int) -> bool:
        """Whether ``at`` falls in working hours."""
        year = self.local(at).year
        starts, ends, _ = self._reach(year, year)
        span = bisect_right(starts, at) - 1
        return span >= 0 and at < ends[span]


def _upto(starts: list[int], ends: list[int], sums: list[int], at: int) -> int:
    """Working µs from the table's beginning up to ``at``."""
    span = bisect_right(starts, at) - 1
    if span < 0:
        return 0
    return sums[span] - max(0, ends[span] - at)
