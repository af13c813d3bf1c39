"""An open case as merging sees it: where, when, what, and in which words."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import msgspec

from tianmu.city.charter.tuning import Metres
from tianmu.city.place.distance import far, metres
from tianmu.facts.place import Place
from tianmu.manage.case.state import CaseState
from tianmu.manage.signals.likeness import pairs
from tianmu.manage.signals.signal import Signal

SPOTS = 8
"""points that are kept of one case"""
WORDS = 600
"""pairs of signs that are kept of one case's texts"""
SAID = 24
"""reports of which is kept what they say"""
WHEN = 64
"""and of which is kept when they came"""
SURE = 0.3
"""how certainly a signal must speak of a matter for its case to be known by it"""
DEFAULT = Metres()


@dataclass(slots=True)
class Middle:
    """Where signals of one matter lie on the whole: the mean of their points, the precise ones
    counting most."""

    weight: float = 0.0
    sharp: float = 0.0
    """sum of the weights by precision alone, 1/m²"""
    longitude: float = 0.0
    latitude: float = 0.0
    scatter: float = 0.0
    """sum of weighted squares of the distances from it, m²"""

    def add(self, place: Place, how: Metres = DEFAULT) -> None:
        if place.longitude is None or place.latitude is None:
            return
        precision = place.precision or 0.0
        weight = 1.0 / (precision * precision + how.spread * how.spread)
        if self.weight:
            off = far(place.longitude, place.latitude, self.longitude, self.latitude)
            self.scatter += weight * self.weight / (weight + self.weight) * off * off
        self.weight += weight
        self.sharp += 1.0 / (precision * precision + how.sharp * how.sharp)
        share = weight / self.weight
        self.longitude += share * (place.longitude - self.longitude)
        self.latitude += share * (place.latitude - self.latitude)

    @property
    def error(self) -> float:
        """how imprecise it is, m"""
        return math.sqrt(1.0 / self.sharp)

    @property
    def extent(self) -> float:
        """how far from it its points lie, m"""
        return math.sqrt(self.scatter / self.weight)

    def place(self) -> Place:
        return Place(longitude=self.longitude, latitude=self.latitude, precision=self.error)


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
    tellers: dict[str, Place] = field(default_factory=dict)
    """numbers of its reports, each with where it was told to be: who tells of it once more, under
    the number that was given, is nobody new"""
    panels: set[str] = field(default_factory=set)
    ties: set[str] = field(default_factory=set)
    pairs: set[str] = field(default_factory=set)
    """of the texts of its reports"""
    middles: dict[str, Middle] = field(default_factory=dict)
    """by matter; of those that tell of none by an empty one"""
    said: list[str] = field(default_factory=list)
    """addresses and texts, plain, of its reports that say where it is, at most ``SAID``: they
    name its place. What was only guessed to belong to it proves nothing."""
    names: dict[str, int] = field(default_factory=dict)
    """names of places in the first ``heard`` of these, with how many told them"""
    heard: int = 0
    told_at: list[int] = field(default_factory=list)
    """when they were told, µs, at most ``WHEN``"""
    clear_at: int = 0
    """when such a signal was last told, µs"""
    fresh_at: int = 0
    """when somebody last told of it who had not, µs: a device that tells again is none"""
    count: int = 0
    """signals"""
    apart: frozenset[str] = frozenset()
    active: int = 0
    """alarms that have not returned: while there are any, the case does not grow old"""
    metres: Metres = DEFAULT
    """how points are weighed in this city"""

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

    def vague(self) -> bool:
        """Whether only names tell where it is: no point that says enough, and nothing that hangs
        together."""
        return not self.ties and not any(clear_place(one, self.metres) for one in self.spots)

    def sure(self, matter: str) -> float:
        """How surely the case is about a matter, 0 … 1: beside what most of its signals say."""
        if len(self.matters) == 1:
            return 1.0
        most = max(self.matters.values(), default=0.0)
        if not most:
            return 1.0
        found = self.matters[matter] / most
        return 1.0 if matter == self.matter and found >= 0.5 else found


