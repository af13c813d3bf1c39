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


def fast(off: F64, span: Span, every_min: float) -> F64:
    """(instruments, moments): the variance of what is judged over the span, of a noise that each
    reading has for itself, with variance 1: the less of them came, the more of it is left."""
    found = 1 / np.maximum(_came(off, span.window), 1.0)
    if span.before:
        earlier = np.ones(off.shape)
        earlier[:, span.window :] = np.maximum(_came(off, span.before), 1.0)[:, : -span.window]
        found += carried(span, every_min) ** 2 / earlier
    return found


def _came(off: F64, window: int) -> F64:
    """How many of the last ``window`` readings there are."""
    count = np.cumsum(np.isfinite(off), axis=1).astype(np.float64)
    count[:, window:] -= count[:, :-window].copy()
    return count


def means(off: F64, window: int) -> F64:
    """Means of the last ``window`` readings, of those that there are; nan where there are less
    than half of them, and before the first window is full."""
    total = np.cumsum(np.where(np.isfinite(off), off, 0.0), axis=1)
    total[:, window:] -= total[:, :-window].copy()
    count = _came(off, window)
    found = np.full(off.shape, np.nan)
    enough = count * 2 > window
    enough[:, : window - 1] = False
    found[enough] = total[enough] / count[enough]
    return found
