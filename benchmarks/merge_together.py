"""How well a day with recorded truth could be merged by who weighs everything together.

    python -m benchmarks.merge_together --hours 3 --seed 884950315

The reader is given the stories of the day, with how often each happens and is told of, which alarms
of one device or panel are of one time, and all that is told later. He is told the true thing of
nothing: he weighs all reports and all devices at once, with their points, times, words, names of
places and what hangs together. Drawn are whole days of things, each as often as it is likely beside
all others: one voice at a time moves to where it may belong (Gibbs), and two things are tried as
one, or one as two (Dahl's sequentially allocated split and merge, 2003). The story of a thing, the
time at which it began, its place and the names that it goes by are summed over, not drawn. Two
signals are as likely one thing as they are in the draws, and from what share on they are taken for
one is the same for all: ``frontier`` has the most recall at ``--precision``.

He begins with the machine's own cases, and once more from the truth (``--told``). What he reaches
from the first is reached; what he reaches from the truth is too much while he still remembers some
of it. The most that is to be had lies between. He does not reckon with a thing that happens again
having the names and devices that it had, nor with twins. One JSON object is printed.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.merge_day import draw, play
from benchmarks.merge_draws import Draws
from benchmarks.merge_errors import Errors
from benchmarks.merge_knower import Knower
from benchmarks.merge_voices import Fit, Voice, Voices, numbers, shares, towns
from tianmu.city.pack import load
from tianmu.rehearse.truth.agreement import agree

NEVER = math.log(1e-4)
"""log of how likely it is that one more, or one less, tells than a story can have: next to never,
so that a draw may pass through what cannot be"""
TRIED = 0.3
"""how often, beside moving a voice, two things are tried as one, or one as two"""
MOST = 600.0
"""power of e beyond which one is no likelier than sure"""


class Thing:
    """Voices that are taken for one thing. It is filled in as it is made, and not changed after."""

    __slots__ = (
        "fits",
        "held",
        "labels",
        "members",
        "named",
        "names",
        "pointless",
        "towns",
        "whole",
    )

    def __init__(self, members: frozenset[int], fits: dict[int, Fit]) -> None:
        self.members, self.fits = members, fits
        self.whole = -math.inf
        """log of how likely it is, names apart"""
        self.names: NDArray[np.float64] | None = None
        """how often each spot is named"""
        self.named = 0.0
        """log of how likely the names are"""
        self.held: NDArray[np.float64] | None = None
        """share of each pair of names that it may go by"""
        self.labels: frozenset[tuple[tuple[str, str], ...]] = frozenset()
        self.towns: frozenset[str] = frozenset()
        self.pointless = False
        """whether anybody in it says only in which town it is"""


class Together:
    """Draws of what the voices of a day are taken for."""

    def __init__(self, voices: Voices, seed: int) -> None:
        knower = voices.knower
        self.voices, self._random = voices.all, random.Random(seed)
        self._often = [math.log(knower._often(story)) for story in voices.stories]
        self._numbers = [
            numbers(story, specs) for story, specs in zip(voices.stories, voices.specs, strict=True)
        ]
        self._silent = [
            (len(story["alarms"]), len(story["told"])) if story["told"] else (0, 0)
            for story in voices.stories
        ]
        self._town = shares(Counter(one.division for one in knower.by_time))
        self._names = knower._log_likely
        self._said = [
            np.exp(self._names @ one.names) if one.names is not None and one.names.any() else None
            for one in self.voices
        ]
        self._drawn = lru_cache(maxsize=None)(self._draws)
        self.thing_of: list[int] = []
        self.things: dict[int, Thing] = {}
        self._next = 0
        self.begin(range(len(self.voices)))

    def begin(self, groups: Iterable[Hashable]) -> None:
        """Each voice is of this group; those of one that cannot be a thing stand alone."""
        members: dict[Hashable, list[int]] = defaultdict(list)
        for place, group in enumerate(groups):
            members[group].append(place)
        self.thing_of, self.things = [-1] * len(self.voices), {}
        for some in members.values():
            thing = self.of(some)
            if thing.whole > -math.inf and self._may(thing):
                self._put(thing)
            else:
                for place in some:
                    self._put(self._alone(place))

    # -- how likely ------------------------------------------------------------------------------

    def _draws(self, story: int, counts: tuple[int, ...]) -> float:
        """log of how often a story draws these numbers, times the ways to tell them apart."""
        found, even = 0.0, 0.0
        for many, (low, high) in zip(counts, self._numbers[story], strict=True):
            even -= math.log(high - low + 1)
            found += math.lgamma(many + 1) + NEVER * (max(low - many, 0) + 2 * max(many - high, 0))
        found += even
        alarms, told = self._silent[story]
        one_told = told and sum(counts[alarms:]) == 1 == sum(counts)
        if one_told and not any(low for low, _ in self._numbers[story]):
            # where nobody would have told, one does all the same
            found = float(np.logaddexp(found, even - math.log(told)))
        return found

    def _log(self, story: int, fit: Fit, towns: frozenset[str]) -> float:
        """log of how likely such a thing happens and is told so, names apart."""
        if fit.low >= fit.high:
            return -math.inf
        found = self._often[story] + self._drawn(story, fit.counts) + math.log(fit.high - fit.low)
        found += fit.log + fit.where()
        if not fit.points and towns:
            found += self._town[next(iter(towns))]
        return found

    def of(self, members: Iterable[int]) -> Thing:
        """These as one thing."""
        first, *rest = members
        found = self._alone(first)
        for one in rest:
            found = self._with(found, one)
        found.whole = self._sum(found)
        return self._settled(found)

    def _alone(self, place: int) -> Thing:
        voice = self.voices[place]
        found = Thing(frozenset([place]), voice.fits)
        found.labels = frozenset([voice.labels] if voice.labels else ())
        found.towns = frozenset([voice.town] if voice.town else ())
        found.pointless = bool(voice.town and not voice.point)
        found.names = voice.names
        found.whole = self._sum(found)
        return found

    def _sum(self, thing: Thing) -> float:
        logs = [self._log(story, fit, thing.towns) for story, fit in thing.fits.items()]
        return _log_sum(logs)

    def _fits(self, thing: Thing, voice: Voice) -> dict[int, Fit]:
        found = {}
        for story, fit in voice.fits.items():
            known = thing.fits.get(story)
            if known is not None and max(known.low, fit.low) < min(known.high, fit.high):
                found[story] = known + fit
        return found

    def _with(self, thing: Thing, place: int, fits: dict[int, Fit] | None = None) -> Thing:
        """The thing with one voice more, neither weighed nor settled."""
        voice = self.voices[place]
        fits = self._fits(thing, voice) if fits is None else fits
        found = Thing(thing.members | {place}, fits)
        found.labels = thing.labels | {voice.labels} if voice.labels else thing.labels
        found.towns = thing.towns | {voice.town} if voice.town else thing.towns
        found.pointless = thing.pointless or bool(voice.town and not voice.point)
        found.names = voice.names if thing.names is None else thing.names
        if thing.names is not None and voice.names is not None:
            found.names = thing.names + voice.names
        return found

    def _joined(self, number: int, place: int) -> Thing:
        """A thing that a voice joins."""
        found = self._with(self.things[number], place)
        found.whole = self._sum(found)
        return found

    @staticmethod
    def _may(thing: Thing) -> bool:
        """Whether it can be one thing: of one panel, and of one town where somebody says only in
        which it is."""
        if thing.pointless and len(thing.towns) > 1:
            return False
        keys = [key for labels in thing.labels for key, _ in labels]
        return len(keys) == len(set(keys))

    def _settled(self, thing: Thing) -> Thing:
        """With its names weighed."""
        if thing.names is not None and thing.names.any():
            log = self._names @ thing.names
            most = float(log.max())
            held = np.exp(log - most)
            thing.held = held / held.sum()
            thing.named = most + math.log(float(held.mean()))
        return thing

    def _more(self, thing: Thing, place: int) -> float:
        """log of how much likelier the thing is with this voice, too."""
        fits = self._fits(thing, self.voices[place])
        if not fits or not self._may(with_it := self._with(thing, place, fits)):
            return -math.inf
        found = self._sum(with_it)
        said, held = self._said[place], thing.held
        if said is not None:
            found += math.log(float(held @ said) if held is not None else float(said.mean()))
        return found - thing.whole

    def _new(self, place: int) -> float:
        said = self._said[place]
        found = self._alone(place).whole
        return found if said is None else found + math.log(float(said.mean()))

    def score(self) -> float:
        """log of how likely all of it is, but for what is the same of every way to take it."""
        return sum(one.whole + one.named for one in self.things.values())

    # -- draws -----------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Each voice that may be beside others moves once; now and then two of them are tried as
        one, or apart."""
        order = [place for place, one in enumerate(self.voices) if one.beside and one.fits]
        self._random.shuffle(order)
        for place in order:
            self._move(place)
            if self._random.random() < TRIED:
                self._split_or_join(place, self._random.choice(self.voices[place].beside))

    def _put(self, thing: Thing, number: int = -1) -> int:
        if number < 0:
            number, self._next = self._next, self._next + 1
        self.things[number] = self._settled(thing)
        for place in thing.members:
            self.thing_of[place] = number
        return number

    def _move(self, place: int) -> None:
        own = self.thing_of[place]
        rest = self.things[own].members - {place}
        if rest:
            self._put(self.of(sorted(rest)), own)
        else:
            del self.things[own]
        beside = {self.thing_of[other] for other in self.voices[place].beside} | {own}
        could = sorted(number for number in beside if number in self.things)
        logs = [self._more(self.things[number], place) for number in could]
        taken = self._choose([*logs, self._new(place)])
        if taken == len(could):
            self._put(self._alone(place))
        else:
            number = could[taken]
            self._put(self._joined(number, place), number)

    def _choose(self, logs: list[float]) -> int:
        most = max(logs)
        if most == -math.inf:
            return len(logs) - 1
        weights = [math.exp(max(one - most, -MOST)) for one in logs]
        return self._random.choices(range(len(logs)), weights)[0]

    def _split_or_join(self, one: int, other: int) -> None:
        first, second = self.thing_of[one], self.thing_of[other]
        members = self.things[first].members | self.things[second].members
        rest = sorted(members - {one, other})
        self._random.shuffle(rest)
        if first == second:
            before = self.things[first]
            apart, log = self._apart(one, other, rest, None)
            after = sum(thing.whole + thing.named for thing in apart)
            if self._accepts(after - before.whole - before.named - log):
                self._put(apart[0], first)
                self._put(apart[1])
            return
        joined = self.of([one, other, *rest])
        if not self._may(joined) or joined.whole == -math.inf:
            return
        parts = self.things[first], self.things[second]
        _, log = self._apart(one, other, rest, parts[0].members)
        before_both = sum(thing.whole + thing.named for thing in parts)
        if self._accepts(joined.whole + joined.named - before_both + log):
            del self.things[second]
            self._put(joined, first)

    def _accepts(self, log: float) -> bool:
        return log >= 0 or (log > -MOST and self._random.random() < math.exp(log))

    def _apart(
        self, one: int, other: int, rest: list[int], known: frozenset[int] | None
    ) -> tuple[tuple[Thing, Thing], float]:
        """Two things around two voices, the rest one after the other to where it is likelier; or
        to where it is ``known`` to go. And the log of how likely that was."""
        halves = [self._settled(self._alone(one)), self._settled(self._alone(other))]
        log = 0.0
        for place in rest:
            logs = [self._more(half, place) for half in halves]
            whole = _log_sum(logs)
            if whole == -math.inf:
                logs, whole = [0.0, 0.0], math.log(2)
            taken = self._choose(logs) if known is None else int(place not in known)
            log += logs[taken] - whole
            halves[taken] = self._with(halves[taken], place)
            halves[taken].whole = self._sum(halves[taken])
            self._settled(halves[taken])
        return (halves[0], halves[1]), log


