"""Which matters a text may speak of, for a person to choose from: more than is heard for sure.

First what the words of the pack say. Then, where these name fewer than are asked for, what they
would say if signs were taken for others that sound like them, as machines and clerks who write down
speech do; and last what is worded most like a matter's names and synonyms, by the pairs of signs
that few matters share. Of these two none is ever sure: nothing is decided by them, and signals do
not carry them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from tianmu.city.matter.matter import AND
from tianmu.manage.signals.likeness import pairs
from tianmu.manage.signals.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tianmu.city.city import City

By = Literal["words", "sound", "likeness"]
HEARD = 3
"""signs of a word at least that is heard by its sound"""
UNSURE = 0.3
"""how sure it makes at most that it sounds so or is worded so"""
LIKE = 0.3
"""of the weight of a wording's pairs that must be in the text"""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A matter that a text may speak of."""

    matter: str
    sure: float
    """0 … 1; of what is only alike or sounds so, less than what counts as known"""
    by: By


class Proposals:
    """Of one pack; what it needs beside the vocabulary is made when somebody first asks."""

    def __init__(self, city: City, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._matters = city.matters
        self._sounds = {
            ord(sign): group[0] for group in city.telling.words("sounds") for sign in group
        }

    @cached_property
    def _words(self) -> dict[str, tuple[str, ...]]:
        return {key: (*one.name.values(), *one.synonyms) for key, one in self._matters.items()}

    @cached_property
    def _by_sound(self) -> Vocabulary:
        return Vocabulary(_sounding(self._words, self._sounds))

    @cached_property
    def _likely(self) -> _Likely:
        return _Likely(self._words)

    def of(self, text: str, most: int = 3) -> list[Proposed]:
        """The likeliest first, each matter once."""
        found = {
            key: Proposed(key, sure, "words") for key, sure in self._vocabulary.matters(text)[:most]
        }
        if len(found) < most and self._sounds:
            for key, sure in self._by_sound.matters(text.translate(self._sounds)):
                found.setdefault(key, Proposed(key, UNSURE * sure, "sound"))
        if len(found) < most:
            for key, sure in self._likely.of(text):
                found.setdefault(key, Proposed(key, UNSURE * sure, "likeness"))
        return list(found.values())[:most]


def _sounding(
    words: Mapping[str, Iterable[str]], sounds: Mapping[int, str]
) -> dict[str, list[str]]:
    """The words whose signs sound like others, as they sound."""
    return {
        key: [
            word.translate(sounds)
            for word in told
            if len(word.replace(AND, "")) >= HEARD and any(ord(sign) in sounds for sign in word)
        ]
        for key, told in words.items()
    }


class _Likely:
    """Wordings of matters by the pairs of signs in them, weighed by how few matters have them."""

    def __init__(self, words: Mapping[str, Iterable[str]]) -> None:
        wordings = [
            (key, pairs(part))
            for key, told in words.items()
            for word in told
            for part in word.split(AND)
            if len(part) > 2
        ]
        shared = Counter(pair for _, pair in {(key, p) for key, own in wordings for p in own})
        self._weights = {pair: math.log(1 + len(words) / count) for pair, count in shared.items()}
        self._whole = [(key, own, sum(self._weights[p] for p in own)) for key, own in wordings]
        self._with: dict[str, list[int]] = {}
        for number, (_, own, _) in enumerate(self._whole):
            for pair in own:
                self._with.setdefault(pair, []).append(number)

    def of(self, text: str) -> list[tuple[str, float]]:
        """(matter, share of its likest wording that the text has), the likest first."""
        held: dict[int, float] = {}
        for pair in pairs(text) & self._weights.keys():
            for number in self._with[pair]:
                held[number] = held.get(number, 0.0) + self._weights[pair]
        best: dict[str, float] = {}
        for number, weight in held.items():
            key, _, whole = self._whole[number]
            best[key] = max(best.get(key, 0.0), weight / whole)
        found = [(key, share) for key, share in best.items() if share >= LIKE]
        return sorted(found, key=lambda one: (-round(one[1], 9), one[0]))
