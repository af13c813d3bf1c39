"""How many leaks are found, how soon, how near, at what false alarms: by density of instruments.

``python benchmarks/gas_leaks.py [--seed N] [--weeks N] [--leaks N] [--share S] [--json]``

No record of leaks is free, so everything is simulated with the hydraulic model, and that is said
with every figure. The shipped network, every instrument with 1 % noise at a reading each five
minutes, households with an unrest of their own, feeds whose pressure wanders. Leaks are drawn
anywhere on any pipe, by length, at any hour. Thresholds are set by the scenario itself for one
false alarm a week, on weeks drawn with its own seed by the linearised network; what is reported is
from other seeds and the full model. Nothing was tuned on what is printed here.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy as np

from tianmu.scenarios.gas_pipelines import leak, simulate
from tianmu.scenarios.gas_pipelines.given import network_of
from tianmu.scenarios.gas_pipelines.layout import Density, placed
from tianmu.scenarios.gas_pipelines.network import Network
from tianmu.scenarios.gas_pipelines.threshold import begins, over, runs, threshold

EVERY_MIN = 5.0
WITHIN_MIN = 30.0
NEAR_M = 300.0
BEFORE, AFTER = 16, 12
"""readings before the leak begins, and after"""
DENSITIES = (
    Density(0, 0, 1.0), Density(5, 5, 1.0), Density(10, 10, 1.0), Density(20, 0, 1.0),
    Density(20, 20, 1.0), Density(40, 40, 1.0), Density(20, 20, 0.95), Density(20, 20, 0.8),
    Density(20, 20, 0.5),
)  # fmt: skip


def measure(
    network: Network, density: Density, seed: int, weeks: int, leaks: int, share: float
) -> dict[str, Any]:
    layout = placed(network, density, seed)
    watch = leak.prepare(network, layout, EVERY_MIN)
    at_least = threshold(watch, 1.0)
    draw = np.random.default_rng([seed, 11])
    week = np.arange(7 * 24 * 60 / EVERY_MIN) * EVERY_MIN
    false = 0
    for _ in range(weeks):
        readings = simulate.simulate(network, layout, week, (), draw)
        score = leak.scores(watch, leak.compare(watch, readings))
        false += len(begins(runs(score, at_least, over(watch))))
    x, y = network.metres()
    by = round(WITHIN_MIN / EVERY_MIN)
    delays, errors, held, claimed = [], [], [], []
    for _ in range(leaks):
        begin = int(draw.integers(0, len(week)))
        minutes = (begin + np.arange(BEFORE + AFTER)) * EVERY_MIN
        one = simulate.drawn_leak(network, BEFORE, BEFORE + AFTER, share, draw)
        compared = leak.compare(watch, simulate.simulate(network, layout, minutes, (one,), draw))
        hit = np.flatnonzero(leak.scores(watch, compared)[BEFORE:] >= at_least)
        if not len(hit) or hit[0] >= by:
            continue
        delays.append((int(hit[0]) + 1) * EVERY_MIN)
        where = leak.place(watch, compared, BEFORE + by - 1)
        assert where is not None
        errors.append(float(np.hypot(x[where.junction] - one.x, y[where.junction] - one.y)))
        held.append(errors[-1] <= where.within_m)
        claimed.append(where.within_m)

    def of(values: list[float], part: float) -> float | None:
        return round(float(np.quantile(values, part)), 1) if values else None

    return {
        "name": f"{density.flow} flow, {density.pressure} pressure, {density.metered:.0%} metered",
        "flow_loggers": density.flow, "pressure_loggers": density.pressure,
        "metered": density.metered, "threshold": round(at_least, 2),
        "false_alarms_per_week": round(false / weeks, 2),
        "found_within_30_min": round(len(delays) / leaks, 3),
        "delay_min_median": of(delays, 0.5), "delay_min_p90": of(delays, 0.9),
        "place_within_300_m": round(float(np.mean(np.array(errors) <= NEAR_M)), 3)
        if errors else None,
        "place_error_m_median": of(errors, 0.5), "place_error_m_p80": of(errors, 0.8),
        "claimed_within_m_median": of(claimed, 0.5),
        "held_by_claim": round(float(np.mean(held)), 3) if held else None,
    }  # fmt: skip


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=5)
    asked.add_argument("--weeks", type=int, default=4, help="without a leak")
    asked.add_argument("--leaks", type=int, default=60)
    asked.add_argument("--share", type=float, default=0.02, help="of the inflow")
    asked.add_argument("--only", type=int, nargs="*", help="of the densities, from 0")
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    network = network_of({"network": "", "place": "0,0"})
    length = float(network.length.sum()) / 1000
    chosen = DENSITIES if given.only is None else [DENSITIES[one] for one in given.only]
    print(
        f"simulated: {length:.0f} km of pipe, {len(network.sink):,} consumers, leaks of "
        f"{given.share:.0%} of the inflow, seed {given.seed}, {given.weeks} weeks without a leak "
        f"and {given.leaks} leaks each",
        file=sys.stderr,
    )
    found = []
    for density in chosen:
        found.append(measure(network, density, given.seed, given.weeks, given.leaks, given.share))
        print(json.dumps(found[-1]), file=sys.stderr, flush=True)
    if given.json:
        print(json.dumps({"seed": given.seed, "share": given.share, "densities": found}))


if __name__ == "__main__":
    main()
