"""The whole city: registering its devices, its memory at rest and at its worst, its starts.

python -m benchmarks.city_size --devices 1560000

One city is registered from Parquet, another from CSV, each by ``tianmu devices register``; the
second is then given seven rules on each datastream and load at all of them, killed with a minute of
journal after its last snapshot, and started cold and warm. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from tianmu.rehearse.city import equipment
from tianmu.rehearse.city.city import City, Started, connect, start_city
from tianmu.rehearse.load.batch import ArrowBatch

BATCH = 10_000
NAMES = ("hub", "gate", "watch", "works")


def devices(city: City, n: int, source: str) -> tuple[pa.Table, list[str], dict[str, list[str]]]:
    """A table of ``n`` devices, their datastreams, and the properties of each kind used."""
    random = np.random.default_rng()
    kinds = [k for k in city.get("/api/city/seeding")["kinds"] if k["per_thousand"] > 0]
    one = [k for k in kinds if len(k["properties"]) == 1] or kinds[:1]
    two = [k for k in kinds if len(k["properties"]) == 2] or one
    wide = random.random(n) < equipment.PER_DEVICE - 1
    chosen = [(two if w else one)[i % len(two if w else one)] for i, w in enumerate(wide.tolist())]
    west, south, east, north = city.get("/api/city")["bbox"]
    names = [f"{source}-{i:07d}" for i in range(n)]
    table = pa.table(
        {
            "device": names,
            "name": [f"感知设备 {i}" for i in range(n)],
            "kind": [k["code"] for k in chosen],
            "longitude": random.uniform(west, east, n).round(6),
            "latitude": random.uniform(south, north, n).round(6),
            "origin": ["seeded"] * n,
            "source": [source] * n,
            "address": [f"{source}/{i // 200}/{i % 200}" if i % 4 == 0 else "" for i in range(n)],
        }
    )
    streams = [
        f"{name}/{p['code']}"
        for name, k in zip(names, chosen, strict=True)
        for p in k["properties"]
    ]
    used = {k["code"]: [p["code"] for p in k["properties"]] for k in chosen}
    return table, streams, used


class Watching:
    """Asks ``/api/vitals`` fifty times a second and looks at memory twice a second."""

    def __init__(self, started: Started) -> None:
        self._started, self._stop = started, threading.Event()
        self.pauses: list[float] = []
        self.worst: dict[str, int] = {}
        self._threads = [
            threading.Thread(target=self._ask, daemon=True),
            threading.Thread(target=self._weigh, daemon=True),
        ]

    def _ask(self) -> None:
        city = connect(self._started.data)
        while not self._stop.wait(0.02):
            begin = time.perf_counter()
            city.get("/api/vitals")
            self.pauses.append(time.perf_counter() - begin)

    def _weigh(self) -> None:
        while not self._stop.wait(0.5):
            now = self._started.memory_bytes()
            if sum(now.values()) > sum(self.worst.values()):
                self.worst = now

    def __enter__(self) -> Watching:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def said(self, what: str) -> dict[str, Any]:
        ordered = sorted(self.pauses)
        return {
            f"{what}_vitals_p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1e3, 1),
            f"{what}_vitals_worst_ms": round(ordered[-1] * 1e3, 1),
            f"{what}_memory_worst_mib": mib(sum(self.worst.values())),
            f"{what}_memory_worst_by_process_mib": {k: mib(v) for k, v in self.worst.items()},
        }


def mib(size: int) -> float:
    return round(size / 2**20, 1)


def weigh(started: Started, what: str) -> dict[str, Any]:
    now = started.memory_bytes()
    return {
        f"{what}_memory_mib": mib(sum(now.values())),
        f"{what}_memory_by_process_mib": {k: mib(v) for k, v in now.items()},
    }


def register(data: Path, file: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tianmu", "devices", "register", str(file), "--data", str(data),
         "--json"],
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def load(city: City, token: str, streams: list[str], rate: float, seconds: float) -> int:
    """Send all datastreams in turn as Arrow batches, at most ``rate`` observations a second;
    how many were accepted. At least once round where ``seconds`` is 0."""
    batches = [ArrowBatch(streams[i : i + BATCH]) for i in range(0, len(streams), BATCH)]
    sizes = [len(streams[i : i + BATCH]) for i in range(0, len(streams), BATCH)]
    random = np.random.default_rng(1)
    sent, begin, number = 0, time.perf_counter(), 0
    with httpx.Client(
        base_url=city.gate_url, timeout=60, headers={"Authorization": f"Bearer {token}"}
    ) as http:
        while (time.perf_counter() - begin < seconds) if seconds else number < len(batches):
            which = number % len(batches)
            body = batches[which].body(
                time.time_ns() // 1000, random.integers(0, 100_000, sizes[which])
            )
            answer = http.post(
                "/observations", content=body,
                headers={"Content-Type": ArrowBatch.content_type},
            )  # fmt: skip
            if answer.status_code in {429, 503}:
                time.sleep(float(answer.headers.get("Retry-After", "1")))
                continue
            answer.raise_for_status()
            sent += int(answer.json()["accepted"])
            number += 1
            ahead = sent / rate - (time.perf_counter() - begin)
            if ahead > 0:
                time.sleep(ahead)
    return sent


def caught_up(data: Path, within: float = 120) -> None:
    """Until nobody lags."""
    end = time.monotonic() + within
    city = connect(data)
    while time.monotonic() < end:
        if not sum(city.get("/api/vitals")["lag"].values()):
            return
        time.sleep(0.5)
    raise RuntimeError(f"readers still lag after {within} s")


def start(data: Path) -> tuple[Started, dict[str, float]]:
    """Start a city; seconds until it serves, and until each process said that it is ready."""
    ready: dict[str, float] = {}
    begin, wall = time.perf_counter(), time.time()
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.01):
            for name in NAMES:
                path = data / "run" / f"{name}.json"
                try:
                    fresh = path.stat().st_mtime > wall and b'"ready"' in path.read_bytes()
                except FileNotFoundError:
                    continue
                if fresh and name not in ready:
                    ready[name] = round(time.perf_counter() - begin, 2)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        started = start_city(data)
        connect(data).get("/api/vitals")
        ready["serving"] = round(time.perf_counter() - begin, 2)
    finally:
        done.set()
        thread.join()
    return started, ready


def drop_pages(folder: Path) -> None:
    """Forget the file pages, so that the next start is cold."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def kill(started: Started) -> None:
    """As a power cut would, but for what the disk holds."""
    for process in started._all():
        process.send_signal(signal.SIGKILL)
    started.process.wait()


