"""Which open case a signal belongs to: a score from 0 to 1 with reasons a person can read.

Three things stay three: the *identity* that makes two signals the same, the *correlation* that
makes them related (here), the *case* that holds them (``lifecycle``). Signals of a probe meet only
cases of that probe; what a person took apart is never put together again by the machine.

Weights are defaults, to be set by the city.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from tianmu.city.charter.tuning import Metres, Tuning
from tianmu.city.matter.matter import Matter
from tianmu.city.place.distance import far
from tianmu.facts.place import Place
from tianmu.facts.text import Text
from tianmu.manage.signals.anchor import Anchor
from tianmu.manage.signals.likeness import Wording, likeness
from tianmu.manage.signals.signal import Signal
from tianmu.manage.words import phrase

MINUTE = 60_000_000
ALIKE = 0.3
"""likeness of texts from which on it is a reason"""


class Match(msgspec.Struct, frozen=True):
    """A case a signal fits, how well, and why."""

    case: str
    score: float
    reasons: tuple[Text, ...]


class Evidence(msgspec.Struct):
    """What was found between one signal and one case; filled in as it is found."""

    kind: str
    one: str
    other: str
    """matters of the signal and the case that were compared"""
    radius: float
    window: float
    told: float = 0.0
    """minutes after somebody new told of it in which others do; 0: not known"""
    told_for: float = 0.0
    """and minutes after it was first told of; 0: not known"""
    metres: float | None = None
    reach: float = 0.0
    """the radius widened by how imprecise both are and how far the case extends, m"""
    strict: bool = False
    """the relation says how near: the case is not nearer for being large"""
    narrow: bool = False
    """and that is nearer than the matters' own radius: names alone do not tell"""
    elsewhere: bool = False
    """points that say enough lie too far apart"""
    minutes: float = 0.0
    text: float = 0.0
    address: float = 0.0
    device: str = ""
    panel: str = ""
    tie: str = ""


NOTHING = Evidence("", "", "", 0.0, 0.0)


