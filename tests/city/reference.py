"""Working time the slow and obvious way: look at every minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = 60_000_000


class Minutes:
    """Counts worked minutes one by one. ``hours(day)`` gives spans in minutes after midnight."""

    def __init__(self, zone: str, hours: Callable[[date], list[tuple[int, int]]]) -> None:
        self._zone, self._hours = ZoneInfo(zone), hours
        self._days: dict[date, list[tuple[int, int]]] = {}

    def worked(self, minute: int) -> bool:
        """Whether the minute that begins ``minute`` minutes after the epoch is worked."""
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
        local = at.astimezone(self._zone)
        day = local.date()
        if day not in self._days:
            self._days[day] = self._hours(day)
        inside = local.hour * 60 + local.minute
        return any(start <= inside < end for start, end in self._days[day])

    def add(self, start: int, minutes: int) -> int:
        """The minute at which ``minutes`` worked minutes from ``start`` have passed."""
        at = start
        while minutes:
            minutes -= self.worked(at)
            at += 1
        return at

    def between(self, start: int, end: int) -> int:
        return sum(self.worked(minute) for minute in range(start, end))
