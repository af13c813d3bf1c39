"""When a score is an alarm: as often a week as is tolerable, where nothing leaks."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from tianmu.scenarios.contract import progress
from tianmu.scenarios.gas_pipelines import demand
from tianmu.scenarios.gas_pipelines.leak import (
    LEVELS,
    Compared,
    LeakSettings,
    Watch,
    nearest,
    read_variance,
    scores,
)
from tianmu.scenarios.gas_pipelines.network import F64, I64


def runs(score: F64, threshold: float, over: int) -> NDArray[np.bool_]:
    """(moments,): in alarm from the first score at the threshold until it has been below for
    ``over`` moments."""
    high = np.flatnonzero(np.nan_to_num(score, nan=-np.inf) >= threshold)
    found = np.zeros(len(score), np.bool_)
    last = -1
    for one in high.tolist():
        if last >= 0 and one - last <= over:
            found[last:one] = True
        found[one] = True
        last = one
    return found


def begins(alarm: NDArray[np.bool_]) -> I64:
    """Moments at which an alarm begins."""
    return np.flatnonzero(alarm & ~np.concatenate([[False], alarm[:-1]]))


def over(watch: Watch) -> int:
    return max(round(watch.own.over_min / watch.every_min), 1)


def surely_below(count: int, sure: float) -> float:
    """What lies above the number that is to be expected with probability ``sure``, where ``count``
    were counted (Poisson, exact)."""
    return float(gammaincinv(count + 1, sure))


def weeks(own: LeakSettings, per_week: float) -> int:
    """So many are drawn: as many as can tell that a rate is no greater than ``per_week`` at all."""
    return max(own.weeks, math.ceil(surely_below(0, own.rate_sure) / per_week))


def allowed(per_week: float, drawn: int, sure: float) -> int:
    """Alarms in ``drawn`` weeks, at most, that leave the true rate below ``per_week`` with
    probability ``sure``."""
    found = 0
    while surely_below(found + 1, sure) <= per_week * drawn:
        found += 1
    return found


@lru_cache(maxsize=2)  # a watch is large
def threshold(watch: Watch, per_week: float) -> float:
    """The score that is surely (``rate_sure``) reached no more than ``per_week`` times a week
    without any leak: by weeks drawn from what is assumed of instruments, feeds and the unmetered,
    with a seed of their own. So few weeks tell a rate no better than within the bounds of what was
    counted, and the upper one has to lie below what is tolerable: of a dozen weeks half of it is
    left, where one a week is."""
    draw = np.random.default_rng([watch.own.seed, 3])
    usual = demand.settings()
    level = int(np.abs(LEVELS - usual.season).argmin())
    moments = round(7 * 24 * 60 / watch.every_min)
    drawn = weeks(watch.own, per_week)
    found = []
    for done in range(drawn):
        progress(done, drawn, "weeks drawn")
        found.append(scores(watch, _drawn(watch, level, moments, usual, draw)))
    most = allowed(per_week, drawn, watch.own.rate_sure)
    low, high = 0.0, float(np.nanmax(found)) + 1.0
    for _ in range(40):
        middle = (low + high) / 2
        count = sum(len(begins(runs(one, middle, over(watch)))) for one in found)
        low, high = (middle, high) if count > most else (low, middle)
    return high


def _drawn(
    watch: Watch, level: int, moments: int, usual: demand.DemandSettings, draw: np.random.Generator
) -> Compared:
    """A week without a leak, by the linearised network."""
    network, layout, own = watch.network, watch.layout, watch.levels[level]
    minutes = np.arange(moments, dtype=np.float64) * watch.every_min
    taken = network.usual[:, None] * demand.course(minutes, usual) * demand.unrest(
        len(network.usual), moments, watch.every_min, usual, draw
    )  # fmt: skip
    metered = layout.metered
    base = network.usual[metered].sum()
    # where nobody is metered, inflow stands for demand: as good as known
    factor = (taken[metered] if base else taken).sum(axis=0) / (base or network.usual.sum())
    known = taken * (1 + watch.own.noise * draw.standard_normal(taken.shape))
    known[~metered] = network.usual[~metered, None] * factor
    flows = len(own.shown) - len(layout.pressure)
    true, expected = own.sinks @ taken, own.sinks @ known
    fed = float(network.feed_bar.mean())
    wander = demand.wander(moments, watch.every_min, watch.own.feed_min, draw)
    true[flows:] += fed + watch.own.feed_bar * wander
    expected[flows:] += fed
    measured = true * (1 + watch.own.noise * draw.standard_normal(true.shape))
    known[~metered] = 0.0
    return Compared(measured, expected, read_variance(watch, known), factor, nearest(factor))