def anchor_of(state: CaseState, metres: Metres = DEFAULT, *, again: bool = False) -> Anchor:
    """The case as merging sees it, before its signals are counted in. ``again``: they are once
    more, in their order, and its point comes after them (``placed``): who named its place before
    a point of it was known has named it still."""
    place = state.place
    if again and place.longitude is not None:
        place = msgspec.structs.replace(place, longitude=None, latitude=None, precision=None)
    return Anchor(
        case=state.case,
        probe=state.probe,
        place=place,
        matter=state.matter,
        last_at=state.last_at,
        first_at=state.first_at,
        pairs=set(pairs(state.text)) if state.kind == "report" else set(),
        apart=frozenset(state.apart),
        active=state.active,
        metres=metres,
    )


def placed(anchor: Anchor, place: Place) -> None:
    """The place of a case whose signals have been counted in again."""
    spots, anchor.spots = anchor.spots, []
    anchor.settle(place, anchor.matter)
    for spot in spots:
        _spread(anchor, spot)


def widen(anchor: Anchor, signal: Signal) -> None:
    """What a case knows after a signal has joined it."""
    anchor.count += 1
    if signal.kind == "report" and signal.identity:
        before = anchor.tellers.get(signal.identity)
        if before is not None and _nowhere_else(signal.place, before):
            _retold(anchor, signal, before)
            return
        anchor.tellers[signal.identity] = signal.place
    clear = bool(signal.ties) or clear_place(signal.place, anchor.metres)
    if clear or anchor.vague():
        anchor.clear_at = max(anchor.clear_at, signal.at)
    if not signal.device or signal.device not in anchor.devices:
        anchor.fresh_at = max(anchor.fresh_at, signal.at)
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
    if signal.kind == "report":
        if len(anchor.pairs) < WORDS:
            anchor.pairs |= signal.pairs
        if len(anchor.told_at) < WHEN and (clear or anchor.vague()):
            anchor.told_at.append(signal.at)
            if len(anchor.said) < SAID:
                anchor.said.append(signal.said)
    if signal.place.longitude is not None:
        middle = anchor.middles.get(signal.matter)
        if middle is None:
            middle = anchor.middles[signal.matter] = Middle()
        middle.add(signal.place, anchor.metres)
    _spread(anchor, signal.place)


def _nowhere_else(place: Place, before: Place) -> bool:
    """Whether who tells once more says no other point than before."""
    point = (place.longitude, place.latitude)
    return place.longitude is None or point == (before.longitude, before.latitude)


def _retold(anchor: Anchor, signal: Signal, before: Place) -> None:
    """Somebody tells once more: it is no second voice, neither for where it is nor for when people
    tell of it. Only what they had not said yet is new."""
    anchor.last_at = max(anchor.last_at, signal.at)
    anchor.first_at = min(anchor.first_at, signal.at)
    for key, certainty in signal.matters[:2]:
        if certainty >= SURE:
            anchor.matters.setdefault(key, certainty)
    if len(anchor.pairs) < WORDS:
        anchor.pairs |= signal.pairs
    clear = bool(signal.ties) or clear_place(before, anchor.metres)
    if len(anchor.said) < SAID and (clear or anchor.vague()):
        address, _, text = signal.said.partition(" ")
        known = signal.place.address == before.address
        anchor.said.append(f"{'' if known else address} {text}")


def _spread(anchor: Anchor, place: Place) -> None:
    """A point that lies apart from those known of the case is another spot of it."""
    if place.longitude is None or len(anchor.spots) >= SPOTS:
        return
    for spot in anchor.spots:
        far = metres(place, spot)
        if far is not None and far < anchor.metres.apart:
            return
    anchor.spots.append(place)


def clear_place(place: Place, how: Metres) -> bool:
    """Whether its point says where it is."""
    return place.longitude is not None and (place.precision or 0.0) <= how.vague
