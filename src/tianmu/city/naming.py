"""Divisions by the names people use for them, found in what they write.

A pack's names carry endings that say what kind of division it is; people drop or change them.
Which endings those are is the pack's word (``[[short_name]]`` in city.toml).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tianmu.city.division import Division
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


def find(
    words: str, names: Sequence[tuple[str, Division]], divisions: Mapping[str, Division]
) -> list[tuple[str, Division]]:
    """Divisions whose names stand in ``words``, smallest first.

    ``names`` are longest first: a longer name takes its signs, so a shorter one inside it is not
    found again. Among divisions of one name those in another named division are kept; if none
    is, all stay.
    """
    taken = [False] * len(words)
    hits: dict[str, list[Division]] = {}
    folded = words.casefold()
    for name, division in names:
        if name in hits:
            hits[name].append(division)
            continue
        wanted, start = name.casefold(), 0
        while (at := folded.find(wanted, start)) >= 0:
            span = range(at, at + len(wanted))
            if _whole(folded, at, len(wanted)) and not any(taken[i] for i in span):
                for i in span:
                    taken[i] = True
                hits.setdefault(name, []).append(division)
            start = at + 1
    for name, found in hits.items():
        hits[name] = list({one.code: one for one in found}.values())
    sure = {found[0].code for found in hits.values() if len(found) == 1}
    sure |= {divisions[code].parent for code in sure}
    kept: list[tuple[str, Division]] = []
    for name, found in hits.items():
        inside = [one for one in found if one.parent in sure] if len(found) > 1 else found
        kept += [(name, one) for one in inside or found]
    return sorted(kept, key=lambda pair: (-pair[1].tier, pair[1].code))


def _whole(words: str, at: int, length: int) -> bool:
    """Whether a name in letters that are written with spaces stands as a word of its own."""
    before = words[at - 1] if at else " "
    after = words[at + length] if at + length < len(words) else " "
    first, last = words[at], words[at + length - 1]
    return not (
        (before.isascii() and before.isalnum() and first.isascii())
        or (after.isascii() and after.isalnum() and last.isascii())
    )
