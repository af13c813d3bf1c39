"""How alike two texts are, without a model: overlap of the character pairs they are made of.

Works on scripts with and without spaces between words. Words the pack knows as synonyms of one
matter count as the same word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Set

_NOISE = re.compile(r"[\W_]+")
_LATIN = re.compile(r"[A-Za-z]{2}")
_BEGIN = re.compile(r"(?<![a-z0-9])[a-z0-9]")

MOST = 400
"""signs of a text that are looked at: what is told first tells most"""


def plain(text: str) -> str:
    """Folded to one width and case, without punctuation and blanks."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text[:MOST]).casefold())


def apart(text: str) -> str:
    """Folded as by ``plain``, with one blank between words."""
    return _NOISE.sub(" ", unicodedata.normalize("NFKC", text[:MOST]).casefold()).strip()


def pairs(text: str) -> frozenset[str]:
    """The character pairs of a text; a text of one sign is its own pair."""
    told = plain(text)
    if len(told) < 2:
        return frozenset((told,)) if told else frozenset()
    return frozenset(told[i : i + 2] for i in range(len(told) - 1))


class Wording:
    """What a text says beside names that all of a place tell: they make no two texts alike."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """``names``: of the city's divisions, in all its languages."""
        known = sorted({plain(name) for name in names} - {""}, key=lambda one: (-len(one), one))
        self._names = re.compile("|".join(map(re.escape, known)) or "(?!)")
        self._last: tuple[str, frozenset[str]] = ("", frozenset())

    def pairs(self, text: str) -> frozenset[str]:
        """The character pairs of its own words; of all where it says nothing else. One text is
        asked for again and again."""
        if text != self._last[0]:
            own = [pairs(part) for part in self._names.split(plain(text))]
            self._last = text, frozenset().union(*own) or pairs(text)
        return self._last[1]


def likeness(one: Set[str], other: Set[str]) -> float:
    """0 (nothing in common) … 1 (one holds all of the other): overlap coefficient, damped where
    the shorter one is so short that overlap says little."""
    if not one or not other:
        return 0.0
    short = min(len(one), len(other))
    return len(one & other) / short * min(1.0, short / 4)


class Vocabulary:
    """Which matters a text speaks of: a look-up of the pack's synonyms by their first two signs.
    Where words are written apart, a synonym is found only where a word begins."""

    def __init__(self, words: Mapping[str, Iterable[str]]) -> None:
        """``words``: matter key → the words by which people tell of it (its name among them)."""
        self._by_start: dict[str, list[tuple[str, str]]] = {}
        self._by_word: dict[str, list[tuple[str, str]]] = {}
        known: dict[str, set[str]] = {}
        for matter, told in words.items():
            for word in told:
                folded = apart(word) if apart(word).isascii() else plain(word)
                if len(folded) >= 2:
                    known.setdefault(folded, set()).add(matter)
        for word, matters in known.items():
            table = self._by_word if word.isascii() else self._by_start
            for matter in sorted(matters):
                table.setdefault(word[:2], []).append((word, matter))
        self._shared = {word: len(matters) for word, matters in known.items()}

    def matters(self, text: str) -> list[tuple[str, float]]:
        """(matter key, weight 0…1) of the matters told of, the likeliest first. A long word that
        belongs to one matter weighs most; a word of many matters says little."""
        weights: dict[str, float] = {}
        seen: set[tuple[str, str]] = set()

        def look(table: dict[str, list[tuple[str, str]]], told: str, at: int) -> None:
            for word, matter in table.get(told[at : at + 2], ()):
                if (word, matter) not in seen and told.startswith(word, at):
                    seen.add((word, matter))
                    weights[matter] = weights.get(matter, 0.0) + len(word) / self._shared[word]

        told = plain(text)
        for at in range(len(told) - 1):
            look(self._by_start, told, at)
        if self._by_word and _LATIN.search(text):
            told = apart(text)
            for begin in _BEGIN.finditer(told):
                look(self._by_word, told, begin.start())
        total = sum(weights.values())
        if not total:
            return []
        found = [(matter, weight / total) for matter, weight in weights.items()]
        return sorted(found, key=lambda one: (-one[1], one[0]))