def _log_sum(logs: list[float]) -> float:
    most = max(logs, default=-math.inf)
    if most == -math.inf:
        return most
    return most + math.log(sum(math.exp(one - most) for one in logs))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pack", default="liyang")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--sweeps", type=int, default=80)
    parser.add_argument("--precision", type=float, default=0.97, help="of the frontier")
    parser.add_argument("--errors", action="store_true", help="where he errs, by kind, too")
    parser.add_argument("--told", action="store_true", help="begin from the truth")
    asked = parser.parse_args()
    city = load(asked.pack)
    knower = Knower(city, draw(city, asked.seed, asked.hours))
    voices = Voices(knower, towns(city, knower))
    together = Together(voices, asked.seed)
    result: dict[str, Any] = {"pack": asked.pack, "seed": asked.seed, "hours": asked.hours}
    if asked.told:
        begin: Mapping[str, Hashable] = knower.truth
    else:
        with tempfile.TemporaryDirectory(prefix="tianmu-together-") as folder:
            begin = play(knower.made, city, Path(folder)).found
        result["machine"] = agree(knower.truth, begin).rounded()
    together.begin(begin[one.signals[0]] for one in voices.all)
    result["begins_at"] = round(together.score())
    draws = Draws([one.signals for one in voices.all])
    for sweep in range(asked.sweeps):
        together.sweep()
        if 2 * sweep >= asked.sweeps:
            draws.note(one.members for one in together.things.values())
    result["ends_at"] = round(together.score())
    last = {
        signal: number
        for number, thing in together.things.items()
        for place in thing.members
        for signal in voices.all[place].signals
    }
    result["a_draw"] = agree(knower.truth, last).rounded()
    result["frontier"] = draws.frontier(knower.truth, asked.precision)
    if asked.errors:
        taken = {one: str(held) for one, held in draws.taken(result["frontier"]["least"]).items()}
        print(*Errors(knower.made, city, taken).lines(), sep="\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
