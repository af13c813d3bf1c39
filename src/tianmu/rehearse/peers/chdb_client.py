"""Runs in chDB's own environment: batches into a MergeTree, each inserted before the next.

    python -I chdb_client.py FOLDER SERIES TOWNS BATCH SECONDS

Prints what was reached as one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import pyarrow as pa
from chdb import session

TABLE = (
    "CREATE TABLE observation (datastream UInt32, time DateTime64(6), value Float64) "
    "ENGINE = MergeTree ORDER BY (datastream, time) "
    "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
)
INSERT = (
    "INSERT INTO observation "
    "SELECT datastream, toDateTime64(time / 1e6, 6), value FROM Python(batch)"
)
PARTS = (
    "SELECT sum(bytes_on_disk), sum(rows) FROM system.parts WHERE active AND table = 'observation'"
)
SERIES = "SELECT time, value FROM observation WHERE datastream = {} ORDER BY time"
TOWN = "SELECT datastream % {} AS town, count() FROM observation WHERE value > 19999 GROUP BY town"


def median_ms(db: Any, queries: list[str]) -> float:
    waits = []
    for query in queries:
        begin = time.perf_counter()
        db.query(query, "ArrowTable")
        waits.append(time.perf_counter() - begin)
    return float(np.median(waits)) * 1000


def main() -> None:
    folder = sys.argv[1]
    series, towns, size = (int(a) for a in sys.argv[2:5])
    seconds = float(sys.argv[5])
    chance = np.random.default_rng()
    order = chance.permutation(series).astype(np.uint32)
    db = session.Session(folder)
    db.query("CREATE DATABASE peer ENGINE = Atomic")
    db.query("USE peer")
    db.query(TABLE)
    done = turn = 0
    begin = time.perf_counter()
    while time.perf_counter() < begin + seconds:
        batch = pa.table(
            {
                "datastream": order[(turn * size + np.arange(size)) % series],
                "time": np.full(size, time.time_ns() // 1000),
                "value": 10_000 + chance.integers(0, 1_000_000, size) / 100,
            }
        )
        db.query(INSERT)
        done += len(batch)
        turn += 1
    rate = done / (time.perf_counter() - begin)
    db.query("OPTIMIZE TABLE observation FINAL")
    stored, count = (int(x) for x in str(db.query(PARTS, "CSV")).strip().split(","))
    some = chance.integers(0, series, 50).tolist()
    print(
        json.dumps(
            {
                "rate": rate,
                "bytes": stored / count,
                "rows": count,
                "lost": done - count,
                "series_ms": median_ms(db, [SERIES.format(i) for i in some]),
                "towns_ms": median_ms(db, [TOWN.format(towns)] * 5),
            }
        )
    )


if __name__ == "__main__":
    main()
