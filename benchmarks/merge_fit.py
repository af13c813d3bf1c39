"""What merging knows of time and of names, fitted on days with recorded truth.

    python -m benchmarks.merge_fit --pack liyang --hours 3 --seeds 12 31

Printed are, as one JSON object, ``told_min`` of each matter (``matters.csv``): the 99th percentile
of the minutes between two that told of the same thing, the later one of this matter, up to the next
five; ``told_for_min``: that of the minutes between the first and each later one, by pairs;
``told_m``: the 98th percentile of the metres between one that told and the middle of those before,
beyond what the points are imprecise by, up to the next ten (``radius_m``, where that is more than
the city's own); and the powers of ``[merging.weights]`` by which a report without a clear point is
weighed: a conditional logit over all that each such report could be, and a new thing, as it comes
in; and those of ``[merging.again]``, over all that each case without one could be whenever it is
looked at again. How well merging does is told by other seeds than these: ``merge_day``.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from scipy.optimize import minimize

from benchmarks import merge_day
from tianmu.city.charter.tuning import Powers
from tianmu.city.city import City
from tianmu.city.pack import load
from tianmu.city.place.distance import far
from tianmu.facts.alarm import AlarmEvent
from tianmu.facts.report import Report
from tianmu.manage.signals.anchor import Anchor, Middle, clear_place
from tianmu.manage.signals.by_name import ByName, Guess
from tianmu.manage.signals.heard import from_person
from tianmu.manage.signals.open_cases import OpenCases
from tianmu.manage.signals.signal import Signal
from tianmu.manage.signals.vocabulary import Vocabulary
from tianmu.rehearse.truth.day import Day

POWERS = tuple(name for name in Powers.__struct_fields__ if name != "anew")
STEP_MIN = 5
STEP_M = 10
FEWEST = 8
"""times a matter must have been told of by a second one"""
HELD = 1e-3
"""how strongly powers are held to 0, so that what never came up stays there"""


def told_minutes(city: City, days: list[Day], since_first: bool = False) -> dict[str, int]:
    """Matter → minutes, of those that enough told of; ``since_first``: since the first one told,
    and not since the one before: there each counts as often as others told before it."""
    vocabulary = Vocabulary.of(city)
    gaps: dict[str, list[float]] = defaultdict(list)
    for made in days:
        last: dict[int, int] = {}
        before: Counter[int] = Counter()
        known: set[str] = set()
        for told in made.told:
            fact = told.fact
            if not told.signal:
                continue
            source = _source(fact)
            if source in known:
                continue
            known.add(source)
            matter = _matter(city, vocabulary, fact)
            if told.thing in last and matter:
                gap = (told.at - last[told.thing]) / 60e6
                gaps[matter] += [gap] * (before[told.thing] if since_first else 1)
            before[told.thing] += 1
            if not since_first or told.thing not in last:
                last[told.thing] = told.at
    return {
        matter: STEP_MIN * math.ceil(max(float(np.quantile(found, 0.99)), 1.0) / STEP_MIN)
        for matter, found in sorted(gaps.items())
        if len(found) >= FEWEST
    }


def told_metres(city: City, days: list[Day]) -> dict[str, int]:
    """Matter → metres, of those that enough told of by a point that says where it is, and not by
    devices that hang together."""
    vocabulary = Vocabulary.of(city)
    found: dict[str, list[float]] = defaultdict(list)
    for made in days:
        tied = {one.device for one in made.devices if one.labels}
        middles: dict[tuple[int, str], Middle] = {}
        known: set[str] = set()
        for told in made.told:
            fact, place = told.fact, told.fact.place
            source = _source(fact)
            clear = clear_place(place, city.merging.metres) and source not in tied
            matter = _matter(city, vocabulary, fact)
            if not told.signal or source in known or not clear or not matter:
                continue
            known.add(source)
            middle = middles.setdefault((told.thing, matter), Middle())
            if middle.weight:
                assert place.longitude is not None and place.latitude is not None
                off = far(place.longitude, place.latitude, middle.longitude, middle.latitude)
                reached = math.hypot(
                    min(
                        math.hypot(place.precision or 0.0, middle.error), city.merging.metres.vague
                    ),
                    middle.extent if isinstance(fact, Report) else 0.0,
                )
                found[matter].append(math.sqrt(max(off * off - reached * reached, 0.0)))
            middle.add(place, city.merging.metres)
    return {
        matter: STEP_M * math.ceil(max(float(np.quantile(some, 0.98)), 1.0) / STEP_M)
        for matter, some in sorted(found.items())
        if len(some) >= FEWEST
    }


def _source(fact: AlarmEvent | Report) -> str:
    """Who told: a device, or the number of a report."""
    return str(fact.data["number"]) if isinstance(fact, Report) else fact.device


def _matter(city: City, vocabulary: Vocabulary, fact: AlarmEvent | Report) -> str:
    """What it tells of; empty where that is not sure."""
    if not isinstance(fact, Report):
        return fact.matter
    matters = from_person(city, vocabulary, fact).matters
    return matters[0][0] if matters and matters[0][1] >= 0.5 else ""


@dataclass
class Choice:
    """What one report could be. ``of_cases``: (weight without any power, what each power is to be
    multiplied with, whether it is the right case); ``anew``: the same weight of a new thing."""

    anew: float
    of_cases: list[tuple[float, list[float], bool]] = field(default_factory=list)


class Watch:
    """Stands beside the room while a day is played and notes what its reports could be, as they
    come (``choices``) and as they are looked at again (``looks``)."""

    def __init__(self, made: Day) -> None:
        self._truth = made.truth()
        none = dict.fromkeys(POWERS, 0.0)
        self._each = [Powers(**{**none, name: 1.0}) for name in POWERS]
        self._told: dict[str, Counter[int]] = defaultdict(Counter)
        self._about: Choice | None = None
        self._thing = -1
        self._again = False
        self._numbers: list[float] = []
        self._whole = 1.0
        self.choices: list[Choice] = []
        self.looks: list[Choice] = []

    def play(self, made: Day, city: City) -> None:
        guesses, weigh, power, join, refresh, again = (
            ByName.guesses, ByName._weigh, ByName._power,
            OpenCases.join, OpenCases.refresh, OpenCases.again,
        )  # fmt: skip

        def joined(index: OpenCases, case: str, signal: Signal) -> None:
            self._told[case][self._truth[signal.key]] += 1
            join(index, case, signal)

        def refreshed(index: OpenCases, state: Any, signals: Any) -> None:
            held = list(signals)
            self._told[state.case] = Counter(self._truth[one.key] for one in held)
            refresh(index, state, held)

        def weighed(by_name: ByName, signal: Signal, anchor: Anchor, *more: Any) -> Any:
            weight, evidence = weigh(by_name, signal, anchor, *more)
            if weight and self._about is not None:
                right = self._most(anchor.case) == self._thing
                self._about.of_cases.append((weight / self._whole, self._numbers, right))
            return weight, evidence

        def powered(by_name: ByName, *more: Any) -> float:
            found = power(by_name, *more)
            if self._about is not None:  # it is a sum: what each power alone makes of it
                rest = more[:-1]
                self._numbers = [power(by_name, *rest, one) for one in self._each]
                self._whole = math.exp(found)
            return found

        def guessed(
            by_name: ByName,
            signal: Signal,
            matters: Any,
            told: list[str] | None = None,
            own: str = "",
        ) -> list[Guess]:
            if own and not self._again:  # somebody asks what it may be
                return guesses(by_name, signal, matters, told, own)
            names = by_name.names.named(signal.said) if told is None else told
            shares = [by_name.names.share(name) for name in names]
            self._thing = self._most(own) if own else self._truth[signal.key]
            self._about = about = Choice(by_name._alike(names, shares, None))
            found = guesses(by_name, signal, matters, told, own)
            self._about = None
            if about.of_cases:
                (self.looks if own else self.choices).append(about)
            return found

        def looked(index: OpenCases, now: int) -> list[tuple[str, str]]:
            self._again = True
            found = again(index, now)
            self._again = False
            return found

        with (
            mock.patch.object(ByName, "guesses", guessed),
            mock.patch.object(ByName, "_weigh", weighed),
            mock.patch.object(ByName, "_power", powered),
            mock.patch.object(OpenCases, "join", joined),
            mock.patch.object(OpenCases, "refresh", refreshed),
            mock.patch.object(OpenCases, "again", looked),
            tempfile.TemporaryDirectory(prefix="tianmu-fit-") as folder,
        ):
            merge_day.play(made, city, Path(folder))

    def _most(self, case: str) -> int:
        """The thing of which most signals of a case tell."""
        told = self._told[case]
        return max(told, key=lambda thing: told[thing], default=-2)


def fit(choices: list[Choice]) -> dict[str, float]:
    """The powers, and ``anew``, under which what is right is likeliest, and how it surprises
    then: the mean of its −log share."""
    rows: list[list[float]] = []
    right: list[bool] = []
    begins: list[int] = []
    for one in choices:
        begins.append(len(rows))
        for base, numbers, is_right in one.of_cases:
            rows.append([math.log(base), 0.0, *numbers])
            right.append(is_right)
        rows.append([math.log(one.anew), 1.0, *([0.0] * len(POWERS))])
        right.append(not any(is_right for _, _, is_right in one.of_cases))
    table, first = np.array(rows), np.array(begins)
    offset, traits = table[:, 0], table[:, 1:]
    of = np.repeat(np.arange(len(first)), np.diff([*begins, len(rows)]))
    true = np.array(right, dtype=float)

    def loss(powers: Any) -> tuple[float, Any]:
        score = offset + traits @ powers
        weight = np.exp(score - np.maximum.reduceat(score, first)[of])
        whole = np.add.reduceat(weight, first)
        good = np.maximum(np.add.reduceat(weight * true, first), 1e-300)
        steep = (weight / whole[of] - weight * true / good[of]) @ traits
        wrong = float(np.sum(np.log(whole / good)) + HELD * (powers @ powers))
        return wrong, steep + 2 * HELD * powers

    found = minimize(loss, np.zeros(1 + len(POWERS)), jac=True, method="L-BFGS-B").x
    said = {name: round(float(value), 2) for name, value in zip(POWERS, found[1:], strict=True)}
    surprise = round(loss(found)[0] / max(len(choices), 1), 4)
    return {"anew": round(math.exp(float(found[0])), 2), **said, "surprise": surprise}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pack", default="liyang")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--since", type=float, default=0.0, help="only things not over by then, h")
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    asked = parser.parse_args()
    city = load(asked.pack)
    made_days = (merge_day.draw(city, seed, asked.hours) for seed in asked.seeds)
    days = [merge_day.going(made, asked.since) for made in made_days]
    choices: list[Choice] = []
    looks: list[Choice] = []
    for made in days:
        watch = Watch(made)
        watch.play(made, city)
        choices += watch.choices
        looks += watch.looks
    result = {
        "pack": asked.pack,
        "seeds": asked.seeds,
        "hours": asked.hours,
        **({"since": asked.since} if asked.since else {}),
        "told_min": told_minutes(city, days),
        "told_for_min": told_minutes(city, days, since_first=True),
        "told_m": told_metres(city, days),
        "reports": len(choices),
        "weights": fit(choices),
        "looks": len(looks),
        "again": fit(looks),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
