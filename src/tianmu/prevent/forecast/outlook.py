"""The forecast of one origin: all its leads together, as it is kept and shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tianmu.prevent.forecast.candidates import F64
from tianmu.prevent.forecast.walk import Lead

LEAST_VALUES = 8
"""values that a stream needs before anything is said of it"""


@dataclass(frozen=True)
class Outlook:
    """What was said at one step of the ones after it, shape (leads,) each; nan where nothing."""

    expected: F64
    low: F64
    high: F64
    naive: F64
    chance: F64
    """of lying beyond a limit; nan where there is none"""

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
        chance=np.array([one.chance(at, low, high) if limited else np.nan for one, at in pairs]),
    )
