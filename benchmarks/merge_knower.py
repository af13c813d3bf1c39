"""What is to be known of a day with recorded truth by who knows how it is made, and how likely
somebody's words or a device's alarms are told of each of its things.

Weighed is what tells as one: the reports of one number, the alarms of devices that hang together.
Of all else the true thing is known. How likely it is that a thing has this one, too, beside that
it has only the others, follows from the numbers that its story draws: where k are known of what
comes ``low`` to ``high`` times, evenly, one more is (k + 1) times as likely as the moment it came
at; none is to come where k is ``high``, and one must where k is below ``low``.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.city.city import City
from tianmu.facts.alarm import AlarmEvent
from tianmu.facts.report import Report
from tianmu.rehearse.truth.day import Day
from tianmu.rehearse.truth.thing import Thing

SLACK_S = 0.001
"""times are told in µs"""
MUST = 1e9
"""how much likelier a thing is that must have one more"""
Fact = AlarmEvent | Report
Spec = tuple[str, int]
"""``alarms`` or ``told`` of a story, and the place in it"""


class Knower:
    """Knows the day and how it was drawn."""

    def __init__(self, city: City, made: Day) -> None:
        assert city.truth is not None
        self.rules, self.made, self.language = city.truth.plain(), made, city.languages[0]
        seeding = city.seeding.plain()
        self.spots: list[str] = seeding["words"][self.rules["landmark"]][self.language]
        self._templates = self._shares(seeding["reports"])
        self._names = {key: next(iter(one.name.values()), key) for key, one in city.matters.items()}
        self._matters = sorted({one["matter"] for one in self.rules["story"]})
        self.truth = made.truth()
        self.facts: dict[str, Fact] = {}
        for told in made.told:
            if told.signal:
                self.facts.setdefault(told.signal, told.fact)
        self.labels = {one.device: tuple(one.labels.items()) for one in made.devices}
        self.by_time = sorted(made.things, key=lambda one: one.at)
        self._in_town: dict[str, list[Thing]] = {"": self.by_time}
        for thing in self.by_time:
            self._in_town.setdefault(thing.division, []).append(thing)
        self._begins = {town: [one.at for one in some] for town, some in self._in_town.items()}
        specs = [one for story in self.rules["story"] for one in (*story["told"], *story["alarms"])]
        self._longest = max(one.get("after_s", (0, 0))[1] for one in specs) + 1
        self._a_second = len(made.things) / max(one.at for one in made.things)
        self._log_likely = np.log(self._pairs_of_names())
        self._chain = {
            one.number: one.number if one.again_of < 0 else one.again_of for one in made.things
        }
        self._count()

    def _shares(self, reports: Iterable[Any]) -> dict[str, list[tuple[float, re.Pattern[str]]]]:
        """Matter → texts that tell of it, each with how often it is taken."""
        of: dict[str, list[list[str]]] = defaultdict(list)
        for one in reports:
            if texts := one["texts"].get(self.language):
                of[one["matter"]].append(texts)
        return {
            matter: [
                (1 / len(some) / len(texts), _pattern(text)) for texts in some for text in texts
            ]
            for matter, some in of.items()
        }

    def _pairs_of_names(self) -> NDArray[np.float64]:
        """(all pairs of names that a spot may go by, name) → how often it is told."""
        size, stray = len(self.spots), self.rules["elsewhere"]
        likely = np.full((size, size, size), stray / size)
        for name in range(size):
            likely[name, :, name] += (1 - stray) / 2
            likely[:, name, name] += (1 - stray) / 2
        return likely.reshape(size * size, size)

    # -- what is known -----------------------------------------------------------------------------

    def _count(self) -> None:
        """How many told of each thing by each part of its story, and which names."""
        self._held: dict[int, Counter[Spec]] = defaultdict(Counter)
        self._named: dict[int, NDArray[np.float64]] = defaultdict(lambda: np.zeros(len(self.spots)))
        self._hang: dict[int, set[tuple[tuple[str, str], ...]]] = defaultdict(set)
        self._texts: dict[str, dict[str, float]] = {}
        seen: set[object] = set()
        for signal, fact in self.facts.items():
            thing = self.made.things[self.truth[signal]]
            if isinstance(fact, Report):
                source: object = fact.data["number"]
            else:
                source = thing.number, fact.device
                self._hang[thing.number].add(self.labels[fact.device])
            if source not in seen:
                seen.add(source)
                for spec in self._specs(thing.story, fact)[:1]:
                    self._held[thing.number][spec] += 1
        for reports in self.by_number().values():
            thing = self.made.things[self.truth[f"report:{reports[0].report}"]]
            self._named[self._chain[thing.number]] += self.names(reports)

    def by_number(self) -> dict[str, list[Report]]:
        """Number → the reports under it, in their order."""
        found: dict[str, list[Report]] = defaultdict(list)
        for fact in self.facts.values():
            if isinstance(fact, Report):
                found[fact.data["number"]].append(fact)
        return {number: sorted(some, key=lambda one: one.at) for number, some in found.items()}

    def at(self, fact: Fact) -> float:
        """Seconds since the day's beginning."""
        when = fact.at if isinstance(fact, Report) else fact.observed_at
        return (when - self.made.begin) / 1e6

    def _specs(self, story: Any, fact: Fact) -> list[Spec]:
        """The parts of a story that a fact may be of."""
        if isinstance(fact, Report):
            said = self._said(fact.text)
            told = enumerate(story["told"])
            return [
                ("told", place)
                for place, one in told
                if one["channel"] == fact.channel and one["matter"] in said
            ]
        tied = bool(self.labels[fact.device])
        return [
            ("alarms", place)
            for place, one in enumerate(story["alarms"])
            if (one["kind"], one["matter"]) == (fact.device_kind, fact.matter)
            and bool(one.get("tie")) is tied
        ]

    def _said(self, text: str) -> dict[str, float]:
        """Matter → how often who tells of it says just this, names apart."""
        known = self._texts.get(text)
        if known is not None:
            return known
        found = {
            matter: sum(share for share, pattern in some if pattern.match(text))
            for matter, some in self._templates.items()
        }
        found = {matter: share for matter, share in found.items() if share}
        found = found or {key: 1.0 for key, name in self._names.items() if name == text}
        self._texts[text] = found
        return found

    def names(self, reports: list[Report]) -> NDArray[np.float64]:
        """How often each spot is named: by the address, which is given once, and by each text."""
        found = np.zeros(len(self.spots))
        for said in (reports[0].place.address, *(one.text for one in reports)):
            held = [place for place, name in enumerate(self.spots) if name in said]
            if held:
                found[max(held, key=lambda place: len(self.spots[place]))] += 1
        return found

    # -- how likely --------------------------------------------------------------------------------

    def of_reports(self, reports: list[Report]) -> tuple[dict[int, float], float]:
        """Thing → how likely just this is told of it by one person; and the same of a new one."""
        first = reports[0]
        own, at = self.truth[f"report:{first.report}"], self.at(first)
        names, found = self.names(reports), {}
        for thing in self._during(at, first.place.division):
            dense = {
                spec: _within(spec, thing.story, at - thing.at)
                for spec in self._specs(thing.story, first)
            }
            if not any(dense.values()):
                continue
            rest = self._rest(thing, own, reports[:1])
            weight = sum(
                self._told(thing.story, spec, reports)
                * one
                * self._more(thing.story, rest, Counter([spec]))
                for spec, one in dense.items()
            )
            if weight:
                known = self._named[self._chain[thing.number]]
                if self._chain[thing.number] == self._chain[own]:
                    known = known - names
                found[thing.number] = weight * self._alike(known, names)
        share = len(self._in_town.get(first.place.division, ())) / len(self.by_time)
        anew = sum(
            self._often(story) * share * self._only(story, Counter([spec]))
            * self._told(story, spec, reports)
            for story in self.rules["story"]
            for spec in (("told", place) for place in range(len(story["told"])))
            if story["told"][spec[1]]["channel"] == first.channel
        )  # fmt: skip
        return found, anew * self._alike(np.zeros(len(self.spots)), names)

    def _told(self, story: Any, spec: Spec, reports: list[Report]) -> float:
        """How likely it is that one of these tells it in these words and by this matter."""
        one = story["told"][spec[1]]
        how = self.rules["source"][one["channel"]]
        found = 1.0
        for report in reports:
            found *= self._said(report.text).get(one["matter"], 0.0)
        matter = reports[0].matter
        if not matter:
            return found * (1 - float(how["named"]))
        wrong = story["mistaken"] or self._matters
        mistaken = float(how["mistaken"]) * wrong.count(matter) / len(wrong)
        right = 1 - float(how["mistaken"]) if matter == one["matter"] else 0.0
        named: float = how["named"] * (right + mistaken)
        return found * named

    def of_devices(self, facts: list[AlarmEvent]) -> tuple[dict[int, float], float]:
        """The same for all alarms of one thing of devices that hang together and have no point."""
        first: dict[str, AlarmEvent] = {}
        for one in sorted(facts, key=lambda one: one.observed_at):
            first.setdefault(one.device, one)
        firsts, labels = list(first.values()), self.labels[facts[0].device]
        own = self.truth[f"alarm:{facts[0].alarm}"]
        times = np.array([self.at(one) for one in firsts])
        found: dict[int, float] = {}
        of_story = {
            story["code"]: self._specs_of_all(story, firsts) for story in self.rules["story"]
        }
        for thing in self._during(float(times.min()), ""):
            specs = of_story[thing.story["code"]]
            weight = 1.0 if specs else 0.0
            for spec, since in zip(specs, times - thing.at if specs else (), strict=True):
                weight *= _within(spec, thing.story, float(since))
            if not weight:
                continue
            if labels and any(_same_label(one, labels) for one in self._hang[thing.number]):
                continue  # a thing has one panel
            rest = self._rest(thing, own, firsts)
            weight *= self._more(thing.story, rest, Counter(specs))
            if weight:
                found[thing.number] = weight
        anew = 0.0
        for story in self.rules["story"]:
            specs = of_story[story["code"]]
            if specs:
                spans = [story["alarms"][place].get("after_s", (0, 0)) for _, place in specs]
                wide = min(high - low for low, high in spans) + SLACK_S
                room = max(wide - float(times.max() - times.min()), 0.0)
                dense = np.prod([1 / (high - low + SLACK_S) for low, high in spans])
                anew += self._often(story) * self._only(story, Counter(specs)) * room * float(dense)
        return found, anew

    def _specs_of_all(self, story: Any, firsts: list[AlarmEvent]) -> list[Spec]:
        """The part of a story that each is of; none where one can be of none."""
        each = [self._specs(story, one)[:1] for one in firsts]
        return [some[0] for some in each] if all(each) else []

    def _rest(self, thing: Thing, own: int, facts: Iterable[Fact]) -> Counter[Spec]:
        """What is known of a thing without these."""
        held = Counter(self._held[thing.number])
        if thing.number == own:
            held -= Counter(self._specs(thing.story, one)[0] for one in facts)
        return held

    def _more(self, story: Any, held: Counter[Spec], added: Counter[Spec]) -> float:
        """How likely a thing has these, too, beside that it has only what it has. What nothing
        else is told of is a new thing."""
        if not held.total():
            return 0.0
        both, ways = Counter(held), 1.0
        for spec, many in added.items():
            for _ in range(many):
                both[spec] += 1
                ways *= both[spec]
        before, after = _drawn(story, held), _drawn(story, both)
        if not after:
            return 0.0
        return ways * after / before if before else MUST

    def _only(self, story: Any, only: Counter[Spec]) -> float:
        """How likely a thing has just these."""
        return math.prod(math.factorial(many) for many in only.values()) * _drawn(story, only)

    def _often(self, story: Any) -> float:
        """Things of a story, a second."""
        shares = sum(float(one["share"]) for one in self.rules["story"])
        return self._a_second * float(story["share"]) / shares

    def _during(self, at: float, town: str) -> list[Thing]:
        """Things, of one town or all, of which somebody may have told then."""
        begins, some = self._begins.get(town, []), self._in_town.get(town, [])
        return some[bisect_left(begins, at - self._longest) : bisect_right(begins, at + 1)]

    def _alike(self, known: NDArray[np.float64], names: NDArray[np.float64]) -> float:
        """How likely these names are told of what others have named so."""
        log = self._log_likely @ known
        held = np.exp(log - log.max())
        return float(held @ np.exp(self._log_likely @ names) / held.sum())


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", ".*", re.escape(text)) + "$")


def _same_label(one: tuple[tuple[str, str], ...], labels: tuple[tuple[str, str], ...]) -> bool:
    return one != labels and bool(dict(one).keys() & dict(labels).keys())


def _within(spec: Spec, story: Any, since: float) -> float:
    """How densely a part of a story is told so many seconds after the thing's beginning."""
    low, high = story[spec[0]][spec[1]].get("after_s", (0, 0))
    return 1 / (high - low + SLACK_S) if low - SLACK_S <= since <= high + SLACK_S else 0.0


def _drawn(story: Any, held: Counter[Spec]) -> float:
    """How often a story draws these numbers; where it draws none at all, one tells of it all the
    same."""
    even, inside, none = 1.0, True, True
    for part in ("alarms", "told"):
        for place, one in enumerate(story[part]):
            low, high = one["number"]
            even /= high - low + 1
            inside = inside and low <= held[part, place] <= high
            none = none and low == 0
    if not held.total():
        return 0.0
    found = even if inside else 0.0
    if none and held.total() == 1 and story["told"] and next(iter(+held))[0] == "told":
        found += even / len(story["told"])
    return found
