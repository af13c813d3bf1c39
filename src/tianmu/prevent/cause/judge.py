"""Which of several alarms on one network is the cause, and which hang under it.

An alarm may come of another where what travels along the network leads from the other's place to
its own and their times fit: it rose no sooner than that would take at its fastest and no later
than at its slowest, with a slack for measuring and telling. An alarm that may come of none is a
root. Each of the rest hangs under the earliest root from which such steps lead to it.

A pure function of the alarms given: in whatever order they came, and again after a crash, the
answer is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tianmu.prevent.cause.network import Network, Spot

SECOND = 1_000_000


@dataclass(frozen=True)
class Sign:
    """An alarm as it is judged."""

    id: str
    spot: Spot
    at: int
    """µs: when what it tells of was first measured"""


@dataclass(frozen=True)
class Fit:
    """How well times must fit."""

    faster: float
    """times faster than the network's usual"""
    slower: float
    slack_s: float


@dataclass(frozen=True)
class Hung:
    """A sign that has a cause among the others."""

    sign: str
    cause: str
    """the root"""
    via: str
    """the nearest sign upstream that has the same root, or the root itself"""
    metres: float
    """from the cause, along the network"""
    usual_s: float
    """that it usually takes from there"""
    delay_s: float
    """by how much later it rose"""
    worth: float
    """0–1: how near ``delay_s`` is to ``usual_s``, for the slack and the speeds that are allowed"""


def judge(network: Network, signs: Sequence[Sign], fit: Fit) -> list[Hung]:
    """The signs that hang under another, in the order of their times."""
    order = sorted(signs, key=lambda one: (one.at, one.id))
    seconds, metres = network.between([one.spot for one in order])
    at = np.array([one.at for one in order], np.float64) / SECOND
    delay = at[None, :] - at[:, None]
    follows = _follows(seconds, delay, fit)
    roots = _roots(follows)
    found = []
    for place, one in enumerate(order):
        root = roots[place]
        if root == place:
            continue
        near = [p for p in np.flatnonzero(follows[:, place]).tolist() if roots[p] == root]
        via = min(near, key=lambda p: (seconds[p, place], order[p].id))
        found.append(
            Hung(
                one.id, order[root].id, order[via].id, float(metres[root, place]),
                float(seconds[root, place]), float(delay[root, place]),
                _worth(float(delay[root, place]), float(seconds[root, place]), fit),
            )
        )  # fmt: skip
    return found


def _follows(
    seconds: NDArray[np.float64], delay: NDArray[np.float64], fit: Fit
) -> NDArray[np.bool_]:
    """[a, b]: whether b may come of a. Never a ring: along the flow a lies upstream of b, and
    where ways lead either way (streets, rivers that run round an island of fields) a is the
    earlier one."""
    led = np.isfinite(seconds) & (seconds > 0)
    least = np.where(led, seconds, 0.0) / fit.faster - fit.slack_s
    most = np.where(led, seconds, 0.0) * fit.slower + fit.slack_s
    found = led & (delay >= least) & (delay <= most)
    # the rows stand in the order of time
    return found & (~(led & led.T) | np.triu(np.ones_like(found), 1))


def _roots(follows: NDArray[np.bool_]) -> list[int]:
    """Of each sign the earliest root that leads to it; itself where it is one. Places stand in the
    order of time, so the lowest is the earliest."""
    n = len(follows)
    roots: list[int] = [-1] * n
    waiting = follows.sum(0)
    ready = [place for place in range(n) if not waiting[place]]
    while ready:
        place = ready.pop()
        before = np.flatnonzero(follows[:, place]).tolist()
        roots[place] = min((roots[p] for p in before), default=place)
        for after in np.flatnonzero(follows[place]).tolist():
            waiting[after] -= 1
            if not waiting[after]:
                ready.append(after)
    return roots


def _worth(delay: float, usual: float, fit: Fit) -> float:
    room = usual * (fit.slower - 1) if delay > usual else usual * (1 - 1 / fit.faster)
    room += fit.slack_s
    return max(0.0, 1.0 - abs(delay - usual) / room) if room > 0 else 1.0
