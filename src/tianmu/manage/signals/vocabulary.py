"""Which matters a text speaks of, by the words of the pack: rather unsure than wrong.

A matter's words are its names and synonyms. A synonym of several parts (``井盖&不见``) is told
where all of its parts are. A longer word of one matter silences a shorter one of another that lies
within it. A component's own name says only that there is such a thing: "books left on a bench" is
no matter of the bench, so it is sure only beside a word of something wrong. Who thanks or praises,
and asks for nothing, tells of nothing to be done.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tianmu.manage.case.plain import apart, plain
from tianmu.manage.words import telling

if TYPE_CHECKING:
    from tianmu.city.matter.matter import Matter

AND = "&"
"""between the parts of a synonym"""
NAMED = 0.4
"""how sure the mere name of a thing makes of its matter, and mere thanks of any; less than what
counts as known"""
THING = 0.5
"""what the name of a thing weighs beside words that tell what happened"""

_LATIN = re.compile(r"[A-Za-z]{2}")
_BEGIN = re.compile(r"(?<![a-z0-9])[a-z0-9]")
_ENDING = re.compile(r"(?:s|es|ed|d|ing|y)?(?![a-z0-9])")


@dataclass(frozen=True, slots=True)
class _Word:
    matter: str
    parts: tuple[str, ...]
    """the longest first: by it the word is looked up"""
    weight: float
    """its length over how many matters it belongs to"""
    thing: bool
    """it only names what there is"""

    @property
    def length(self) -> int:
        return sum(map(len, self.parts))


@dataclass(frozen=True, slots=True)
class _Match:
    word: _Word
    begin: int
    end: int

    def silences(self, other: _Match) -> bool:
        """Whether the other one says less, of another matter, in the same place."""
        return (
            self.begin <= other.begin
            and other.end <= self.end
            and self.word.length > other.word.length
            and self.word.matter != other.word.matter
        )


class Vocabulary:
    """A look-up of the pack's words by their first two signs. Where words are written apart, one is
    found only as a whole word, but for its ending."""

    def __init__(self, words: Mapping[str, Iterable[str]], things: Collection[str] = ()) -> None:
        """``words``: matter key → the words by which people tell of it (its name among them).
        ``things``: keys of matters that are things, not events."""
        known: dict[tuple[str, ...], set[str]] = {}
        for matter, told in words.items():
            for word in told:
                if parts := _parts(word):
                    known.setdefault(parts, set()).add(matter)
        self._wrong, self._content = _Any(telling("wrong")), _Any(telling("content"))
        self._asks = _Any(telling("asks"))
        self._written: dict[str, list[_Word]] = {}
        self._spaced: dict[str, list[_Word]] = {}
        for parts, matters in known.items():
            table = self._spaced if parts[0].isascii() else self._written
            wrong = len(parts) > 1 or any(self._wrong.of(part) for part in parts)
            weight = sum(map(len, parts)) / len(matters)
            for matter in sorted(matters):
                thing = matter in things and not wrong
                one = _Word(matter, parts, weight * (THING if thing else 1.0), thing)
                table.setdefault(parts[0][:2], []).append(one)

    @classmethod
    def of(cls, matters: Mapping[str, Matter]) -> Vocabulary:
        """The words of a pack."""
        return cls(
            {key: (*one.name.values(), *one.synonyms) for key, one in matters.items()},
            {key for key, one in matters.items() if one.kind == "component"},
        )

    def matters(self, text: str) -> list[tuple[str, float]]:
        """(matter key, how surely 0…1) of the matters told of, the likeliest first. A long word
        that belongs to one matter weighs most; a word of many matters says little."""
        found = self._found(text)
        if not found:
            return []
        weights: dict[str, float] = {}
        happened: set[str] = set()
        for one in found:
            weights[one.matter] = weights.get(one.matter, 0.0) + one.weight
            if not one.thing:
                happened.add(one.matter)
        if len(happened) < len(weights) and self._wrong.of(text):
            happened = set(weights)
        if happened and self._content.of(text) and not self._asks.of(text):
            happened = set()
        total = sum(weights.values())
        sure = [
            (key, weight / total * (1.0 if key in happened else NAMED))
            for key, weight in weights.items()
        ]
        return sorted(sure, key=lambda one: (-one[1], one[0]))

    def _found(self, text: str) -> list[_Word]:
        """The words that stand in it, each once, none that is silenced by a longer one."""
        told = plain(text)
        matches = [
            _Match(word, at, at + len(word.parts[0]))
            for at in range(len(told) - 1)
            for word in self._written.get(told[at : at + 2], ())
            if told.startswith(word.parts[0], at) and all(part in told for part in word.parts[1:])
        ]
        if self._spaced and _LATIN.search(text):
            told = apart(text)
            spaced = [
                _Match(word, at, at + len(word.parts[0]))
                for at in (begin.start() for begin in _BEGIN.finditer(told))
                for word in self._spaced.get(told[at : at + 2], ())
                if _is_word(word.parts[0], told, at)
                and all(_stands(part, told) for part in word.parts[1:])
            ]
            return _loud(matches) + _loud(spaced)
        return _loud(matches)


class _Any:
    """Whether one of some words stands in a text."""

    def __init__(self, words: Iterable[str]) -> None:
        folded = [apart(word) if apart(word).isascii() else plain(word) for word in words]
        self._written = [one for one in folded if not one.isascii()]
        self._spaced = [one for one in folded if one.isascii()]

    def of(self, text: str) -> bool:
        told = plain(text)
        if any(word in told for word in self._written):
            return True
        if not _LATIN.search(text):
            return False
        told = apart(text)
        return any(_stands(word, told) for word in self._spaced)


def _parts(word: str) -> tuple[str, ...]:
    """Folded, the longest first; none where it is too short to be told from others."""
    parts = [apart(part) if apart(part).isascii() else plain(part) for part in word.split(AND)]
    parts.sort(key=lambda part: (-len(part), part))
    return tuple(parts) if len(parts[0]) >= 2 and all(parts) else ()


def _is_word(word: str, told: str, at: int) -> bool:
    return told.startswith(word, at) and _ENDING.match(told, at + len(word)) is not None


def _stands(word: str, told: str) -> bool:
    """Whether a word stands in a text whose words are apart."""
    at = told.find(word)
    while at >= 0:
        if (at == 0 or told[at - 1] == " ") and _is_word(word, told, at):
            return True
        at = told.find(word, at + 1)
    return False


def _loud(matches: list[_Match]) -> list[_Word]:
    """The words of matches that none silences, each once."""
    heard = (one.word for one in matches if not any(other.silences(one) for other in matches))
    return list(dict.fromkeys(heard))
