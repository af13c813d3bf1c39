"""How many rows a second ``water-ecology gb3838`` judges: text as published, drawn from a few rows.

``python benchmarks/water_rows.py FILE [--rows N]``: FILE is a published table; its rows are drawn
again and again, figures varied in their last digits, all cells text as a CSV gives them. What is
timed is the model alone, CPU seconds of the process, the best of three.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tianmu.scenarios.run import parameters_of
from tianmu.scenarios.table_file import read_table
from tianmu.scenarios.water_ecology.model import MODELS


def drawn(file: Path, rows: int, seed: int) -> pa.Table:
    table = read_table(file, lambda line: print(line, file=sys.stderr))
    draw = np.random.default_rng(seed)
    taken = table.take(pa.array(draw.integers(0, len(table), rows)))
    columns = {}
    for name in taken.column_names:
        column = taken.column(name).combine_chunks()
        numeric = pc.match_substring_regex(column, r"^\d+\.\d+$")
        if pc.sum(numeric).as_py():
            digits = pa.array([f"{n}" for n in range(10)]).take(
                pa.array(draw.integers(0, 10, rows))
            )
            column = pc.if_else(numeric, pc.binary_join_element_wise(column, digits, ""), column)
        columns[name] = column
    return pa.table(columns)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("file", type=Path)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    table = drawn(given.file, given.rows, given.seed)
    best = {}
    for name in ("gb3838", "tli"):
        model = next(one for one in MODELS if one.name == name)
        spent = []
        for _ in range(3):
            began = time.process_time()
            model.run(table, parameters_of(model, []))
            spent.append(time.process_time() - began)
        best[f"{name}_rows_per_cpu_second"] = round(given.rows / min(spent))
    json.dump({"rows": given.rows, **best}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
