"""The hot stages as they are called in a city, each with work of like nature by others' code."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import guard_likes as likes
from benchmarks.guard_likes import Work
from benchmarks.prevent_kernel import Live, fleet, rules
from tianmu.access.scope import WHOLE
from tianmu.facts.batch import ObservationBatch
from tianmu.prevent.kernel.compile import Compiled
from tianmu.prevent.kernel.evaluate import Evaluator
from tianmu.prevent.kernel.program import Columns
from tianmu.prevent.rule.reading import load
from tianmu.rehearse.load.batch import BATCHES
from tianmu.sense.http.codec import decode
from tianmu.store.history import History, Membership
from tianmu.store.history.manifest import DAY
from tianmu.store.records import Records
from tianmu.store.registry import Registry, write_segment
from tianmu.web.map.tiles import Tiles

DEVICES = 200_000
ROWS = 1_000
"""observations of a message"""
HOUR = 3_600_000_000


@dataclass(frozen=True)
class Stage:
    """``run`` is one piece of work of ours, ``like`` one of others'; ``before`` is not timed."""

    name: str
    run: Work
    like: Work
    before: Work = lambda: None


def stages(folder: Path, wanted: Callable[[str], bool] = lambda name: True) -> list[Stage]:
    """Those that are wanted, made ready; files go to ``folder``."""
    makers: dict[str, Callable[[Path], Stage]] = {
        "decode JSON": lambda f: _decoding("json"),
        "decode columns": lambda f: _decoding("columns"),
        "decode Arrow": lambda f: _decoding("arrow"),
        "look up ids": _looking_up,
        "judge by seven rules": lambda f: _judging(),
        "append to the journal": _appending,
        "flush history": _flushing,
        "draw tiles": lambda f: _drawing(),
        "ask for windows": lambda f: _asking(f, "windows"),
        "ask for areas": lambda f: _asking(f, "areas"),
    }
    return [make(folder) for name, make in makers.items() if wanted(name)]


def _members() -> Membership:
    """Twelve towns of twenty villages, twenty kinds, one property with its alarm thresholds."""
    number = np.arange(DEVICES)
    return Membership(
        town=(1 + number % 12).astype(np.uint16),
        village=(1 + number % 240).astype(np.uint32),
        kind=(1 + number % 20).astype(np.uint16),
        department=(1 + number % 5).astype(np.uint16),
        property=np.ones(DEVICES, np.uint16),
        low=np.full(DEVICES, np.nan), high=np.full(DEVICES, 35.0),
        towns=("", *(f"t{n}" for n in range(12))),
        villages=("", *(f"v{n}" for n in range(240))),
        kinds=("", *(f"k{n}" for n in range(20))),
        departments=("", *(f"d{n}" for n in range(5))),
        properties=("", "value"),
    )  # fmt: skip


def _names(count: int) -> list[str]:
    return [f"b0123456-{number:07d}/value" for number in range(count)]


def _body(form: str, rows: int = ROWS) -> tuple[bytes, str]:
    batch = BATCHES[form](_names(rows))
    values = np.random.default_rng(1).integers(0, 1_000_000, rows)
    return batch.body(1_760_000_000_000_000, values), batch.content_type


def _decoding(form: str) -> Stage:
    body, kind = _body(form)
    name = {"json": "decode JSON", "columns": "decode columns", "arrow": "decode Arrow"}[form]
    pieces = 80 if form == "arrow" else 20
    like = likes.read_arrow(body) if form == "arrow" else likes.parse(body)

    def run() -> None:
        for _ in range(pieces):
            decode(body, kind)

    return Stage(name, run, like)


def _looking_up(folder: Path) -> Stage:
    """Ids as the decoder gives them, in an order of chance, of all devices."""
    names = np.random.default_rng(2).permutation(DEVICES)
    ids = [f"b0123456-{number:07d}/value" for number in names.tolist()]
    table = pa.table(
        {
            "device": [name.partition("/")[0] for name in _names(DEVICES)],
            "kind": ["k"] * DEVICES,
            "origin": ["seeded"] * DEVICES,
        }
    )
    registry = Registry(folder)
    written = write_segment(folder, table, properties={"k": ["value"]})
    registry.apply(registry.registration_of(written, at=1, actor="guard"))
    told = []
    for start in range(0, 50 * ROWS, ROWS):
        batch = BATCHES["arrow"](ids[start : start + ROWS])
        body = batch.body(1_760_000_000_000_000, np.zeros(ROWS, np.int64))
        told.append(decode(body, batch.content_type).datastream)

    def run() -> None:
        for one in told:
            registry.datastream_index(one)

    run()
    return Stage("look up ids", run, likes.probe(len(told) * ROWS * 2))


def _judging() -> Stage:
    """65,536 values of random datastreams."""
    batch = 65_536
    city = fleet(DEVICES)
    evaluator = Evaluator(Compiled(load(rules())), city, Live(city.datastreams))
    random = np.random.default_rng(1)
    datastream = random.integers(0, city.datastreams, batch).astype(np.uint32)
    value = random.normal(0, 1, batch)
    quality, sequence = np.zeros(batch, np.uint8), np.zeros(batch, np.uint32)
    clock = iter(range(1_700_000_000, 1 << 60, 30))

    def run() -> None:
        at = np.full(batch, next(clock) * 1_000_000, np.int64)
        told = Columns(datastream, at, value, quality, sequence, at)
        sum(map(len, evaluator.run(told)))

    run()
    return Stage("judge by seven rules", run, likes.judge(batch))


