"""Which open case a signal belongs to: a score from 0 to 1 with reasons a person can read.

Three things stay three: the *identity* that makes two signals the same, the *correlation* that
makes them related (here), the *case* that holds them (``lifecycle``). Signals of a probe meet only
cases of that probe; what a person took apart is never put together again by the machine.

Weights are defaults, to be set by the city.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from tianmu.city.matter import Matter
from tianmu.facts.place import Place
from tianmu.facts.text import Text
from tianmu.manage.likeness import likeness, pairs
from tianmu.manage.signal import Signal
from tianmu.manage.words import phrase

MINUTE = 60_000_000
_METRES = 111_195.0
"""of one degree of a great circle on a sphere of 6,371 km"""


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
    unknown: float = 0.5
    """worth of a matter that is not known"""
    unknown_text: float = 0.25
    """likeness of the texts that it needs then"""
    address_alone: float = 0.75
    """worth of the place where only division and address agree"""
    most_slack: float = 300.0
    """metres by which imprecise places may widen a matter's radius, at most"""


@dataclass(slots=True)
class Anchor:
    """An open case as the index sees it: where, when, what and in which words."""

    case: str
    probe: str
    place: Place
    matter: str
    last_at: int
    first_at: int
    devices: set[str] = field(default_factory=set)
    panels: set[str] = field(default_factory=set)
    pairs: set[str] = field(default_factory=set)
    address: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    active: int = 0
    """alarms that have not returned: while there are any, the case does not grow old"""
    where: tuple[tuple[int, int] | None, str | None, str] = (None, None, "")
    """where the index keeps it"""


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
    radius: float
    window: float
    metres: float | None = None
    minutes: float = 0.0
    text: float = 0.0
    address: float = 0.0
    device: str = ""
    panel: str = ""


def metres(one: Place, other: Place) -> float | None:
    """Distance in metres (good to 0.1 % within a city), None where a point is missing."""
    if one.longitude is None or other.longitude is None:
        return None
    assert one.latitude is not None
    assert other.latitude is not None
    middle = math.radians((one.latitude + other.latitude) / 2)
    east = (one.longitude - other.longitude) * math.cos(middle)
    return math.hypot(east, one.latitude - other.latitude) * _METRES


def judge(
    signal: Signal, anchor: Anchor, matters: Mapping[str, Matter], tuning: Tuning
) -> tuple[float, Evidence]:
    """Score and evidence of one signal against one case; 0 where something rules it out."""
    kind, worth, radius, window = _matter(signal, anchor, matters, tuning)
    evidence = Evidence(kind, radius, window)
    if worth == 0.0:
        return 0.0, evidence
    near = _place(signal, anchor, tuning, evidence)
    if near == 0.0:
        return 0.0, evidence
    if signal.kind == "report" and anchor.pairs:
        evidence.text = likeness(signal.pairs, anchor.pairs)
    if kind == "unknown_matter" and not evidence.device and evidence.text < tuning.unknown_text:
        return 0.0, evidence  # being near says nothing about what it is
    soon = _time(signal, anchor, evidence)
    if soon == 0.0:
        return 0.0, evidence
    score = tuning.place * near + tuning.time * soon + tuning.matter * worth
    total = tuning.place + tuning.time + tuning.matter
    if signal.kind == "report" and anchor.pairs and signal.pairs:
        # unlike words say less than like ones: people tell one thing in many ways
        share = tuning.text * (0.3 + 0.7 * evidence.text)
        score += share * evidence.text
        total += share
    return score / total, evidence


