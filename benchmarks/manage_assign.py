"""How long it takes to assign units to cases: times over the pack's streets, costs, assignment.

Cases and units lie at random in the city, by seed; measured from the cases and units to the pairs,
with no way known yet (``first``) and again after all units have moved (``again``, median of
``--rounds``). What a process loads once (streets, calendar, SciPy) is ``loading``. One JSON object
is printed.

    python benchmarks/manage_assign.py --cases 100 --units 500 --pack liyang
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import random
import statistics
import time
from dataclasses import replace

import msgspec

from tianmu.city.city import City
from tianmu.city.pack import load
from tianmu.facts.place import Place
from tianmu.manage.case.state import CaseState
from tianmu.manage.units import proposal, unit
from tianmu.manage.units.assign import Task, greedy, total


def anywhere(city: City, draw: random.Random) -> tuple[float, float]:
    """Near some node of the streets."""
    longitude, latitude = draw.choice(city.streets.nodes.tolist())
    return longitude + draw.gauss(0, 0.003), latitude + draw.gauss(0, 0.003)


def enlarged(city: City, count: int, draw: random.Random) -> City:
    """The city with so many units, in the shares in which it has them."""
    known = list(city.units.values())
    units = {}
    for number in range(count):
        longitude, latitude = anywhere(city, draw)
        base = Place(longitude=longitude, latitude=latitude)
        one = known[number % len(known)]
        code = f"{one.code}/{number}"
        units[code] = msgspec.structs.replace(one, code=code, base=base)
    return replace(city, units=units)


def states(city: City, count: int, draw: random.Random) -> list[CaseState]:
    """Cases of matters that need a skill."""
    matters = [key for key in city.matters if city.sending.needed(key)]
    found = []
    for number in range(count):
        longitude, latitude = anywhere(city, draw)
        matter = draw.choice(matters)
        duty = city.owner_of(matter, city.root.code)
        level = draw.choice(city.profile.levels)
        found.append(
            CaseState(
                case=f"c{number}",
                number=str(number),
                version=1,
                stage="dispatch",
                matter=matter,
                level=level.name,
                level_number=level.number,
                lead=duty.department if duty else "",
                division=city.root.code,
                place=Place(longitude=longitude, latitude=latitude),
            )
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--units", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--pack", default="liyang")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    asked = parser.parse_args()
    draw = random.Random(asked.seed)
    city = enlarged(load(asked.pack), asked.units, draw)
    now = time.time_ns() // 1000
    cases = states(city, asked.cases, draw)
    began = time.perf_counter()
    # what a process does once: read the streets, load the calendar's and SciPy's code
    city.streets.nodes, city.streets.edges  # noqa: B018
    city.calendar.is_working_day(city.calendar.local(now).date())
    for name in ("optimize", "sparse.csgraph", "spatial"):
        importlib.import_module(f"scipy.{name}")
    loading = time.perf_counter() - began

    began = time.perf_counter()
    plan = proposal.plan(city, cases, unit.standings(city, {}, {}, now), now)
    first = time.perf_counter() - began
    spent, kept, before = [], [], plan.chosen()
    for _ in range(asked.rounds):
        last = {}
        for code in city.units:
            longitude, latitude = anywhere(city, draw)
            last[code] = unit.Last(longitude=longitude, latitude=latitude, placed_at=now)
        began = time.perf_counter()
        plan = proposal.plan(city, cases, unit.standings(city, last, {}, now), now, before)
        spent.append(time.perf_counter() - began)
        again = proposal.plan(city, cases, plan.standings, now, plan.chosen())
        kept.append(again.chosen() == plan.chosen())
        before = plan.chosen()
    weigh = city.sending.weigh
    weights = [city.sending.at(proposal.level_of(city, one)).weight for one in cases]
    task = Task(
        costs=plan.minutes * [[one] for one in weights],
        places=[proposal.places_open(city, one) for one in cases],
        room=[one.capacity if one.available else 0 for one in plan.standings],
        unmet=[weigh.unmet_min * one for one in weights],
        load=weigh.load_min,
    )
    chosen = proposal.assign(task)
    print(
        json.dumps(
            {
                "cases": asked.cases,
                "units": asked.units,
                "pack": asked.pack,
                "seed": asked.seed,
                "nodes": len(city.streets.nodes),
                "loading_seconds": round(loading, 4),
                "first_seconds": round(first, 4),
                "again_median_seconds": round(statistics.median(spent), 4),
                "again_max_seconds": round(max(spent), 4),
                "pairs": len(chosen),
                "cost": round(total(task, chosen), 1),
                "cost_one_after_the_other": round(total(task, greedy(task)), 1),
                "same_again": all(kept),
                "machine": platform.processor() or platform.machine(),
            }
        )
    )


if __name__ == "__main__":
    main()
