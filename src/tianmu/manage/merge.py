"""Which open case a signal belongs to: a score from 0 to 1 with reasons a person can read.

Three things stay three: the *identity* that makes two signals the same, the *correlation* that
makes them related (here), the *case* that holds them (``lifecycle``). Signals of a probe meet only
cases of that probe; what a person took apart is never put together again by the machine.

Weights are defaults, to be set by the city.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tianmu.city.matter import Matter
from tianmu.facts.place import Place
from tianmu.facts.text import Text
from tianmu.manage.anchor import Anchor, metres
from tianmu.manage.likeness import Rarity, likeness
from tianmu.manage.signal import Signal
from tianmu.manage.words import phrase

MINUTE = 60_000_000
UNKNOWN_RADIUS = 100.0
"""metres at most between two signals of which one has no known matter"""


@dataclass(frozen=True)
class Tuning:
    """How much each kind of evidence counts; a score of ``threshold`` joins."""

    threshold: float = 0.6
    place: float = 0.45
    time: float = 0.15
    matter: float = 0.25
    text: float = 0.15
    related: float = 0.8
    """worth of a related matter, beside 1 for the same"""
    least_sure: float = 0.3
    """a case is about a matter of which at least so many of its signals tell, beside those that
    tell of what most tell of"""
    unknown: float = 0.5
    """worth of a matter that is not known"""
    unknown_text: float = 0.25
    """likeness of the texts that it needs then"""
    panel: float = 0.75
    """worth of the place where only the panel is the same"""
    sure_alone: float = 0.5
    """where only names speak, the report must tell of the matter so surely"""
    anew: float = 0.1
    """where only names speak: what speaks for a new thing, beside 1 for a case just told of by
    the same names"""
    unnamed: float = 0.15
    """and for a case of whose place no name was told"""
    misnamed: float = 0.02
    """and for one of which only other names were told"""
    named: float = 0.6
    """share of all that it could be from which a report known by names alone joins a case"""
    by_name: float = 0.75
    """and a case known by names alone another"""
    bridge: float = 0.85
    """score from which a signal that fits two cases, which fit each other, makes them one"""
    most_slack: float = 300.0
    """metres by which imprecise places may widen a matter's radius; from a place that is more
    imprecise the names must speak, too"""


@dataclass(frozen=True, slots=True)
class Match:
    """A case a signal fits, how well, and why."""

    case: str
    score: float
    reasons: tuple[Text, ...]


@dataclass(slots=True)
class Evidence:
    """What was found between one signal and one case."""

    kind: str
    one: str
    other: str
    """matters of the signal and the case that were compared"""
    radius: float
    window: float
    metres: float | None = None
    minutes: float = 0.0
    text: float = 0.0
    address: float = 0.0
    device: str = ""
    panel: str = ""
    tie: str = ""


_NOTHING = Evidence("", "", "", 0.0, 0.0)


class Judge:
    """Scores signals against cases. ``parents``: division → the one around it; ``parts``:
    labels by which devices are of different things."""

    def __init__(
        self,
        matters: Mapping[str, Matter],
        tuning: Tuning,
        parents: Mapping[str, str] | None = None,
        parts: tuple[str, ...] = (),
    ) -> None:
        self._parts = tuple(f"{label}=" for label in parts)
        self._matters, self._tuning = matters, tuning
        self._parents = parents or {}
        self.rarity = Rarity()

    def score(self, signal: Signal, anchor: Anchor) -> tuple[float, Evidence]:
        """Score and evidence of one signal against one case; 0 where something rules it out."""
        tuning = self._tuning
        worth, evidence = self.matter(signal, anchor)
        if worth == 0.0:
            return 0.0, evidence
        near = self._place(signal, anchor, evidence)
        if near == 0.0:
            return 0.0, evidence
        told = signal.kind == "report" and bool(anchor.pairs)
        if told:
            evidence.text = likeness(signal.pairs, anchor.pairs)
        unknown = evidence.kind == "unknown_matter"
        if unknown and not evidence.device and evidence.text < tuning.unknown_text:
            return 0.0, evidence  # being near says nothing about what it is
        soon = since(signal, anchor, evidence)
        if soon == 0.0:
            return 0.0, evidence
        score = tuning.place * near + tuning.time * soon + tuning.matter * worth
        total = tuning.place + tuning.time + tuning.matter
        if told and signal.pairs:
            # unlike words say less than like ones: people tell one thing in many ways
            share = tuning.text * (0.3 + 0.7 * evidence.text)
            score += share * evidence.text
            total += share
        return score / total, evidence

    def cases(self, one: Anchor, other: Anchor) -> tuple[float, Evidence]:
        """How well the case ``one`` as a whole fits the case ``other``."""
        at = min(max(one.first_at, other.first_at), one.last_at)
        known = sorted(one.matters, key=lambda key: (-one.sure(key), key))
        matters = tuple((key, one.sure(key)) for key in known if one.sure(key) >= 0.5)
        best, found = 0.0, _NOTHING
        for spot in one.spots or [Place()]:
            signal = Signal(
                kind="alarm", id="", at=at, matters=matters, place=spot, ties=tuple(one.ties)
            )
            score, evidence = self.score(signal, other)
            if score > best:
                best, found = score, evidence
        return best, found

    def matter(self, signal: Signal, anchor: Anchor) -> tuple[float, Evidence]:
        """What the matters are worth together, and the radius (m) and window (min) to look in."""
        best, found = 0.0, _NOTHING
        known = False
        for key, certainty in signal.matters[:3]:
            own = self._matters.get(key)
            if own is None:
                continue
            for other in anchor.matters:
                case = self._matters.get(other)
                if case is None:
                    continue
                known = True
                sure = anchor.sure(other)
                if sure < self._tuning.least_sure:
                    continue
                if key == other:
                    kind, worth = "same_matter", 1.0
                elif key in case.related:
                    kind, worth = "related_matter", self._tuning.related
                else:
                    continue
                worth *= (0.5 + 0.5 * certainty) * (0.5 + 0.5 * sure)
                if worth > best:
                    radius = max(own.radius_m, case.radius_m)
                    radius = case.related_m.get(key, radius)
                    window = max(own.window_min, case.window_min)
                    best, found = worth, Evidence(kind, key, other, radius, window)
        if best or known:
            return best, found
        one = self._matters.get(anchor.matter) or self._matters.get(signal.matter)
        radius = min(one.radius_m, UNKNOWN_RADIUS) if one else UNKNOWN_RADIUS
        window = one.window_min if one else 60.0
        return self._tuning.unknown, Evidence("unknown_matter", "", "", radius, window)

    def _place(self, signal: Signal, anchor: Anchor, evidence: Evidence) -> float:
        tuning = self._tuning
        if signal.device and signal.device in anchor.devices:
            evidence.device = signal.device
            return 1.0
        for tie in signal.ties:
            if tie in anchor.ties:
                evidence.tie = tie
                return 1.0
        for part in self._parts if signal.ties else ():
            if _said(part, signal.ties) and _said(part, anchor.ties):
                return 0.0  # near, but of another main
        if not evidence.radius:
            return 0.0  # only what hangs together
        share, slack = nearest(signal.place, anchor, evidence, tuning.most_slack)
        if share is not None and slack <= tuning.most_slack:
            return 0.0 if share > 1.0 else 1.0 - 0.6 * share**2
        if signal.panel and signal.panel in anchor.panels:
            evidence.panel = signal.panel
            return tuning.panel
        return 0.0  # what the names say is weighed by ``by_name``

    def beside(self, one: str, other: str) -> bool:
        """Whether one division may hold the other; what is unknown may be anywhere."""
        return not one or not other or one in self.around(other) or other in self.around(one)

    def around(self, division: str) -> list[str]:
        """A division and those around it but for the outermost, smallest first."""
        found: list[str] = []
        while division and division not in found:
            parent = self._parents.get(division, "")
            if parent or not found:
                found.append(division)
            division = parent
        return found

    def explain(self, evidence: Evidence) -> tuple[Text, ...]:
        """The evidence in words, for the screen."""
        found: list[Text] = []
        if evidence.kind == "related_matter":
            one, other = self._matters[evidence.one].name, self._matters[evidence.other].name
            found.append(phrase("reason.related_matter", one=one, other=other))
        else:
            found.append(phrase(f"reason.{evidence.kind}"))
        if evidence.device:
            found.append(phrase("reason.device", device=evidence.device))
        elif evidence.tie:
            label, _, name = evidence.tie.partition("=")
            found.append(phrase("reason.tie", label=label, name=name))
        elif evidence.panel:
            found.append(phrase("reason.panel", panel=evidence.panel))
        elif evidence.address:
            found.append(phrase("reason.address", percent=round(evidence.address * 100)))
        elif evidence.metres is not None:
            found.append(
                phrase("reason.near", metres=round(evidence.metres), radius=round(evidence.radius))
            )
        found.append(phrase("reason.time", minutes=round(evidence.minutes)))
        if evidence.text >= 0.3:
            found.append(phrase("reason.text", percent=round(evidence.text * 100)))
        return tuple(found)


def _said(part: str, ties: Iterable[str]) -> bool:
    return any(tie.startswith(part) for tie in ties)


def nearest(
    place: Place, anchor: Anchor, evidence: Evidence, most_slack: float
) -> tuple[float | None, float]:
    """Distance to the nearest spot of the case as a share of the reach there, and how imprecise
    (m) the two are; no share where either has no point."""
    best: float | None = None
    found = 0.0
    radius = evidence.radius
    for spot in anchor.spots:
        distance = metres(place, spot)
        if distance is None:
            break
        slack = math.hypot(place.precision or 0.0, spot.precision or 0.0)
        share = distance / (radius + min(slack, most_slack))
        if best is None or (slack <= most_slack, -share) > (found <= most_slack, -best):
            best, found = share, slack
            evidence.metres, evidence.radius = distance, radius + min(slack, most_slack)
    return best, found


def since(signal: Signal, anchor: Anchor, evidence: Evidence) -> float:
    gap = max(anchor.first_at - signal.at, signal.at - anchor.last_at, 0) / MINUTE
    evidence.minutes = gap
    if anchor.active and signal.at >= anchor.first_at:
        return 1.0  # it is still going on
    if gap > evidence.window:
        return 0.0
    return 1.0 - 0.5 * gap / evidence.window if evidence.window else 1.0
