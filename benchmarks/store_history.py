"""History at size: flushing, merging, compacting, asking. Prints one JSON object.

    python benchmarks/store_history.py [--records 10000000] [--series 1560000] [--days 1]

Flushes are of 390,000 observations (26,000 a second for 15 s), merged as works does it while they
come. A hundredth of the records comes from a hundred datastreams that speak evenly, the rest is
spread over 12 towns, 200 villages, 26 kinds and 20 departments; values are quantised to a tenth,
as sensors do. One thread: figures are rows by CPU second of this process.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tianmu.facts.batch import ObservationBatch
from tianmu.store.history import History, Membership
from tianmu.store.history.manifest import DAY, KINDS
from tianmu.store.records import Records


def timed(run: Callable[[int], Any], times: int = 15) -> dict[str, float]:
    delays = []
    for i in range(times):
        start = time.perf_counter()
        run(i)
        delays.append((time.perf_counter() - start) * 1e3)
    delays.sort()
    return {"p50_ms": round(statistics.median(delays), 1), "p95_ms": round(delays[-1], 1)}


def spread(series: int) -> Membership:
    """Where that many datastreams belong; a tenth of them has a threshold."""
    number = np.arange(series)

    def words(what: str, count: int) -> tuple[str, ...]:
        return ("", *(f"{what}{i}" for i in range(count)))

    village = number % 200
    return Membership(
        town=(village % 12 + 1).astype(np.uint16),
        village=(village + 1).astype(np.uint32),
        kind=(number // 7 % 26 + 1).astype(np.uint16),
        department=(number // 7 % 20 + 1).astype(np.uint16),
        property=(number // 7 % 52 + 1).astype(np.uint16),
        low=np.full(series, np.nan),
        high=np.where(number % 10 == 0, 26.0, np.nan),
        towns=words("t", 12),
        villages=words("v", 200),
        kinds=words("k", 26),
        departments=words("d", 20),
        properties=words("p", 52),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--series", type=int, default=1_560_000)
    parser.add_argument("--days", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(11)
    end = time.time_ns() // 1000 // DAY * DAY
    start = end - options.days * DAY
    result: dict[str, Any] = {"records": options.records, "series": options.series}
    with (
        tempfile.TemporaryDirectory() as folder,
        Records(Path(folder) / "works.sqlite") as records,
    ):
        members = spread(options.series)
        assert len(members.cells[0]) == options.series + 1
        history = History(Path(folder), records, membership=lambda: members)
        piece = 390_000
        options.records -= options.records % piece
        result["records"] = options.records
        flushing = merging = 0.0
        merged = 0
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
            before = time.process_time()
            merged += sum(f.rows for f in history.tidy() if f.kind == "raw")
            merging += time.process_time() - before
        result["flush_rows_per_cpu_second"] = round(options.records / flushing)
        if merged:
            result["merge_rows_per_cpu_second"] = round(merged / merging)
        result["bytes_written_before_compaction"] = {
            kind: sum(f.bytes for f in history.files() if f.kind == kind) for kind in KINDS
        }
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
        for kind in KINDS:
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
        before, wall = time.process_time(), time.perf_counter()
        assert not list(history.examine())
        result["check_seconds"] = round(time.perf_counter() - wall, 1)
        result["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        history.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
