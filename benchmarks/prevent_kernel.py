"""Observations per CPU second through the rules, at the size of a whole city.

    python benchmarks/prevent_kernel.py [--devices N] [--seconds S]

Devices with 1.3 datastreams each on average and about 7 rules per datastream (CONTRACTS.md, load
and data); random datastreams in batches of 65,536, so that the caches do not help. Prints one JSON
object.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from typing import Any

import numpy as np

from tianmu.prevent.kernel.compile import Compiled
from tianmu.prevent.kernel.evaluate import Evaluator
from tianmu.prevent.kernel.fleet import Fleet
from tianmu.prevent.kernel.program import Columns
from tianmu.prevent.rule.reading import load

KINDS = 20
S = 1_000_000


class Live:
    def __init__(self, n: int) -> None:
        self.value = np.zeros(n, np.float64)
        self.time = np.zeros(n, np.int64)
        self.received = np.zeros(n, np.int64)
        self.quality = np.zeros(n, np.uint8)
        self.count = np.zeros(n, np.uint32)


def rules() -> list[dict[str, Any]]:
    """About 7 on each datastream: thresholds with deadbands and delays, states, a rate, silence."""
    made: list[dict[str, Any]] = []
    for kind in range(KINDS):
        properties = ["p0", "p1"] if kind % 10 < 3 else ["p0"]
        for name in properties:
            common = {"name": {"en": "n"}, "kind": f"k{kind}", "property": name}
            threshold = {**common, "type": "threshold", "deadband": 0.1}
            made += [
                {**threshold, "direction": "high", "limit": 3.5, "priority": 1},
                {**threshold, "direction": "high", "limit": 3.2, "priority": 2, "on_delay_s": 60},
                {**threshold, "direction": "low", "limit": -3.5, "priority": 2},
                {**threshold, "direction": "outside", "low": -3.3, "high": 3.4, "priority": 3},
                {
                    **common,
                    "type": "rate",
                    "direction": "either",
                    "limit": 9,
                    "window_s": 300,
                    "priority": 3,
                },
                {**common, "type": "state", "match": "equal", "limit": 7, "priority": 4},
            ]
        made.append(
            {
                "type": "silence",
                "name": {"en": "s"},
                "kind": f"k{kind}",
                "limit": 3600,
                "priority": 4,
            }
        )
    return [{**rule, "code": f"r{i}"} for i, rule in enumerate(made)]


def fleet(devices: int) -> Fleet:
    kind = np.arange(devices, dtype=np.uint16) % KINDS
    width = np.where(kind % 10 < 3, 2, 1)
    first = np.concatenate([[0], np.cumsum(width)]).astype(np.uint32)
    observed = (np.arange(first[-1]) - np.repeat(first[:-1], width)).astype(np.uint16)
    return Fleet(
        kinds=[f"k{i}" for i in range(KINDS)],
        divisions=["", "town"],
        properties=["p0", "p1"],
        kind=kind,
        division=np.ones(devices, np.uint32),
        first=first,
        observed=observed,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--devices", type=int, default=1_560_000)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--batch", type=int, default=65_536)
    options = parser.parse_args()
    city = fleet(options.devices)
    live = Live(city.datastreams)
    clock = 1_700_000_000 * S
    start = time.process_time()
    evaluator = Evaluator(Compiled(load(rules())), city, live)
    compiled = time.process_time() - start
    draw = np.random.default_rng(1)
    n = options.batch
    batches = [
        (draw.integers(0, city.datastreams, n).astype(np.uint32), draw.normal(0, 1, n))
        for _ in range(16)
    ]
    quality, sequence = np.zeros(n, np.uint8), np.zeros(n, np.uint32)

    def step(i: int) -> int:
        nonlocal clock
        clock += 30 * S
        datastream, value = batches[i % len(batches)]
        at = np.full(n, clock, np.int64)
        return sum(
            map(
                len,
                evaluator.run(Columns(datastream, at, value, quality, sequence, at)),
            )
        )

    step(0)  # compiles or loads the kernel
    done = transitions = 0
    start = time.process_time()
    while time.process_time() - start < options.seconds:
        transitions += step(done)
        done += 1
    cpu = time.process_time() - start
    list(evaluator.sweep(clock))
    start = time.process_time()
    silent = sum(map(len, evaluator.sweep(clock + S)))
    swept = time.process_time() - start
    instances = len(evaluator.snapshot()["state"])
    print(
        json.dumps(
            {
                "devices": options.devices,
                "datastreams": city.datastreams,
                "rules_per_datastream": round(instances / city.datastreams, 2),
                "observations_per_cpu_second": round(done * n / cpu),
                "transitions_per_cpu_second": round(transitions / cpu),
                "batch": n,
                "compile_seconds": round(compiled, 2),
                "sweep_ms": round(swept * 1000, 2),
                "silent_found_by_sweep": silent,
                "state_bytes_per_datastream": round(evaluator.memory_bytes / city.datastreams, 1),
                "state_megabytes": round(evaluator.memory_bytes / 1e6, 1),
                "live_bytes_per_datastream": 29,
                "peak_rss_megabytes": round(
                    resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1
                ),
            }
        )
    )


if __name__ == "__main__":
    main()