class Judge:
    """Scores signals against cases. ``parents``: division → the one around it; ``parts``:
    labels by which devices are of different things."""

    def __init__(
        self,
        matters: Mapping[str, Matter],
        tuning: Tuning,
        parents: Mapping[str, str] | None = None,
        parts: tuple[str, ...] = (),
        metres: Metres | None = None,
        wording: Wording | None = None,
    ) -> None:
        self._wording = wording or Wording()
        self._unknown = (metres or Metres()).unknown
        self._parts = tuple(f"{label}=" for label in parts)
        self._matters, self._tuning = matters, tuning
        self._parents = parents or {}

    def score(
        self, signal: Signal, anchor: Anchor, beyond: float = 1.0, surely: bool = False
    ) -> tuple[float, Evidence]:
        """Score and evidence of one signal against one case; 0 where something rules it out. Of
        several matters that they may have in common the best counts. ``beyond``: the share of its
        reach at which it may still lie; ``surely``: not what only leads to the other."""
        best, found = 0.0, NOTHING
        elsewhere: str | None = None
        for worth, evidence in self.common(signal, anchor):
            if worth == 0.0:
                break
            if evidence.one == elsewhere:
                continue
            score = self._score(signal, anchor, worth, evidence, beyond)
            if evidence.kind == "same_matter":
                if evidence.elsewhere:
                    elsewhere = evidence.one  # no relation that reaches farther changes that
            elif surely and evidence.strict and not evidence.tie:
                continue
            if score > best or found is NOTHING:
                best, found = score, evidence
        return best, found

    def _score(
        self, signal: Signal, anchor: Anchor, worth: float, evidence: Evidence, beyond: float
    ) -> float:
        tuning = self._tuning
        near = self._place(signal, anchor, evidence, beyond)
        if near == 0.0:
            return 0.0
        told = signal.kind == "report" and bool(anchor.pairs)
        if told:
            evidence.text = likeness(self._wording.pairs(signal.text), anchor.pairs)
        unknown = evidence.kind == "unknown_matter"
        if unknown and not evidence.device and evidence.text < tuning.unknown_text:
            return 0.0  # being near says nothing about what it is
        soon = since(signal, anchor, evidence)
        if soon == 0.0:
            return 0.0
        score = tuning.place * near + tuning.time * soon + tuning.matter * worth
        total = tuning.place + tuning.time + tuning.matter
        if told and signal.pairs:
            # unlike words say less than like ones: people tell one thing in many ways
            share = tuning.text * (0.3 + 0.7 * evidence.text)
            score += share * evidence.text
            total += share
        return score / total

    def cases(
        self, one: Anchor, other: Anchor, beyond: float = 1.0, surely: bool = False
    ) -> tuple[float, Evidence]:
        """How well the case ``one`` as a whole fits the case ``other``."""
        at = min(max(one.first_at, other.first_at), one.last_at)
        best, found = 0.0, NOTHING
        for signal in self._stand_for(one, at):
            score, evidence = self.score(signal, other, beyond, surely)
            if score > best:
                best, found = score, evidence
        return best, found

    @staticmethod
    def _stand_for(one: Anchor, at: int) -> list[Signal]:
        """For each matter that most tell of, a signal in the middle of those that do."""
        ties = tuple(one.ties)
        found: list[Signal] = []
        for key in sorted(one.matters, key=lambda key: (-one.sure(key), key)):
            sure = one.sure(key)
            if sure >= 0.5:
                middle = one.middles.get(key)
                spot = middle.place() if middle else (one.spots or [Place()])[0]
                matters = ((key, sure),)
                found.append(
                    Signal(kind="alarm", id="", at=at, matters=matters, place=spot, ties=ties)
                )
        return found

    def common(self, signal: Signal, anchor: Anchor) -> list[tuple[float, Evidence]]:
        """What two matters are worth together, and the radius (m) and window (min) to look in, for
        each two that may be one thing; never none."""
        found: list[tuple[float, Evidence]] = []
        known = False
        least = self._tuning.least_sure
        for other in anchor.matters:
            case = self._matters.get(other)
            if case is None:
                continue
            for key, certainty in signal.matters[:3]:
                if key == other:
                    own, kind, worth = case, "same_matter", 1.0
                else:
                    beside = self._matters.get(key)
                    if beside is None:
                        continue
                    known = True
                    if key not in case.related:
                        continue
                    own, kind, worth = beside, "related_matter", self._tuning.related
                known = True
                sure = anchor.sure(other)
                if sure < least:
                    continue
                worth *= (0.5 + 0.5 * certainty) * (0.5 + 0.5 * sure)
                radius = max(own.radius_m, case.radius_m)
                window = max(own.window_min, case.window_min)
                told = max(own.told_min, case.told_min) if own.told_min and case.told_min else 0.0
                whole = own.told_for_min and case.told_for_min
                told_for = max(own.told_for_min, case.told_for_min) if whole else 0.0
                evidence = Evidence(kind, key, other, radius, window, told, told_for)
                said = case.related_m.get(key)
                if said is not None:
                    evidence.radius, evidence.strict, evidence.narrow = said, True, said < radius
                found.append((worth, evidence))
        if found:
            found.sort(key=_related)  # what the case tells of the very matter is looked at first
            return found
        if known:
            return [(0.0, NOTHING)]
        one = self._matters.get(anchor.matter) or self._matters.get(signal.matter)
        radius = min(one.radius_m, self._unknown) if one else self._unknown
        window = one.window_min if one else 60.0
        return [(self._tuning.unknown, Evidence("unknown_matter", "", "", radius, window))]

    def _place(self, signal: Signal, anchor: Anchor, evidence: Evidence, beyond: float) -> float:
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
        share, slack = nearest(signal, anchor, evidence)
        if share is not None and slack <= anchor.metres.vague:
            evidence.elsewhere = share > beyond
            return 0.0 if evidence.elsewhere else max(0.0, 1.0 - 0.6 * share**2)
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
        beside = evidence.device or evidence.tie or evidence.panel or evidence.address
        if evidence.kind == "same_matter" and not beside and evidence.text < ALIKE:
            metres = None if evidence.metres is None else round(evidence.metres)
            return _near(metres, round(evidence.reach), round(evidence.minutes))
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
                phrase("reason.near", metres=round(evidence.metres), radius=round(evidence.reach))
            )
        found.append(phrase("reason.time", minutes=round(evidence.minutes)))
        if evidence.text >= ALIKE:
            found.append(phrase("reason.text", percent=round(evidence.text * 100)))
        return tuple(found)


