"""Which matters a text speaks of, by the words of the pack: rather unsure than wrong.

A matter's words are its names and synonyms. A synonym of several parts (``井盖&不见``) is told
where all of its parts stand not far from each other. A longer word of one matter silences a shorter
one of another that lies within it. A component's own name says only that there is such a thing, and
so does a synonym that the pack marks (``~异味``): "books left on a bench" is no matter of the
bench, so it is sure only beside a word of something wrong; and where it only says where something
is ("they quarrel under the lamp"), nothing is wrong with it. What is denied ("no smoke any more"),
and what somebody thanks for who asks for nothing, is never sure: it is what they speak of, but
nothing to be done.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tianmu.city.matter.matter import AND
from tianmu.city.matter.telling import Telling
from tianmu.manage.case.plain import plain
from tianmu.manage.signals.hearing import AnyOf, Folding, Hearing, Places, folded

if TYPE_CHECKING:
    from tianmu.city.city import City

NAMED = 0.4
"""how sure the mere name of a thing makes of its matter, and what is denied or thanked for of any;
less than what counts as known"""
THING = 0.5
"""what the name of a thing weighs beside words that tell what happened"""
DENIED = 0.25
"""and what is denied"""
PLACE = 0.25
"""and a thing that only says where something is"""

_BEGIN = re.compile(r"(?<![a-z0-9])[a-z0-9]")
NOTHING = Telling()


@dataclass(frozen=True, slots=True)
class _Word:
    matter: str
    parts: tuple[str, ...]
    """the longest first: by it the word is looked up"""
    weight: float
    """of each of its signs: less, the more matters it belongs to"""
    thing: bool
    """it only names what there is"""
    named: str
    """the part of it that names a thing; empty where none does"""

    @property
    def length(self) -> int:
        return sum(map(len, self.parts))


@dataclass(frozen=True, slots=True)
class _Match:
    word: _Word
    text: Folding
    begin: int
    end: int
    denied: bool

    def silences(self, other: _Match) -> bool:
        """Whether the other one says less, of another matter, in the same place."""
        return (
            self.begin <= other.begin
            and other.end <= self.end
            and self.word.length > other.word.length
            and self.word.matter != other.word.matter
        )


_NONE: dict[str, list[_Word]] = {}
Table = dict[str, dict[str, list[_Word]]]
"""first two signs of the longest part of words → that part → the words"""


class Vocabulary:
    """A look-up of the pack's words by their first two signs. Where words are written apart, one is
    found only as a whole word, but for its ending."""

    def __init__(
        self,
        words: Mapping[str, Iterable[str]],
        things: Collection[str] = (),
        mere: Mapping[str, Iterable[str]] | None = None,
        telling: Telling = NOTHING,
        related: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """``words``: matter key → the words by which people tell of it (its name among them).
        ``things``: keys of matters that are things, not events; ``mere``: matter key → those of its
        words that only name something. ``telling``: how people say things;
        ``related``: matter key → those that may be the same thing."""
        known: dict[tuple[str, ...], set[str]] = {}
        for matter, told in words.items():
            for word in told:
                if parts := _parts(word):
                    known.setdefault(parts, set()).add(matter)
        names = {(key, _parts(word)) for key, told in (mere or {}).items() for word in told}
        self._hearing, self._related = Hearing(telling), dict(related or {})
        self._wrong, self._content = AnyOf(telling.words("wrong")), AnyOf(telling.words("content"))
        self._asks, self._places = AnyOf(telling.words("asks")), Places(telling)
        self._written: Table = {}
        self._single: dict[str, list[_Word]] = {}
        """of several parts that are one sign each, in a script that does not write words apart"""
        self._spaced: Table = {}
        for parts, matters in known.items():
            table = self._spaced if _is_spaced(parts) else self._written
            first = parts[0]
            same = table.setdefault(first[:2], {}) if len(first) > 1 else self._single
            wrong = len(parts) > 1 or any(self._wrong.within(part) for part in parts)
            for matter in sorted(matters):
                thing = (matter, parts) in names or (matter in things and not wrong)
                of_it = [one for one in parts if matter in known.get((one,), ())]
                named = of_it[0] if of_it and (thing or matter in things) else ""
                weight = (THING if thing else 1.0) / len(matters)
                one = _Word(matter, parts, weight, thing, named)
                same.setdefault(first, []).append(one)

    @classmethod
    def of(cls, city: City) -> Vocabulary:
        """The words of a pack."""
        matters = city.matters
        return cls(
            {key: (*one.name.values(), *one.synonyms) for key, one in matters.items()},
            {key for key, one in matters.items() if one.kind == "component"},
            {key: one.mere for key, one in matters.items()},
            city.telling,
            {key: one.related for key, one in matters.items()},
        )

    def matters(self, text: str) -> list[tuple[str, float]]:
        """(matter key, how surely 0…1) of the matters told of, the likeliest first. A long word
        that belongs to one matter weighs most; a word of many matters says little."""
        heard = self._hearing.hear(text)
        found = [*self._loud(self._written, heard.written)]
        if heard.spaced is not None:
            found += self._loud(self._spaced, heard.spaced)
        if not found:
            return []
        parts: dict[str, dict[str, float]] = {}
        happened: set[str] = set()
        for one in found:
            word = one.word
            own, weight = parts.setdefault(word.matter, {}), word.weight
            if one.denied:
                weight *= DENIED
            elif word.named and self._is_place(one):
                weight *= PLACE
            elif word.matter not in happened and (not word.thing or self._is_wrong(one)):
                happened.add(word.matter)
            for part in word.parts:
                own[part] = max(own.get(part, 0.0), weight)
        if happened and self._content.of(heard) and not self._asks.of(heard):
            happened = set()
        weights = {matter: _weight(own) for matter, own in parts.items()}
        total = sum(weights.values())
        sure = [
            (key, weight / (total - self._lent(key, weights)) * (1.0 if key in happened else NAMED))
            for key, weight in weights.items()
        ]
        return sorted(sure, key=lambda one: (-one[1], one[0]))

    def _lent(self, matter: str, weights: Mapping[str, float]) -> float:
        """What lighter matters weigh that may be the same thing: the smoke of a fire says nothing
        against the fire."""
        own, lighter = weights[matter], self._related.get(matter, ())
        return sum(weights[one] for one in lighter if one in weights and weights[one] < own)

    def _is_wrong(self, match: _Match) -> bool:
        """Whether it is told near the thing that something is wrong."""
        return self._wrong.beside(match.text, match.begin, match.end)

    def _is_place(self, match: _Match) -> bool:
        """Whether the thing that the word names only says where something is, wherever it is
        named not far from there."""
        text, named = match.text, match.word.named
        far = text.reach.parts
        found = [at for at in text.places(named) if abs(at - match.begin) <= far]
        return bool(found) and all(self._places.about(text, at, at + len(named)) for at in found)

    def _loud(self, table: Table, text: Folding) -> list[_Match]:
        """Where the words stand that none silences."""
        found = list(self._matches(table, text))
        if text.others:
            found = [one for one in found if not text.is_across(one.begin, one.end)]
        if len(found) < 2:
            return found
        return [one for one in found if not any(other.silences(one) for other in found)]

    def _matches(self, table: Table, text: Folding) -> Iterator[_Match]:
        told = text.told
        if text.spaced:
            for at in (one.start() for one in _BEGIN.finditer(told)) if table else ():
                for first, words in table.get(told[at : at + 2], _NONE).items():
                    if text.is_word(first, at):
                        yield from _with(words, text, at)
            return
        for two in sorted(table.keys() & {told[at : at + 2] for at in range(len(told) - 1)}):
            for first, words in table[two].items():
                if first in told:
                    for at in text.places(first):
                        yield from _with(words, text, at)
        for sign in sorted(self._single.keys() & set(told)):
            for at in text.places(sign):
                yield from _with(self._single[sign], text, at)


def _with(words: list[_Word], text: Folding, at: int) -> Iterator[_Match]:
    """Those of words whose first part stands there that stand there whole."""
    told = text.told
    for word in words:
        others = word.parts[1:]
        for part in others:
            if part not in told or not text.near(part, at):
                break
        else:
            yield _Match(word, text, at, at + len(word.parts[0]), _denied(word, text, at))


def _denied(word: _Word, text: Folding, at: int) -> bool:
    """Whether it is not so, or no more, what a word tells of whose first part stands there. A thing
    stays, if what was wrong with it is over."""
    if text.whole:
        return False
    if word.thing:
        return text.is_none(at)
    others = word.parts[1:]
    return text.is_denied(at) or not all(text.near(part, at, so=True) for part in others)


def _weight(parts: Mapping[str, float]) -> float:
    """Of the parts of a matter's words that stand in a text; what lies within another of them has
    been counted with that."""
    return sum(
        len(part) * weight
        for part, weight in parts.items()
        if not any(part in other and part != other for other in parts)
    )


def _is_spaced(parts: Iterable[str]) -> bool:
    """Whether all are of a script that writes words apart."""
    return all(part.isascii() for part in parts)


def _parts(word: str) -> tuple[str, ...]:
    """Folded, the longest first; none where it is too short to be told from others. Parts of
    several scripts (``KTV&吵``) are sought in a text without blanks."""
    parts = [folded(part) for part in word.split(AND)]
    if not _is_spaced(parts):
        parts = [plain(part) for part in parts]
    parts.sort(key=lambda part: (-len(part), part))
    least = 2 if parts[0].isascii() else 1
    enough = len(parts[0]) >= least and sum(map(len, parts)) >= 2
    return tuple(parts) if enough and all(parts) else ()
