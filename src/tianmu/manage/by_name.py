"""Which open case a report is about that has no point, or one that says little.

The names of the places tell, and how busy a case is: of ten who say "by the market" without a
point, nine mean the fire that all talk about. Every case of the matter in the division is weighed,
and that it is a new thing; the likeliest is taken where it outweighs all others together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Set
from dataclasses import dataclass
from itertools import islice

from tianmu.manage.anchor import Anchor
from tianmu.manage.merge import Evidence, Judge, Tuning, nearest, since
from tianmu.manage.signal import Signal

MOST = 300
"""of the cases of one matter in one division the newest so many are weighed"""


ALIKE = 0.7
"""likeness from which two name one place"""


def stands_for(anchor: Anchor) -> Signal:
    """A case without a point, as the one report that it stands for."""
    keys = sorted(anchor.matters, key=lambda key: (-anchor.sure(key), key))
    return Signal(
        kind="report",
        id="",
        at=anchor.last_at,
        matters=tuple((key, anchor.sure(key)) for key in keys),
        place=anchor.place,
        probe=anchor.probe,
    )


@dataclass(frozen=True, slots=True)
class Guess:
    """A case that a signal may be about: its share of all that it could be."""

    case: str
    share: float
    evidence: Evidence
    others: int
    """so many other cases it could be"""


class ByName:
    """Open cases by division (of the second tier) and matter."""

    def __init__(self, judge: Judge, tuning: Tuning) -> None:
        self._judge, self._tuning = judge, tuning
        self._cases: dict[tuple[str, str], dict[str, Anchor]] = {}
        self._unplaced: dict[str, dict[str, Anchor]] = {}
        """by division: those without a point"""
        self._where: dict[str, list[tuple[str, str]]] = {}

    def put(self, anchor: Anchor) -> None:
        division = self._outer(anchor.place.division)
        if not division:
            return
        keys = [(division, matter) for matter in anchor.matters]
        for key in keys:
            self._cases.setdefault(key, {})[anchor.case] = anchor
        self._where[anchor.case] = keys
        if not anchor.spots and not anchor.ties:
            self._unplaced.setdefault(division, {})[anchor.case] = anchor

    def drop(self, case: str) -> None:
        for key in self._where.pop(case, ()):
            cases = self._cases[key]
            del cases[case]
            if not cases:
                del self._cases[key]
            self._unplaced.get(key[0], {}).pop(case, None)

    def _outer(self, division: str) -> str:
        around = self._judge.around(division)
        return around[-1] if around else ""

    def placeless(self, signal: Signal) -> list[str]:
        """Cases without a point of which the signal tells the same names of the place."""
        division = self._outer(signal.place.division)
        told = signal.address | signal.pairs
        return [
            case
            for case, anchor in self._unplaced.get(division, {}).items()
            if anchor.probe == signal.probe
            and self._judge.rarity.likeness(told, anchor.named) >= ALIKE
        ]

    def guesses(
        self,
        signal: Signal,
        matters: Iterable[str],
        told: Set[str] = frozenset(),
        own: str = "",
    ) -> list[Guess]:
        """What the signal may be about, the likeliest first. ``told``: the names it tells, if not
        its own; ``own``: a case that does not count."""
        division = self._outer(signal.place.division)
        told = told or signal.address or signal.pairs
        if not division or not told:
            return []
        found: dict[str, tuple[float, int, str, Evidence]] = {}
        for matter in matters:
            cases = self._cases.get((division, matter))
            for anchor in islice(reversed(cases.values()), MOST) if cases else ():
                if anchor.case in found or anchor.probe != signal.probe or anchor.case == own:
                    continue
                weight, evidence = self._weigh(signal, anchor, told)
                if weight:
                    rank = (-weight, anchor.first_at, anchor.case, evidence)
                    found[anchor.case] = rank
        whole = self._tuning.anew + sum(-rank[0] for rank in found.values())
        others = len(found) - 1
        ranked = sorted(found.values(), key=lambda rank: rank[:3])
        return [Guess(case, -weight / whole, why, others) for weight, _, case, why in ranked]

    def _weigh(self, signal: Signal, anchor: Anchor, names: Set[str]) -> tuple[float, Evidence]:
        """How much speaks for the case, beside 1 for one that was just told of by the same
        names."""
        tuning = self._tuning
        worth, evidence = self._judge.matter(signal, anchor)
        told = next((sure for key, sure in signal.matters if key == evidence.one), 0.0)
        if (
            not worth
            or told < tuning.sure_alone
            or evidence.kind == "unknown_matter"
            or not evidence.radius
        ):
            return 0.0, evidence
        if not since(signal, anchor, evidence):
            return 0.0, evidence
        far = 1.0
        share, slack = nearest(signal.place, anchor, evidence, tuning.most_slack)
        if share is not None:
            if slack <= tuning.most_slack:
                return 0.0, evidence  # the points have spoken
            reach = evidence.radius - tuning.most_slack + slack
            share = (evidence.metres or 0.0) / reach
            if share > 1.0:
                return 0.0, evidence
            far = 1.0 - 0.6 * share**2
        elif not self._judge.beside(signal.place.division, anchor.place.division):
            return 0.0, evidence
        named = tuning.unnamed
        if anchor.named:
            alike = self._judge.rarity.likeness(names, anchor.named)
            evidence.address = alike
            named = max(tuning.misnamed, (alike - 0.4) / 0.6)
        tau = max(evidence.window, 1.0) / 4
        busy = math.sqrt(max(anchor.count, 1)) * math.exp(-min(evidence.minutes, 1e4) / tau)
        return worth * named * busy * far, evidence
