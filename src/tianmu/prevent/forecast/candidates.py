"""What may be expected of a target, each way from what was known ``lead`` steps before it.

Three ways: the value stays as it is, it is that of the same time of an earlier day, and a ridge
regression on both and on what lies between. All are of one shape: index ``t`` holds what is said
of step ``t`` by nothing later than step ``t - lead``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
WAYS = ("last", "season", "regression")
"""in the order of the columns that ``candidates`` gives"""
HALF_SEASONS = 28
"""seasons after which an error counts half, for the regression and for the choice among ways"""
RIDGE = 1e-3
"""of the normalised normal equations"""
ROWS_PER_TERM = 4
"""rows that a regression needs for each of its terms before it is asked"""
SAME = 7
"""seasons of which the mean of the same time is taken"""


def filled(value: F64, season: int) -> F64:
    """``value`` without gaps: what is missing is taken from a season before, else from the step
    before. Nan only before the first value."""
    found = value.copy()
    for at in np.flatnonzero(~np.isfinite(value)).tolist():
        if season and at >= season and np.isfinite(found[at - season]):
            found[at] = found[at - season]
        elif at:
            found[at] = found[at - 1]
    return found


def candidates(value: F64, known: F64, lead: int, season: int, block: int) -> F64:
    """Shape (steps, ways): what each way says of each step, nan where it says nothing.

    ``value`` has nan where nothing was measured, ``known`` is the same without gaps; the ways are
    fitted anew at every ``block`` steps.
    """
    back = -(-lead // season) * season if season else 0
    by_season = _before(known, back) if season else np.full(len(known), np.nan)
    return np.stack(
        (_before(known, lead), by_season, _regression(value, known, lead, season, block)), 1
    )


def _before(known: F64, steps: int) -> F64:
    """Of each step the value ``steps`` earlier."""
    found = np.full(len(known), np.nan)
    if steps < len(known):
        found[steps:] = known[: len(known) - steps]
    return found


def _terms(known: F64, lead: int, season: int, back: int) -> F64:
    """What the regression goes by, shape (steps, terms), as differences to the latest value: what
    it does not learn leaves that as it is. Rows with nan are not complete."""
    steps = len(known)
    latest = _before(known, lead)
    found = [_before(known, lead + n) - latest for n in (1, 2)]
    found.append(_before(_ever(known), lead) - latest)
    if season:
        day_before = _before(known, back)
        same = np.stack([_before(known, back + n * season) for n in range(SAME)])
        found += [
            day_before - latest,
            _before(known, back + season) - latest,
            _before(known, lead + season) - latest,
            _before(_mean(known, season), lead) - latest,
            _mean_of_known(same) - latest,
        ]
        turn = 2 * np.pi * np.arange(steps) / season
        waves = (1, 2) if season >= 6 else (1,)
        found += [wave(n * turn) for n in waves for wave in (np.sin, np.cos)]
        for weeks_back in (-(-lead // (SAME * season)) * SAME * season, lead + SAME * season):
            week_before = _before(known, weeks_back)
            week_before = np.where(np.isfinite(week_before), week_before, day_before)
            found.append(week_before - latest)
    found.append(np.ones(steps))
    return np.stack(found, 1)


def _ever(known: F64) -> F64:
    """Mean of all values up to each step."""
    seen = np.isfinite(known)
    total = np.cumsum(np.where(seen, known, 0.0))
    found: F64 = np.where(seen, total / np.maximum(np.cumsum(seen), 1), np.nan)
    return found


def _mean_of_known(rows: F64) -> F64:
    """Mean over the rows of what is known of each column."""
    seen = np.isfinite(rows)
    count = seen.sum(0)
    total = np.where(seen, rows, 0.0).sum(0)
    found: F64 = np.where(count, total / np.maximum(count, 1), np.nan)
    return found


def _mean(known: F64, width: int) -> F64:
    """Mean of the ``width`` values up to each step."""
    total = np.concatenate(([0.0], np.cumsum(np.nan_to_num(known))))
    found = np.full(len(known), np.nan)
    found[width - 1 :] = (total[width:] - total[:-width]) / width
    found[~np.isfinite(_before(known, width - 1))] = np.nan
    return found


def _regression(value: F64, known: F64, lead: int, season: int, block: int) -> F64:
    """Fitted at the beginning of each block on the targets before it, older ones less."""
    back = -(-lead // season) * season if season else 0
    terms = _terms(known, lead, season, back)
    steps, width = terms.shape
    found = np.full(steps, np.nan)
    complete = np.isfinite(terms).all(1)
    use = complete & np.isfinite(value)
    blocks = steps // block
    if blocks < 1 or np.count_nonzero(use) < ROWS_PER_TERM * width:
        return found
    latest = _before(known, lead)
    rows = np.where(use[:, None], terms, 0.0)[: blocks * block].reshape(blocks, block, width)
    aims = np.where(use, value - latest, 0.0)[: blocks * block].reshape(blocks, block)
    square = np.einsum("bif,big->bfg", rows, rows)
    cross = np.einsum("bif,bi->bf", rows, aims)
    count = np.cumsum(use)[block - 1 : blocks * block : block]
    fading = 0.5 ** (block / (HALF_SEASONS * season)) if season else 0.5 ** (block / 1000)
    for n in range(1, blocks):
        square[n] += fading * square[n - 1]
        cross[n] += fading * cross[n - 1]
    size = np.sqrt(np.maximum(np.einsum("bff->bf", square), 1e-12))
    normal = square / size[:, :, None] / size[:, None, :] + RIDGE * np.eye(width)
    weight = np.linalg.solve(normal, (cross / size)[..., None])[..., 0] / size
    at = known_blocks(steps, lead, block)
    served = (at >= 0) & complete
    served[served] = count[at[served]] >= ROWS_PER_TERM * width
    found[served] = np.einsum("tf,tf->t", terms[served], weight[at[served]]) + latest[served]
    return found


def known_blocks(steps: int, lead: int, block: int) -> NDArray[np.int64]:
    """Of each target the last block that had ended when it was spoken of; -1: none."""
    return np.maximum((np.arange(steps) - lead + 1) // block - 1, -1)
