"""How alike two texts are, without a model: overlap of the character pairs they are made of.

Works on scripts with and without spaces between words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set

from tianmu.manage.case.plain import plain


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
