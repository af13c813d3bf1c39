"""Load that moves the map while its refresh is measured."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from tianmu.rehearse.city import equipment
from tianmu.rehearse.city.city import City

ALARMED, LOUD, RATE = 20, 9_999_999_999.0, 26_000
"""devices a second that begin to alarm, with what value; observations a second"""


class Load(threading.Thread):
    """Observations of devices chosen at random, some of which begin or cease to alarm."""

    def __init__(self, city: City, data: Path) -> None:
        super().__init__(daemon=True)
        self.sent, self._over = 0, threading.Event()
        self._city, self._token = city, equipment.source(city, "map-load", "http")
        kinds = {
            k["code"]: [p["code"] for p in k["properties"]] for k in city.get("/api/city")["kinds"]
        }
        found: list[dict[str, Any]] = []
        total = city.get("/api/tiles/devices/count")["total"]
        random = np.random.default_rng()
        picked = sorted(set(random.integers(0, total, 40_000).tolist()))
        for low in range(0, len(picked), 50):
            found += city.get("/api/tiles/devices/numbered", n=picked[low : low + 50])
        # the many that were registered for the measurement, not the city's own few
        runs = Counter(one["device"].rpartition("-")[0] for one in found)
        run = runs.most_common(1)[0][0]
        names = [
            f"{one['device']}/{kinds[one['kind']][0]}"
            for one in found
            if one["device"].startswith(run)
        ]
        self._names, self._random = names, random

    def run(self) -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {self._token}"}, timeout=30) as client:
            while not self._over.is_set():
                begin = time.perf_counter()
                at = time.time_ns() // 1_000_000
                chosen = self._random.integers(0, len(self._names), RATE).tolist()
                for low in range(0, RATE, 2000):
                    some = sorted(set(chosen[low : low + 2000]))
                    values = [50.0] * len(some)
                    if low == 0:
                        values[:ALARMED] = [LOUD] * min(ALARMED, len(values))
                    answer = client.post(
                        f"{self._city.gate_url}/observations",
                        json={"datastream": [self._names[n] for n in some],
                              "time": [at] * len(some), "value": values},
                    )  # fmt: skip
                    answer.raise_for_status()
                    self.sent += len(some)
                self._over.wait(max(0.0, 1 - (time.perf_counter() - begin)))

    def stop(self) -> None:
        self._over.set()
        self.join(10)
