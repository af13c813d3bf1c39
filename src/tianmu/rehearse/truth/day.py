"""A day of the whole city with recorded truth: facts in the order they arrive, and what they
truly tell of. The seed makes the same day again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tianmu.facts.registry import Device
from tianmu.facts.text import Text
from tianmu.rehearse.truth.thing import Thing, Things
from tianmu.rehearse.truth.witness import SECOND, Told, Witnesses
from tianmu.rehearse.truth.words import Words


@dataclass(frozen=True)
class Day:
    """``told`` in the order of arrival; ``things`` by number; ``devices`` that spoke."""

    seed: int
    begin: int
    things: list[Thing]
    told: list[Told]
    devices: list[Device] = field(repr=False, default_factory=list)

    def truth(self) -> dict[str, int]:
        """Signal → the thing it tells of. What arrives twice is one signal."""
        return {one.signal: one.thing for one in self.told if one.signal}

    def steps(self) -> Iterator[tuple[int, Told | Thing]]:
        """(µs, what comes): facts as they arrive, and each thing as it is over."""
        ends = [(self.begin + int(one.over * SECOND), one) for one in self.things]
        ends.sort(key=lambda one: one[0])
        place = 0
        for one in self.told:
            while place < len(ends) and ends[place][0] < one.at:
                yield ends[place]
                place += 1
            yield one.at, one
        yield from ends[place:]


def make(
    truth: dict[str, Any],
    seeding: dict[str, Any],
    towns: dict[str, Any],
    names: dict[str, Text],
    divisions: dict[str, Text],
    language: str,
    *,
    seed: int,
    begin: int,
    hours: float,
) -> Day:
    """The day. ``truth``, ``seeding``: the pack's, as plain data; ``towns``: GeoJSON; ``names``:
    of the matters; ``divisions``: names of the divisions; ``begin``: µs."""
    random = np.random.default_rng(seed)
    things = Things(truth, seeding, towns, random)
    happened = things.draw(hours)
    words = Words(seeding, divisions, language)
    mark = f"{seed % 1_000_000:06d}"
    witnesses = Witnesses(truth, things, words, names, random, begin=begin, mark=mark)
    told: list[Told] = []
    for thing in sorted(happened, key=lambda one: one.number):
        told += witnesses.tell(thing)
    told.sort(key=lambda one: one.at)
    happened.sort(key=lambda one: one.number)
    return Day(seed, begin, happened, told, list(witnesses.devices()))
