"""Which open case a report is about that has no point, or one that says little.

The names of the places tell, and how busy a case is: of ten who say "by the market" without a
point, nine mean the fire that all talk about. Every case of the matter in the division is weighed,
and that it is a new thing, each by how likely it is that just this would be told of it; the
likeliest is taken where it outweighs all others together. One that is not sure now stands alone
and is looked at again, as others tell more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from tianmu.city.charter.tuning import Powers, Tuning
from tianmu.manage.signals.anchor import Anchor
from tianmu.manage.signals.judge import MINUTE, NOTHING, Evidence, Judge, nearest, since
from tianmu.manage.signals.place_names import PlaceNames, tells
from tianmu.manage.signals.signal import Signal

KM = 1000.0
"""metres"""
MOST = 300
"""of the cases of one matter in one division the newest so many are weighed"""
STRONGEST = 300.0
"""power of e beyond which a case tells for itself no more: as surely as a number can say"""
AT_ONCE = 100
"""cases without a point that are looked at again with one transaction, at most"""
LEAST_STRAY = 1e-3
"""share of those who name another place, at least: what nobody could say would be sure for ever"""
MOST_TOLD = 12
"""times that a name tells for itself: where more have told it, each counts for less, so that what
they tell together stays a number"""


def stands_for(anchor: Anchor) -> Signal:
    """A case without a point, as the one report that it stands for."""
    keys = sorted(anchor.matters, key=lambda key: (-anchor.sure(key), key))
    return Signal(
        kind="report",
        id="",
        at=anchor.fresh_at or anchor.last_at,
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

    def __init__(self, judge: Judge, tuning: Tuning, again: Powers, names: PlaceNames) -> None:
        """``again``: what counts of a case that is looked at again."""
        self._judge, self._tuning, self.names = judge, tuning, names
        self._looking = again
        self._cases: dict[tuple[str, str], dict[str, Anchor]] = {}
        self._unplaced: dict[str, int] = {}
        """those that names alone place: when to look at them again, µs"""
        self._where: dict[str, list[tuple[str, str]]] = {}
        self._again = int(tuning.again_min * MINUTE)

    def put(self, anchor: Anchor) -> None:
        division = self._outer(anchor.place.division)
        if not division:
            return
        keys = [(division, matter) for matter in anchor.matters]
        for key in keys:
            self._cases.setdefault(key, {})[anchor.case] = anchor
        self._where[anchor.case] = keys
        if anchor.vague():
            self._unplaced[anchor.case] = anchor.last_at + self._again

    def drop(self, case: str) -> None:
        for key in self._where.pop(case, ()):
            cases = self._cases[key]
            del cases[case]
            if not cases:
                del self._cases[key]
        self._unplaced.pop(case, None)

    def _outer(self, division: str) -> str:
        around = self._judge.around(division)
        return around[-1] if around else ""

    def due(self, now: int) -> list[str]:
        """Cases without a point that are to be looked at again."""
        oldest = islice(self._unplaced.items(), 2 * AT_ONCE)
        found = [case for case, at in oldest if at <= now][:AT_ONCE]
        for case in found:
            del self._unplaced[case]
            self._unplaced[case] = now + self._again  # behind all others
        return found

    def of(self, division: str, matter: str) -> Iterator[Anchor]:
        """The cases of a matter around a division of the second tier, the newest ``MOST``."""
        cases = self._cases.get((self._outer(division), matter))
        return islice(reversed(cases.values()), MOST) if cases else iter(())

    def told(self, anchor: Anchor) -> list[str]:
        """The names by which the reports of a case tell where it is."""
        return [name for said in anchor.said for name in self.names.named(said)]

    def guesses(
        self, signal: Signal, matters: Iterable[str], told: list[str] | None = None, own: str = ""
    ) -> list[Guess]:
        """What the signal may be about, the likeliest first. ``told``: the names it tells, if not
        its own; ``own``: the case that is looked at again, which does not count."""
        division = self._outer(signal.place.division)
        told = self.names.named(signal.said) if told is None else told
        if not division or not (told or signal.place.longitude is not None):
            return []
        shares = [self.names.share(name) for name in told]
        powers = self._looking if own else self._tuning
        found: dict[str, tuple[float, int, str, Evidence]] = {}
        for matter in matters:
            for anchor in self.of(division, matter):
                if anchor.case in found or anchor.probe != signal.probe or anchor.case == own:
                    continue
                weight, evidence = self._weigh(signal, anchor, told, shares, powers)
                if weight:
                    rank = (-weight, anchor.first_at, anchor.case, evidence)
                    found[anchor.case] = rank
        anew = powers.anew * self._alike(told, shares, None)
        whole = anew + sum(-rank[0] for rank in found.values())
        others = len(found) - 1
        ranked = sorted(found.values(), key=lambda rank: rank[:3])
        return [Guess(case, -weight / whole, why, others) for weight, _, case, why in ranked]

    def _weigh(
        self,
        signal: Signal,
        anchor: Anchor,
        told: list[str],
        shares: list[float],
        powers: Powers,
    ) -> tuple[float, Evidence]:
        """How likely it is that this is told of the case, beside 1 for one report just come that
        names no place."""
        worth, evidence = self._matter(signal, anchor)
        if not worth:
            return 0.0, evidence
        if not since(signal, anchor, evidence):
            return 0.0, evidence
        share, slack = nearest(signal, anchor, evidence)
        if share is not None:
            if slack <= anchor.metres.vague:
                return 0.0, evidence  # the points have spoken
        elif not self._judge.beside(signal.place.division, anchor.place.division):
            return 0.0, evidence
        alike = self._alike(told, shares, anchor)
        evidence.address = max(0.0, 1.0 - 1.0 / alike) if told else 0.0
        reach = math.hypot(evidence.radius, slack) if share is not None else 0.0
        power = self._power(signal, anchor, evidence, worth, reach, powers)
        return alike * math.exp(min(power, STRONGEST)), evidence

    def _power(
        self,
        signal: Signal,
        anchor: Anchor,
        evidence: Evidence,
        worth: float,
        reach: float,
        powers: Powers,
    ) -> float:
        """The power of e by which all but the names tells for the case: a sum of ``powers``, each
        times a number. ``worth`` of the matters; ``reach``, m, of points that say little, 0 where
        there are none."""
        power = powers.surely * math.log(worth)
        if reach:
            far = (evidence.metres or 0.0) / reach
            power += powers.near - powers.wide * math.log(reach / KM) - powers.far * far * far
        return power + self._known(anchor, powers) - self._old(signal, anchor, evidence, powers)

    def _known(self, anchor: Anchor, powers: Powers) -> float:
        """The power of e by which the case is told of more, by who has told of it."""
        power = powers.devices * math.log(1 + len(anchor.devices))
        power -= powers.often * math.log(len(anchor.said) + self._tuning.quiet)
        if anchor.vague():
            power -= powers.unsure
        if len(anchor.devices) == 1 and not anchor.told_at:
            power += powers.lone
        return power

    def _old(self, signal: Signal, anchor: Anchor, evidence: Evidence, powers: Powers) -> float:
        """The power of e by which the case is told of less, by its age, by how long nobody who
        says where it is has told of it, and by how few have at about that time."""
        tuning = self._tuning
        told = max(anchor.clear_at, anchor.first_at)  # of none who says where it is, it began
        gap = max(anchor.first_at - signal.at, signal.at - told, 0) / MINUTE
        span = max(max(signal.at, told) - anchor.first_at, 0) / MINUTE
        tau = evidence.told or min(max(evidence.window, 1.0) / 4, tuning.fresh_min)
        power = powers.span * math.log(1 + span / tau) + powers.gap * gap / tau
        power += powers.ahead * max(anchor.first_at - signal.at, 0) / MINUTE / tau
        power += powers.brief * math.log(tau / tuning.fresh_min)
        if powers.pace:
            width = tuning.pace_min * MINUTE
            beside = sum(math.exp(-abs(signal.at - at) / width) for at in anchor.told_at)
            power -= powers.pace * math.log(beside + tuning.quiet)
        return power

    def _matter(self, signal: Signal, anchor: Anchor) -> tuple[float, Evidence]:
        """What the matters are worth together, of those of which the signal tells surely."""
        least = self._tuning.sure_alone
        sure = {key for key, certainty in signal.matters if certainty >= least}
        best, found = 0.0, NOTHING
        for worth, evidence in self._judge.common(signal, anchor):
            if worth > best and evidence.one in sure and evidence.radius and not evidence.narrow:
                best, found = worth, evidence
        return best, found

    def _alike(self, told: list[str], shares: list[float], anchor: Anchor | None) -> float:
        """How much likelier these names are told of the case's thing, or of a new one, than of any:
        a thing goes by one name or two, and some who tell of it name another place."""
        stray = max(self._tuning.stray, LEAST_STRAY)
        before = self._said(anchor) if anchor else {}
        now = dict(before)
        for name in told:
            if anchor and name not in now:  # part of what they said, or nearly what they did
                same = sum(tells(name, one) for one in anchor.said)
                if same:
                    before = {**before, name: same}
                    now[name] = same
            now[name] = now.get(name, 0) + 1
        known = dict(zip(told, shares, strict=True))
        for name in before:
            known.setdefault(name, self.names.share(name))
        unit = min(1.0, MOST_TOLD / max(now.values(), default=1))
        more = of_two(now, known, stray, unit) / of_two(before, known, stray, unit)
        return float(stray ** (unit * len(told)) * more)

    def _said(self, anchor: Anchor) -> dict[str, int]:
        """Name → how many of those who told of the case told it."""
        for said in anchor.said[anchor.heard :]:
            for name in self.names.named(said):
                anchor.names[name] = anchor.names.get(name, 0) + 1
        anchor.heard = len(anchor.said)
        return anchor.names


def of_two(
    counts: Mapping[str, int], known: Mapping[str, float], stray: float, unit: float = 1.0
) -> float:
    """How likely these names are all told of one thing, beside being told by those who name any
    place: of all pairs of names that it could go by, where each is as likely as it is told
    anywhere (``known``) and may be the same twice. ``unit``: what one who told counts for."""
    found, others = 1.0, 0.0
    for name, count in counts.items():
        share = known[name]
        more = (1 - stray) / (2 * stray * share)
        times = count * unit
        by_one = (1 + more) ** times
        gain = share * (by_one - 1)
        found += 2 * gain * (1 + others)  # it and any, it and one of those before, …
        found += share * share * ((1 + 2 * more) ** times - 2 * by_one + 1)  # … or it alone
        others += gain
    return found
