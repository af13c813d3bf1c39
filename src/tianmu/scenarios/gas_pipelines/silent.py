"""Meters that are silent for a while: what is guessed of them, and how wrong that may be.

An error of a guess is no noise of the instruments: all behind which the household lies see it at
once, as they would see a leak there. So it goes into their covariance, by the place to which it
looks to belong. What one household takes has a heavy tail: of each place the one that may surprise
most counts by that, all others by their variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tianmu.scenarios.gas_pipelines import demand
from tianmu.scenarios.gas_pipelines.layout import Layout
from tianmu.scenarios.gas_pipelines.network import F64, I64
from tianmu.scenarios.gas_pipelines.span import Span, carried, means

TAIL = 4.0
"""standard deviations about which scores become alarms"""


@dataclass(frozen=True, eq=False)
class Doubt:
    """How wrong a guess may be, kg/s, beyond what the levels hold: (consumers, moments), 0 where a
    meter was read."""

    usual: F64
    """standard deviation"""
    tail: F64
    """of a normal distribution that has as much beyond ``TAIL`` of its standard deviations"""

    def during(self, part: slice) -> Doubt:
        return Doubt(self.usual[:, part], self.tail[:, part])


def guessed(layout: Layout, meter: F64, like_others: F64, every_min: float) -> tuple[F64, Doubt]:
    """(consumers, moments) of whoever was not read: what he takes, and how wrong that may be. A
    meter that has fallen silent is taken to come back from what it read last to what the others
    do, as fast as households forget; what takes much varies by much, as the lognormal says that
    households are drawn from."""
    told, at = np.isfinite(meter), np.arange(meter.shape[1])
    last = np.maximum.accumulate(np.where(told, at, -1), axis=1)
    keep = np.exp(-every_min / demand.settings().unrest_min)
    part = np.where(last < 0, 0.0, keep ** (at - last))
    ratio = np.where(told, meter, 0.0) / like_others
    before = np.maximum(np.take_along_axis(ratio, np.maximum(last, 0), axis=1), 1e-3)
    width = np.log1p(demand.settings().unrest ** 2)
    mean = before**part * np.exp(width * (part - part**2) / 2)
    # a household that took next to nothing may begin to: no surer of it than of the usual one
    most = like_others * np.maximum(mean, 1.0)
    most[told | ~layout.metered[:, None]] = 0.0
    left = np.sqrt(width * (1 - part**2))
    doubt = Doubt(
        most * np.sqrt(np.expm1(left**2)), most * np.expm1(left * TAIL - left**2 / 2) / TAIL
    )
    found: F64 = like_others * mean
    return found, doubt


def doubted(doubt: Doubt, alike: I64, places: int, span: Span, every_min: float) -> F64:
    """(places, moments): variance of what is guessed of silent meters, by where it looks to be. A
    meter's guesses are wrong by the same while it is silent."""
    usual, tail = (_variance(one, span, every_min) for one in (doubt.usual, doubt.tail))
    found, most = np.zeros((2, places, usual.shape[1]))
    np.add.at(found, alike, usual)
    np.maximum.at(most, alike, tail - usual)
    return found + most


def _variance(doubt: F64, span: Span, every_min: float) -> F64:
    found = means(doubt, span.window) ** 2
    if span.before:
        earlier = means(doubt, span.before) ** 2
        found[:, span.window :] += carried(span, every_min) ** 2 * earlier[:, : -span.window]
    return found


def common(answer: F64, variance: F64) -> F64:
    """(moments, instruments, instruments): of what is taken at places, as all instruments see it at
    once: (instruments, places), (places, moments)."""
    found: F64 = np.einsum("ip,pm,jp->mij", answer, np.nan_to_num(variance), answer, optimize=True)
    return found
