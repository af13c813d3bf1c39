"""A simulated past as a file: ``python -m tianmu.scenarios.gas_pipelines.past --out FILE``.

Leaks are drawn by seed, one each ``--every`` hours, six hours long; nothing of it was measured.
``event`` is 1 in one row of each: when ``--deadline`` minutes have passed since it began. So
``tianmu backtest gas-pipelines --in FILE`` counts it as found if the alarm is on by then, and the
lead it prints is how long before.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from tianmu.scenarios.gas_pipelines import simulate, table
from tianmu.scenarios.gas_pipelines.given import network_of
from tianmu.scenarios.gas_pipelines.layout import Density, Layout, placed
from tianmu.scenarios.gas_pipelines.network import Network
from tianmu.scenarios.gas_pipelines.trial import trial
from tianmu.scenarios.table_file import SUFFIXES, write_table

START = datetime(2026, 1, 5)
LASTS_H = 6


def make(
    network: Network, layout: Layout, days: int, every_h: float, share: float, deadline: float,
    seed: int,
) -> tuple[pa.Table, tuple[simulate.Leak, ...]]:  # fmt: skip
    """The table with ``event``, and the leaks in it."""
    every = trial().every_min
    draw = np.random.default_rng([seed, 4])
    minutes = np.arange(round(days * 24 * 60 / every), dtype=np.float64) * every
    step, lasts = round(every_h * 60 / every), round(LASTS_H * 60 / every)
    leaks = tuple(
        simulate.drawn_leak(network, first, first + lasts, share, draw)
        for first in (range(step, len(minutes) - lasts, step) if step else ())
    )
    readings = simulate.simulate(network, layout, minutes, leaks, draw)
    event = np.zeros(len(minutes), np.int64)
    for one in leaks:
        event[one.first + round(deadline / every) - 1] = 1
    made = table.write(network, layout, readings, START, every)
    return made.append_column("event", pa.array(event)), leaks


def main() -> None:
    own = trial()
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--out", type=Path, required=True, help=f"{' or '.join(SUFFIXES)}")
    asked.add_argument("--network", default="", help="as the models take it; else the shipped one")
    asked.add_argument("--days", type=int, default=7)
    asked.add_argument("--every", type=float, default=24.0, help="hours; 0: no leaks")
    asked.add_argument("--share", type=float, default=0.02, help="of the inflow")
    asked.add_argument("--deadline", type=float, default=30.0, help="minutes")
    asked.add_argument("--flow", type=int, default=own.flow, help="flow loggers")
    asked.add_argument("--pressure", type=int, default=own.pressure, help="pressure loggers")
    asked.add_argument("--metered", type=float, default=own.metered, help="share of consumers")
    asked.add_argument("--seed", type=int, default=own.seed)
    given = asked.parse_args()
    network = network_of({"network": given.network, "place": "0,0"})
    layout = placed(network, Density(given.flow, given.pressure, given.metered), own.seed)
    made, leaks = make(
        network, layout, given.days, given.every, given.share, given.deadline, given.seed
    )
    write_table(made, given.out)
    print(f"{len(made):,} rows, {len(leaks)} leak(s), simulated, into {given.out}")


if __name__ == "__main__":
    main()
