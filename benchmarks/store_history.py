"""History at size: flushing, compacting, asking. Prints one JSON object.

    python benchmarks/store_history.py [--records 20000000] [--series 1560000] [--days 2]

A hundredth of the records comes from a hundred datastreams that speak evenly, the rest is spread;
values are quantised to a tenth, as sensors do.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tianmu.facts.batch import ObservationBatch
from tianmu.store.history import History
from tianmu.store.history.manifest import DAY
from tianmu.store.records import Records


def timed(run: Callable[[int], Any], times: int = 15) -> dict[str, float]:
    delays = []
    for i in range(times):
        start = time.perf_counter()
        run(i)
        delays.append((time.perf_counter() - start) * 1e3)
    delays.sort()
    return {"p50_ms": round(statistics.median(delays), 1), "p95_ms": round(delays[-1], 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000_000)
    parser.add_argument("--series", type=int, default=1_560_000)
    parser.add_argument("--days", type=int, default=2)
    options = parser.parse_args()
    rng = np.random.default_rng(11)
    end = time.time_ns() // 1000 // DAY * DAY
    start = end - options.days * DAY
    result: dict[str, Any] = {"records": options.records, "series": options.series}
    with (
        tempfile.TemporaryDirectory() as folder,
        Records(Path(folder) / "works.sqlite") as records,
    ):
        history = History(Path(folder), records)
        piece = 1_000_000
        flushing = 0.0
        for at in range(0, options.records, piece):
            low = start + (end - start) * at // options.records
            high = start + (end - start) * (at + piece) // options.records
            streams = rng.integers(0, options.series, piece)
            dense = rng.random(piece) < 0.01
            streams[dense] = rng.integers(0, 100, int(dense.sum())) * (options.series // 100)
            times = np.sort(rng.integers(low // 1000, high // 1000, piece)) * 1000
            value = np.round(20 + 5 * np.sin(times / 1e10) + rng.normal(size=piece), 1)
            history.append(
                [
                    ObservationBatch(
                        datastream=streams.astype(np.uint32),
                        phenomenon_time=times,
                        value=value,
                        received=end,
                        source=1,
                    )
                ],
                {"observation": at},
            )
            before = time.process_time()
            history.flush()
            flushing += time.process_time() - before
        result["flush_rows_per_cpu_second"] = round(options.records / flushing)
        one = options.series // 100
        result["series_day_before_compaction"] = timed(
            lambda i: history.series(one * (i + 1), end - DAY, end)
        )
        before, wall = time.process_time(), time.perf_counter()
        for day in history.days():
            history.compact(day)
        result["compact_rows_per_cpu_second"] = round(
            options.records / (time.process_time() - before)
        )
        result["compact_seconds"] = round(time.perf_counter() - wall, 1)
        files = history.files()
        for kind in ("raw", "minute", "hour"):
            size = sum(f.bytes for f in files if f.kind == kind)
            result[f"{kind}_bytes_per_record"] = round(size / options.records, 2)
        result["series_day"] = timed(lambda i: history.series(one * (i + 1), end - DAY, end))
        result["series_all_days_envelope"] = timed(
            lambda i: history.series(one * (i + 1), start, end, 48)
        )
        hundred = np.arange(100) * one
        result["hundred_series_minutes_of_a_day"] = timed(
            lambda i: history.windows(hundred, end - DAY, end, 60_000_000), 5
        )
        everyone = np.arange(options.series)
        result["town_hours_of_all"] = timed(
            lambda i: history.windows(everyone, start, end, 3_600_000_000, groups=everyone % 12),
            3,
        )
        history.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
