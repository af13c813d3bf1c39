"""A city with so many registered devices: registering, memory, start-up.

python -m benchmarks.city_size --devices 1560000
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tianmu.rehearse import bench_city
from tianmu.rehearse.city import Started, connect


def start(data: str) -> tuple[subprocess.Popen[bytes], float]:
    """Start a city; seconds until it serves."""
    begin = time.perf_counter()
    ready = Path(data) / "run" / "rehearsal.json"
    ready.unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "tianmu", "up", "--data", data, "--port", "0"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not ready.exists():
        if process.poll() is not None:
            raise RuntimeError(f"the city did not start; see {data}/log")
        time.sleep(0.01)
    connect(Path(data)).get("/api/vitals")
    return process, time.perf_counter() - begin


def stop(process: subprocess.Popen[bytes]) -> float:
    begin = time.perf_counter()
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    return time.perf_counter() - begin


def drop_pages(folder: Path) -> None:
    """Forget the file pages, so that the next start is cold."""
    import os

    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--devices", type=int, default=1_560_000)
    asked = options.parse_args()
    found: dict[str, Any] = {"devices": asked.devices}
    with tempfile.TemporaryDirectory(prefix="tianmu-size-") as data:
        process, found["first_start_s"] = start(data)
        city = connect(Path(data))
        begin = time.perf_counter()
        bench_city.prepare(city, asked.devices)
        found["register_s"] = round(time.perf_counter() - begin, 2)
        time.sleep(20)
        memory = Started(Path(data), process).memory_bytes()
        found["memory_mib"] = round(sum(memory.values()) / 2**20, 1)
        found["memory_by_process_mib"] = {k: round(v / 2**20, 1) for k, v in memory.items()}
        found["stop_s"] = round(stop(process), 2)
        process, warm = start(data)
        found["warm_start_s"] = round(warm, 2)
        stop(process)
        drop_pages(Path(data))
        process, cold = start(data)
        found["cold_start_s"] = round(cold, 2)
        stop(process)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
