"""How well a day with recorded truth could be merged at all, by a reader who knows how it is made.

    python -m benchmarks.merge_ceiling --hours 1 --seed 51

The reader is given what no city has: the true thing of every signal but the one that he weighs,
with all that is told later, and the stories with their times and numbers (``merge_knower``). What
he weighs are the reports without a point, each number by itself, and the devices that neither have
one nor hang together with one. He takes each for the likeliest thing, where that outweighs all
others together; else it stands alone. He is no proven bound, and no machine comes near him: of two
reports that he weighs, each is weighed as if the other were known. One JSON object is printed.
``taking_all`` is what he reaches where he takes the likeliest however little it outweighs the
others: the most recall that he can have. ``told_where`` is the recall of all signals but the
devices left to him: what is lost by these alone. ``frontier`` is the most recall that he has where
he takes the likeliest from some share on and ``--precision`` of his pairs, or more, are right: all
others are right by what he was given.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from benchmarks.merge_day import draw
from benchmarks.merge_knower import Knower
from tianmu.city.pack import load
from tianmu.facts.alarm import AlarmEvent
from tianmu.rehearse.truth.agreement import agree

LEASTS = (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7)
"""shares from which a reader may take the likeliest"""


@dataclass(frozen=True)
class Left:
    """Signals that were left to the reader and are one thing, and all that they could be."""

    signals: list[str]
    alone: Hashable
    """what they are where he takes them for none of these"""
    likely: dict[int, float]
    anew: float = 0.0
    """how likely it is that they tell of a thing of which nobody else does"""


def weigh(knower: Knower) -> list[Left]:
    """What the reader has to read, each with what it could be."""
    found: list[Left] = []
    for number, reports in knower.by_number().items():
        if reports[0].place.longitude is None:
            signals = [f"report:{one.report}" for one in reports]
            found.append(Left(signals, number, *knower.of_reports(reports)))
    groups: dict[Hashable, list[AlarmEvent]] = defaultdict(list)
    clear = set()
    for signal, fact in knower.facts.items():
        if isinstance(fact, AlarmEvent):
            group = knower.truth[signal], knower.labels[fact.device] or fact.device
            groups[group].append(fact)
            if fact.place.longitude is not None:
                clear.add(group)
    for one_group, alarms in groups.items():
        if one_group not in clear:
            signals = [f"alarm:{one.alarm}" for one in alarms]
            found.append(Left(signals, one_group, *knower.of_devices(alarms)))
    return found


def read(knower: Knower, left: list[Left], least: float = 0.5) -> dict[str, Hashable]:
    """Signal → the thing that the reader takes it for, of a share of at least ``least`` of all
    that it could be."""
    held: dict[str, Hashable] = dict(knower.truth)
    for one in left:
        held.update(dict.fromkeys(one.signals, _taken(one, least)))
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


def _taken(left: Left, least: float) -> Hashable:
    likely = left.likely
    best = max(likely, key=lambda thing: likely[thing], default=None)
    if best is None or likely[best] < least * (sum(likely.values()) + left.anew):
        return ("alone", left.alone)
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
    where: dict[str, Hashable] = dict(knower.truth)
    for some in left:
        if blind.issuperset(some.signals):
            where.update(dict.fromkeys(some.signals, ("alone", some.alone)))
    result["told_where"] = agree(knower.truth, where).rounded()
    known = {"pack": asked.pack, "seed": asked.seed, "hours": asked.hours}
    print(json.dumps({**known, **result, **taken}))


if __name__ == "__main__":
    main()
