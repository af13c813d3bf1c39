"""The registry at the city's size: writing, loading, looking up. Prints one JSON object.

python benchmarks/store_registry.py [--devices 1560000] [--batch 1000]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tianmu.store.registry import Registry, write_segment

PROPERTIES = {f"k{i}": ["value"] if i % 10 < 7 else ["value", "battery"] for i in range(30)}

LOADER = """
import json, sys, time
from pathlib import Path
import msgspec, numpy
from tianmu.facts.registry import DevicesRegistered
fact = msgspec.json.decode(sys.argv[2], type=DevicesRegistered)
def memory():
    kb = {l.split(":")[0]: int(l.split()[1]) for l in open("/proc/self/smaps_rollup") if "kB" in l}
    return kb["Private_Dirty"] + kb["Private_Clean"], kb["Pss"]
from tianmu.store.registry import Registry
before = memory()
start = time.perf_counter()
registry = Registry(Path(sys.argv[1]))
registry.apply(fact)
loaded = time.perf_counter() - start
registry.longitude.sum(), registry.kind.max(), registry.columns.device_of.max()
after = memory()
print(json.dumps({"load_seconds": round(loaded, 3),
    "columns_private_megabytes": round((after[0] - before[0]) / 1e3, 1),
    "columns_pss_megabytes": round((after[1] - before[1]) / 1e3, 1)}))
sys.stdin.readline()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=1_560_000)
    parser.add_argument("--batch", type=int, default=1000)
    options = parser.parse_args()
    n = options.devices
    rng = np.random.default_rng(7)
    kinds = np.array([f"k{i}" for i in range(30)])[rng.integers(0, 30, n)]
    table = pa.table(
        {
            "device": [f"320481-{i:07d}-{i % 97:02d}" for i in range(n)],
            "name": [f"感知设备 {i}" for i in range(n)],
            "kind": kinds,
            "longitude": 119.4 + rng.random(n) * 0.4,
            "latitude": 31.2 + rng.random(n) * 0.4,
            "division": [f"3204811{i % 254:05d}" for i in range(n)],
            "origin": ["seeded"] * n,
            "address": [f"panel/{i // 200}/{i % 200}" if i % 4 == 0 else "" for i in range(n)],
        }
    )
    result: dict[str, Any] = {"devices": n}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        start = time.perf_counter()
        written = write_segment(data, table, properties=PROPERTIES)
        result["write_seconds"] = round(time.perf_counter() - start, 2)
        registry = Registry(data)
        fact = registry.registration_of(written, at=1, actor="bench")
        registry.apply(fact)
        result["datastreams"] = registry.count_datastreams
        result["disk_megabytes"] = round(
            sum(p.stat().st_blocks * 512 for p in data.rglob("*") if p.is_file()) / 1e6
        )
        pick = rng.integers(0, registry.count_datastreams, 1_000_000)
        ids = [registry.datastream(int(i)) for i in pick[:200_000]]
        registry.datastream_index(ids[:100])
        for batch in (options.batch, 100_000):
            start = time.process_time()
            found = [
                registry.datastream_index(ids[i : i + batch]) for i in range(0, len(ids), batch)
            ]
            rate = len(ids) / (time.process_time() - start)
            result[f"lookups_per_cpu_second_batch_{batch}"] = round(rate)
            assert np.array_equal(np.concatenate(found), pick[: len(ids)])
        devices = [i.rpartition("/")[0] for i in ids]
        names = [i.rpartition("/")[2] for i in ids]
        start = time.process_time()
        for i in range(0, len(ids), options.batch):
            registry.resolve(devices[i : i + options.batch], names[i : i + options.batch])
        result[f"resolves_per_cpu_second_batch_{options.batch}"] = round(
            len(ids) / (time.process_time() - start)
        )
        start = time.perf_counter()
        for i in ids[:20_000]:
            registry.datastream_index([i])
        result["single_lookups_per_second"] = round(20_000 / (time.perf_counter() - start))
        start = time.perf_counter()
        registry.search("感知设备 1559999")
        result["search_ms"] = round((time.perf_counter() - start) * 1e3, 1)

        import msgspec

        readers = [
            subprocess.Popen(
                [sys.executable, "-c", LOADER, folder, msgspec.json.encode(fact).decode()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        result["two_more_processes"] = [json.loads(r.stdout.readline()) for r in readers]  # type: ignore[union-attr]
        for reader in readers:
            reader.communicate("\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