def _appending(folder: Path) -> Stage:
    """Messages of a thousand observations with their keys, all under way at once."""
    n = 100
    batch = ObservationBatch(
        datastream=np.arange(ROWS, dtype=np.uint32),
        phenomenon_time=np.full(ROWS, 1_760_000_000_000_000),
        value=np.random.default_rng(1).normal(20, 5, ROWS),
        received=1_760_000_000_000_000, source=1,
    )  # fmt: skip
    records = Records(folder / "gate.sqlite")
    payload = batch.encode()

    def run() -> None:
        go = threading.Event()  # all are committed together, however fast the disk is
        under_way = [records.write(lambda tx: go.wait(10))]
        for _ in range(n):
            key = os.urandom(16)
            payload = batch.encode()
            under_way.append(
                records.write(lambda tx, key=key, p=payload: tx.append("observation", p, key))
            )
        go.set()
        for one in under_way:
            one.result()

    run()
    return Stage("append to the journal", run, likes.insert(folder, payload, n))


def _observed(rows: int, series: int, start: int, end: int, seed: int) -> ObservationBatch:
    random = np.random.default_rng(seed)
    return ObservationBatch(
        datastream=random.integers(0, series, rows).astype(np.uint32),
        phenomenon_time=np.sort(random.integers(start // 1000, end // 1000, rows)) * 1000,
        value=random.normal(20, 5, rows).round(1),
        received=end, source=1,
    )  # fmt: skip


def _flushing(folder: Path) -> Stage:
    rows = 100_000
    end = time.time_ns() // 1000 // DAY * DAY
    place = folder / "flush"
    place.mkdir()
    members = _members()
    history = History(place, Records(place / "works.sqlite"), membership=lambda: members)
    number = iter(range(1 << 30))
    batch = _observed(rows, DEVICES, end - HOUR, end, 1)

    def before() -> None:
        history.append([batch], {"observation": next(number)})

    return Stage("flush history", history.flush, likes.sort_and_write(rows, DEVICES), before)


def _drawing() -> Stage:
    """Two dozen tiles near by and one from afar, none of them held."""
    random = np.random.default_rng(1)
    registry = SimpleNamespace(
        kinds=["smoke", "gas"], divisions=["", "A", "B"], departments=["", "D1"],
        count_devices=DEVICES,
        columns=SimpleNamespace(
            longitude=random.uniform(119.1, 119.7, DEVICES),
            latitude=random.uniform(31.1, 31.7, DEVICES),
            kind=random.integers(0, 2, DEVICES).astype(np.uint16),
            department=random.integers(0, 2, DEVICES).astype(np.uint16),
            division=random.integers(0, 3, DEVICES).astype(np.uint16),
            probe=np.zeros(DEVICES, np.uint8),
            first_datastream=np.arange(DEVICES + 1, dtype=np.uint32),
            device_of=np.arange(DEVICES, dtype=np.uint32),
        ),
    )  # fmt: skip
    alarm = np.where(random.random(DEVICES) < 0.01, random.integers(1, 5, DEVICES), 0)
    live = SimpleNamespace(alarm=alarm.astype(np.uint8), received=np.zeros(DEVICES, np.int64))
    hub: Any = SimpleNamespace(
        registry=registry, live=lambda: live, clock=lambda: 2 * 10**15,
        city=SimpleNamespace(kinds={}), memory={},
    )  # fmt: skip
    held: list[Tiles] = []

    def before() -> None:
        held[:] = [Tiles(hub)]
        held[0].tile(WHOLE, 0, 0, 0)  # takes the picture

    def run() -> None:
        made = held[0]
        for x in range(13_620, 13_626):
            for y in range(6_690, 6_694):
                made.tile(WHOLE, 14, x, y)
        made.tile(WHOLE, 10, 851, 418)

    return Stage("draw tiles", run, likes.paint(DEVICES), before)


def _asking(folder: Path, question: str) -> Stage:
    """Hours of a day by groups of series, of their observations; or by areas, of roll-ups, and how
    many exceed."""
    rows, towns = 400_000, 12
    start = time.time_ns() // 1000 // DAY * DAY - DAY
    place = folder / question
    place.mkdir()
    members = _members()
    history = History(place, Records(place / "works.sqlite"), membership=lambda: members)
    for number in range(4):
        history.append(
            [_observed(rows // 4, DEVICES, start, start + DAY, number)], {"observation": number}
        )
        history.flush()
    for day in history.days():
        history.compact(day)
    everyone = np.arange(DEVICES, dtype=np.uint32)

    def windows() -> None:
        history.windows(everyone, start, start + DAY, HOUR, groups=everyone % towns)

    def areas() -> None:
        for dimension in ("town", "village", "kind"):
            history.areas(dimension, start, start + DAY, HOUR)
            history.exceedances(dimension, start, start + DAY)

    run = windows if question == "windows" else areas
    run()
    return Stage(f"ask for {question}", run, likes.group(place, rows, DEVICES))
