"""The generator of truth: the same day from the same seed, everything told of, nothing judged."""

from __future__ import annotations

import json
import secrets
from collections import Counter

import pytest

from tianmu.city import pack
from tianmu.city.city import City
from tianmu.facts.report import Report
from tianmu.rehearse.truth import day
from tianmu.rehearse.truth.incident import METRES

BEGIN = 1_772_420_400_000_000


def make(city: City, seed: int, hours: float) -> day.Day:
    assert city.truth is not None
    return day.make(
        city.truth.plain(),
        city.seeding.plain(),
        json.loads(city.map_layer("towns")),
        {key: one.name for key, one in city.matters.items()},
        {code: one.name for code, one in city.divisions.items()},
        city.languages[0],
        seed=seed,
        begin=BEGIN,
        hours=hours,
    )


@pytest.fixture(scope="module", params=["liyang", "port_ellery"])
def city(request: pytest.FixtureRequest) -> City:
    return pack.load(request.param)


def test_a_seed_makes_the_same_day_again(city: City) -> None:
    seed = secrets.randbelow(1 << 30)
    print(f"seed {seed}")
    one, other = make(city, seed, 0.2), make(city, seed, 0.2)
    assert one.told == other.told
    assert one.things == other.things
    assert make(city, seed + 1, 0.2).told != one.told


def test_the_day_is_as_the_pack_says(city: City) -> None:
    seed = secrets.randbelow(1 << 30)
    print(f"seed {seed}")
    assert city.truth is not None
    hours = 600 / city.truth.signals_per_hour * 4
    made = make(city, seed, hours)
    truth = made.truth()
    assert len(truth) == pytest.approx(2400, rel=0.25)
    assert set(truth.values()) == set(range(len(made.things)))  # nothing happens untold
    twice = Counter(one.signal for one in made.told if one.signal)
    assert 0 < sum(n - 1 for n in twice.values()) < 0.05 * len(truth)
    assert [one.at for one in made.told] == sorted(one.at for one in made.told)
    for one in made.told:
        thing = made.things[one.thing]
        assert one.at >= made.begin + int(thing.at * 1e6)
        if isinstance(one.fact, Report):
            assert one.fact.text
            assert one.fact.place.longitude is not None or one.fact.place.address
    again = [thing for thing in made.things if thing.again_of >= 0]
    assert again
    for thing in again:
        first = made.things[thing.again_of]
        assert thing.at > first.over
        assert abs(thing.latitude - first.latitude) * METRES < 1
    matters = set(city.matters)
    assert {one.fact.matter for one in made.told if one.fact.matter} <= matters


def test_what_comes_and_what_is_over_come_in_turn(city: City) -> None:
    made = make(city, secrets.randbelow(1 << 30), 0.2)
    steps = list(made.steps())
    assert len(steps) == len(made.told) + len(made.things)
    assert [at for at, _ in steps] == sorted(at for at, _ in steps)
