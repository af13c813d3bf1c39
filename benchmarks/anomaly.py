"""Anomaly detection: throughput over all datastreams of a city, false alarms, faults found.

    python benchmarks/anomaly.py [--models N] [--seconds S] [--streams N] [--peers]

Throughput is of one core, over detectors that have learnt for a week, values at random datastreams
in batches of 65,536, so that the caches do not help. Quality is on streams made by seeds from 9,000
on, which nothing was tuned on: four weeks of values every five minutes, faults of a size in
standard deviations of the noise put in after some nineteen days. ``--peers`` has libraries made for
streaming do the same with a few of those streams. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.prevent.anomaly.streams import FAULTS, WITHIN, Stream, made, put, rain

from tianmu.prevent.anomaly.bank import Bank
from tianmu.prevent.anomaly.layout import BYTES
from tianmu.rehearse.peers.beside import compare
from tianmu.rehearse.peers.known import of_anomaly
from tianmu.rehearse.peers.river import Values

SEED = 9_000
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
        weeks = 4 * streams
        false = sum(len(alarms(one)) for one in clean)
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
        said[kind] = {"false_alarms_per_week": round(false / weeks, 2), "faults": faults}
    showers = sum(len(alarms(rain(SEED + 1 + i))) for i in range(streams))
    said["rain"] = {"false_alarms_per_week": round(showers / (4 * streams), 2)}
    return said


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
    options = parser.parse_args()
    alarms(made(SEED, days=1))  # compiles or loads the kernel
    said = {**throughput(options.models, options.seconds), "quality": quality(options.streams)}
    if options.peers:
        ours = {"observations_per_cpu_second": said["observations_per_cpu_second"]}
        said["peers"] = beside(ours)
        said["on_the_peers_streams"] = ours
    print(json.dumps(said))


if __name__ == "__main__":
    main()
