"""How good forecasts with bands are on real streams, each walked through in the order of time.

``python benchmarks/forecast.py [--data DIR] [--json]``

``DIR`` holds ``air/PRSA_Data_Dongsi_*.csv`` (UCI Beijing Multi-Site Air Quality, CC BY 4.0) and
``energy/Building_1.csv``, ``energy/weather.csv`` (CityLearn, MIT). Only the second half of each
stream is judged, nothing is tuned on it, and what is said of a step rests on nothing later than
the lead before it. ``scaled`` is the mean absolute error over that of "as at this time yesterday".
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from pathlib import Path

import numpy as np

from tianmu.prevent.forecast.score import score
from tianmu.prevent.forecast.walk import Course, walk

DATA = Path(__file__).parents[2] / "shared" / "data"
LEADS = (1, 6, 24)
COVERAGE = 0.9
STREAMS = {
    "air": ("air/PRSA_Data_Dongsi_20130301-20170228.csv", ("TEMP", "PM2.5", "O3", "DEWP", "WSPM")),
    "load": ("energy/Building_1.csv", ("non_shiftable_load", "solar_generation")),
    "weather": ("energy/weather.csv", ("outdoor_dry_bulb_temperature",)),
}


def column(rows: list[dict[str, str]], name: str) -> np.ndarray:
    """A column as numbers, nan where there is none."""
    return np.array([float(r[name]) if r[name] not in ("", "NA") else np.nan for r in rows])


def measure(value: np.ndarray) -> list[dict[str, float]]:
    """One line of figures for each lead."""
    half = len(value) // 2
    found = []
    for lead in LEADS:
        began = time.perf_counter()
        [one] = walk(value, Course(24, COVERAGE), range(lead, lead + 1))
        took = time.perf_counter() - began
        said = score(
            value[half:], one.expected[half:], one.low[half:], one.high[half:],
            one.naive[half:], COVERAGE,
        )  # fmt: skip
        found.append(
            {
                "lead": lead, "judged": said.judged, "coverage": said.coverage,
                "scaled": said.scaled, "pinball": said.pinball, "width": said.width,
                "steps_per_second": len(value) / took,
            }
        )  # fmt: skip
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    every = {}
    for kind, (name, columns) in STREAMS.items():
        path = given.data / name
        if not path.exists():
            print(f"{path} is not there: give its folder by --data", file=sys.stderr)
            return 2
        with path.open(encoding="utf-8") as text:
            rows = list(csv.DictReader(text))
        for one in columns:
            every[f"{kind} {one}"] = measure(column(rows, one))
            if not given.json:
                for line in every[f"{kind} {one}"]:
                    told = "  ".join(f"{k} {v:.4g}" for k, v in line.items())
                    print(f"{kind} {one}: {told}", flush=True)
    if given.json:
        print(json.dumps(every))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
