"""A stretch of readings that is judged, alone or against what was read before it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tianmu.scenarios.gas_pipelines import demand
from tianmu.scenarios.gas_pipelines.network import F64


@dataclass(frozen=True)
class Span:
    window: int
    """readings that are averaged"""
    before: int = 0
    """readings before them with which they are compared; 0: none"""


@lru_cache(maxsize=64)
def lasting(span: Span, every_min: float) -> tuple[float, float, float]:
    """Of something that forgets itself as households do, with variance 1: the variance of its mean
    over the window, of that over what was before, and their covariance."""
    at = np.arange(span.window + span.before)
    keep = np.exp(-every_min / demand.settings().unrest_min)
    like = keep ** np.abs(np.subtract.outer(at, at))
    first, last = slice(0, span.before), slice(span.before, None)
    if not span.before:
        return float(like.mean()), 0.0, 0.0
    return (
        float(like[last, last].mean()), float(like[first, first].mean()),
        float(like[first, last].mean()),
    )  # fmt: skip


def carried(span: Span, every_min: float) -> float:
    """The share of what was off before that is expected to be off still."""
    _, before, both = lasting(span, every_min)
    return both / before if span.before else 0.0


def means(off: F64, window: int) -> F64:
    """Means of the last ``window`` readings, of those that there are; nan where there are less
    than half of them, and before the first window is full."""
    there = np.isfinite(off)
    total = np.cumsum(np.where(there, off, 0.0), axis=1)
    count = np.cumsum(there, axis=1).astype(np.float64)
    total[:, window:] -= total[:, :-window].copy()
    count[:, window:] -= count[:, :-window].copy()
    found = np.full(off.shape, np.nan)
    enough = count * 2 > window
    enough[:, : window - 1] = False
    found[enough] = total[enough] / count[enough]
    return found