def enrolled(folder: Path, form: str, n: int, found: dict[str, Any]) -> tuple[Started, Any]:
    """A city registered from a file of this form."""
    data = folder / form
    started, ready = start(data)
    found.setdefault("first_start_s", ready["serving"])
    city = connect(data)
    source = f"size-{form}"
    token = equipment.source(city, source, "http")
    table, streams, used = devices(city, n, source)
    file = folder / f"devices.{form}"
    pyarrow.csv.write_csv(table, file) if form == "csv" else pq.write_table(table, file)
    del table
    with Watching(started) as watching:
        told = register(data, file)
        time.sleep(15)  # and merged into one segment
    found[f"register_{form}_s"] = told["seconds"]
    found[f"register_{form}_rows"] = told["registered"]
    found |= watching.said(f"register_{form}")
    return started, (token, streams, used)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--devices", type=int, default=1_560_000)
    options.add_argument("--rate", type=float, default=26_000)
    options.add_argument("--seconds", type=float, default=70, help="of load before it is killed")
    options.add_argument("--folder", default=None, help="where the cities are made")
    asked = options.parse_args()
    found: dict[str, Any] = {"devices": asked.devices}
    with tempfile.TemporaryDirectory(prefix="tianmu-size-", dir=asked.folder) as name:
        folder = Path(name)
        started, _ = enrolled(folder, "parquet", asked.devices, found)
        started.stop()
        started, (token, streams, used) = enrolled(folder, "csv", asked.devices, found)
        try:
            started = _live(started, token, streams, used, asked, found)
        finally:
            started.stop()
    print(json.dumps(found))


def _live(
    started: Started,
    token: str,
    streams: list[str],
    used: dict[str, list[str]],
    asked: argparse.Namespace,
    found: dict[str, Any],
) -> Started:
    """Rules, load, memory, and the starts of a city that has them."""
    data, city = started.data, connect(started.data)
    found |= weigh(started, "registered")
    with Watching(started) as watching:
        city.post(
            "/api/rules/publish",
            {"rules": equipment.rules(used), "reason": "measurement"},
            timeout=120,
        )
        begin = time.perf_counter()
        found["observations_filled"] = load(city, token, streams, 1e9, 0)
        found["fill_s"] = round(time.perf_counter() - begin, 2)
        caught_up(data)
        found["observations_load"] = load(city, token, streams, asked.rate, asked.seconds)
        found |= weigh(started, "load")
    found |= watching.said("load")
    kill(started)
    drop_pages(data)
    started, ready = start(data)
    found["cold_start_after_kill_s"], found["cold_start_after_kill_by_process_s"] = (
        ready.pop("serving"), ready,
    )  # fmt: skip
    caught_up(data)
    time.sleep(20)
    found |= weigh(started, "rest")
    found["stop_s"] = round(started.stop(), 2)
    started, ready = start(data)
    found["warm_start_s"], found["warm_start_by_process_s"] = ready.pop("serving"), ready
    found["stop_after_start_s"] = round(started.stop(), 2)
    drop_pages(data)
    started, ready = start(data)
    found["cold_start_s"], found["cold_start_by_process_s"] = ready.pop("serving"), ready
    return started


if __name__ == "__main__":
    main()
