"""A trial's gas network speaks to a city: ``python -m tianmu.scenarios.gas_pipelines.feed``.

Registers the instruments that the trial places by seed (origin ``seeded``) and sends what they
read, simulated with the hydraulic model: the last two hours, then each step as its time comes. One
leak a day is in it, at an hour and a place drawn from the day; what truly was is written to
``<data>/scenarios/gas-pipelines/leaks.csv`` before it is sent. Whether the network leaks, the city
judges itself (``judge.py``).

The readings of a day depend on the day and the seed alone: started again, it goes on as if it had
never stopped, and what is sent twice has the same identity.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import logging
import math
import os
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tianmu.scenarios.gas_pipelines import simulate
from tianmu.scenarios.gas_pipelines.held import Held, held
from tianmu.scenarios.gas_pipelines.measured import PROPERTY
from tianmu.scenarios.gas_pipelines.simulate import Readings
from tianmu.scenarios.gas_pipelines.table import KPA
from tianmu.scenarios.gas_pipelines.trial import trial

log = logging.getLogger("gas")
KIND = {"inflow": "gas_flow_meter", "flow": "gas_flow_meter", "pressure": "gas_logger",
        "meter": "gas_meter"}  # fmt: skip
SOURCE = "gas-trial"
NAME = {"zh": "燃气管网（模拟）", "en": "Gas network (simulated)"}
PIECE = 1_000
"""rows of one message"""
BACK_H = 2
LASTS_H = 3
"""a leak"""


@dataclass(frozen=True)
class City:
    url: str
    gate: str
    token: str
    verify: ssl.SSLContext | bool

    def ask(self, method: str, path: str, **more: Any) -> Any:
        answer = httpx.request(
            method, f"{self.url}{path}", headers={"Authorization": f"Bearer {self.token}",
            **more.pop("headers", {})}, timeout=600, verify=self.verify, **more,
        )  # fmt: skip
        if answer.status_code >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None


def connect(data: Path) -> City:
    """The city that runs under ``data``, by what it wrote for rehearsal."""
    file = data / "run" / "rehearsal.json"
    if not file.exists():
        raise SystemExit(f"no city runs under {data}: start one with tianmu up --data {data}")
    found = json.loads(file.read_text())
    url = found["url"].rstrip("/")
    verify: ssl.SSLContext | bool = True
    if url.startswith("https:"):
        verify = ssl.create_default_context(cafile=found["authority"] or found["certificate"])
    gate = str(httpx.URL(url).copy_with(port=found["ports"]["http"])).rstrip("/")
    return City(url, gate, found["tokens"]["rehearsal"], verify)


def source_token(city: City) -> str:
    known = {one["source"] for one in city.ask("GET", "/api/sources?limit=500")["items"]}
    if SOURCE not in known:
        made = city.ask("POST", "/api/sources", json={
            "source": SOURCE, "protocol": "http", "name": NAME, "origin": "seeded",
            "life_safety": False,
        })  # fmt: skip
        if made.get("token"):
            return str(made["token"])
    return str(city.ask("POST", f"/api/sources/{SOURCE}/token")["token"])


def fleet(known: Held) -> pa.Table:
    """The instruments as ``POST /api/devices/bulk`` takes them."""
    network = known.network
    place = {int(number): at for at, number in enumerate(network.junction)}
    at_pipe = {int(number): int(at) for number, at in zip(network.pipe, network.end, strict=True)}
    at_sink = {int(n): int(at) for n, at in zip(network.sink, network.sink_at, strict=True)}
    at_feed = {int(n): int(at) for n, at in zip(network.feed, network.feed_at, strict=True)}
    where = {"inflow": at_feed, "flow": at_pipe, "pressure": place, "meter": at_sink}
    rows = [
        (device, KIND[what], [PROPERTY[what]], where[what][number])
        for device, (what, number) in known.devices.items()
    ]
    device, kind, properties, at = zip(*rows, strict=True)
    spots = np.array(at)
    return pa.table(
        {
            "device": list(device), "kind": list(kind),
            "properties": pa.array(properties, pa.list_(pa.string())),
            "longitude": network.longitude[spots], "latitude": network.latitude[spots],
            "origin": ["seeded"] * len(rows), "source": [SOURCE] * len(rows),
        }
    )  # fmt: skip


class Day:
    """What is read on any day."""

    def __init__(self, known: Held, seed: int, share: float, soon: datetime | None = None) -> None:
        """``soon``: when the leak of that day begins, by the city's clock, instead of at an hour of
        its own."""
        self.known, self.seed, self.share, self.soon = known, seed, share, soon
        self.every = trial().every_min
        self.steps = round(24 * 60 / self.every)

    def leak_of(self, day: date) -> simulate.Leak:
        draw = np.random.default_rng([self.seed, 5, day.toordinal()])
        lasts = round(LASTS_H * 60 / self.every)
        first = int(draw.integers(1, self.steps - lasts))
        if self.soon is not None and self.soon.date() == day:
            first = max(math.ceil((self.soon.hour * 60 + self.soon.minute) / self.every), 1)
        last = min(first + lasts, self.steps)
        return simulate.drawn_leak(self.known.network, first, last, self.share, draw)

    @lru_cache(maxsize=3)  # noqa: B019  lives as long as the program
    def readings(self, day: date) -> Readings:
        draw = np.random.default_rng([self.seed, 6, day.toordinal()])
        minutes = np.arange(self.steps, dtype=np.float64) * self.every
        leaks = (self.leak_of(day),) if self.share else ()
        return simulate.simulate(self.known.network, self.known.layout, minutes, leaks, draw)

    def until(self, moment: datetime, count: int) -> Readings:
        """The last ``count`` readings up to ``moment``, which is on a step of the city's clock."""
        at = moment.hour * 60 + moment.minute
        last = round(at / self.every)
        before, now = (self.readings(moment.date() - timedelta(days=back)) for back in (1, 0))
        return Readings(*(
            np.concatenate([getattr(before, name), getattr(now, name)], axis=1)[
                :, self.steps + last + 1 - count : self.steps + last + 1
            ]
            for name in ("inflow", "flow", "pressure", "meter")
        ))  # fmt: skip


