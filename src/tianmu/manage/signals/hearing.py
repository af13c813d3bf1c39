"""A text as it is heard: its words folded, and which stretches of it are denied or only say where
something is.

A word that denies (``没有``, ``no``) says of what follows it within its clause, and within a few
signs, that it is not so; one that says it is over says so of what was told before it. Words, and
how far they reach, are the pack's ``telling.toml``. Scripts that write words apart and scripts that
do not are heard each in a folding of their own, for a text may mix them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from tianmu.city.matter.telling import KINDS, Reach, Telling
from tianmu.manage.case.plain import MOST, apart, plain

ANYWHERE = Reach(denies=MOST, parts=MOST, beside=MOST, place=MOST)
"""where no pack says how far words reach: to the end of the clause, or of the text"""

_LATIN = re.compile(r"[A-Za-z]{2}")
_ENDING = re.compile(r"(?:s|es|ed|d|ing|y)?(?![a-z0-9])")
_STOPS = r",.!?;:，。！？；：、…—\n"
_WRITTEN_CLAUSE = re.compile(rf"[{_STOPS}\s]+")
_SPACED_CLAUSE = re.compile(rf"[{_STOPS}]+")

DENYING = ("denies", "over", "other")

Spans = list[tuple[int, int]]
"""from where to where a word begins that is denied: within the one that denies it (``没着`` and
``着火``), too"""


def folded(word: str) -> str:
    """As it is looked for: with blanks where it is of a script that writes words apart."""
    spaced = apart(word)
    return spaced if spaced.isascii() else plain(word)


def _first(words: Iterable[str]) -> re.Pattern[str]:
    """The signs that words begin with: most texts have none of them, which is quickly seen."""
    signs = "".join(sorted({word[0] for word in words}))
    return re.compile(f"[{re.escape(signs)}]" if signs else "(?!)")


def _begins(told: str, at: int) -> bool:
    return at == 0 or told[at - 1] == " "


@dataclass(frozen=True, slots=True)
class Folding:
    """One folding of a text, and what of it is denied."""

    told: str
    denied: Spans
    over: int
    """before here it is told of what is over"""
    spaced: bool
    reach: Reach
    others: Spans
    """words that tell of something else than what they lie across"""

    @property
    def whole(self) -> bool:
        """Whether nothing of it is denied."""
        return not self.denied and not self.over

    def is_none(self, at: int) -> bool:
        """Whether it is denied that what stands there is it at all."""
        return any(begin <= at < end for begin, end in self.denied)

    def is_denied(self, at: int) -> bool:
        """Whether what stands there is not so, or no more."""
        return at < self.over or self.is_none(at)

    def is_word(self, word: str, at: int) -> bool:
        """Whether a word stands there; where words are apart it may have another ending."""
        if not self.told.startswith(word, at):
            return False
        return not self.spaced or _ENDING.match(self.told, at + len(word)) is not None

    def places(self, word: str) -> Iterator[int]:
        """Where it stands."""
        at = self.told.find(word)
        while at >= 0:
            if not self.spaced or (_begins(self.told, at) and self.is_word(word, at)):
                yield at
            at = self.told.find(word, at + 1)

    def stands(self, word: str) -> bool:
        """Whether it does, denied or not."""
        if not self.spaced:
            return word in self.told
        return next(self.places(word), None) is not None

    def is_across(self, begin: int, end: int) -> bool:
        """Whether a word of something else lies across what stands there, and not within it."""
        return any(
            begin < last and first < end and not (begin <= first and last <= end)
            for first, last in self.others
        )

    def near(self, word: str, place: int, *, so: bool = False) -> bool:
        """Whether it stands not far from a place; ``so``: and is not denied there."""
        far = self.reach.parts
        return any(
            abs(at - place) <= far and not (so and self.is_denied(at)) for at in self.places(word)
        )

    def holds(self, word: str) -> bool:
        """Whether it stands there and is not denied."""
        if self.whole:
            return self.stands(word)
        return any(not self.is_denied(at) for at in self.places(word))


@dataclass(frozen=True, slots=True)
class Heard:
    """A text in both foldings; no ``spaced`` one where nothing in it is written so."""

    written: Folding
    spaced: Folding | None


class AnyOf:
    """Some words, one of which may stand in a text and not be denied."""

    def __init__(self, words: Iterable[str]) -> None:
        found = [folded(word) for word in words]
        self._written = [one for one in found if not one.isascii()]
        self._spaced = [one for one in found if one.isascii()]
        self._first = _first(self._written)

    def of(self, heard: Heard) -> bool:
        written, spaced = heard.written, heard.spaced
        if self._first.search(written.told) and any(map(written.holds, self._written)):
            return True
        return spaced is not None and any(map(spaced.holds, self._spaced))

    def beside(self, text: Folding, begin: int, end: int) -> bool:
        """Whether one stands not far from a word of one folding, but not within it, and is not
        denied."""
        words = self._spaced if text.spaced else self._written
        far = text.reach.beside
        return any(
            not begin <= at < end and abs(at - begin) <= far and not text.is_denied(at)
            for word in words
            if word in text.told
            for at in text.places(word)
        )

    def within(self, word: str) -> bool:
        """Whether one stands in another word, which is folded."""
        one = Folding(word, [], 0, word.isascii(), ANYWHERE, [])
        return any(one.stands(part) for part in (self._spaced if one.spaced else self._written))


class Places:
    """Words by which a thing that is named only says where something is."""

    def __init__(self, telling: Telling) -> None:
        self._behind, self._before = _by_script(telling, "behind"), _by_script(telling, "before")

    def about(self, text: Folding, begin: int, end: int) -> bool:
        """Whether one stands close behind or before the thing that stands there."""
        far = text.reach.place
        behind, before = self._behind[text.spaced], self._before[text.spaced]
        return any(_between(text, one, end, end + far + len(one)) for one in behind) or any(
            _between(text, one, begin - far - len(one), begin) for one in before
        )


def _by_script(telling: Telling, kind: str) -> dict[bool, list[str]]:
    """Words of a kind, folded: those that are (not) of a script that writes words apart."""
    found = [folded(word) for word in telling.words(kind)]
    return {spaced: [one for one in found if one.isascii() == spaced] for spaced in (False, True)}


def _between(text: Folding, word: str, begin: int, end: int) -> bool:
    """Whether a word stands whole within a stretch of a text."""
    at = text.told.find(word, max(begin, 0), end)
    while at >= 0:
        after = at + len(word)
        if not text.spaced or (
            _begins(text.told, at) and text.told[after : after + 1] in ("", " ")
        ):
            return True
        at = text.told.find(word, at + 1, end)
    return False


def _reaches(telling: Telling, *, spaced: bool) -> dict[str, Reach]:
    """Of the languages most of whose words are (not) written apart."""

    def is_spaced(language: str) -> bool:
        words = [one for kind in KINDS for one in getattr(telling, kind).get(language, ())]
        return 2 * sum(folded(word).isascii() for word in words) > len(words)

    return {one: far for one, far in telling.reach.items() if is_spaced(one) == spaced}


def _together(reaches: Collection[Reach]) -> Reach:
    """Of several languages in one text the farthest."""
    if not reaches:
        return ANYWHERE
    return Reach(
        denies=max(one.denies for one in reaches),
        parts=max(one.parts for one in reaches),
        beside=max(one.beside for one in reaches),
        place=max(one.place for one in reaches),
    )


class Hearing:
    """By the words of a pack."""

    def __init__(self, telling: Telling) -> None:
        self._written = _Marks(telling, spaced=False)
        self._spaced = _Marks(telling, spaced=True)

    def hear(self, text: str) -> Heard:
        written = self._written.fold(text)
        return Heard(written, self._spaced.fold(text) if _LATIN.search(text) else None)


class _Marks:
    """Words that deny, in one folding."""

    def __init__(self, telling: Telling, *, spaced: bool) -> None:
        self._fold = apart if spaced else plain
        self._reach = _together(_reaches(telling, spaced=spaced).values())
        self._clause = _SPACED_CLAUSE if spaced else _WRITTEN_CLAUSE
        self._blank = 1 if spaced else 0
        self._kinds: dict[str, str] = {}
        self._denies: dict[str, int] = {}
        for kind in ("turns", "over", "denies", "other", "affirms"):
            for language, words in getattr(telling, kind).items():
                far = telling.reach.get(language, ANYWHERE).denies
                own = [one for one in map(folded, words) if one.isascii() == spaced]
                self._kinds |= dict.fromkeys(own, kind)
                self._denies |= dict.fromkeys(own, far)
        longest = sorted(self._kinds, key=lambda word: (-len(word), word))
        some = "|".join(map(re.escape, longest)) or "(?!)"
        self._any = re.compile(rf"(?<![a-z0-9])(?:{some})(?![a-z0-9])" if spaced else some)
        self._first = _first(word for word, kind in self._kinds.items() if kind in DENYING)

    def fold(self, text: str) -> Folding:
        told = self._fold(text)
        spaced = self._fold is apart
        if not self._first.search(told):
            return Folding(told, [], 0, spaced, self._reach, [])
        marks = [(one, self._kinds[one[0]]) for one in self._any.finditer(told)]
        ends = self._ends(text) if any(kind == "denies" for _, kind in marks) else []
        ends += [one.start() for one, kind in marks if kind == "turns"]
        denied: Spans = []
        others = [one.span() for one, kind in marks if kind == "other"]
        over = 0
        for mark, kind in marks:
            begin, end = mark.span()
            if kind == "denies":
                clause = min((one for one in ends if one >= end), default=len(told))
                denied.append((begin + 1, min(clause, end + self._denies[mark[0]])))
            elif kind == "over" and not any(one <= begin < other for one, other in denied):
                over = begin
        return Folding(told, denied, over, spaced, self._reach, others)

    def _ends(self, text: str) -> list[int]:
        """Where the clauses of a text end once it is folded."""
        at, found = 0, []
        for clause in self._clause.split(unicodedata.normalize("NFKC", text[:MOST])):
            if own := self._fold(clause):
                at += len(own)
                found.append(at)
                at += self._blank
        return found
