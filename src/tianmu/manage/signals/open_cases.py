"""The open cases by where they are, in memory: how a signal finds its candidates quickly.

Filled from the tables at start, kept in step by whoever writes the cases. Not safe between
threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from tianmu.city.charter.tuning import Again, Metres, Powers, Tuning
from tianmu.city.matter.matter import Matter
from tianmu.facts.place import Place
from tianmu.facts.text import Text
from tianmu.manage.case.state import CaseState
from tianmu.manage.signals.anchor import Anchor, anchor_of, placed, widen
from tianmu.manage.signals.by_name import ByName, Guess, stands_for
from tianmu.manage.signals.judge import Evidence, Judge, Match
from tianmu.manage.signals.likeness import Wording
from tianmu.manage.signals.place_names import PlaceNames
from tianmu.manage.signals.signal import Signal
from tianmu.manage.signals.squares import Squares
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City


class Fit(NamedTuple):
    """A case that a signal fits: the less ``rank`` the better, of equals the older case."""

    rank: float
    first_at: int
    case: str
    evidence: Evidence


BEYOND = 1.25
"""share of its reach within which a person is shown what is possibly the same"""
REMEMBERED = 10_000
"""kinds of signals of which it is remembered where their cases may be"""


class OpenCases:
    """Open cases by place and matter, by identity of their alarms, by device and by division."""

    def __init__(
        self,
        matters: Mapping[str, Matter],
        latitude: float,
        tuning: Tuning,
        parents: Mapping[str, str] | None = None,
        parts: tuple[str, ...] = (),
        divisions: Iterable[str] = (),
        metres: Metres | None = None,
        again: Powers | None = None,
    ) -> None:
        """``latitude`` of the city: how wide a degree is there; ``parents``: division → the one
        around it; ``divisions``: what they are called."""
        self.tuning, self.metres = tuning, metres or Metres()
        divisions = tuple(divisions)
        self.judge = Judge(matters, tuning, parents, parts, self.metres, Wording(divisions))
        self._matters = matters
        self._anchors: dict[str, Anchor] = {}
        self.by_name = ByName(self.judge, tuning, again or Again(), PlaceNames(divisions))
        self._squares = Squares(latitude, self.metres)
        self._radii_of: dict[tuple[str, ...], dict[str, float]] = {}
        self._identities: dict[str, str] = {}
        self._devices: dict[str, set[str]] = {}
        self._panels: dict[str, set[str]] = {}
        self._ties: dict[str, set[str]] = {}
        self._identities_of: dict[str, set[str]] = {}
        self.later: list[tuple[str, str]] = []
        """pairs of cases that wait to be put together with the next work"""

    @classmethod
    def of(cls, city: City, tuning: Tuning) -> OpenCases:
        """None yet, of a city."""
        parents = {code: one.parent for code, one in city.divisions.items()}
        called = [name for one in city.divisions.values() for name in one.name.values()]
        how = city.merging
        return cls(
            city.matters, city.center[1], tuning, parents, how.parts, called, how.metres, how.again
        )

    def __len__(self) -> int:
        return len(self._anchors)

    def __contains__(self, case: str) -> bool:
        return case in self._anchors

    def get(self, case: str) -> Anchor | None:
        return self._anchors.get(case)

    def about(self, place: Place) -> Iterator[Anchor]:
        """Cases of whatever matter that may be as near to a point as one that nothing is known of
        has to be; some come more than once."""
        return self._squares.near(place, self._radii_by(()))

    def newest(self, most: int) -> Iterator[Anchor]:
        """Those that were put last."""
        return islice(reversed(self._anchors.values()), most)

    # -- keeping it -----------------------------------------------------------------------------

    def put(self, anchor: Anchor) -> None:
        """A case as it now is; one that was known is put anew."""
        self.drop(anchor.case, keep_identities=True)
        self._anchors[anchor.case] = anchor
        self._squares.put(anchor)
        self.by_name.put(anchor)
        for table, keys in self._tables(anchor):
            for key in keys:
                table.setdefault(key, set()).add(anchor.case)

    def drop(self, case: str, *, keep_identities: bool = False) -> None:
        """A case that is no longer open."""
        anchor = self._anchors.pop(case, None)
        if anchor is None:
            return
        self._squares.drop(case)
        self.by_name.drop(case)
        for table, keys in self._tables(anchor):
            for key in keys:
                cases = table.get(key)
                if cases is not None:
                    cases.discard(case)
                    if not cases:
                        del table[key]
        if not keep_identities:
            for identity in self._identities_of.pop(case, ()):
                if self._identities.get(identity) == case:
                    del self._identities[identity]

    def _tables(self, anchor: Anchor) -> tuple[tuple[dict[str, set[str]], set[str]], ...]:
        """Where a case is found by what its devices are and hang on."""
        return (
            (self._devices, anchor.devices),
            (self._panels, anchor.panels),
            (self._ties, anchor.ties),
        )

    def join(self, case: str, signal: Signal) -> None:
        """A signal has joined ``case``."""
        anchor = self._anchors[case]
        spots, matters = len(anchor.spots), len(anchor.matters)
        widen(anchor, signal)
        if len(anchor.matters) != matters or bool(anchor.spots) != bool(spots):
            self.put(anchor)  # it can be found by that, too, now
        elif len(anchor.spots) != spots:
            self._squares.put(anchor)  # and there
        self.learn(signal)
        if signal.device:
            self._devices.setdefault(signal.device, set()).add(case)
        if signal.panel:
            self._panels.setdefault(signal.panel, set()).add(case)
        for tie in signal.ties:
            self._ties.setdefault(tie, set()).add(case)
        self.know(case, signal.identity)

    def learn(self, signal: Signal) -> None:
        """How places are called, from one more signal."""
        if signal.kind == "report":
            self.by_name.names.learn(signal.said)

    def know(self, case: str, identity: str) -> None:
        """Signals of this identity belong to ``case`` from now on."""
        if identity:
            self._identities[identity] = case
            self._identities_of.setdefault(case, set()).add(identity)

    def forget(self, case: str, identity: str) -> None:
        """Signals of this identity no longer belong to ``case``."""
        if identity and self._identities.get(identity) == case:
            del self._identities[identity]
        self._identities_of.get(case, set()).discard(identity)

    def refresh(self, state: CaseState, signals: Iterable[Signal]) -> None:
        """``state`` holds just these signals from now on."""
        self.drop(state.case, keep_identities=True)
        anchor = anchor_of(state, self.metres, again=True)
        for signal in signals:
            widen(anchor, signal)
        placed(anchor, state.place)
        self.put(anchor)

    # -- finding --------------------------------------------------------------------------------

    def match(self, signal: Signal) -> Match | None:
        """The case ``signal`` belongs to, None where there is none: see ``find``."""
        return self.find(signal)[0]

    def find(self, signal: Signal) -> tuple[Match | None, list[Fit]]:
        """The case ``signal`` belongs to, or None where none scores the threshold; and all that
        do, the likeliest first. Equal scores go to the older case, so that the answer does not hang
        on the order of a table."""
        same = self._identities.get(signal.identity) if signal.identity else None
        if same is not None:
            anchor = self._anchors[same]
            if anchor.probe == signal.probe and not self._apart(signal, anchor):
                return Match(same, 1.0, (phrase("reason.identity"),)), []
        fits = self.fits(signal)
        if fits:
            best = fits[0]
            reasons = self.judge.explain(best.evidence)
            return Match(best.case, round(-best.rank, 4), reasons), fits
        if signal.kind == "report":
            for guess in self._guesses(signal)[:1]:
                if guess.share >= self.tuning.named:
                    return Match(guess.case, round(guess.share, 4), self._why(guess)), []
        return None, []

    def _guesses(self, signal: Signal) -> list[Guess]:
        guesses = self.by_name.guesses(signal, self._wanted(signal))
        return [one for one in guesses if not self._apart(signal, self._anchors[one.case])]

    def _why(self, guess: Guess) -> tuple[Text, ...]:
        likeliest = phrase("reason.likeliest", others=guess.others)
        return (*self.judge.explain(guess.evidence), likeliest)

    def fits(self, signal: Signal) -> list[Fit]:
        """All cases that score the threshold, the likeliest first."""
        found: dict[str, Fit] = {}
        for anchor in self._candidates(signal):
            if anchor.case in found or anchor.probe != signal.probe or self._apart(signal, anchor):
                continue
            score, evidence = self.judge.score(signal, anchor)
            if score >= self.tuning.threshold:
                found[anchor.case] = Fit(-score, anchor.first_at, anchor.case, evidence)
        return sorted(found.values())

    def bridged(self, signal: Signal, case: str, fits: list[Fit]) -> list[tuple[str, str]]:
        """Pairs of the case that a signal has joined with others which it fits well, too."""
        return [(fit.case, case) for fit in fits if fit.case != case]

    def again(self, now: int) -> list[tuple[str, str]]:
        """Pairs of a case without a point with the one that it is likely about, by what has been
        told since: each is looked at from time to time. And those that wait."""
        found, self.later = self.later, []
        for case in self.by_name.due(now):
            anchor = self._anchors[case]
            guesses = self._stood_for(anchor) if anchor.vague() else []
            if guesses and guesses[0].share >= self.tuning.by_name:
                found.append((case, guesses[0].case))
        return found

    def _stood_for(self, anchor: Anchor) -> list[Guess]:
        """What a case known by names alone may be about."""
        told = stands_for(anchor)
        by_name = self.by_name
        return by_name.guesses(told, self._wanted(told), by_name.told(anchor), anchor.case)

    def alike(self, one: str, other: str) -> Match | None:
        """How surely two open cases are one thing, and why; None where it is not sure."""
        first, second = self._anchors.get(one), self._anchors.get(other)
        if first is None or second is None:
            return None
        # where one leads to the other a person may say that they are one
        score, evidence = self.judge.cases(first, second, surely=True)
        if score >= self.tuning.bridge:
            reasons = (phrase("reason.bridge"), *self.judge.explain(evidence))
            return Match(other, round(score, 4), reasons)
        for vague, clear in ((first, other), (second, one)):
            if not vague.vague():
                continue
            for guess in self._stood_for(vague)[:1]:
                if guess.case == clear and guess.share >= self.tuning.by_name:
                    return Match(other, round(guess.share, 4), self._why(guess))
        return None

    def possibly(self, case: str, most: int) -> list[Match]:
        """Cases that may be the same as this open one, the likeliest first: what the machine was
        not sure of and a person may know. Not what a person has taken apart."""
        own = self._anchors.get(case)
        if own is None:
            return []
        found: dict[str, Match] = {}
        floor = self.tuning.shown
        stands = stands_for(own)
        for spot in own.spots or [own.place]:
            for other in self._candidates(replace(stands, place=spot, ties=tuple(own.ties))):
                if other is own or other.case in found or other.probe != own.probe:
                    continue
                if other.apart or own.apart:
                    continue
                score, evidence = self.judge.cases(own, other, BEYOND)
                if score >= floor:
                    reasons = self.judge.explain(evidence)
                    found[other.case] = Match(other.case, round(score, 4), reasons)
        if own.vague():
            for guess in self._stood_for(own):
                other = self._anchors[guess.case]
                if guess.share >= floor and not other.apart and guess.case not in found:
                    found[guess.case] = Match(guess.case, round(guess.share, 4), self._why(guess))
        return sorted(found.values(), key=lambda one: (-one.score, one.case))[:most]

    def near(self, signal: Signal, most: int = 10, floor: float = 0.3) -> list[Match]:
        """Open cases that may be related, the likeliest first: what a person is offered."""
        found: dict[str, Match] = {}
        for anchor in self._candidates(signal):
            if anchor.probe == signal.probe and anchor.case not in found:
                match = self._match(signal, anchor)
                if match.score >= floor:
                    found[anchor.case] = match
        if signal.kind == "report":
            for guess in self._guesses(signal):
                if guess.share >= floor and guess.case not in found:
                    found[guess.case] = Match(guess.case, round(guess.share, 4), self._why(guess))
        return sorted(found.values(), key=lambda one: (-one.score, one.case))[:most]

    def _match(self, signal: Signal, anchor: Anchor) -> Match:
        score, evidence = self.judge.score(signal, anchor)
        reasons = self.judge.explain(evidence) if score else ()
        return Match(anchor.case, round(score, 4), reasons)

    @staticmethod
    def _apart(signal: Signal, anchor: Anchor) -> bool:
        return bool(anchor.apart) and any(key in anchor.apart for key in signal.keys)

    def _candidates(self, signal: Signal) -> Iterator[Anchor]:
        for table, key in ((self._devices, signal.device), (self._panels, signal.panel)):
            if key:
                for case in table.get(key, ()):
                    yield self._anchors[case]
        for tie in signal.ties:
            for case in self._ties.get(tie, ()):
                yield self._anchors[case]
        yield from self._squares.near(signal.place, self._radii(signal))

    def _wanted(self, signal: Signal) -> list[str]:
        """Matters whose cases it may join."""
        wanted: dict[str, None] = {}
        for key, _ in signal.matters[:3]:
            wanted[key] = None
            matter = self._matters.get(key)
            if matter is not None:
                wanted.update(dict.fromkeys(matter.related))
        return list(wanted)

    def _radii(self, signal: Signal) -> dict[str, float]:
        """Matters of which a case may be the same thing, each with the metres that it may be away.
        A case without a matter (``""``) may be any, and a signal without one may belong to any near
        by."""
        keys = tuple([key for key, _ in signal.matters[:3]])
        found = self._radii_of.get(keys)
        if found is None:
            if len(self._radii_of) >= REMEMBERED:
                self._radii_of.clear()
            found = self._radii_of[keys] = self._radii_by(keys)
        return found

    def _radii_by(self, keys: tuple[str, ...]) -> dict[str, float]:
        if not keys:
            return dict.fromkeys(("", *self._matters), self.metres.unknown)
        found = {"": self.metres.unknown}
        for key in keys:
            own = self._matters.get(key)
            if own is None:
                continue
            for other in (key, *own.related):
                beside = self._matters.get(other)
                radius = max(own.radius_m, beside.radius_m if beside else 0.0)
                radius = own.related_m.get(other, radius)
                if radius:
                    found[other] = max(radius, found.get(other, 0.0))
        return found
