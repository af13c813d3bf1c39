"""Duty checks (查岗): how often each control room was asked, and how often somebody answered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tianmu.scenarios.fire_alarms.event import DAY
from tianmu.scenarios.world import F64, Devices, World
from tianmu.store.registry import UNKNOWN

DUTY = "duty_check"
DAYS = 90
"""that results are counted over"""


@dataclass(frozen=True, eq=False)
class Checks:
    """Of the units, in their order."""

    last: F64
    """1 answered, 0 nobody, nan never asked"""
    last_at: NDArray[np.int64]
    """µs; 0 never"""
    asked: NDArray[np.int64]
    """in the last ``DAYS`` days, as far as history has been written"""
    answered: NDArray[np.int64]


def checks(world: World, units: Devices) -> Checks:
    """Raises ``TooCostly``."""
    streams = world.streams(units, DUTY)
    last, at = world.last(streams)
    asked, answered = np.zeros(len(units), np.int64), np.zeros(len(units), np.int64)
    known = np.flatnonzero(streams != UNKNOWN)
    # most units were never asked: history is only looked into for those that were
    known = known[np.isfinite(last[known])]
    if world.history is not None and len(known):
        start = (world.now // DAY - DAYS) * DAY
        span = (DAYS + 1) * DAY
        rows = world.history.windows(
            streams[known], start, start + span, span, groups=known.astype(np.int64),
            asked=world.asked(),
        )  # fmt: skip
        asked[rows.key] = rows.count
        answered[rows.key] = np.rint(rows.mean * rows.count).astype(np.int64)
    # what was answered a moment ago is not in history yet
    fresh = np.isfinite(last) & (asked == 0)
    asked[fresh] = 1
    answered[fresh] = last[fresh].astype(np.int64)
    return Checks(last, at, asked, answered)
