"""How good forecasts were: hits of the band, and errors beside those of the naive way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tianmu.prevent.forecast.candidates import F64


@dataclass(frozen=True)
class Score:
    """Of forecasts whose values have come."""

    judged: int
    """with a band and a value"""
    hits: int
    """values within the band, its edges included"""
    error: float
    """mean absolute error; nan where nothing was judged"""
    naive: float
    """that of the naive way on the same steps"""
    pinball: float
    """mean loss of the two quantiles that are the band's edges"""
    width: float
    """mean width of the band"""

    @property
    def coverage(self) -> float:
        """Share of hits; nan where nothing was judged."""
        return self.hits / self.judged if self.judged else float("nan")

    @property
    def scaled(self) -> float:
        """Error over that of the naive way: below 1 is better. Nan where the naive never errs."""
        return self.error / self.naive if self.naive > 0 else float("nan")


def score(value: F64, expected: F64, low: F64, high: F64, naive: F64, coverage: float) -> Score:
    """Arrays of one shape; only what has a value, a band and a naive forecast is judged."""
    known = np.isfinite(value) & np.isfinite(low) & np.isfinite(high) & np.isfinite(naive)
    if not known.any():
        nothing = float("nan")
        return Score(0, 0, nothing, nothing, nothing, nothing)
    value, low, high = value[known], low[known], high[known]
    tail = (1.0 - coverage) / 2
    return Score(
        judged=int(known.sum()),
        hits=int(np.count_nonzero((value >= low) & (value <= high))),
        error=float(np.abs(value - expected[known]).mean()),
        naive=float(np.abs(value - naive[known]).mean()),
        pinball=float((_pinball(value, low, tail) + _pinball(value, high, 1 - tail)).mean() / 2),
        width=float((high - low).mean()),
    )


def _pinball(value: F64, quantile: F64, level: float) -> F64:
    found: F64 = np.maximum(level * (value - quantile), (level - 1) * (value - quantile))
    return found
