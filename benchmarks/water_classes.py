"""Classes of GB 3838-2002 against the official class of every complete row of a published file.

``python benchmarks/water_classes.py [FILE] [--pack NAME]``

FILE is a table as China's national stations publish it (left out: the one beside the checkout,
which is not shipped); a row is complete where it has an official class and a figure of every item
that this counts. The kind of each station (river or lake) comes from ``water_stations.csv`` of the
pack. Prints one JSON object; every mismatch is listed with its cause:

* ``rounded``: a figure is printed exactly at the limit, and the official class is the one that it
  would have if it had been rounded to the limit from beyond: the printed digits do not decide;
* ``earlier``: the official class is that of the station's row before: it was carried over;
* ``unexplained``: neither.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tianmu.scenarios.contract import Parameter
from tianmu.scenarios.table_file import read_table
from tianmu.scenarios.water_ecology.figures import read_all
from tianmu.scenarios.water_ecology.model import MODELS
from tianmu.scenarios.water_ecology.rows import column_for, needed, stations, times
from tianmu.scenarios.water_ecology.standard import standard

PUBLISHED = Path(__file__).parents[2] / "shared/data/water/cnemc_4hourly_jiangsu_taihu.csv"


def compare(file: Path, pack: str) -> dict[str, Any]:
    known = standard()
    table = read_table(file, lambda line: print(line, file=sys.stderr))
    model = next(one for one in MODELS if one.name == "gb3838")
    parameters: list[Parameter] = list(model.parameters)
    said = {one.name: one.default for one in parameters} | {"water": "station", "pack": pack}
    made = model.run(table, said)
    ours = made.column("class").to_pylist()
    rounded = made.column("class_if_rounded").to_pylist()
    official = [
        known.classes[number] if (number := known.class_number(text)) is not None else ""
        for text in table.column(needed(table, "official", known)).to_pylist()
    ]
    own, at = stations(table, known), times(table, known)
    figures = read_all(table, known)
    counted = [one for one in figures.values() if one.item.limits and one.item.counted]
    whole = ~np.any([np.isnan(one.values) for one in counted], axis=0)
    complete = [row for row, text in enumerate(official) if text and whole[row]]
    order = np.lexsort((at, own.codes))
    before = {int(b): int(a) for a, b in pairwise(order)
              if own.codes[a] == own.codes[b]}  # fmt: skip
    undecided = sum(1 for row in complete if rounded[row])
    mismatches, causes = [], {"rounded": 0, "earlier": 0, "unexplained": 0}
    for row in complete:
        if ours[row] == official[row]:
            continue
        last = official[before[row]] if row in before else ""
        cause = (
            "rounded" if rounded[row] == official[row]
            else "earlier" if last == official[row] else "unexplained"
        )  # fmt: skip
        causes[cause] += 1
        mismatches.append({
            "row": row + 1, "station": own.names[own.codes[row]], "time": str(at[row]),
            "official": official[row], "ours": ours[row], "official_before": last, "cause": cause,
            "figures": {one.name: float(one.values[row]) for one in counted},
        })  # fmt: skip
    decided = [row for row in complete if not rounded[row]]
    agree = [row for row in complete if ours[row] == official[row]]
    agree_decided = [row for row in decided if ours[row] == official[row]]
    return {
        "rows": len(table), "complete": len(complete), "agree": len(agree),
        "agree_percent": round(100 * len(agree) / len(complete), 2),
        "printed_at_a_limit": undecided,
        "decided_by_printed_digits": len(decided), "agree_decided": len(agree_decided),
        "agree_decided_percent": round(100 * len(agree_decided) / len(decided), 2),
        "causes": causes, "mismatches": mismatches,
        "official_column": column_for(table, "official", known),
    }  # fmt: skip


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("file", type=Path, nargs="?", default=PUBLISHED)
    asked.add_argument("--pack", default="liyang")
    given = asked.parse_args()
    if not given.file.exists():
        sys.exit(f"no {given.file}: give a table as the national stations publish it (CNEMC)")
    json.dump(compare(given.file, given.pack), sys.stdout, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
