"""Steady states of gas networks against those that pandapipes 0.16 gives of the same networks.

``python benchmarks/gas_hydraulics.py``

The library's own figures stand in the tests, with every digit: the shipped town at a fifth, once
and five times its usual consumption, and six networks with loops and two feeds. Prints one JSON
object: the greatest difference at any junction and in any pipe, by network, and states a second.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from tianmu.scenarios.gas_pipelines.hydraulics import solve
from tianmu.scenarios.gas_pipelines.network import SHIPPED, Network, read

HERE = Path(__file__).parents[1] / "tests/scenarios/gas_pipelines"
STATES = 96
"""of the town at once, for a rate"""


def usual(network: Network, times: list[float]) -> np.ndarray:
    """Consumption by junction, a column for each of ``times`` the usual."""
    one = np.zeros(network.junctions)
    np.add.at(one, network.sink_at, network.usual)
    return one[:, None] * np.array(times)


def expected() -> dict[str, dict[str, dict[str, dict[int, float]]]]:
    """Network → factor → what → number → value."""
    found: dict[str, Any] = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
    with (HERE / "pandapipes_0_16.csv").open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            of = found[row["network"]][row["factor"]][row["what"]]
            of[int(row["number"])] = float(row["value"])
    return found


def main() -> int:
    told, figures = [], 0
    for name, factors in expected().items():
        file = HERE / f"{name}.json"
        network = read(file if file.exists() else SHIPPED)
        state = solve(network, usual(network, [float(one or 1) for one in factors]))
        apart = {"pressure_bar": 0.0, "flow_kg_s": 0.0}
        for moment, of in enumerate(factors.values()):
            for what, known, values in (
                ("pressure_bar", network.junction, state.pressure),
                ("flow_kg_s", network.pipe, state.flow),
            ):
                place = {int(number): at for at, number in enumerate(known)}
                for number, value in of[what].items():
                    difference = abs(float(values[place[number], moment]) - value)
                    apart[what] = max(apart[what], difference)
                    figures += 1
        told.append({
            "name": name, "pressure_millipascal": 1e8 * apart["pressure_bar"],
            "flow_microgram_s": 1e9 * apart["flow_kg_s"],
        })  # fmt: skip
    town = read(SHIPPED)
    loads = usual(town, list(np.linspace(0.2, 2.0, STATES)))
    solve(town, loads)
    began = time.process_time()
    solve(town, loads)
    rate = STATES / (time.process_time() - began)
    worst = {
        "pressure_millipascal": max(one["pressure_millipascal"] for one in told),
        "flow_microgram_s": max(one["flow_microgram_s"] for one in told),
    }
    print(json.dumps({
        "library": "pandapipes 0.16", "figures": figures, "worst": worst, "networks": told,
        "states_per_cpu_second": round(rate),
    }))  # fmt: skip
    return 0 if worst["pressure_millipascal"] <= 2 and worst["flow_microgram_s"] <= 2 else 1


if __name__ == "__main__":
    sys.exit(main())
