"""A household that is not read and takes many times its usual: what a leak must not be taken for.

What households take has a heavy tail, so a sum of squares does not tell how rare a thing is. Of
each place it is known which unread consumers lie behind the same instruments, and so how likely it
is that one of them takes so much more for so long: a leak has to be better told than by that,
together with what all others do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from tianmu.scenarios.gas_pipelines import demand
from tianmu.scenarios.gas_pipelines.layout import Layout
from tianmu.scenarios.gas_pipelines.network import F64, I64, Network
from tianmu.scenarios.gas_pipelines.span import Span, lasting

_SIZES = 60
_LEAST = 3.0
"""standard deviations below which nothing is an alarm anyway"""


@dataclass(frozen=True, eq=False)
class Spikes:
    places: I64
    """rows of ``apart`` behind which there are unread consumers"""
    size: F64
    """(sizes,): kg/s more than usual, for a demand that is the usual"""
    chance: dict[Span, F64]
    """(places, sizes): logarithm of how many of them take so much more, as a mean over the span"""

    def told(self, span: Span, score: F64, sure: F64) -> F64:
        """(moments,): how much better than by a household a leak tells it, in standard deviations.
        ``score`` and ``sure`` (by how many of those one kg/s over the share of the usual would be
        told): (moments, apart)."""
        found: F64 = score.max(axis=1)
        for at in np.flatnonzero(found > _LEAST) if len(self.places) else ():
            own = np.maximum(score[at, self.places], 0.0)[:, None]
            left = own - self.size[None, :] * sure[at, self.places][:, None]
            household = (own**2 - left**2) / 2 + self.chance[span]
            better = found[at] ** 2 / 2 - max(float(household.max()), 0.0)
            found[at] = np.sqrt(2 * max(better, 0.0))
        return found


def spikes_of(
    network: Network, layout: Layout, look: F64, apart: I64, spans: tuple[Span, ...], every: float
) -> Spikes:
    """``look``: how a demand at each junction looks to the instruments, of length 1."""
    unread = np.flatnonzero(~layout.metered)
    if not len(unread) or not layout.metered.any():
        return Spikes(np.zeros(0, np.int64), np.zeros(0), {})
    usual = np.maximum(network.usual[unread], 1e-12)
    size = np.geomspace(float(np.median(usual)), float(network.usual.sum()), _SIZES)
    like = (look[:, apart].T @ look[:, network.sink_at[unread]]).argmax(axis=0)
    places = np.unique(like)
    unrest = demand.settings().unrest
    chance = {}
    for span in spans:
        now, _, _ = lasting(span, every)
        # a mean of so many readings varies less, and is taken to have a tail of the same kind
        width = float(np.sqrt(np.log1p(unrest**2 * now)))
        far = (np.log1p(size[None, :] / usual[:, None]) + width * width / 2) / width
        each = ndtr(-far)
        many = np.stack([each[like == place].sum(axis=0) for place in places])
        chance[span] = np.minimum(np.log(np.maximum(many, 1e-300)), 0.0)
    return Spikes(places, size, chance)
