"""Where pollution may have come from: outlets and works upstream, by travel time and likeness.

Of both profiles counts what they have above the usual, item by item, in multiples of its limit; of
an outlet, what would be left of it after the way. How much the river dilutes it is not known, so
the dilution that explains most is taken, and the likeness tells how far the items then are off, on
the scale of logarithms: 1 where all fit. Items that only one of the two knows are left out, so a
likeness says how many items it rests on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tianmu.scenarios.water_ecology.network import Network, Upstream

FEWEST = 2
"""one item alone is always like another"""
SMALL = 0.05
"""of a limit: differences of less than about this say nothing"""
UNKNOWN = 0.5
"""what counts for a likeness that cannot be told"""


@dataclass(frozen=True)
class Sources:
    """What could be the cause; shape (sources,), profiles (sources, items)."""

    reach: NDArray[np.int64]
    """place in the network, -1 for none"""
    km_above_end: NDArray[np.float64]
    """of the reach; nan: in its middle"""
    items: tuple[str, ...]
    profiles: NDArray[np.float64]
    """concentration of each item, nan where unknown"""


@dataclass(frozen=True)
class Weighing:
    """How sources are weighed; items missing from a table have no limit (they are left out), no
    usual figure (0) and do not decay (0)."""

    limits: Mapping[str, float]
    usual: Mapping[str, float]
    decay_per_day: Mapping[str, float]
    scatter: float
    """how far outlets differ from their own usual profile: standard deviation of natural
    logarithms"""
    half_h: float
    """so many hours of travel halve what speaks for a source"""
    slowest: float
    fastest: float
    """bounds of travel time: the speed of the table, times these"""


@dataclass(frozen=True)
class Traced:
    """Of each source; nan (rank 0) for what does not flow to the station."""

    hours: NDArray[np.float64]
    hours_least: NDArray[np.float64]
    hours_most: NDArray[np.float64]
    km: NDArray[np.float64]
    likeness: NDArray[np.float64]
    """0…1; nan where fewer than two items are known of both"""
    items: NDArray[np.int64]
    """that the likeness rests on"""
    score: NDArray[np.float64]
    rank: NDArray[np.int64]
    """1 is the likeliest"""


def trace(
    network: Network,
    way: Upstream,
    station: Mapping[str, float],
    sources: Sources,
    weighing: Weighing,
) -> Traced:
    """Rank ``sources`` as the cause of the profile ``station`` (item → concentration)."""
    at = np.maximum(sources.reach, 0)
    length = network.length_km[at]
    above = np.where(np.isnan(sources.km_above_end), length / 2, sources.km_above_end)
    on_own = sources.reach == way.reach
    beyond = np.where(on_own, above - way.km_above_end, above)
    pace = network.hours[at] / np.maximum(length, 1e-9)
    hours = way.hours[at] + beyond * pace
    km = way.km[at] + beyond
    reaches = (sources.reach >= 0) & np.isfinite(hours) & (beyond >= 0)
    hours, km = (np.where(reaches, one, np.nan) for one in (hours, km))
    likeness, known = _likeness(station, sources, hours, weighing)
    score = np.where(np.isnan(likeness), UNKNOWN, likeness) * 0.5 ** (hours / weighing.half_h)
    rank = np.zeros(len(score), np.int64)
    order = np.lexsort((hours, -score))
    rank[order] = np.arange(1, len(order) + 1)
    rank[~reaches] = 0  # nan stands last in the order, so the others keep their ranks
    return Traced(
        hours,
        hours / weighing.fastest,
        hours / weighing.slowest,
        km,
        np.where(reaches, likeness, np.nan),
        np.where(reaches, known, 0),
        score,
        rank,
    )


def _likeness(
    station: Mapping[str, float],
    sources: Sources,
    hours: NDArray[np.float64],
    weighing: Weighing,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    used = [at for at, item in enumerate(sources.items)
            if item in station and weighing.limits.get(item, 0) > 0]  # fmt: skip
    items = [sources.items[at] for at in used]
    limit = np.array([weighing.limits[one] for one in items])
    usual = np.array([weighing.usual.get(one, 0.0) for one in items])
    decay = np.array([weighing.decay_per_day.get(one, 0.0) for one in items])
    seen = np.maximum(np.array([station[one] for one in items]) - usual, 0) / limit
    left = np.exp(-decay[None, :] * np.nan_to_num(hours)[:, None] / 24.0)
    theirs = sources.profiles[:, used]
    there = ~np.isnan(theirs)
    with np.errstate(invalid="ignore"):
        theirs = np.where(there, np.maximum(theirs - usual, 0) * left / limit, 0.0)
    ours = np.where(there, seen[None, :], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        # the dilution that explains most of what was seen
        dilution = (theirs * ours).sum(axis=1) / (theirs**2).sum(axis=1)
        diluted = theirs * np.minimum(dilution, 1.0)[:, None]
        off = np.log((ours + SMALL) / (np.nan_to_num(diluted) + SMALL))
    known = there.sum(axis=1)
    mean = (np.where(there, off, 0.0) ** 2).sum(axis=1) / np.maximum(known, 1)
    likeness = np.exp(-mean / (2 * weighing.scatter**2))
    return np.where(known >= FEWEST, likeness, np.nan), known
