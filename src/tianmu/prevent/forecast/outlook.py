"""The forecast of one origin: all its leads together, as it is kept and shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tianmu.prevent.forecast.candidates import F64
from tianmu.prevent.forecast.walk import Lead

LEAST_VALUES = 8
"""values that a stream needs before anything is said of it"""
LEAST_COURSES = 48
"""past courses of errors by which a passing is reckoned"""


@dataclass(frozen=True)
class Outlook:
    """What was said at one step of the ones after it, shape (leads,) each; nan where nothing."""

    expected: F64
    low: F64
    high: F64
    naive: F64
    chance: F64
    """of having lain beyond a limit by the end of each step, the steps before it with it; nan where
    there is none"""

    @property
    def says(self) -> bool:
        """Whether anything is expected at all."""
        return bool(np.isfinite(self.expected).any())


def outlook(
    leads: Sequence[Lead], origin: int, low: float = float("nan"), high: float = float("nan")
) -> Outlook:
    """What ``leads`` (1, 2, … steps) said at step ``origin``; ``low`` and ``high`` are the limits
    beyond which it matters."""
    limited = np.isfinite(low) or np.isfinite(high)
    targets = [origin + one.lead for one in leads]
    pairs = list(zip(leads, targets, strict=True))
    return Outlook(
        expected=np.array([one.expected[at] for one, at in pairs]),
        low=np.array([one.low[at] for one, at in pairs]),
        high=np.array([one.high[at] for one, at in pairs]),
        naive=np.array([one.naive[at] for one, at in pairs]),
        chance=_passing(leads, origin, low, high) if limited else np.full(len(leads), np.nan),
    )


def _passing(leads: Sequence[Lead], origin: int, low: float, high: float) -> F64:
    """That a limit has been passed by each step: the share of the past courses of errors that would
    bring what is expected there in that or a step before. A course is the errors of all leads from
    one origin, as they came together: the likeliest step alone would say far too little of a peak
    of which only the hour is not known. Where too few are whole, the likeliest step so far."""
    course, targets = leads[0].course, np.array([origin + one.lead for one in leads])
    block = (origin + 1) // course.block - 1  # as ``known_blocks`` has it, for all leads the same
    rows = course.kept - leads[-1].lead
    if block >= 0 and rows > 0:
        came = [one.came(block)[one.lead : one.lead + rows] for one in leads]
        errors = np.stack(came, axis=1)
        errors = errors[np.isfinite(errors).all(axis=1)]
        if len(errors) >= LEAST_COURSES:
            said = list(zip(leads, targets.tolist(), strict=True))
            expected = np.array([one.expected[at] for one, at in said])
            would = expected + np.array([one.size[at] for one, at in said]) * errors
            passed = np.maximum.accumulate((would <= low) | (would >= high), axis=1)
            found: F64 = np.where(np.isfinite(would).all(axis=0), passed.mean(axis=0), np.nan)
            return found
    alone = [one.chance(int(at), low, high) for one, at in zip(leads, targets, strict=True)]
    return np.fmax.accumulate(np.array(alone))
