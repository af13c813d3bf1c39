"""How well a day with recorded truth could be merged at all, by a reader who knows how it is made.

    python -m benchmarks.merge_ceiling --hours 1 --seed 51

The reader is given what no city has: the true case of every signal with a point (and of devices
that hang together with one), that a thing has one panel, the stories with their rates, and all
that is told later. Left to him are the reports without a point and the devices that neither have
one nor hang together with one.
He takes each for the likeliest thing by its town, words, names of places and time, where that
outweighs all others together; else it stands alone. One JSON object is printed. ``taking_all`` is
what he reaches where he takes the likeliest however little it outweighs the others: the most recall
that he can have. ``told_where`` is the recall of all signals but the devices left to him: what is
lost by these alone. ``frontier`` is the most recall that he has where he takes the likeliest from
some share on and ``--precision`` of his pairs, or more, are right: all others are right by what he
was given, which no machine is.
"""

from __future__ import annotations

import argparse
import json
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.merge_day import draw
from tianmu.city.city import City
from tianmu.city.pack import load
from tianmu.facts.alarm import AlarmEvent
from tianmu.facts.report import Report
from tianmu.rehearse.truth.agreement import agree
from tianmu.rehearse.truth.day import Day
from tianmu.rehearse.truth.thing import Thing

RETOLD_S = (60, 3600)
"""a report is told once more so long after the first"""
LEASTS = (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7)
"""shares from which a reader may take the likeliest"""
Fact = AlarmEvent | Report


class Knower:
    """Knows the day and how it was drawn."""

    def __init__(self, city: City, made: Day) -> None:
        assert city.truth is not None
        self.rules, self.made, self.language = city.truth.plain(), made, city.languages[0]
        seeding = city.seeding.plain()
        self.spots: list[str] = seeding["words"][self.rules["landmark"]][self.language]
        self.words = [
            (re.compile(re.sub(r"\\\{\w+\\\}", ".*", re.escape(text)) + "$"), one["matter"])
            for one in seeding["reports"]
            for text in one["texts"].get(self.language, ())
        ]
        self.truth = made.truth()
        self.facts: dict[str, Fact] = {}
        for told in made.told:
            if told.signal:
                self.facts.setdefault(told.signal, told.fact)
        self.of_thing: dict[int, list[Fact]] = defaultdict(list)
        for signal, fact in self.facts.items():
            self.of_thing[self.truth[signal]].append(fact)
        self.labels = {one.device: tuple(one.labels.items()) for one in made.devices}
        self._placed = {
            self.labels[fact.device]
            for fact in self.facts.values()
            if isinstance(fact, AlarmEvent) and fact.place.longitude is not None
        }
        self.in_town: dict[str, list[Thing]] = defaultdict(list)
        self.by_time = sorted(made.things, key=lambda one: one.at)
        for thing in self.by_time:
            self.in_town[thing.division].append(thing)
        by_town = {**self.in_town, "": self.by_time}
        self._begins = {town: [one.at for one in some] for town, some in by_town.items()}
        specs = [one for story in self.rules["story"] for one in (*story["told"], *story["alarms"])]
        self._longest = max(one.get("after_s", (0, 0))[1] for one in specs) + RETOLD_S[1] + 1
        self._named: dict[str, list[int]] = {}
        # two names has a spot, or one that is told twice as often
        size, stray = len(self.spots), self.rules["elsewhere"]
        likely = np.full((size, size, size), stray / size)
        for name in range(size):
            likely[name, :, name] += (1 - stray) / 2
            likely[:, name, name] += (1 - stray) / 2
        self.likely = likely.reshape(size * size, size)

    def at(self, fact: Fact) -> float:
        """Seconds since the day's beginning."""
        when = fact.at if isinstance(fact, Report) else fact.observed_at
        return (when - self.made.begin) / 1e6

    def during(self, at: float, town: str = "") -> list[Thing]:
        """Things, of one town or all, of which somebody may have told then."""
        begins, some = self._begins.get(town, []), self.in_town[town] if town else self.by_time
        return some[bisect_left(begins, at - self._longest) : bisect_right(begins, at + 1)]

    def named(self, fact: Report) -> list[int]:
        """The spots that a report names, by its address and by its words."""
        if fact.report in self._named:
            return self._named[fact.report]
        found = self._named[fact.report] = []
        for said in (fact.place.address, fact.text):
            held = [n for n, name in enumerate(self.spots) if name in said]
            found += [max(held, key=lambda n: len(self.spots[n]))] if held else []
        return found

    def of_report(self, fact: Report) -> dict[int, float]:
        """Thing → how likely just this is told of it."""
        said = {matter for pattern, matter in self.words if pattern.match(fact.text)}
        how = self.rules["source"][fact.channel]
        names, found = self.named(fact), {}
        for thing in self.during(self.at(fact), fact.place.division):
            rate = sum(
                self._rate(spec, how, fact, thing)
                for spec in thing.story["told"]
                if spec["channel"] == fact.channel and (not said or spec["matter"] in said)
            )
            others = [
                one
                for one in (self.of_thing[thing.number] if rate else ())
                if not isinstance(one, Report) or one.data["number"] != fact.data["number"]
            ]
            if others:
                log = np.zeros(len(self.likely))
                for one in others:
                    for name in self.named(one) if isinstance(one, Report) else ():
                        log += np.log(self.likely[:, name])
                held = np.exp(log - log.max())
                held /= held.sum()
                for name in names:
                    held = held * self.likely[:, name]
                found[thing.number] = rate * float(held.sum())
        return found

    def _rate(self, spec: Any, how: Any, fact: Report, thing: Thing) -> float:
        (low, high), since = spec["after_s"], self.at(fact) - thing.at
        many: float = sum(spec["number"]) / 2
        rate: float = many / (high - low) if low <= since <= high else 0.0
        if low + RETOLD_S[0] <= since <= high + RETOLD_S[1]:
            rate += how.get("retold", 0.0) * many / (high - low + RETOLD_S[1])
        if not fact.matter:
            return rate
        if fact.matter == spec["matter"]:
            return rate * (1 - float(how["mistaken"]))
        wrong = thing.story["mistaken"]
        many_wrong = len(wrong) or len({one["matter"] for one in self.rules["story"]})
        if wrong and fact.matter not in wrong:
            return 0.0
        return rate * float(how["mistaken"]) / many_wrong

    def of_devices(self, facts: list[AlarmEvent]) -> dict[int, float]:
        """The same for all alarms of devices that hang together and have no point."""
        first: dict[str, float] = {}
        for one in facts:
            first[one.device] = min(first.get(one.device, self.at(one)), self.at(one))
        tied, found = bool(self.labels[facts[0].device]), {}
        mine = {id(one) for one in facts}
        for thing in self.during(min(first.values())):
            if not any(spec["kind"] == facts[0].device_kind for spec in thing.story["alarms"]):
                continue
            rest = [one for one in self.of_thing[thing.number] if id(one) not in mine]
            if tied and self._hangs_on_another(self.labels[facts[0].device], rest):
                continue  # a thing has one panel
            for spec in thing.story["alarms"] if rest else ():
                same = spec["kind"] == facts[0].device_kind and spec["matter"] == facts[0].matter
                low, high = spec.get("after_s", (0, 0))
                lies = all(low - 1 <= at - thing.at <= high + 1 for at in first.values())
                if same and lies and bool(spec.get("tie")) is tied:
                    many = sum(spec["number"]) / 2
                    found[thing.number] = many / (high - low + 1) ** len(first)
        return found

    def _hangs_on_another(self, labels: tuple[tuple[str, str], ...], rest: list[Fact]) -> bool:
        """Whether others of a thing hang together, in the same way, by something that has a
        point."""
        names = {name for name, _ in labels}
        return any(
            self.labels[one.device] in self._placed and names & dict(self.labels[one.device]).keys()
            for one in rest
            if isinstance(one, AlarmEvent)
        )


