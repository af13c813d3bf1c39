"""Divisions by the names people use for them, found in what they write.

A pack's names carry endings that say what kind of division it is; people drop or change them.
Which endings those are is the pack's word (``[[short_name]]`` in city.toml).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tianmu.city.place.division import Division
from tianmu.facts.text import Text


class ShortName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """People say ``instead`` for an ``ending`` of a division's name."""

    ending: str
    instead: str = ""
    least: int = 3
    """only where the short name still has so many signs: shorter ones mean other things too"""


def spoken(name: Text, short_names: Sequence[ShortName] = ()) -> Iterable[str]:
    """A division's names as people say them, longest first."""
    for words in name.values():
        said = {words}
        for short in short_names:
            if words.endswith(short.ending):
                shorter = words[: -len(short.ending)] + short.instead
                if len(shorter) >= short.least:
                    said.add(shorter)
        yield from sorted(said, key=len, reverse=True)


class Names:
    """Spoken names of divisions, found by their first two signs."""

    def __init__(self, named: Iterable[tuple[str, Division]]) -> None:
        found: dict[str, dict[str, Division]] = {}
        for name, division in named:
            found.setdefault(name.casefold(), {})[division.code] = division
        self._divisions = {name: tuple(some.values()) for name, some in found.items()}
        self._start: dict[str, list[str]] = {}
        for name in sorted(self._divisions, key=len, reverse=True):
            self._start.setdefault(name[:2], []).append(name)

    def find(self, words: str, divisions: Mapping[str, Division]) -> list[tuple[str, Division]]:
        """(words, division) for each division named in ``words``, smallest first.

        From left to right the longest name is taken, so a shorter one inside it is not found
        again. Of several divisions with one name those in another named division are kept; if
        none is, all stay: then the name alone decides nothing.
        """
        folded = words.casefold()
        hits: dict[str, str] = {}
        at = 0
        while at < len(folded) - 1:
            for name in self._start.get(folded[at : at + 2], ()):
                if folded.startswith(name, at) and _whole(folded, at, len(name)):
                    hits.setdefault(name, words[at : at + len(name)])
                    at += len(name) - 1
                    break
            at += 1
        sure = {some[0].code for name in hits if len(some := self._divisions[name]) == 1}
        sure |= {divisions[code].parent for code in sure}
        kept: list[tuple[str, Division]] = []
        for name, told in hits.items():
            some = self._divisions[name]
            inside = [one for one in some if one.parent in sure] if len(some) > 1 else some
            kept += [(told, one) for one in inside or some]
        return sorted(kept, key=lambda pair: (-pair[1].tier, pair[1].code))


def upper_names(divisions: Iterable[Division], lowest: int) -> list[str]:
    """Names of all divisions above the tier ``lowest``: what of an address may stay."""
    return [
        name
        for division in divisions
        if division.tier < lowest or lowest <= 1
        for name in division.name.values()
        if name
    ]


def _whole(words: str, at: int, length: int) -> bool:
    """Whether a name in letters that are written with spaces stands as a word of its own."""
    before = words[at - 1] if at else " "
    after = words[at + length] if at + length < len(words) else " "
    first, last = words[at], words[at + length - 1]
    return not (
        (before.isascii() and before.isalnum() and first.isascii())
        or (after.isascii() and after.isalnum() and last.isascii())
    )
