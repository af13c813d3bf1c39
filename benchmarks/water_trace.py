"""How often source tracing names the outlet that did it: seeded releases on a real river network.

``python benchmarks/water_trace.py [--seed N] [--releases N] [--json]``

There is no free record of whose release spoiled which station, so releases are simulated, and that
is said with every figure: one outlet of the pack at a time lets out something like its own usual
profile (each item off by a factor), it is diluted by an unknown amount, decays on the way at
another rate than the scenario believes, adds to what is usual, and is measured with noise. Nothing
here is taken from the scenario but the function that is judged; travel times are reckoned anew.
"""

from __future__ import annotations

import argparse
import heapq
import json
import sys

import numpy as np

from tianmu.city import pack
from tianmu.city.place.waters import Waters

PACK = "liyang"
SPEED = {1: 0.12, 2: 0.2, 3: 0.28, 4: 0.33, 5: 0.36}
"""m/s in truth: near what the scenario believes, not the same"""
OFF, RIVER_OFF, NOISE = 0.35, 0.15, 0.05
"""standard deviations of natural logarithms: of a release from the outlet's usual profile, of the
river from its usual, of the measuring"""
USUAL = {"permanganate": 3.0, "ammonia": 0.2, "phosphorus": 0.06, "nitrogen": 1.5}
LIMIT = {"permanganate": 6.0, "ammonia": 1.0, "phosphorus": 0.2}


def hours_to(waters: Waters, station: str, rate: float) -> dict[str, float]:
    """Outlet → hours to a station that it flows to, all speeds times ``rate``."""
    above: dict[str, list[str]] = {}
    for code, reach in waters.reaches.items():
        above.setdefault(reach.end, []).append(code)

    def pace(code: str) -> float:
        return 1000 / 3600 / (SPEED[waters.reaches[code].order] * rate)

    own = waters.stations[station].reach
    found: dict[str, float] = {own: 0.0}
    heap = [(0.0, own)]
    while heap:
        hours, code = heapq.heappop(heap)
        if hours > found[code]:
            continue
        beyond = hours + waters.reaches[code].length_km * pace(code)
        for higher in above.get(waters.reaches[code].start, ()):
            if beyond < found.get(higher, np.inf):
                found[higher] = beyond
                heapq.heappush(heap, (beyond, higher))
    return {
        code: found[one.reach] + (one.km or 0.0) * pace(one.reach)
        for code, one in waters.outlets.items()
        if one.reach in found
    }


def release(
    draw: np.random.Generator, profile: dict[str, float], hours: float
) -> dict[str, float] | None:
    """What the station measures; None where nobody would notice."""
    dilution = np.exp(draw.uniform(np.log(0.01), np.log(0.3)))
    seen = {}
    for item, usual in USUAL.items():
        let_out = profile[item] * np.exp(draw.normal(0, OFF))
        left = np.exp(-draw.uniform(0.0, 0.3) * hours / 24)
        there = usual * np.exp(draw.normal(0, RIVER_OFF)) + dilution * let_out * left
        seen[item] = float(there * np.exp(draw.normal(0, NOISE)))
    return seen if any(seen[item] > limit for item, limit in LIMIT.items()) else None


def measure(seed: int, releases: int) -> dict[str, object]:
    from tianmu.scenarios.water_ecology.run_trace import trace_station

    waters = pack.load(PACK).waters
    draw = np.random.default_rng(seed)
    stations = [
        code for code, one in waters.stations.items() if one.reach and hours_to(waters, code, 1.0)
    ]
    ranks, nearest, candidates, unnoticed = [], [], [], 0
    while len(ranks) < releases:
        station = str(draw.choice(stations))
        ways = hours_to(waters, station, float(np.exp(draw.normal(0, 0.2))))
        outlet = str(draw.choice(sorted(ways)))
        seen = release(draw, dict(waters.outlets[outlet].profile), ways[outlet])
        if seen is None:
            unnoticed += 1
            continue
        found = [code for code, _, _ in trace_station(waters, station, seen)]
        ranks.append(found.index(outlet) + 1)
        nearest.append(sorted(ways, key=ways.__getitem__).index(outlet) + 1)
        candidates.append(len(ways))
    told = np.array(ranks)

    def within(values: list[int] | np.ndarray, most: int) -> float:
        return round(100 * float(np.mean(np.asarray(values) <= most)), 1)

    return {
        "seed": seed, "releases": releases, "unnoticed": unnoticed,
        "outlets_upstream_mean": round(float(np.mean(candidates)), 1),
        "first_percent": within(told, 1), "first_three_percent": within(told, 3),
        "first_five_percent": within(told, 5), "median_rank": float(np.median(told)),
        "nearest_first_percent": within(nearest, 1),
        "nearest_first_three_percent": within(nearest, 3),
        "by_chance_first_three_percent": round(
            100 * float(np.mean(np.minimum(1, 3 / np.array(candidates)))), 1
        ),
    }  # fmt: skip


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=5)
    asked.add_argument("--releases", type=int, default=1000)
    given = asked.parse_args()
    json.dump(measure(given.seed, given.releases), sys.stdout)
    print()


if __name__ == "__main__":
    main()
