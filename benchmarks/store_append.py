"""Durable appends: blobs with keys, group committed. Prints one JSON object.

python benchmarks/store_append.py [--seconds 5] [--bytes 17000] [--in-flight 32] [--rate 0]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import threading
import time
from pathlib import Path

from tianmu.store.records import Records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--bytes", type=int, default=17_000)
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0, help="appends per second, 0 = flat out")
    parser.add_argument("--folder", default=None)
    options = parser.parse_args()
    payload = os.urandom(options.bytes)
    slots = threading.Semaphore(options.in_flight)
    delays: list[float] = []
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as folder,
        Records(Path(folder) / "gate.sqlite") as records,
    ):
        before = resource.getrusage(resource.RUSAGE_SELF)
        start = time.perf_counter()
        sent = 0
        while (now := time.perf_counter()) < start + options.seconds:
            if options.rate and sent > (now - start) * options.rate:
                time.sleep(0.001)
                continue
            slots.acquire()
            key = os.urandom(16)

            def done(_: object, sent_at: float = time.perf_counter()) -> None:
                delays.append(time.perf_counter() - sent_at)
                slots.release()

            records.write(
                lambda tx, key=key: tx.append("observation", payload, key)
            ).add_done_callback(done)
            sent += 1
        records.transact(lambda tx: None)
        elapsed = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF)
        size = sum(p.stat().st_size for p in Path(folder).glob("gate.sqlite*"))
    delays.sort()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        json.dumps(
            {
                "appends_per_second": round(sent / elapsed),
                "megabytes_per_second": round(sent * options.bytes / elapsed / 1e6, 1),
                "cpu_seconds_per_second": round(cpu / elapsed, 3),
                "p50_ms": round(delays[len(delays) // 2] * 1e3, 2),
                "p99_ms": round(delays[len(delays) * 99 // 100] * 1e3, 2),
                "file_megabytes": round(size / 1e6),
                "appends": sent,
            }
        )
    )


if __name__ == "__main__":
    main()
