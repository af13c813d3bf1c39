"""Draws of how voices go together, and what is taken for one by them."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from itertools import combinations
from typing import Any

from tianmu.rehearse.truth.agreement import agree

LEASTS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8)
"""shares of the draws from which two may be taken for one"""


class Draws:
    """``signals``: of each voice."""

    def __init__(self, signals: list[list[str]]) -> None:
        self._signals = signals
        self._both: Counter[tuple[int, int]] = Counter()
        self.many = 0

    def note(self, things: Iterable[Iterable[int]]) -> None:
        """One more draw: voices by thing."""
        self.many += 1
        for members in things:
            self._both.update(combinations(sorted(members), 2))

    def share(self, one: int, other: int) -> float:
        """In how many of the draws two voices are one thing."""
        return self._both[min(one, other), max(one, other)] / max(self.many, 1)

    def pairs(self) -> dict[tuple[int, int], float]:
        """Two voices → the share of draws in which they are one thing, where that is not 0."""
        return {pair: count / self.many for pair, count in self._both.items()}

    def taken(self, least: float) -> dict[str, Hashable]:
        """Signal → what it is taken for. Always the two that are likeliest to be one are put
        together, by the mean over the pairs of their signals, while it is at least ``least``."""
        size = {place: len(some) for place, some in enumerate(self._signals)}
        members = {place: [place] for place in size}
        ties: dict[int, dict[int, float]] = defaultdict(dict)
        heap = []
        for (one, other), share in self.pairs().items():
            ties[one][other] = ties[other][one] = share * size[one] * size[other]
            heap.append((-share, one, other))
        heapq.heapify(heap)
        while heap:
            against, one, other = heapq.heappop(heap)
            if -against < least:
                break
            if one not in size or other not in size:
                continue
            if -against != ties[one][other] / (size[one] * size[other]):
                continue  # it has grown since
            members[one] += members.pop(other)
            size[one] += size.pop(other)
            for third, tie in ties.pop(other).items():
                del ties[third][other]
                if third != one:
                    ties[one][third] = ties[third][one] = ties[one].get(third, 0.0) + tie
            for third, tie in ties[one].items():
                low, high = min(one, third), max(one, third)
                heapq.heappush(heap, (-tie / (size[low] * size[high]), low, high))
        return {
            signal: thing
            for thing, some in members.items()
            for place in some
            for signal in self._signals[place]
        }

    def frontier(self, truth: Mapping[str, Hashable], precision: float) -> dict[str, Any]:
        """The most recall where at least so many of the pairs are right."""
        found: dict[str, Any] = {}
        for least in LEASTS:
            agreed = agree(truth, self.taken(least)).rounded()
            best = found.get("pairwise_recall", 0.0)
            if agreed["pairwise_precision"] >= precision and agreed["pairwise_recall"] > best:
                found = {"least": least, **agreed}
        return found
