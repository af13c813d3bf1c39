"""The mixed load: what its messages hold, what falls due when, and what a city's effort is."""

from __future__ import annotations

import itertools
import json

import pytest

from tianmu.rehearse.city.effort import cores
from tianmu.rehearse.load.mixed import BATCH, LARGE, Bodies, Phase, _Run

NAMES = [f"dev-{number}/value" for number in range(4_000)]


def test_batches_and_singles_cover_every_datastream_and_share_none() -> None:
    bodies = Bodies(NAMES)
    make, single = next(bodies.batches()), bodies.singles()
    batched: list[str] = []
    for number, size in enumerate(itertools.islice(itertools.cycle((BATCH, LARGE)), 8)):
        body = json.loads(make(size, 1_800_000_000_000 + number))
        assert {len(column) for column in body.values()} == {size}
        assert set(body["time"]) == {1_800_000_000_000 + number}
        batched += body["datastream"]
    alone = [json.loads(single(1, 7))["datastream"] for _ in range(200)]
    assert set(batched) | set(alone) == set(NAMES)
    assert not set(batched) & set(alone)
    # in turn: none comes again before all have come
    assert len(set(batched[:3_800])) == 3_800 and len(set(alone)) == 200


def test_too_few_datastreams_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        Bodies(NAMES[:500])


def test_what_falls_due_follows_the_phases() -> None:
    run = _Run((Phase("before", 10, 100), Phase("burst", 5, 1000), Phase("after", 10, 100)))
    at = run.began
    assert run.due(0.5, at + 10) == (500.0, run.phases[1])
    assert run.due(0.5, at + 12) == (1500.0, run.phases[1])
    assert run.due(0.5, at + 20) == (500.0 + 2500.0 + 250.0, run.phases[2])
    assert run.due(1.0, run.end + 99) == (7000.0, run.phases[2])


def test_effort_is_counted_only_of_processes_that_stayed() -> None:
    found = cores({"gate": 1.0, "hub": 2.0}, {"gate": 3.0, "hub": 2.5}, 10)
    assert found == (0.25, {"gate": 0.2, "hub": 0.05})
    with pytest.raises(ValueError, match="came or went"):
        cores({"gate": 5.0}, {"gate": 0.5}, 10)
