"""An algae outlook: where chlorophyll or algal density will stand some hours on, with a band.

Simple on purpose: on the scale of logarithms, today's departure from the station's usual level
fades by a factor that is learnt from the pairs of samples seen so far, and leans on "as it is now"
while few have been seen. Each row uses only rows up to its own time, so the outlooks of a file are
its back-test: the error that is told with an outlook is that of the outlooks which had come due.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAN = 5.0
"""pairs that "as it is now" counts for"""
BAND = 1.2815515655446004
"""standard errors on each side of four fifths"""
WIDEST = 1.0
"""standard error (of natural logarithms) before any outlook has come due"""


@dataclass(frozen=True)
class Outlook:
    """Of each row, shape (rows,); nan where there is none."""

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    """four in five are to fall between the two"""
    due: NDArray[np.int64]
    """outlooks of this station that had come due"""
    error: NDArray[np.float64]
    """their mean absolute error, in the unit of the values"""
    still: NDArray[np.float64]
    """the same of "as it is now", on the same outlooks"""
    came: NDArray[np.float64]
    """what the value then was, where the file holds it"""


def outlook(
    station: NDArray[np.int32],
    at: NDArray[np.datetime64],
    values: NDArray[np.float64],
    hours: float,
    tolerance_h: float,
) -> Outlook:
    """Outlooks ``hours`` on for each row with a value above zero. A sample within ``tolerance_h``
    of the time looked at is what came. Rows may stand in any order."""
    rows = len(values)
    value, low, high, error, still, came = (np.full(rows, np.nan) for _ in range(6))
    found = Outlook(value, low, high, np.zeros(rows, np.int64), error, still, came)
    seconds = at.astype("datetime64[s]").astype(np.int64)
    usable = np.flatnonzero(values > 0)
    order = usable[np.lexsort((seconds[usable], station[usable]))]
    ends = np.flatnonzero(np.diff(station[order])) + 1
    for own in np.split(order, ends):
        if len(own):
            _one(own, seconds[own], values[own], hours * 3600, tolerance_h * 3600, found)
    return found


def _one(
    own: NDArray[np.int64],
    at: NDArray[np.int64],
    values: NDArray[np.float64],
    ahead: float,
    tolerance: float,
    found: Outlook,
) -> None:
    """One station's rows, in the order of time, into ``found``."""
    y = np.log(values)
    level = np.cumsum(y) / np.arange(1, len(y) + 1)
    away = y - level
    then = _nearest(at, at + ahead, tolerance)
    pairs = np.flatnonzero(then > np.arange(len(y)))
    gone = y[then[pairs]] - level[pairs]
    # what of each pair was known at each row: pairs in the order in which they came due
    seen = np.searchsorted(then[pairs], np.arange(len(y)), "right")
    up = np.append(0.0, np.cumsum(away[pairs] * gone))[seen]
    down = np.append(0.0, np.cumsum(away[pairs] ** 2))[seen]
    lean = LEAN * (np.cumsum(away**2) / np.arange(1, len(y) + 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        fade = np.clip(np.where(down + lean > 0, (up + lean) / (down + lean), 1.0), 0.0, 1.0)
    said = level + fade * away
    off = np.append(0.0, np.cumsum((said[pairs] - y[then[pairs]]) ** 2))[seen]
    spread = np.sqrt((off + WIDEST**2) / (seen + 1))
    found.value[own], found.due[own] = np.exp(said), seen
    found.low[own], found.high[own] = np.exp(said - BAND * spread), np.exp(said + BAND * spread)
    came = values[then[pairs]]
    found.came[own[pairs]] = came
    for target, told in ((found.error, np.exp(said)), (found.still, values)):
        total = np.append(0.0, np.cumsum(np.abs(told[pairs] - came)))[seen]
        target[own] = np.where(seen > 0, total / np.maximum(seen, 1), np.nan)


def _nearest(
    at: NDArray[np.int64], wanted: NDArray[np.floating], tolerance: float
) -> NDArray[np.int64]:
    """Place in ``at`` (rising) of what is nearest to each wanted time; -1 if none is near."""
    right = np.clip(np.searchsorted(at, wanted), 0, len(at) - 1)
    left = np.maximum(right - 1, 0)
    best = np.where(np.abs(at[left] - wanted) <= np.abs(at[right] - wanted), left, right)
    return np.where(np.abs(at[best] - wanted) <= tolerance, best, -1)
