"""How long the past is kept, and letting it go."""

from __future__ import annotations

from dataclasses import dataclass

from tianmu.store.history.job import FINAL
from tianmu.store.history.manifest import (
    AREA_DAY,
    AREA_HOUR,
    DAILY,
    DAY,
    HOUR,
    MINUTE,
    OUTSIDE,
    RAW,
    File,
    day_of,
)


@dataclass(frozen=True)
class Retention:
    """Days to keep, 0 = for ever (defaults, to be set by the city)."""

    raw_days: int = 180
    minute_days: int = 730
    hour_days: int = 0
    day_days: int = 0
    area_days: int = 0


def expired(files: list[File], policy: Retention, now: int) -> list[File]:
    """Files that may go. Raw ones of a day go only once the day has been merged whole and so
    rolled up; the day ``outside`` is merged by nobody and goes by when its files were written."""
    keep = {
        RAW: policy.raw_days,
        MINUTE: policy.minute_days,
        HOUR: policy.hour_days,
        DAILY: policy.day_days,
        AREA_HOUR: policy.area_days,
        AREA_DAY: policy.area_days,
    }
    whole = {f.day: True for f in files}
    for file in files:
        if file.kind == RAW and file.level != FINAL:
            whole[file.day] = False
    gone: list[File] = []
    for file in files:
        oldest = now - keep[file.kind] * DAY
        if keep[file.kind] == 0:
            continue
        if file.day == OUTSIDE:
            if 0 < file.at < oldest:
                gone.append(file)
        elif file.day < day_of(oldest) and (file.kind != RAW or whole[file.day]):
            gone.append(file)
    return gone
