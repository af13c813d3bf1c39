"""Anomaly detection: throughput over all datastreams of a city, false alarms, faults found.

    python benchmarks/anomaly.py [--models N] [--seconds S] [--streams N] [--peers] [--real DIR]

Throughput is of one core, over detectors that have learnt for a week, values at random datastreams
in batches of 65,536, so that the caches do not help. Quality is on streams made by seeds from
12,000 on, which nothing was tuned on (those from 9,000 and 11,000 on had been looked at before the
last change): four weeks of values every five minutes, faults of a size in standard
deviations of the noise put in after some nineteen days; and counts of people or cars that drop to
nothing for twelve hours from some hour of the day on. ``--peers`` has libraries made for
streaming do the same with a few of those streams. ``--real DIR`` holds
``air/PRSA_Data_Dongsi_*.csv`` and ``energy/Building_3.csv``: of these, from 2016 on and of the
third building, how often scores are passed; what came before 2015 and the other buildings was tried
on. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.prevent.anomaly.streams import (
    BEGIN,
    DAY,
    FAULTS,
    WITHIN,
    Stream,
    counts,
    made,
    office,
    put,
    rain,
)

from tianmu.prevent.anomaly.bank import Bank
from tianmu.prevent.anomaly.layout import BYTES
from tianmu.rehearse.peers.beside import compare
from tianmu.rehearse.peers.known import of_anomaly
from tianmu.rehearse.peers.river import Values

SEED = 12_000
AT = 5_500
BATCH = 65_536
KINDS: dict[str, dict[str, float]] = {
    "white": {},
    "autocorrelated": {"phi": 0.8, "season": 3.0},
    "closely autocorrelated": {"phi": 0.97, "season": 3.0},
    "rounded": {"phi": 0.5, "season": 2.0, "round_to": 0.1},
}
SIZES: dict[str, tuple[float, ...]] = {
    "spike": (4, 6, 10), "shift": (2, 4, 8), "stuck": (0,), "drift": (6, 14),
}  # fmt: skip


def alarms(stream: Stream) -> np.ndarray:
    at, value = stream
    found = Bank(1).judge(np.zeros(len(value), np.uint32), at, value)
    return np.flatnonzero(found.alarm)


COUNTS: dict[str, tuple[float, float]] = {
    "every 5 min, 20": (300, 20), "hourly, 12": (3600, 12), "hourly, 300": (3600, 300),
}  # fmt: skip
"""seconds from one to the next, and how many they are on the mean by day"""
WEEK = 7 * DAY * 1_000_000
"""µs"""
AIR = ("PM2.5", "PM10", "SO2", "NO2", "CO", "O3", "TEMP", "PRES", "DEWP", "WSPM", "RAIN")
FROM = 2016
HOUSE = ("non_shiftable_load", "cooling_demand", "heating_demand", "solar_generation")


def calm(streams: list[Stream]) -> dict[str, float]:
    """What is told of streams without faults, and how often high scores are passed from the third
    week on."""
    early = late = weeks = 0.0
    passed: list[tuple[float, float]] = []
    for at, value in streams:
        found = Bank(1).judge(np.zeros(len(value), np.uint32), at, value)
        when = (at - at[0]) / WEEK
        told = when[found.alarm == 1]
        early, late = early + (told < 1).sum(), late + (told >= 1).sum()
        weeks += when[-1] - 1
        score = found.score[(when >= 2) & np.isfinite(found.score)]
        passed.append((float((score > 0.99).mean()), float((score > 0.999).mean())))
    often, seldom = np.mean(passed, axis=0)
    return {
        "false_alarms_per_week": round(float(early + late) / (weeks + len(streams)), 2),
        "first_week": round(float(early) / len(streams), 2),
        "later_weeks": round(float(late) / weeks, 2),
        "above_99_percent": round(float(often) * 100, 2),
        "above_999_percent": round(float(seldom) * 100, 3),
    }


def dropped(streams: int) -> dict[str, Any]:
    """Counts that drop to nothing for twelve hours in their eighth week."""
    said: dict[str, Any] = {}
    for name, (step, mean) in COUNTS.items():
        clean = [counts(SEED + 1 + i, 56, step, mean) for i in range(streams)]
        day, delays = int(DAY / step), []
        for i, (at, value) in enumerate(clean):
            row = 49 * day + int((7 + i % 8) * 3600 / step)
            spoilt = value.copy()
            spoilt[row : row + day // 2] = 0
            rows = alarms((at, spoilt))
            delays += [(int(n) - row) * step / 3600
                       for n in rows if row <= n < row + day // 2][:1]  # fmt: skip
        delay = round(float(np.median(delays)), 1) if delays else None
        found = {"found": len(delays), "of": streams, "median_delay_h": delay}
        said[name] = {**calm(clean), "drop": found}
    return said


def real(folder: Path) -> dict[str, Any]:
    """Hourly air and weather of a station, use and sun of a building; nobody marked faults."""
    streams: dict[str, Stream] = {}
    (air,) = folder.glob("air/PRSA_Data_Dongsi_*.csv")
    with air.open() as text:
        rows = [one for one in csv.DictReader(text) if int(one["year"]) >= FROM]
    first = np.datetime64(f"{FROM}-01-01T00", "us").astype(np.int64)
    for name in AIR:
        streams[name] = _hourly(int(first), [one[name] for one in rows])
    with (folder / "energy" / "Building_3.csv").open() as text:
        rows = list(csv.DictReader(text))
    for name in HOUSE:
        at, value = _hourly(BEGIN * 1_000_000, [one[name] for one in rows])
        if np.nanstd(value):
            streams[name] = at, value
    return {name: calm([one]) for name, one in streams.items()}


def _hourly(first: int, texts: list[str]) -> Stream:
    value = np.array([np.nan if one in ("", "NA") else float(one) for one in texts])
    return first + np.arange(len(value), dtype=np.int64) * 3_600_000_000, value


def throughput(models: int, seconds: float) -> dict[str, Any]:
    at, value = made(SEED, days=7, phi=0.8, season=3.0)
    learnt = Bank(1)
    learnt.judge(np.zeros(len(value), np.uint32), at, value)
    bank = Bank(models)
    bank.memory.exact[:] = learnt.memory.exact
    bank.memory.small[:] = learnt.memory.small
    draw = np.random.default_rng(SEED)
    batches = [
        (draw.integers(0, models, BATCH).astype(np.uint32), draw.normal(20, 1, BATCH))
        for _ in range(16)
    ]
    clock, done = int(at[-1]), 0
    begin = time.process_time()
    while time.process_time() - begin < seconds:
        index, values = batches[done % len(batches)]
        clock += 12_000_000
        bank.judge(index, np.full(BATCH, clock, np.int64), values)
        done += 1
    cpu = time.process_time() - begin
    return {
        "models": models, "bytes_per_datastream": BYTES,
        "memory_megabytes": round(bank.memory.nbytes / 1e6, 1),
        "observations_per_cpu_second": round(done * BATCH / cpu),
    }  # fmt: skip


def quality(streams: int) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for kind, how in KINDS.items():
        clean = [made(SEED + 1 + i, **how) for i in range(streams)]
        faults: dict[str, Any] = {}
        for fault in FAULTS:
            for size in SIZES[fault]:
                delays = []
                for i, (at, value) in enumerate(clean):
                    row = AT + 7 * i
                    rows = alarms((at, put(fault, value, row, size)))
                    delays += [int(one) - row for one in rows
                               if row <= one < row + WITHIN[fault]][:1]  # fmt: skip
                name = fault if fault == "stuck" else f"{fault} of {size:g}"
                faults[name] = {
                    "found": len(delays), "of": streams,
                    "median_delay_values": float(np.median(delays)) if delays else None,
                }  # fmt: skip
        said[kind] = {**calm(clean), "faults": faults}
    said["office"] = weekends(streams)
    said["rain"] = calm([rain(SEED + 1 + i) for i in range(streams)])
    return said


def weekends(streams: int) -> dict[str, Any]:
    """Hourly streams whose weekends have a day of another shape; a spike in their seventh week."""
    clean = [office(SEED + 1 + i, step=3600, phi=0.3) for i in range(streams)]
    left, faults = [], {}
    for at, value in clean:
        late = at >= at[0] + 5 * WEEK
        weekend = (at // 1_000_000 // DAY + 3) % 7 >= 5
        found = Bank(1).judge(np.zeros(len(value), np.uint32), at, value)
        off = (value - found.expected) ** 2
        left.append([off[late & weekend].mean(), off[late & ~weekend].mean()])
    for size in (4, 6):
        rows = [24 * (44 + i % 7) + 7 + i % 12 for i in range(streams)]
        hits = [
            bool({row, row + 1} & set(alarms((at, put("spike", value, row, size)))))
            for row, (at, value) in zip(rows, clean, strict=True)
        ]
        faults[f"spike of {size}"] = {
            "found": sum(hits), "of": streams, "median_delay_values": 0 if any(hits) else None,
        }  # fmt: skip
    rest, work = np.sqrt(np.mean(left, axis=0))
    return {**calm(clean), "left_on_weekends": round(float(rest), 2),
            "left_on_workdays": round(float(work), 2), "faults": faults}  # fmt: skip


PEERS_STREAMS = 2
"""of each of two kinds: peers are slow"""


def beside(ours: dict[str, Any]) -> list[dict[str, Any]]:
    """Peers on a few streams of the kinds with seasons, each fault of each size once in each; what
    is ours on the very same is added to ``ours``."""
    kinds = ("autocorrelated", "rounded")
    clean = [made(SEED + 1 + i, **KINDS[kind]) for kind in kinds for i in range(PEERS_STREAMS)]
    stream, rows, spoilt, delays = [], [], [], []
    for s, (at, value) in enumerate(clean):
        for fault in FAULTS:
            for size in SIZES[fault]:
                row, within = AT + 7 * s, WITHIN[fault]
                changed = put(fault, value, row, size)
                stream.append(s)
                rows.append(row)
                spoilt.append(changed[row : row + within])
                found = [n - row for n in alarms((at, changed)) if row <= n < row + within]
                delays += found[:1]
    weeks = 4 * len(clean)
    ours |= {
        "false_alarms_per_week": sum(len(alarms(one)) for one in clean) / weeks,
        "found": len(delays) / len(stream),
        "delay": float(np.median(delays)),
    }
    given = Values(
        np.array([value for _, value in clean]),
        300.0,
        np.array(stream),
        np.array(rows),
        spoilt,
        1.0,
    )
    return compare(of_anomaly(), given, ours, tell=lambda text: print(text, file=sys.stderr))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=int, default=1_560_000)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--streams", type=int, default=40)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--real", type=Path, help="folder of real streams")
    options = parser.parse_args()
    alarms(made(SEED, days=1))  # compiles or loads the kernel
    said = {**throughput(options.models, options.seconds), "quality": quality(options.streams)}
    said["counts"] = dropped(options.streams)
    if options.real:
        said["real"] = real(options.real)
    if options.peers:
        ours = {"observations_per_cpu_second": said["observations_per_cpu_second"]}
        said["peers"] = beside(ours)
        said["on_the_peers_streams"] = ours
    print(json.dumps(said))


if __name__ == "__main__":
    main()
