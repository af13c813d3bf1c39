"""Where merging errs, by kind: pairs of signals of one thing that are missed, and pairs of one case
that are wrong. Printed by ``merge_day --errors``.

Of a pair counts the first kind that either signal has, in the order of ``SPEECH``: what says least
where it is. A wrong pair is told, too, by what the two things are to each other and by how long the
case has stood when the later signal came.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations

from tianmu.city.city import City
from tianmu.city.place.distance import far
from tianmu.facts.alarm import AlarmEvent
from tianmu.facts.place import Place
from tianmu.facts.report import Report
from tianmu.rehearse.truth.day import Day
from tianmu.rehearse.truth.thing import Thing

SPEECH = ("device without place", "report without point", "vague point", "mistaken matter")
AGES_MIN = (10, 30, 120, 360)
BESIDE_M = 30.0
"""so near lies a stranger"""
Fact = AlarmEvent | Report


class Errors:
    """``found``: signal → case."""

    def __init__(self, made: Day, city: City, found: Mapping[str, str]) -> None:
        self._city, self._truth, self._things = city, made.truth(), made.things
        self._facts: dict[str, Fact] = {}
        for told in made.told:
            if told.signal:
                self._facts.setdefault(told.signal, told.fact)
        self._labels = {one.device: tuple(one.labels.items()) for one in made.devices}
        self._placed = {
            (self._truth[signal], *self._labels[fact.device])
            for signal, fact in self._facts.items()
            if isinstance(fact, AlarmEvent) and fact.place.longitude is not None
        }
        self._found = {one: found.get(one, one) for one in self._truth}
        self._first: dict[str, int] = {}
        for signal, case in self._found.items():
            self._first[case] = min(self._first.get(case, self._at(signal)), self._at(signal))
        self._speech = {one: self._speaks(one) for one in self._truth}

    def _at(self, signal: str) -> int:
        fact = self._facts[signal]
        return fact.at if isinstance(fact, Report) else fact.observed_at

    def _speaks(self, signal: str) -> int:
        """Place in ``SPEECH``; its length for what says clearly where and what it is."""
        fact, thing = self._facts[signal], self._truth[signal]
        if isinstance(fact, AlarmEvent):
            labels = self._labels[fact.device]
            alone = fact.place.longitude is None and not (
                labels and (thing, *labels) in self._placed
            )
            return 0 if alone else len(SPEECH)
        if fact.place.longitude is None:
            return 1
        if (fact.place.precision or 0.0) > self._city.merging.metres.vague:
            return 2
        told = {one["matter"] for one in self._things[thing].story["told"]}
        return 3 if fact.matter and fact.matter not in told else len(SPEECH)

    def missed(self) -> tuple[Counter[tuple[str, ...]], int]:
        """(kind, story) → pairs of one thing that are in different cases; and all pairs."""
        missed: Counter[tuple[str, ...]] = Counter()
        whole = 0
        for thing, signals in _grouped(self._truth).items():
            story = self._things[int(thing)].story["code"]
            for one, other in combinations(signals, 2):
                whole += 1
                if self._found[one] != self._found[other]:
                    missed[self._kind(one, other), story] += 1
        return missed, whole

    def _kind(self, one: str, other: str) -> str:
        speech = min(self._speech[one], self._speech[other])
        if speech < len(SPEECH):
            return SPEECH[speech]
        first, second = self._facts[one], self._facts[other]
        matters = [self._city.matters.get(fact.matter) for fact in (first, second)]
        known = [matter for matter in matters if matter]
        metres = _between(first.place, second.place)
        if known and metres > max(matter.radius_m for matter in known):
            return "far apart"
        minutes = abs(self._at(one) - self._at(other)) / 60e6
        if known and minutes > max(matter.told_min or matter.window_min for matter in known):
            return "long after"
        return "clear"

    def wrong(self) -> tuple[Counter[tuple[str, ...]], int]:
        """(how they are beside each other, kind of speech, age, stories) → pairs of different
        things that are in one case; and all pairs of one case."""
        wrong: Counter[tuple[str, ...]] = Counter()
        whole = 0
        for case, signals in _grouped(self._found).items():
            whole += len(signals) * (len(signals) - 1) // 2
            if len({self._truth[one] for one in signals}) == 1:
                continue
            for one, other in combinations(signals, 2):
                if self._truth[one] != self._truth[other]:
                    pair = [self._things[self._truth[signal]] for signal in (one, other)]
                    speech = min(self._speech[one], self._speech[other])
                    late = max(self._at(one), self._at(other)) - self._first[str(case)]
                    stories = "+".join(sorted({thing.story["code"] for thing in pair}))
                    told = (*SPEECH, "clear")[speech]
                    wrong[_beside(*pair), told, _age(late / 60e6), stories] += 1
        return wrong, whole

    def lines(self, most: int = 12) -> Iterator[str]:
        """What to print: shares of all pairs of one thing, and of all pairs of one case."""
        missed, true = self.missed()
        yield from _table("missed, by kind", _by(missed, 0), true, most)
        yield from _table("missed, by story", _by(missed, 1), true, most)
        wrong, held = self.wrong()
        for place, by in enumerate(("what they are to each other", "kind", "age", "stories")):
            yield from _table(f"wrong, by {by}", _by(wrong, place), held, most)


def _grouped(groups: Mapping[str, int | str]) -> dict[int | str, list[str]]:
    found: dict[int | str, list[str]] = defaultdict(list)
    for signal, group in groups.items():
        found[group].append(signal)
    return found


def _beside(one: Thing, other: Thing) -> str:
    if one.again_of == other.number or other.again_of == one.number:
        return "the same again"
    metres = far(one.longitude, one.latitude, other.longitude, other.latitude)
    same = one.story["code"] == other.story["code"]
    if not same and metres <= BESIDE_M:
        return "another on the spot"
    near = max(one.story["apart_m"][1], other.story["apart_m"][1])
    return f"{'one of the kind' if same else 'another kind'} {'near' if metres <= near else 'far'}"


def _between(one: Place, other: Place) -> float:
    """m; 0 where either has no point."""
    if one.longitude is None or other.longitude is None:
        return 0.0
    assert one.latitude is not None
    assert other.latitude is not None
    return far(one.longitude, one.latitude, other.longitude, other.latitude)


def _age(minutes: float) -> str:
    for most in AGES_MIN:
        if minutes <= most:
            return f"up to {most} min"
    return "older"


def _by(counts: Mapping[tuple[str, ...], int], place: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for key, number in counts.items():
        found[key[place]] += number
    return found


def _table(title: str, counts: Counter[str], whole: int, most: int) -> Iterator[str]:
    total = sum(counts.values())
    yield f"{title}: {total} of {whole} pairs, {total / max(whole, 1):.4f}"
    for name, number in counts.most_common(most):
        yield f"  {name:<36} {number:>8} {number / max(whole, 1):.4f}"