@lru_cache(maxsize=4096)
def _near(metres: int | None, radius: int, minutes: int) -> tuple[Text, ...]:
    """That it is the same matter, near by: most of what a storm brings, in words that are the same
    again and again."""
    near = () if metres is None else (phrase("reason.near", metres=metres, radius=radius),)
    return (phrase("reason.same_matter"), *near, phrase("reason.time", minutes=minutes))


def _related(one: tuple[float, Evidence]) -> bool:
    return one[1].kind != "same_matter"


def _said(part: str, ties: Iterable[str]) -> bool:
    return any(tie.startswith(part) for tie in ties)


def nearest(signal: Signal, anchor: Anchor, evidence: Evidence) -> tuple[float | None, float]:
    """Distance to the middle of the case as a share of the reach there, and how imprecise (m) the
    two are; no share where either has no point. The middle is that of the signals of the matter
    that was compared: what else hangs together with them may lie far away. People tell of what
    extends far from anywhere in it. What has no middle, for its points lie farther from it than
    the radius, is where its points are."""
    place = signal.place
    longitude, latitude = place.longitude, place.latitude
    if longitude is None or latitude is None or not anchor.spots:
        return None, 0.0
    precision, radius, vague = place.precision or 0.0, evidence.radius, anchor.metres.vague
    best: float | None = None
    found = 0.0
    middle = anchor.middles.get(evidence.other)
    one = middle is not None and middle.weight > 0
    if middle is not None and one:
        found = math.hypot(precision, middle.error)
        extent = middle.extent
        one = extent <= radius or evidence.strict
        wide = signal.kind == "report" and not evidence.strict
        evidence.metres = far(longitude, latitude, middle.longitude, middle.latitude)
        evidence.reach = math.hypot(radius, min(found, vague), extent if wide else 0.0)
        best = evidence.metres / evidence.reach
    if signal.kind == "alarm" and anchor.ties:
        one = one or best is not None  # devices that are part of it hang together with it
    for spot in () if one else anchor.spots:
        if spot.longitude is None or spot.latitude is None:
            continue
        slack = math.hypot(precision, spot.precision or 0.0)
        distance = far(longitude, latitude, spot.longitude, spot.latitude)
        reach = math.hypot(radius, min(slack, vague))
        if best is None or (slack <= vague, -distance / reach) > (found <= vague, -best):
            best, found = distance / reach, slack
            evidence.metres, evidence.reach = distance, reach
    return best, found


def since(signal: Signal, anchor: Anchor, evidence: Evidence) -> float:
    """How well the times go together, 0 … 1. Devices tell of a thing again and again, and keep it
    from growing old; but when nobody new has told of it for longer than it is told of, or it was
    first told of longer ago than anybody tells of such a thing, whoever tells now tells of another,
    unless it hangs together with it or stands at the very spot of what still goes on."""
    gap = max(anchor.first_at - signal.at, signal.at - anchor.last_at, 0) / MINUTE
    evidence.minutes = gap
    stale = evidence.told and (signal.at - anchor.fresh_at) / MINUTE > evidence.told
    if evidence.told_for and (signal.at - anchor.first_at) / MINUTE > evidence.told_for:
        stale = True
    metres = evidence.metres
    there = anchor.active and metres is not None and metres <= anchor.metres.exact
    if stale and not (evidence.device or evidence.tie or there):
        return 0.0
    if anchor.active and signal.at >= anchor.first_at:
        return 1.0  # it is still going on
    if gap > evidence.window:
        return 0.0
    return 1.0 - 0.5 * gap / evidence.window if evidence.window else 1.0
