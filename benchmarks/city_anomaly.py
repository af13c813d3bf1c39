"""Anomaly detection in a whole city: its memory with every datastream learnt, alarms beside it.

    python -m benchmarks.city_anomaly --devices 1560000

All devices are of kinds whose every property is learnt (1.3 datastreams each) and have seven rules
on each datastream. Each datastream speaks ``--rounds`` times, until all of it is learnt; then
memory (sum of PSS) is weighed, and fire panels' frames are timed under the mixed load while the
learner learns from it. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.city_size import Watching, caught_up, load, weigh
from tianmu.prevent.anomaly.layout import BYTES
from tianmu.rehearse.bench import latency as bench_latency
from tianmu.rehearse.city import effort, equipment
from tianmu.rehearse.city.city import City, Started, connect, start_city

LEARNT_WITHIN = 300.0
"""seconds"""


def watched(city: City) -> set[str]:
    """Kinds of one or two properties that are all learnt."""
    learnt = {one["kind"]: set(one["properties"]) for one in city.get("/api/anomalies")["items"]}
    kinds = city.get("/api/city/seeding")["kinds"]
    return {
        k["code"]
        for k in kinds
        if {p["code"] for p in k["properties"]} == learnt.get(k["code"])
        and len(k["properties"]) <= 2
    }


def learnt(city: City, wanted: int) -> float:
    """Until ``wanted`` observations are learnt; the seconds it took."""
    begin = time.monotonic()
    while (now := city.get("/api/anomalies")["totals"].get("learnt", 0)) < wanted:
        if time.monotonic() - begin > LEARNT_WITHIN:
            raise RuntimeError(f"{now:,} of {wanted:,} learnt after {LEARNT_WITHIN:g} s")
        time.sleep(0.2)
    return time.monotonic() - begin


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--devices", type=int, default=1_560_000)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--rate", type=float, default=26_000)
    options.add_argument("--seconds", type=float, default=30, help="of load; 0: no frames")
    options.add_argument("--folder", default=None, help="where the city is made")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="tianmu-anomaly-", dir=asked.folder) as name:
        started = start_city(Path(name) / "data")
        try:
            found = _measured(started, asked)
        finally:
            started.stop()
    print(json.dumps(found))


def _measured(started: Started, asked: argparse.Namespace) -> dict[str, Any]:
    data, city = started.data, connect(started.data)
    bench = equipment.prepare(city, asked.devices, keep=bench_latency.KIND, only=watched(city))
    started.wait_for_end_of("clerk")
    found: dict[str, Any] = {
        "devices": asked.devices, "datastreams": len(bench.datastreams),
        "bytes_per_datastream": BYTES,
    }  # fmt: skip
    found |= weigh(started, "registered")
    with Watching(started) as watching:
        before, begin = effort.cpu_seconds(city), time.monotonic()
        sent = sum(load(city, bench.token, bench.datastreams, 1e9, 0) for _ in range(asked.rounds))
        found["learnt_s"] = round(time.monotonic() - begin + learnt(city, sent), 1)
        caught_up(data)
        after = effort.cpu_seconds(city)
        found["observations"] = sent
        found["learnt_cpu_by_process_s"] = {
            name: round(after[name] - before[name], 2) for name in before
        }
        items = city.get("/api/anomalies")
        found["datastreams_learnt"] = sum(one["datastreams"] for one in items["items"])
        found["no_room"] = items["totals"].get("no_room", 0)
        found |= weigh(started, "learnt")
    if asked.seconds:
        measure = bench_latency.Asked(asked.rate, asked.seconds, asked.devices)
        told = bench_latency.measure(city, data, bench, measure)
        found["latency"] = {
            key: told[key]
            for key in (
                "rate_sent", "samples", "lost", "p50_ms", "p99_ms", "max_ms", "cpu_cores",
                "cpu_by_process", "cpu_cores_with_alarms", "load_lost",
            )
        }  # fmt: skip
        found |= weigh(started, "load")
    return found | watching.said("learnt")


if __name__ == "__main__":
    main()
