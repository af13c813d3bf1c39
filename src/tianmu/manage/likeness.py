"""How alike two texts are, without a model: overlap of the character pairs they are made of.

Works on scripts with and without spaces between words. Words the pack knows as synonyms of one
matter count as the same word.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Set

_NOISE = re.compile(r"[\W_]+")

MOST = 400
"""signs of a text that are looked at: what is told first tells most"""
FEW_TEXTS, MOST_TEXTS = 50, 20_000
"""texts from which on it is known what is rare, and after which the early ones count half"""


def plain(text: str) -> str:
    """Folded to one width and case, without punctuation and blanks."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text[:MOST]).casefold())


def pairs(text: str) -> frozenset[str]:
    """The character pairs of a text; a text of one sign is its own pair."""
    told = plain(text)
    if len(told) < 2:
        return frozenset((told,)) if told else frozenset()
    return frozenset(told[i : i + 2] for i in range(len(told) - 1))


def likeness(one: Set[str], other: Set[str]) -> float:
    """0 (nothing in common) … 1 (one holds all of the other): overlap coefficient, damped where
    the shorter one is so short that overlap says little."""
    if not one or not other:
        return 0.0
    short = min(len(one), len(other))
    return len(one & other) / short * min(1.0, short / 4)


STALE_TEXTS = 64
"""texts after which the weights are found anew"""


class Rarity:
    """How much each pair of signs tells apart: those that are in most texts say nothing."""

    def __init__(self) -> None:
        self._texts = 0
        self._in: dict[str, int] = {}
        self._weights: dict[str, float] = {}
        """as they were some texts ago: they change slowly"""

    def learn(self, told: Set[str]) -> None:
        """One more text; of late ones more than of early ones, so that memory stays bounded."""
        if not told:
            return
        self._texts += 1
        for pair in told:
            self._in[pair] = self._in.get(pair, 0) + 1
        if not self._texts % STALE_TEXTS or self._texts <= STALE_TEXTS:
            self._weights.clear()
        if self._texts >= MOST_TEXTS:
            self._texts //= 2
            self._in = {pair: n // 2 for pair, n in self._in.items() if n > 1}

    def weight(self, pair: str) -> float:
        """1 for what nobody said, 0 for what all say."""
        known = self._weights.get(pair)
        if known is None:
            known = self._weights[pair] = self._weigh(pair)
        return known

    def _weigh(self, pair: str) -> float:
        if self._texts < FEW_TEXTS:
            return 1.0
        share = (self._in.get(pair, 0) + 1) / (self._texts + 1)
        return max(0.0, -math.log(share)) / math.log(self._texts + 1)

    def likeness(self, one: Set[str], other: Set[str]) -> float:
        """As ``likeness`` of the shorter one, each pair by its weight."""
        if not one or not other:
            return 0.0
        short, long = (one, other) if len(one) <= len(other) else (other, one)
        whole = sum(map(self.weight, short))
        both = sum(map(self.weight, short & long))
        return both / whole * min(1.0, len(short) / 4) if whole else 0.0


class Vocabulary:
    """Which matters a text speaks of: a look-up of the pack's synonyms by their first two signs."""

    def __init__(self, words: Mapping[str, Iterable[str]]) -> None:
        """``words``: matter key → the words by which people tell of it (its name among them)."""
        self._by_start: dict[str, list[tuple[str, str]]] = {}
        known: dict[str, set[str]] = {}
        for matter, told in words.items():
            for word in told:
                folded = plain(word)
                if len(folded) >= 2:
                    known.setdefault(folded, set()).add(matter)
        for word, matters in known.items():
            for matter in sorted(matters):
                self._by_start.setdefault(word[:2], []).append((word, matter))
        self._shared = {word: len(matters) for word, matters in known.items()}

    def matters(self, text: str) -> list[tuple[str, float]]:
        """(matter key, weight 0…1) of the matters told of, the likeliest first. A long word that
        belongs to one matter weighs most; a word of many matters says little."""
        told = plain(text)
        weights: dict[str, float] = {}
        seen: set[tuple[str, str]] = set()
        for at in range(len(told) - 1):
            for word, matter in self._by_start.get(told[at : at + 2], ()):
                if (word, matter) not in seen and told.startswith(word, at):
                    seen.add((word, matter))
                    weights[matter] = weights.get(matter, 0.0) + len(word) / self._shared[word]
        total = sum(weights.values())
        if not total:
            return []
        found = [(matter, weight / total) for matter, weight in weights.items()]
        return sorted(found, key=lambda one: (-one[1], one[0]))
