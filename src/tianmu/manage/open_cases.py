"""The open cases by where they are, in memory: how a signal finds its candidates quickly.

Filled from the tables at start, kept in step by whoever writes the cases. Not safe between
threads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from tianmu.city.matter import Matter
from tianmu.manage.case_state import CaseState
from tianmu.manage.likeness import pairs
from tianmu.manage.merge import UNKNOWN_RADIUS, Anchor, Match, Tuning, explain, judge, widen
from tianmu.manage.signal import Signal
from tianmu.manage.words import phrase

CELL = 200.0
"""metres: side of a cell of the index"""
_DEGREE = 111_195.0

ADDRESSED_MOST = 300
"""of the cases of one matter in one division that are known by address alone, the newest so many
are compared"""


def anchor_of(state: CaseState) -> Anchor:
    """The case as merging sees it, before its signals are counted in."""
    return Anchor(
        case=state.case,
        probe=state.probe,
        place=state.place,
        matter=state.matter,
        last_at=state.last_at,
        first_at=state.first_at,
        address=pairs(state.place.address),
        pairs=set(pairs(state.text)) if state.kind == "report" else set(),
        apart=frozenset(state.apart),
        active=state.active,
    )


class OpenCases:
    """Open cases by cell and matter, by identity of their alarms, by device and by division."""

    def __init__(self, matters: Mapping[str, Matter], latitude: float, tuning: Tuning) -> None:
        """``latitude`` of the city: how wide a degree is there."""
        self.tuning = tuning
        self._matters = matters
        self._lat = CELL / _DEGREE
        self._lon = CELL / (_DEGREE * max(0.05, math.cos(math.radians(latitude))))
        self._anchors: dict[str, Anchor] = {}
        self._cells: dict[tuple[int, int], dict[str, dict[str, Anchor]]] = {}
        self._divisions: dict[str, dict[str, dict[str, Anchor]]] = {}
        self._identities: dict[str, str] = {}
        self._devices: dict[str, set[str]] = {}
        self._panels: dict[str, set[str]] = {}
        self._identities_of: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._anchors)

    def __contains__(self, case: str) -> bool:
        return case in self._anchors

    def get(self, case: str) -> Anchor | None:
        return self._anchors.get(case)

    # -- keeping it -----------------------------------------------------------------------------

    def put(self, anchor: Anchor) -> None:
        """A case as it now is; one that was known is put anew."""
        self.drop(anchor.case, keep_identities=True)
        self._anchors[anchor.case] = anchor
        place, matter = anchor.place, anchor.matter
        cell: tuple[int, int] | None = None
        if place.longitude is not None and place.latitude is not None:
            cell = self._cell(place.longitude, place.latitude)
            self._cells.setdefault(cell, {}).setdefault(matter, {})[anchor.case] = anchor
        division = place.division if cell is None or anchor.address else None
        if division is not None:
            self._divisions.setdefault(division, {}).setdefault(matter, {})[anchor.case] = anchor
        anchor.where = (cell, division, matter)
        for device in anchor.devices:
            self._devices.setdefault(device, set()).add(anchor.case)
        for panel in anchor.panels:
            self._panels.setdefault(panel, set()).add(anchor.case)

    def drop(self, case: str, *, keep_identities: bool = False) -> None:
        """A case that is no longer open."""
        anchor = self._anchors.pop(case, None)
        if anchor is None:
            return
        cell, division, matter = anchor.where
        if cell is not None:
            _remove(self._cells, cell, matter, case)
        if division is not None:
            _remove(self._divisions, division, matter, case)
        for table, keys in ((self._devices, anchor.devices), (self._panels, anchor.panels)):
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

    def join(self, case: str, signal: Signal) -> None:
        """A signal has joined ``case``."""
        anchor = self._anchors[case]
        told = bool(anchor.address)
        widen(anchor, signal)
        if bool(anchor.address) != told:
            self.put(anchor)  # it can be found by its address now
        if signal.device:
            self._devices.setdefault(signal.device, set()).add(case)
        if signal.panel:
            self._panels.setdefault(signal.panel, set()).add(case)
        self.know(case, signal.identity)

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
        anchor = anchor_of(state)
        for signal in signals:
            widen(anchor, signal)
        self.put(anchor)

    # -- finding --------------------------------------------------------------------------------

    def match(self, signal: Signal) -> Match | None:
        """The case ``signal`` belongs to, or None where none scores the threshold. Equal scores
        go to the older case, so that the answer does not hang on the order of a table."""
        same = self._identities.get(signal.identity) if signal.identity else None
        if same is not None:
            anchor = self._anchors[same]
            if anchor.probe == signal.probe and not self._apart(signal, anchor):
                return Match(same, 1.0, (phrase("reason.identity"),))
        best: tuple[float, int, str] | None = None
        for anchor in self._candidates(signal):
            if anchor.probe != signal.probe or self._apart(signal, anchor):
                continue
            score, _ = judge(signal, anchor, self._matters, self.tuning)
            if score >= self.tuning.threshold:
                rank = (-score, anchor.first_at, anchor.case)
                if best is None or rank < best:
                    best = rank
        if best is None:
            return None
        return self._match(signal, self._anchors[best[2]])

    def near(self, signal: Signal, most: int = 10, floor: float = 0.3) -> list[Match]:
        """Open cases that may be related, the likeliest first: what a person is offered."""
        found: dict[str, Match] = {}
        for anchor in self._candidates(signal):
            if anchor.probe == signal.probe and anchor.case not in found:
                match = self._match(signal, anchor)
                if match.score >= floor:
                    found[anchor.case] = match
        return sorted(found.values(), key=lambda one: (-one.score, one.case))[:most]

    def _match(self, signal: Signal, anchor: Anchor) -> Match:
        score, evidence = judge(signal, anchor, self._matters, self.tuning)
        reasons = explain(signal, anchor, evidence, self._matters) if score else ()
        return Match(anchor.case, round(score, 4), reasons)

    @staticmethod
    def _apart(signal: Signal, anchor: Anchor) -> bool:
        return bool(anchor.apart) and any(key in anchor.apart for key in signal.keys)

    def _candidates(self, signal: Signal) -> Iterator[Anchor]:
        for table, key in ((self._devices, signal.device), (self._panels, signal.panel)):
            if key:
                for case in table.get(key, ()):
                    yield self._anchors[case]
        wanted = self._wanted(signal)
        place = signal.place
        if place.longitude is not None and place.latitude is not None:
            reach = math.ceil((self._radius(signal, wanted) + self.tuning.most_slack) / CELL)
            if (2 * reach + 1) ** 2 > len(self._anchors):
                for anchor in self._anchors.values():
                    if wanted is None or anchor.matter in wanted:
                        yield anchor
                return
            column, row = self._cell(place.longitude, place.latitude)
            get = self._cells.get
            for x in range(column - reach, column + reach + 1):
                for y in range(row - reach, row + reach + 1):
                    by_matter = get((x, y))
                    if by_matter:
                        yield from _of(by_matter, wanted)
        if signal.address:
            yield from self._addressed(place.division, wanted)

    def _addressed(self, division: str, wanted: list[str] | None) -> Iterator[Anchor]:
        """Cases of the division that are known by an address (or by no place at all)."""
        for where in {division, ""}:
            by_matter = self._divisions.get(where)
            if by_matter:
                yield from _of(by_matter, wanted, ADDRESSED_MOST)

    def _wanted(self, signal: Signal) -> list[str] | None:
        """Matters whose cases it may join; None: any."""
        if not signal.matters:
            return None
        wanted: dict[str, None] = {"": None}
        for key, _ in signal.matters[:3]:
            wanted[key] = None
            matter = self._matters.get(key)
            if matter is not None:
                wanted.update(dict.fromkeys(matter.related))
        return list(wanted)

    def _radius(self, signal: Signal, wanted: list[str] | None) -> float:
        if wanted is None:
            return UNKNOWN_RADIUS
        keys = wanted
        radii = [self._matters[key].radius_m for key in keys if key in self._matters]
        return max(radii, default=50.0)

    def _cell(self, longitude: float, latitude: float) -> tuple[int, int]:
        return math.floor(longitude / self._lon), math.floor(latitude / self._lat)


def _remove(
    index: dict[Any, dict[str, dict[str, Anchor]]], where: object, matter: str, case: str
) -> None:
    by_matter = index[where]
    del by_matter[matter][case]
    if not by_matter[matter]:
        del by_matter[matter]
        if not by_matter:
            del index[where]


def _of(
    by_matter: dict[str, dict[str, Anchor]], wanted: list[str] | None, most: int = 0
) -> Iterator[Anchor]:
    groups = by_matter.values() if wanted is None else (by_matter.get(key) for key in wanted)
    for group in groups:
        if group:
            yield from (islice(reversed(group.values()), most) if most else group.values())