@dataclass(frozen=True)
class Left:
    """Signals that were left to the reader and are one thing, and all that they could be."""

    signals: list[str]
    alone: Hashable
    """what they are where he takes them for none of these"""
    likely: dict[int, float]


def weigh(knower: Knower) -> list[Left]:
    """What the reader has to read, each with what it could be."""
    found: list[Left] = []
    groups: dict[Hashable, list[str]] = defaultdict(list)
    clear = set()
    for signal, fact in knower.facts.items():
        if isinstance(fact, Report):
            if fact.place.longitude is None:
                found.append(Left([signal], fact.data["number"], knower.of_report(fact)))
        else:
            group: Hashable = knower.labels[fact.device] or fact.device
            groups[group].append(signal)
            if fact.place.longitude is not None:
                clear.add(group)
    for one_group, signals in groups.items():
        if one_group not in clear:
            alarms = [knower.facts[one] for one in signals]
            likely = knower.of_devices([one for one in alarms if isinstance(one, AlarmEvent)])
            found.append(Left(signals, one_group, likely))
    return found


def read(knower: Knower, left: list[Left], least: float = 0.5) -> dict[str, Hashable]:
    """Signal → the thing that the reader takes it for, of a share of at least ``least`` of all
    that it could be."""
    held: dict[str, Hashable] = dict(knower.truth)
    for one in left:
        held.update(dict.fromkeys(one.signals, _taken(one.likely, one.alone, least)))
    return held


def frontier(knower: Knower, left: list[Left], precision: float) -> dict[str, float]:
    """The most recall of a reader whose pairs are right so often, and from which share on he takes
    the likeliest."""
    found: dict[str, float] = {}
    for least in LEASTS:
        agreed = agree(knower.truth, read(knower, left, least)).rounded()
        best = found.get("pairwise_recall", 0.0)
        if agreed["pairwise_precision"] >= precision and agreed["pairwise_recall"] > best:
            found = {"least": least, **agreed}
    return found


def _taken(likely: dict[int, float], alone: Hashable, least: float) -> Hashable:
    best = max(likely, key=lambda thing: likely[thing], default=None)
    if best is None or likely[best] < least * sum(likely.values()):
        return ("alone", alone)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pack", default="liyang")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--precision", type=float, default=0.97, help="of the frontier")
    asked = parser.parse_args()
    city = load(asked.pack)
    knower = Knower(city, draw(city, asked.seed, asked.hours))
    left = weigh(knower)
    held = read(knower, left)
    taken: dict[str, Counter[str]] = {"reports": Counter(), "alarms": Counter()}
    blind = {one for some in left for one in some.signals if one.startswith("alarm:")}
    for signal in (one for some in left for one in some.signals):
        thing = held[signal]
        how = "alone" if isinstance(thing, tuple) else "right"
        if how == "right" and thing != knower.truth[signal]:
            how = "wrong"
        taken["alarms" if signal in blind else "reports"][how] += 1
    result: dict[str, Any] = {**agree(knower.truth, held).rounded()}
    result["taking_all"] = agree(knower.truth, read(knower, left, 0.0)).rounded()
    result["frontier"] = frontier(knower, left, asked.precision)
    where = {one: ("alone", one) if one in blind else thing for one, thing in knower.truth.items()}
    result["told_where"] = agree(knower.truth, where).rounded()
    known = {"pack": asked.pack, "seed": asked.seed, "hours": asked.hours}
    print(json.dumps({**known, **result, **taken}))


if __name__ == "__main__":
    main()
