"""The kernel finds exactly what a slow, obvious reading of the rules finds."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tianmu.prevent.kernel import program
from tianmu.prevent.kernel.compile import Compiled
from tianmu.prevent.kernel.evaluate import Evaluator, Found
from tianmu.prevent.kernel.program import Columns
from tianmu.prevent.rule.reading import load
from tianmu.prevent.rule.rule import AnyRule

from .fleets import PlainLive, fleet_of
from .reference import TRUTHS, City, Reading

S = 1_000_000
AHEAD = 20
KIND = {program.RAISED: "raise", program.RETURNED: "return", program.PROMOTED: "promote"}
PARENTS = {"a1": "a", "a2": "a"}
HEARTBEATS = {"x": 6.0}

delays = st.sampled_from([0, 0, 2, 5])
common = {
    "name": st.just({"en": "n"}),
    "kind": st.sampled_from(["x", "x", "y"]),
    "priority": st.just(3),
    "on_delay_s": delays,
    "off_delay_s": delays,
}
places = st.fixed_dictionaries({}, optional={"limit": st.integers(0, 9)}).flatmap(
    lambda d: st.sampled_from([{"division": "a"}, {"division": "a1"}, {"device": "d1"}]).map(
        lambda w: {**d, **w}
    )
)


def whose(override: dict[str, Any]) -> str:
    return str(override.get("division", override.get("device")))


overrides = st.lists(places, max_size=3, unique_by=whose)


def rules_of(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({**common, **fields})


one_rule = st.one_of(
    rules_of(
        type=st.just("threshold"),
        property=st.sampled_from("pq"),
        direction=st.sampled_from(["high", "low"]),
        limit=st.integers(0, 9),
        deadband=st.integers(0, 3),
        overrides=overrides,
    ),
    rules_of(
        type=st.just("threshold"),
        property=st.sampled_from("pq"),
        direction=st.just("outside"),
        low=st.integers(0, 3),
        high=st.integers(7, 9),
        deadband=st.integers(0, 1),
    ),
    rules_of(
        type=st.just("rate"),
        property=st.sampled_from("pq"),
        direction=st.sampled_from(["rise", "fall", "either"]),
        limit=st.sampled_from([0.5, 2, 4]),
        window_s=st.sampled_from([2, 5, 10]),
        relative=st.booleans(),
        deadband=st.sampled_from([0, 0.25]),
        overrides=st.lists(
            places.filter(lambda o: o.get("limit") != 0), max_size=2, unique_by=whose
        ),
    ),
    rules_of(
        type=st.just("state"),
        property=st.sampled_from("pq"),
        match=st.sampled_from(["any", "all", "none", "equal", "unequal", "changed"]),
        mask=st.integers(1, 7),
        limit=st.integers(0, 7),
    ),
    rules_of(
        type=st.just("silence"),
        property=st.sampled_from(["", "p"]),
        limit=st.sampled_from([None, 3, 8]),
        overrides=st.lists(
            places.filter(lambda o: o.get("limit") != 0), max_size=2, unique_by=whose
        ),
    ),
    rules_of(
        type=st.just("expression"),
        expression=st.sampled_from(sorted(TRUTHS)),
        property=st.sampled_from(["", "q"]),
        max_age_s=st.sampled_from([0, 4]),
    ),
)
rule_sets = st.lists(one_rule, min_size=1, max_size=7).map(
    lambda rules: [{**r, "code": f"r{i}"} for i, r in enumerate(rules)]
)
DEVICES = [
    ("x", ["p", "q"], ["a1", "a"]),
    ("x", ["q", "p"], ["a2", "a"]),
    ("y", ["p"], ["a"]),
    ("x", ["p", "q"], ["b"]),
]
observation = st.tuples(
    st.integers(0, 3),
    st.sampled_from("pq"),
    st.integers(-2, 3),  # seconds since the stream's latest
    st.one_of(st.integers(-1, 10).map(float), st.just(float("nan"))),
    st.sampled_from([0, 0, 0, 0, 1, 2, 3, 4]),
    st.integers(0, 1),
    st.integers(0, 2),  # seconds of the clock since the one before
)
sweep = st.integers(0, 6)
streams = st.lists(
    st.one_of(observation, observation, observation, sweep), min_size=15, max_size=80
)


def play(
    rules: list[AnyRule], stream: list[Any], cut: int
) -> tuple[City, Evaluator, list[tuple[Any, ...]]]:
    """The same stream through the reference and, in batches of ``cut``, through the kernel."""
    city = City(rules, DEVICES, HEARTBEATS, AHEAD * S)
    fleet = fleet_of([(k, p, d[0]) for k, p, d in DEVICES])
    live = PlainLive(fleet.datastreams)
    compiled = Compiled(rules, parents=PARENTS, heartbeats=HEARTBEATS)
    evaluator = Evaluator(compiled, fleet, live, ahead_s=AHEAD)
    index = [(i, p) for i, (_, properties, _) in enumerate(DEVICES) for p in properties]
    got: list[tuple[Any, ...]] = []
    batch: list[tuple[Any, ...]] = []

    def take(found: Found) -> None:
        for i in range(len(found)):
            device, name = index[found.datastream[i]]
            operation = int(found.operation[i])
            rule = compiled.rule_of(operation)
            timed = rule.__struct_config__.tag not in ("expression", "silence")
            got.append(
                (
                    device,
                    name,
                    rule.code,
                    KIND[int(found.kind[i])],
                    bool(found.test[i]),
                    int(found.time[i]) if timed else None,
                )
            )

    def flush() -> None:
        if batch:
            d, t, v, q, s, r = zip(*batch, strict=True)
            columns = Columns(
                np.array(d, np.uint32),
                np.array(t, np.int64),
                np.array(v, np.float64),
                np.array(q, np.uint8),
                np.array(s, np.uint32),
                np.array(r, np.int64),
            )
            for found in evaluator.run(columns):
                take(found)
            batch.clear()

    clock = 1_000 * S
    times: dict[int, int] = {}
    for item in stream:
        if isinstance(item, int):
            flush()
            clock += item * S
            for found in evaluator.sweep(clock):
                take(found)
            city.sweep(clock)
            continue
        device, name, step, value, quality, sequence, wait = item
        if (device, name) not in index:
            continue
        clock += wait * S
        d = index.index((device, name))
        t = times.get(d, clock) + step * S
        times[d] = max(t, times.get(d, 0))
        city.observe(device, name, Reading(value, t, clock, quality, sequence))
        batch.append((d, t, value, quality, sequence, clock))
        if len(batch) >= cut:
            flush()
    flush()
    return city, evaluator, got


def by_condition(found: list[tuple[Any, ...]]) -> dict[Any, list[Any]]:
    told: dict[Any, list[Any]] = {}
    for device, name, code, *rest in found:
        told.setdefault((device, name, code), []).append(rest)
    return told


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rule_sets, streams, st.integers(1, 9))
def test_kernel_agrees_with_the_reference(
    data: list[dict[str, Any]], stream: list[Any], cut: int
) -> None:
    city, evaluator, got = play(load(data), stream, cut)
    assert by_condition(got) == by_condition(city.found)
    counters = evaluator.counters
    assert counters[program.LATE] == city.counts.get("late", 0)
    assert counters[program.DUPLICATE] == city.counts.get("duplicate", 0)
    assert counters[program.AHEAD] == city.counts.get("ahead", 0)
    live = evaluator.live
    d = 0
    for device, (_, properties, _) in enumerate(DEVICES):
        for name in properties:
            reading = city.now.get((device, name))
            if reading is None:
                assert live.count[d] == 0
            else:
                assert (live.time[d], live.received[d], live.quality[d]) == (
                    reading.time,
                    reading.received,
                    reading.quality,
                )
                np.testing.assert_equal(live.value[d], reading.value)
            d += 1
    for c in city.conditions:
        d = sum(len(DEVICES[i][1]) for i in range(c.device))
        d += DEVICES[c.device][1].index(c.property)
        assert evaluator.holds(d, c.rule.code) == c.active
