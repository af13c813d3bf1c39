"""How many leaks are found, how soon, how near, at what false alarms: by density of instruments.

``python benchmarks/gas_leaks.py [--seed N] [--weeks N] [--leaks N] [--share S] [--json]``

No record of leaks is free, so everything is simulated with the hydraulic model, and that is said
with every figure. The shipped network, every instrument with 1 % noise at a reading each five
minutes, households with an unrest of their own, feeds whose pressure wanders. Leaks are drawn
anywhere on any pipe, by length, at any hour. Thresholds are set by the scenario itself, so that
there is surely (95 %) no more than one false alarm a week, on weeks drawn with its own seed by the
linearised network; what is reported is from other seeds and the full model. Nothing was tuned on
what is printed here (seed 21): what was tried out was tried on seed 901. Reports before had seeds 7
to 12; since the rule for the threshold changed after seed 8 had been seen, the report that follows
has one that nobody had seen. Each density is measured with noise of its own and the same truths,
whatever others are asked for with ``--only``, so that the table can be made in parts.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from tianmu.scenarios.gas_pipelines import leak, simulate
from tianmu.scenarios.gas_pipelines.given import network_of
from tianmu.scenarios.gas_pipelines.layout import Density, placed
from tianmu.scenarios.gas_pipelines.network import Network
from tianmu.scenarios.gas_pipelines.threshold import begins, over, runs, threshold

EVERY_MIN = 5.0
WITHIN_MIN = 30.0
NEAR_M = 300.0
LARGE = 0.25
"""share of the consumers, the largest, that are read before any other"""
BEFORE, AFTER = 16, 12
"""readings before the leak begins, and after"""


@dataclass(frozen=True)
class Case:
    density: Density
    lost: float = 0.0
    """share of all readings, of every instrument, that never come"""


class Measured:
    """One density of instruments: what it made of the weeks and the leaks that it was shown."""

    def __init__(self, network: Network, case: Case, seed: int) -> None:
        density = case.density
        self.network, self.density, self.lost = network, density, case.lost
        self.layout = placed(network, density, seed)
        self.watch = leak.prepare(network, self.layout, EVERY_MIN)
        self.at_least = threshold(self.watch, 1.0)
        self.false = self.weeks = self.leaks = 0
        self.delays: list[float] = []
        self.errors: list[float] = []
        self.claimed: list[float] = []

    def week(self, true: simulate.Truth, draw: np.random.Generator) -> None:
        compared = leak.compare(self.watch, self.read(true, draw))
        score = leak.scores(self.watch, compared)
        self.false += len(begins(runs(score, self.at_least, over(self.watch))))
        self.weeks += 1

    def leak(self, one: simulate.Leak, true: simulate.Truth, draw: np.random.Generator) -> None:
        compared = leak.compare(self.watch, self.read(true, draw))
        by = round(WITHIN_MIN / EVERY_MIN)
        hit = np.flatnonzero(leak.scores(self.watch, compared)[BEFORE:] >= self.at_least)
        self.leaks += 1
        if not len(hit) or hit[0] >= by:
            return
        self.delays.append((int(hit[0]) + 1) * EVERY_MIN)
        where = leak.place(self.watch, compared, BEFORE + by - 1)
        assert where is not None
        x, y = self.network.metres()
        self.errors.append(float(np.hypot(x[where.junction] - one.x, y[where.junction] - one.y)))
        self.claimed.append(where.within_m)

    def read(self, true: simulate.Truth, draw: np.random.Generator) -> simulate.Readings:
        """What comes in of it."""
        found = simulate.measure(true, self.layout, draw)
        if self.lost:
            for one in (found.inflow, found.flow, found.pressure, found.meter):
                one[draw.random(one.shape) < self.lost] = np.nan
        return found

    def told(self) -> dict[str, Any]:
        density, errors = self.density, np.array(self.errors)
        found, near = len(self.delays), int((errors <= NEAR_M).sum())
        read = f"{density.metered:.0%} metered{', the largest first' if density.large else ''}"
        read += f", {self.lost:.0%} of all readings lost" if self.lost else ""
        low, high = share_between(found, self.leaks)
        return {
            "name": f"{density.flow} flow, {density.pressure} pressure, {read}",
            "flow_loggers": density.flow, "pressure_loggers": density.pressure,
            "metered": density.metered, "largest_read": density.large, "lost": self.lost,
            "threshold": round(self.at_least, 2),
            "false_alarms_per_week": round(self.false / self.weeks, 2),
            "false_alarms_per_week_between": rate_between(self.false, self.weeks),
            "found_within_30_min": round(found / self.leaks, 3),
            "found_low": low, "found_high": high,
            "delay_min_median": of(self.delays, 0.5), "delay_min_p90": of(self.delays, 0.9),
            "place_within_300_m": round(near / found, 3) if found else None,
            "place_error_m_median": of(self.errors, 0.5), "place_error_m_p80": of(self.errors, 0.8),
            "claimed_within_m_median": of(self.claimed, 0.5),
            "held_by_claim": round(float((errors <= self.claimed).mean()), 3) if found else None,
        }  # fmt: skip


CASES = (
    Case(Density(0, 0, 1.0)), Case(Density(5, 5, 1.0)), Case(Density(20, 0, 1.0)),
    Case(Density(20, 20, 1.0)), Case(Density(40, 40, 1.0)),
    Case(Density(20, 20, 0.95)), Case(Density(20, 20, 0.95, LARGE)), Case(Density(20, 20, 0.8)),
    Case(Density(20, 20, 0.8, LARGE)), Case(Density(20, 20, 0.5, LARGE)),
    Case(Density(20, 20, 1.0), 0.05), Case(Density(20, 20, 1.0), 0.2),
)  # fmt: skip


def measure(
    network: Network, chosen: list[Case], seed: int, weeks: int, leaks: int, share: float
) -> list[dict[str, Any]]:
    """Each density is shown the same weeks and the same leaks, and reads them with noise of its
    own."""
    every = [Measured(network, one, seed) for one in chosen]
    own = [CASES.index(one) for one in chosen]
    week = np.arange(7 * 24 * 60 / EVERY_MIN) * EVERY_MIN
    for n in range(weeks):
        true = simulate.happen(network, week, (), np.random.default_rng([seed, 11, n]))
        for one, case in zip(every, own, strict=True):
            one.week(true, np.random.default_rng([seed, 12, n, case]))
    for n in range(leaks):
        draw = np.random.default_rng([seed, 13, n])
        begin = int(draw.integers(0, len(week)))
        minutes = (begin + np.arange(BEFORE + AFTER)) * EVERY_MIN
        made = simulate.drawn_leak(network, BEFORE, BEFORE + AFTER, share, draw)
        true = simulate.happen(network, minutes, (made,), draw)
        for one, case in zip(every, own, strict=True):
            one.leak(made, true, np.random.default_rng([seed, 14, n, case]))
    return [one.told() for one in every]


def of(values: list[float], part: float) -> float | None:
    return round(float(np.quantile(values, part)), 1) if values else None


def share_between(found: int, of_all: int) -> tuple[float, float]:
    """Within which a share lies with 95 % (Wilson)."""
    z, share = 1.96, found / of_all
    middle = (share + z * z / (2 * of_all)) / (1 + z * z / of_all)
    half = z / (1 + z * z / of_all) * np.sqrt(
        share * (1 - share) / of_all + z * z / (4 * of_all**2)
    )  # fmt: skip
    return round(float(middle - half), 3), round(float(middle + half), 3)


def rate_between(count: int, weeks: int) -> list[float]:
    """Within which a weekly rate lies with 95 % (exact, Poisson)."""
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    return [round(float(one) / weeks, 2) for one in (low, chi2.ppf(0.975, 2 * count + 2) / 2)]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=21)
    asked.add_argument("--weeks", type=int, default=4, help="without a leak")
    asked.add_argument("--leaks", type=int, default=60)
    asked.add_argument("--share", type=float, default=0.02, help="of the inflow")
    asked.add_argument("--only", type=int, nargs="*", help="of the densities, from 0")
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    network = network_of({"network": "", "place": "0,0"})
    length = float(network.length.sum()) / 1000
    chosen = list(CASES) if given.only is None else [CASES[one] for one in given.only]
    print(
        f"simulated: {length:.0f} km of pipe, {len(network.sink):,} consumers, leaks of "
        f"{given.share:.0%} of the inflow, seed {given.seed}, {given.weeks} weeks without a leak "
        f"and {given.leaks} leaks each",
        file=sys.stderr,
    )
    found = measure(network, chosen, given.seed, given.weeks, given.leaks, given.share)
    for one in found:
        print(json.dumps(one), file=sys.stderr)
    print(f"{time.process_time():.0f} s of processor time", file=sys.stderr)
    if given.json:
        took = round(time.process_time())
        told = {"seed": given.seed, "share": given.share, "processor_s": took, "densities": found}
        print(json.dumps(told))


if __name__ == "__main__":
    main()
