"""Runs in Bytewax's own environment: the rule as a keyed, stateful step; prints what it reached.

    python -I bytewax_flow.py NAMES BATCH SECONDS LIMIT DEADBAND

Batches of (datastream, (time, value)) are made beforehand, so that only the engine is measured.
"""

from __future__ import annotations

import json
import random
import sys
import time
from datetime import datetime
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

POOL = 64
Event = tuple[str, tuple[float, float]]


def pool(names: list[str], size: int) -> list[list[Event]]:
    """Batches that go round all datastreams in an order of chance."""
    order = random.sample(names, len(names))
    count = max(1, min(POOL, len(order) // size))
    return [
        [(name, (0.0, random.random() * 1e4)) for name in order[n * size : (n + 1) * size]]
        for n in range(count)
    ]


class Batches(StatelessSourcePartition[Event]):
    def __init__(self, batches: list[list[Event]], end: float) -> None:
        self._batches, self._end, self._turn = batches, end, 0

    def next_batch(self) -> list[Event]:
        if time.perf_counter() > self._end:
            raise StopIteration
        self._turn += 1
        return self._batches[self._turn % len(self._batches)]

    def next_awake(self) -> datetime | None:
        return None


class Source(DynamicSource[Event]):
    def __init__(self, batches: list[list[Event]], end: float) -> None:
        self._batches, self._end = batches, end

    def build(self, step_id: str, worker_index: int, worker_count: int) -> Batches:
        return Batches(self._batches, self._end)


class Count(StatelessSinkPartition[Any]):
    seen = 0

    def write_batch(self, items: list[Any]) -> None:
        Count.seen += len(items)


class Sink(DynamicSink[Any]):
    def build(self, step_id: str, worker_index: int, worker_count: int) -> Count:
        return Count()


def main() -> None:
    file, size, seconds, limit, deadband = sys.argv[1:]
    with open(file, encoding="utf-8") as lines:  # noqa: PTH123
        names = lines.read().split("\n")
    high, low = float(limit), float(limit) - float(deadband)
    batches = pool(names, int(size))

    def rule(state: bool | None, event: tuple[float, float]) -> tuple[bool, int]:
        """Whether the condition holds now, and 1 where it began to."""
        if not state:
            return (True, 1) if event[1] > high else (False, 0)
        return event[1] >= low, 0

    begin = time.perf_counter()
    flow = Dataflow("rule")
    stream = op.input("in", flow, Source(batches, begin + float(seconds)))
    judged = op.stateful_map("rule", stream, rule)
    op.output("out", judged, Sink())
    run_main(flow)
    print(json.dumps({"events": Count.seen, "seconds": time.perf_counter() - begin}))


if __name__ == "__main__":
    main()
