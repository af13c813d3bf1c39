"""An open case as merging sees it: where, when, what, and in which words."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tianmu.facts.place import Place
from tianmu.manage.case_state import CaseState
from tianmu.manage.likeness import pairs
from tianmu.manage.signal import Signal

_METRES = 111_195.0
"""of one degree of a great circle on a sphere of 6,371 km"""
SPOTS = 8
"""points that are kept of one case"""
APART_M = 20.0
"""metres from which two points are two"""
WORDS = 600
"""pairs of signs that are kept of one case's texts"""
SURE = 0.3
"""how certainly a signal must speak of a matter for its case to be known by it"""


@dataclass(slots=True)
class Anchor:
    case: str
    probe: str
    place: Place
    matter: str
    last_at: int
    first_at: int
    matters: dict[str, float] = field(default_factory=dict)
    """matters its signals tell of, with how many do (one that is not certain counts less)"""
    spots: list[Place] = field(default_factory=list)
    """points of its signals that lie apart, at most ``SPOTS``"""
    devices: set[str] = field(default_factory=set)
    panels: set[str] = field(default_factory=set)
    ties: set[str] = field(default_factory=set)
    pairs: set[str] = field(default_factory=set)
    """of the texts of its reports"""
    named: set[str] = field(default_factory=set)
    """pairs of the addresses and texts by which its place is named"""
    count: int = 0
    """signals"""
    apart: frozenset[str] = frozenset()
    active: int = 0
    """alarms that have not returned: while there are any, the case does not grow old"""

    def __post_init__(self) -> None:
        self.settle(self.place, self.matter)

    def settle(self, place: Place, matter: str) -> None:
        """The case's own place and matter are these."""
        self.place, self.matter = place, matter
        if matter:
            self.matters.setdefault(matter, 0.0)
        if place.longitude is not None and place not in self.spots:
            self.spots.insert(0, place)
            del self.spots[SPOTS:]

    def sure(self, matter: str) -> float:
        """How surely the case is about a matter, 0 … 1: beside what most of its signals say."""
        if len(self.matters) == 1:
            return 1.0
        most = max(self.matters.values(), default=0.0)
        if not most:
            return 1.0
        found = self.matters[matter] / most
        return 1.0 if matter == self.matter and found >= 0.5 else found


def anchor_of(state: CaseState) -> Anchor:
    """The case as merging sees it, before its signals are counted in."""
    told = pairs(state.text) if state.kind == "report" else frozenset[str]()
    return Anchor(
        case=state.case,
        probe=state.probe,
        place=state.place,
        matter=state.matter,
        last_at=state.last_at,
        first_at=state.first_at,
        named=set(told | pairs(state.place.address)),
        pairs=set(told),
        apart=frozenset(state.apart),
        active=state.active,
    )


def widen(anchor: Anchor, signal: Signal) -> None:
    """What a case knows after a signal has joined it."""
    anchor.count += 1
    anchor.last_at = max(anchor.last_at, signal.at)
    anchor.first_at = min(anchor.first_at, signal.at)
    if signal.device:
        anchor.devices.add(signal.device)
    if signal.panel:
        anchor.panels.add(signal.panel)
    anchor.ties.update(signal.ties)
    for key, certainty in signal.matters[:2]:
        if certainty >= SURE:
            anchor.matters[key] = anchor.matters.get(key, 0.0) + certainty
    if signal.kind == "report" and len(anchor.pairs) < WORDS:
        anchor.pairs |= signal.pairs
        anchor.named |= signal.pairs
    if signal.address and len(anchor.named) < WORDS:
        anchor.named |= signal.address
    _spread(anchor, signal.place)


def _spread(anchor: Anchor, place: Place) -> None:
    """A point that lies apart from those known of the case is another spot of it."""
    if place.longitude is None or len(anchor.spots) >= SPOTS:
        return
    for spot in anchor.spots:
        far = metres(place, spot)
        if far is not None and far < APART_M:
            return
    anchor.spots.append(place)


def metres(one: Place, other: Place) -> float | None:
    """Distance in metres (good to 0.1 % within a city), None where a point is missing."""
    if one.longitude is None or other.longitude is None:
        return None
    assert one.latitude is not None
    assert other.latitude is not None
    middle = math.radians((one.latitude + other.latitude) / 2)
    east = (one.longitude - other.longitude) * math.cos(middle)
    return math.hypot(east, one.latitude - other.latitude) * _METRES
