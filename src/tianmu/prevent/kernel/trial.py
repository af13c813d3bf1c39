"""A rule set tried on history: what would have alarmed, before it is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from tianmu.prevent.kernel import program
from tianmu.prevent.kernel.compile import Compiled
from tianmu.prevent.kernel.evaluate import Evaluator, Found
from tianmu.prevent.kernel.fleet import Array, Fleet
from tianmu.prevent.kernel.program import Columns
from tianmu.prevent.rule.rule import AnyRule

S = 1_000_000


@dataclass(frozen=True, eq=False)
class Series:
    """Past observations of one property of one device, in time order; arrays of shape (n,)."""

    device: str
    kind: str
    property: str
    time: Array
    """i64 µs"""
    value: Array
    division: str = ""
    quality: Array | None = None


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One time that a condition would have held. ``end`` is None where it still did."""

    rule: str
    device: str
    property: str
    start: int
    end: int | None
    value: float
    test: bool = False


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; ``per_rule`` counts rises, also of rules that never held."""

    observations: int
    tried: list[Tried]
    per_rule: dict[str, int]


class _Columns:
    """Live columns of the trial's own."""

    def __init__(self, n: int) -> None:
        self.value = np.zeros(n, np.float64)
        self.time = np.zeros(n, np.int64)
        self.received = np.zeros(n, np.int64)
        self.quality = np.zeros(n, np.uint8)
        self.count = np.zeros(n, np.uint32)


def run_trial(
    rules: Sequence[AnyRule],
    series: Sequence[Series],
    *,
    parents: Mapping[str, str] | None = None,
    heartbeats: Mapping[str, float] | None = None,
    sweep_s: float = 60.0,
) -> Trial:
    """Play ``series`` through ``rules`` with the very kernel that judges the present.

    Phenomena are taken to have arrived when they happened; the clock is looked at every
    ``sweep_s`` seconds of the past. Raises ``ValueError`` where one property comes twice.
    """
    fleet, order = _fleet(series)
    live = _Columns(fleet.datastreams)
    compiled = Compiled(rules, parents=parents, heartbeats=heartbeats)
    evaluator = Evaluator(compiled, fleet, live)
    columns = _merge(order)
    open_at: dict[tuple[int, str], int] = {}
    tried: list[Tried] = []
    per_rule = dict.fromkeys((rule.code for rule in rules), 0)

    def take(found: Found, now: int | None) -> None:
        for i in range(len(found)):
            d, code = int(found.datastream[i]), compiled.rule_of(int(found.operation[i])).code
            at = int(found.time[i]) if now is None else now
            key = (d, code)
            if found.kind[i] != program.RAISED and key in open_at:
                number = open_at.pop(key)
                tried[number] = msgspec.structs.replace(tried[number], end=at)
            if found.kind[i] != program.RETURNED:
                open_at[key] = len(tried)
                per_rule[code] += 1
                tried.append(
                    Tried(
                        rule=code,
                        device=order[d].device,
                        property=order[d].property,
                        start=at,
                        end=None,
                        value=float(found.value[i]),
                        test=bool(found.test[i]),
                    )
                )

    n = len(columns.time)
    step = round(sweep_s * S)
    at = 0
    while at < n:
        tick = int(columns.time[at]) + step
        end = int(np.searchsorted(columns.time, tick, side="left"))
        for found in evaluator.run(Columns(*(column[at:end] for column in columns))):
            take(found, None)
        # through a gap in the data the clock goes on as well
        until = int(columns.time[end]) if end < n else tick
        for now in range(tick, max(until, tick) + 1, max(step, (until - tick) // 100 or 1)):
            for found in evaluator.sweep(now):
                take(found, now)
        at = end
    return Trial(observations=n, tried=tried, per_rule=per_rule)


def _fleet(series: Sequence[Series]) -> tuple[Fleet, list[Series]]:
    """The devices of ``series``, and the series in the order of the dense index."""
    by_device: dict[str, list[Series]] = {}
    for one in series:
        mine = by_device.setdefault(one.device, [])
        if any(other.property == one.property for other in mine):
            raise ValueError(f"{one.device}/{one.property} comes twice: join its series")
        mine.append(one)
    devices = list(by_device)
    heads = [mine[0] for mine in by_device.values()]
    order = [one for mine in by_device.values() for one in mine]
    kinds = sorted({one.kind for one in heads})
    divisions = sorted({one.division for one in heads})
    properties = sorted({one.property for one in order})
    fleet = Fleet(
        kinds=kinds,
        divisions=divisions,
        properties=properties,
        kind=np.array([kinds.index(one.kind) for one in heads], np.uint16),
        division=np.array([divisions.index(one.division) for one in heads], np.uint32),
        first=np.cumsum([0, *(len(mine) for mine in by_device.values())]).astype(np.uint32),
        observed=np.array([properties.index(one.property) for one in order], np.uint16),
        find=lambda name: devices.index(name) if name in by_device else None,
    )
    return fleet, order


def _merge(order: Sequence[Series]) -> Columns:
    """All observations in the order of time."""
    lengths = [len(one.time) for one in order]
    datastream = np.repeat(np.arange(len(order), dtype=np.uint32), lengths)
    time = np.concatenate(
        [np.zeros(0, np.int64), *(np.asarray(one.time, np.int64) for one in order)]
    )
    value = np.concatenate(
        [np.zeros(0, np.float64), *(np.asarray(one.value, np.float64) for one in order)]
    )
    quality = np.concatenate(
        [
            np.zeros(0, np.uint8),
            *(
                np.zeros(len(one.time), np.uint8)
                if one.quality is None
                else np.asarray(one.quality, np.uint8)
                for one in order
            ),
        ]
    )
    by_time = np.argsort(time, kind="stable")
    return Columns(
        datastream=datastream[by_time],
        time=time[by_time],
        value=value[by_time],
        quality=quality[by_time],
        sequence=np.zeros(len(time), np.uint32),
        received=time[by_time].copy(),
    )
