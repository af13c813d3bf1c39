"""How long the past is kept, and letting it go."""

from __future__ import annotations

from dataclasses import dataclass

from tianmu.store.history.compact import rolled_up
from tianmu.store.history.manifest import DAY, HOUR, MINUTE, OUTSIDE, RAW, File, day_of


@dataclass(frozen=True)
class Retention:
    """Days to keep, 0 = for ever (defaults, to be set by the city)."""

    raw_days: int = 180
    minute_days: int = 730
    hour_days: int = 0


def expired(files: list[File], policy: Retention, now: int) -> list[File]:
    """Files that may go. Raw ones of a day go only once the day has been rolled up by the hour;
    those of the day ``outside`` by when they end."""
    days: dict[str, list[File]] = {}
    for file in files:
        days.setdefault(file.day, []).append(file)
    gone: list[File] = []
    for day, held in days.items():
        for kind, keep in (
            (RAW, policy.raw_days),
            (MINUTE, policy.minute_days),
            (HOUR, policy.hour_days),
        ):
            if keep == 0:
                continue
            oldest = day_of(now - keep * DAY)
            if day == OUTSIDE or day >= oldest or (kind == RAW and not rolled_up(held, HOUR)):
                continue
            gone += [f for f in held if f.kind == kind]
    return gone
