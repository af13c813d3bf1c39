"""Which open cases a call may be about while it is being taken: for whoever takes it to ask.

First what merging itself is nearest to joining; then, in this order and as long as there is room:
cases of its matter in its part of the city, the newest first; of whatever matter next to its point,
the nearest first; and those whose words are like its own, which need neither matter nor place.
"""

from __future__ import annotations

from tianmu.city.place.distance import metres
from tianmu.manage.signals.anchor import Anchor, clear_place
from tianmu.manage.signals.judge import Match
from tianmu.manage.signals.likeness import likeness, pairs
from tianmu.manage.signals.open_cases import OpenCases
from tianmu.manage.signals.signal import Signal
from tianmu.manage.words import phrase

WORDED = 3000
"""of the open cases the newest so many are compared by their words"""
ALIKE = 0.5
"""of the words, from which on they are offered for their words alone"""


def offered(index: OpenCases, signal: Signal, most: int) -> list[Match]:
    """The likeliest first, each once; none where too little is told."""
    found = {match.case: match for match in index.near(signal, most, index.tuning.shown)}

    def room(anchor: Anchor) -> bool:
        return len(found) < most and anchor.case not in found and anchor.probe == signal.probe

    here = (phrase("reason.same_matter"), phrase("reason.division"))
    for matter, _ in signal.matters:
        for anchor in index.by_name.of(signal.place.division, matter):
            if room(anchor):
                found[anchor.case] = Match(anchor.case, 0.0, here)
    for away, anchor in _nearest(index, signal):
        if room(anchor):
            why = phrase("reason.away", metres=round(away))
            found[anchor.case] = Match(anchor.case, 0.0, (why,))
    told = pairs(f"{signal.place.address} {signal.text}") if len(found) < most else frozenset()
    if told:
        worded = [(likeness(told, one.pairs), one) for one in index.newest(WORDED) if one.pairs]
        for share, anchor in sorted(worded, key=lambda pair: -pair[0])[: 2 * most]:
            if share >= ALIKE and room(anchor):
                why = phrase("reason.text", percent=round(share * 100))
                found[anchor.case] = Match(anchor.case, 0.0, (why,))
    return list(found.values())


def _nearest(index: OpenCases, signal: Signal) -> list[tuple[float, Anchor]]:
    """(metres, case) around a point that says where it is; none where it says too little."""
    if not clear_place(signal.place, index.metres):
        return []
    found: dict[str, tuple[float, Anchor]] = {}
    for anchor in index.about(signal.place):
        away = [m for spot in anchor.spots if (m := metres(signal.place, spot)) is not None]
        if away and min(away) <= index.metres.vague:
            found[anchor.case] = min(away), anchor
    return sorted(found.values(), key=lambda pair: pair[0])
