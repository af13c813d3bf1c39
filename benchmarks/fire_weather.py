"""The fire-weather system against the figures that its authors printed.

``python benchmarks/fire_weather.py``

The 49 days of Van Wagner and Pickett (Forestry Technical Report 33, 1985), as they stand in the
tests: six codes a day, equal where they print the same digit. Prints one JSON object; every
mismatch is listed. The factor is that of the report, and for comparison 250·59.5/101.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from tianmu.scenarios.forest_fire.model import run_fwi

SAMPLE = Path(__file__).parents[1] / "tests/scenarios/forest_fire/van_wagner_pickett_1985.csv"
CODES = ("ffmc", "dmc", "dc", "isi", "bui", "fwi")
START = {"ffmc": "85", "dmc": "6", "dc": "15"}
REPEATS = 400
"""the sample again and again, for a rate"""


def compare(table: pa.Table, factor: str) -> dict[str, Any]:
    made = run_fwi(table, {**START, "factor": factor})
    wrong = [
        {"day": f"{month}-{day}", "code": code, "ours": round(ours, 4), "printed": printed}
        for code in CODES
        for month, day, ours, printed in zip(
            *(table[name].to_pylist() for name in ("mon", "day")),
            made[code].to_pylist(), table[f"printed_{code}"].to_pylist(), strict=True,
        )
        if f"{ours:.1f}" != f"{printed:.1f}"
    ]  # fmt: skip
    figures = len(table) * len(CODES)
    return {"figures": figures, "equal": figures - len(wrong), "mismatches": wrong}


def main() -> int:
    table = pyarrow.csv.read_csv(SAMPLE)
    began = time.process_time()
    for _ in range(REPEATS):
        run_fwi(table, {**START, "factor": "published"})
    rate = REPEATS * len(table) / (time.process_time() - began)
    published, exact = compare(table, "published"), compare(table, "exact")
    result = {
        "sample": "Van Wagner and Pickett 1985, 49 days", "published_factor": published,
        "exact_factor_equal": exact["equal"], "days_per_cpu_second": round(rate),
    }  # fmt: skip
    print(json.dumps(result))
    return 1 if published["mismatches"] else 0


if __name__ == "__main__":
    sys.exit(main())