def _matter(
    signal: Signal, anchor: Anchor, matters: Mapping[str, Matter], tuning: Tuning
) -> tuple[str, float, float, float]:
    """How the matters stand, what that is worth, and the radius (m) and window (min) to look in."""
    case = matters.get(anchor.matter)
    best = ("", 0.0, 0.0, 0.0)
    for key, certainty in signal.matters[:3]:
        own = matters.get(key)
        if own is None:
            continue
        if key == anchor.matter:
            worth, kind = 1.0, "same_matter"
        elif case is not None and key in case.related:
            worth, kind = tuning.related, "related_matter"
        else:
            continue
        worth *= 0.5 + 0.5 * certainty
        if worth > best[1]:
            radius = max(own.radius_m, case.radius_m if case else 0.0)
            window = max(own.window_min, case.window_min if case else 0.0)
            best = (kind, worth, radius, window)
    if best[0]:
        return best
    if signal.matters and case is not None:
        return best
    known = case or matters.get(signal.matter)
    if known is None:
        return "unknown_matter", tuning.unknown, UNKNOWN_RADIUS, 60.0
    radius = min(known.radius_m, UNKNOWN_RADIUS)
    return "unknown_matter", tuning.unknown, radius, known.window_min


def _place(signal: Signal, anchor: Anchor, tuning: Tuning, evidence: Evidence) -> float:
    if signal.device and signal.device in anchor.devices:
        evidence.device = signal.device
        return 1.0
    distance = metres(signal.place, anchor.place)
    if distance is not None:
        slack = math.hypot(signal.place.precision or 0.0, anchor.place.precision or 0.0)
        reach = evidence.radius + min(slack, tuning.most_slack)
        evidence.metres, evidence.radius = distance, reach
        if not reach or distance > reach:
            return 0.0
        return 1.0 - 0.6 * (distance / reach) ** 2
    if signal.panel and signal.panel in anchor.panels:
        evidence.panel = signal.panel
        return tuning.address_alone
    if signal.address and anchor.address:
        evidence.address = likeness(signal.address, anchor.address)
    division = signal.place.division
    if division and anchor.place.division and division != anchor.place.division:
        return 0.0
    return tuning.address_alone * evidence.address if evidence.address >= 0.5 else 0.0


def _time(signal: Signal, anchor: Anchor, evidence: Evidence) -> float:
    gap = max(anchor.first_at - signal.at, signal.at - anchor.last_at, 0) / MINUTE
    evidence.minutes = gap
    if anchor.active and signal.at >= anchor.first_at:
        return 1.0  # it is still going on
    if gap > evidence.window:
        return 0.0
    return 1.0 - 0.5 * gap / evidence.window if evidence.window else 1.0


def explain(
    signal: Signal, anchor: Anchor, evidence: Evidence, matters: Mapping[str, Matter]
) -> tuple[Text, ...]:
    """The evidence in words, for the screen."""
    found: list[Text] = []
    if evidence.kind == "related_matter":
        other = next(
            (key for key, _ in signal.matters if key in matters[anchor.matter].related), ""
        )
        one = matters[other].name if other else {}
        found.append(phrase("reason.related_matter", one=one, other=matters[anchor.matter].name))
    else:
        found.append(phrase(f"reason.{evidence.kind}"))
    if evidence.device:
        found.append(phrase("reason.device", device=evidence.device))
    elif evidence.panel:
        found.append(phrase("reason.panel", panel=evidence.panel))
    elif evidence.metres is not None:
        found.append(
            phrase("reason.near", metres=round(evidence.metres), radius=round(evidence.radius))
        )
    elif evidence.address:
        found.append(phrase("reason.address"))
    found.append(phrase("reason.time", minutes=round(evidence.minutes)))
    if evidence.text >= 0.3:
        found.append(phrase("reason.text", percent=round(evidence.text * 100)))
    return tuple(found)


def widen(anchor: Anchor, signal: Signal) -> None:
    """What a case knows after a signal has joined it."""
    anchor.last_at = max(anchor.last_at, signal.at)
    anchor.first_at = min(anchor.first_at, signal.at)
    if signal.device:
        anchor.devices.add(signal.device)
    if signal.panel:
        anchor.panels.add(signal.panel)
    if signal.kind == "report" and len(anchor.pairs) < 600:
        anchor.pairs |= signal.pairs
    if not anchor.address and signal.place.address:
        anchor.address = pairs(signal.place.address)