def told(known: Held, readings: Readings) -> dict[str, float]:
    """Datastream → value of the last reading."""
    network, layout = known.network, known.layout
    values = {
        "inflow": (network.feed, network.m3h(readings.inflow[:, -1])),
        "flow": (network.pipe[layout.flow], network.m3h(readings.flow[:, -1])),
        "pressure": (network.junction[layout.pressure], readings.pressure[:, -1] * KPA),
        "meter": (network.sink, network.m3h(readings.meter[:, -1])),
    }
    by = {
        (what, int(number)): float(value)
        for what, (numbers, found) in values.items()
        for number, value in zip(numbers, found, strict=True)
    }
    return {
        f"{device}/{PROPERTY[what]}": by[what, number]
        for device, (what, number) in known.devices.items()
        if np.isfinite(by[what, number])
    }


def send(city: City, token: str, values: dict[str, float], at: datetime) -> None:
    names = list(values)
    ms = round(at.timestamp() * 1000)
    for first in range(0, len(names), PIECE):
        part = names[first : first + PIECE]
        body = {"datastream": part, "time": [ms] * len(part),
                "value": [round(values[name], 5) for name in part]}  # fmt: skip
        answer = httpx.post(
            f"{city.gate}/observations", json=body, verify=city.verify, timeout=60,
            headers={"Authorization": f"Bearer {token}",
                     "Idempotency-Key": f"gas-{ms}-{first}-{part[0]}"},
        )  # fmt: skip
        if answer.status_code != 200:
            raise RuntimeError(f"/observations: {answer.status_code} {answer.text[:300]}")
        refused = answer.json().get("refused", [])
        if refused:
            raise RuntimeError(f"{len(refused)} refused, the first: {refused[0]}")


def write_truth(file: Path, day: Day, when: date) -> None:
    """The leak of a day, by the city's clock, if it is not there yet."""
    if not day.share:
        return
    one = day.leak_of(when)
    start = datetime.combine(when, datetime.min.time())
    begin, end = (start + timedelta(minutes=day.every * at) for at in (one.first, one.last))
    junction = int(day.known.network.junction[one.junction])
    line = [begin.isoformat(), end.isoformat(), str(junction), str(one.share)]
    if file.exists() and any(row[:1] == line[:1] for row in csv.reader(file.open())):
        return
    fresh = not file.exists()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        if fresh:
            writer.writerow(("begin", "end", "junction", "share_of_inflow"))
        writer.writerow(line)


def _sleep(seconds: float) -> None:
    """Until it is time; where ``tianmu up`` started us, end when that has died."""
    supervisor, until = int(os.environ.get("TIANMU_SUPERVISOR") or 0), time.time() + seconds
    while (left := until - time.time()) > 0:
        if supervisor not in {0, os.getppid()}:
            raise SystemExit(0)
        time.sleep(min(left, 1.0))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, default=Path("data"))
    asked.add_argument("--share", type=float, default=0.02, help="a leak, of the inflow; 0: none")
    asked.add_argument("--seed", type=int, default=trial().seed)
    asked.add_argument(
        "--leak-in", type=float, metavar="MIN", help="minutes from now until today's leak begins"
    )
    asked.add_argument("--once", action="store_true", help="the last two hours, then stop")
    given = asked.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    city = connect(given.data)
    folder = given.data / "scenarios" / "gas-pipelines"
    brief = city.ask("GET", "/api/city")
    known = held(folder, *brief["center"])
    zone = ZoneInfo(brief["time_zone"])
    sink = io.BytesIO()
    table = fleet(known)
    pq.write_table(table, sink, compression="zstd")
    token = source_token(city)
    city.ask("POST", "/api/devices/bulk", content=sink.getvalue(),
             headers={"Content-Type": "application/vnd.apache.parquet"})  # fmt: skip
    log.info("%d devices, seeded, on a transplanted network", len(table))
    soon = None
    if given.leak_in is not None:
        soon = datetime.now(zone) + timedelta(minutes=given.leak_in)
    day = Day(known, given.seed, given.share, soon)
    step = timedelta(minutes=day.every)
    whole = datetime.now(UTC).timestamp() // step.total_seconds() * step.total_seconds()
    at = datetime.fromtimestamp(whole, UTC) - timedelta(hours=BACK_H)
    while True:
        wait = at.timestamp() - time.time()
        if wait > 0:
            if given.once:
                return
            _sleep(wait)
        local = at.astimezone(zone)
        write_truth(folder / "leaks.csv", day, local.date())
        send(city, token, told(known, day.until(local, 1)), at)
        at += step


if __name__ == "__main__":
    main()
