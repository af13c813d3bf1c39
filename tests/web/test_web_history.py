"""The past over HTTP: what was measured is found, a spike in a million points too; nobody sees
beyond their scope, and what costs too much is refused before it runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tianmu.access.scope import below
from tianmu.facts.batch import BAD, TEST, ObservationBatch
from tianmu.store.history import History
from tianmu.store.records import Records
from tianmu.web.answer import moment
from tianmu.web.bounds.allowance import Allowance

DAY, HOUR, MINUTE, SECOND = 86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000
YESTERDAY = time.time_ns() // 1000 // DAY * DAY - DAY


@pytest.fixture(scope="module")
def works(world: Any) -> Iterator[History]:
    """The past as works writes it, beside the hub that asks."""
    records = Records(world.hub.data / "works.sqlite")
    history = History(world.hub.data, records)
    yield history
    history.close()
    records.close()


def first_stream(world: Any, device: str) -> str:
    """The name of a device's first datastream."""
    registry = world.hub.registry
    stream = registry.datastreams_of(registry.find(device)).start
    return f"{device}/{registry.property_of(stream)}"


def write(world: Any, works: History, name: str, times: Any, values: Any, **more: Any) -> None:
    stream = int(world.hub.registry.datastream_index([name])[0])
    works.append(
        [
            ObservationBatch(
                datastream=np.full(len(times), stream, np.uint32),
                phenomenon_time=np.asarray(times, np.int64),
                value=np.asarray(values, np.float64),
                received=YESTERDAY,
                source=1,
                **more,
            )
        ],
        {},
    )
    works.flush()


def ask(client: Any, path: str, **query: Any) -> Any:
    answer = client.get(f"/api/history/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def million(world: Any, works: History) -> tuple[str, int]:
    """A datastream with a million observations of one day and one spike; when that was."""
    name = first_stream(world, "d1")
    times = YESTERDAY + np.arange(1_000_000, dtype=np.int64) * (DAY // 1_000_000)
    values = 10 + np.sin(np.arange(1_000_000) / 9000)
    values[654_321] = 500.0
    write(world, works, name, times, values)
    return name, int(times[654_321])


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("points", [50, 400, 1000, 20_000])
def test_a_spike_in_a_million_points_is_in_every_envelope(
    world: Any, works: History, million: tuple[str, int], points: int, compacted: bool
) -> None:
    name, spike = million
    if compacted:
        works.compact(moment.say(YESTERDAY)[:10])
    with world.client("duty_officer") as client:
        span = {"from": moment.say(YESTERDAY), "to": moment.say(YESTERDAY + DAY)}
        found = ask(client, "series", datastream=name, points=points, **span)
        one = found["series"][0]
        assert not one["raw"] and len(one["at"]) <= points and one["quality"] == []
        assert sum(one["count"]) == 1_000_000
        high = [value > 400 for value in one["high"]]
        assert sum(high) == 1 and max(one["high"]) == 500.0
        began = moment.read(one["at"][high.index(True)])
        assert began <= spike < began + max(one["step"] * SECOND, MINUTE)
        assert min(one["low"]) == pytest.approx(9.0, abs=1e-6)
        windows = ask(client, "windows", datastream=name, step=3600, **span)["windows"][0]
        assert max(windows["high"]) == 500.0 and sum(windows["count"]) == 1_000_000


def test_a_closer_look_shows_the_observation_itself(world: Any, million: tuple[str, int]) -> None:
    name, spike = million
    with world.client("duty_officer") as client:
        around = {"from": moment.say(spike - 10 * SECOND), "to": moment.say(spike + 10 * SECOND)}
        one = ask(client, "series", datastream=name, **around)["series"][0]
    assert one["raw"] and 500.0 in one["value"]
    assert one["low"] == one["value"] == one["high"]


def test_qualities_stand_apart_and_limits_come_along(world: Any, works: History) -> None:
    registry = world.hub.registry
    device, rule = next(
        (f"d{n}", rule)
        for n in range(60)
        for rule in world.city.rules
        if rule["type"] == "threshold" and rule.get("kind") == registry.device(n).kind
    )
    kind = world.city.kinds[rule["kind"]]
    name = f"{device}/{rule['property']}"
    times = [YESTERDAY + n * MINUTE for n in range(4)]
    write(
        world, works, name, times, [1.0, 99.0, 98.0, 3.0],
        quality=np.array([0, BAD, TEST, 1], np.uint8),
    )  # fmt: skip
    span = {"from": moment.say(YESTERDAY), "to": moment.say(YESTERDAY + HOUR)}
    with world.client("duty_officer") as client:
        one = ask(client, "series", datastream=name, **span)["series"][0]
        assert one["quality"] == [0, BAD, TEST, 1] and one["value"] == [1.0, 99.0, 98.0, 3.0]
        assert one["unit"] == kind.properties[rule["property"]].unit
        lines = {(line["rule"], line["value"]) for line in one["limits"]}
        assert (rule["code"], rule.get("limit", rule.get("high"))) in lines
        few = ask(client, "series", datastream=name, points=2, **span)["series"][0]
        assert not few["raw"] and sum(few["count"]) == 2
        assert max(few["high"]) == 3.0, "what is bad or a test is never averaged"
        assert few["apart"]["value"] == [99.0, 98.0] and few["apart"]["whole"]
        assert few["apart"]["quality"] == [BAD, TEST]
        assert few["apart"]["at"] == [moment.say(t) for t in times[1:3]]


def test_silence_is_a_gap(world: Any, works: History) -> None:
    kind = next(k for k in world.city.kinds.values() if k.heartbeat_s and k.heartbeat_s > 900)
    device = next(
        d for d in (f"d{n}" for n in range(60))
        if world.hub.registry.device(world.hub.registry.find(d)).kind == kind.code
    )  # fmt: skip
    name = first_stream(world, device)
    times = [YESTERDAY + n * MINUTE for n in [*range(30), *range(300, 330)]]
    write(world, works, name, times, np.ones(60))
    with world.client("duty_officer") as client:
        span = {"from": moment.say(YESTERDAY), "to": moment.say(YESTERDAY + DAY)}
        one = ask(client, "series", datastream=name, **span)["series"][0]
        assert one["gap"] == min(kind.heartbeat_s, 600)
        steps = np.diff([moment.read(at) for at in one["at"]]) / SECOND
        assert (steps > one["gap"]).sum() == 1


def test_everybody_sees_the_past_of_their_own_divisions_only(
    world: Any, million: tuple[str, int]
) -> None:
    hub, registry = world.hub, world.hub.registry
    mine = registry.divisions[registry.division[registry.find("d1")]]
    other = next(town for town in world.towns() if town != mine)
    theirs = next(
        d for d in (f"d{n}" for n in range(60))
        if registry.divisions[registry.division[registry.find(d)]] == other
    )  # fmt: skip
    token = world.account("narrow-past", ["duty_officer"], division=mine)
    assert mine in below(mine, {c: d.parent for c, d in hub.city.divisions.items()})
    with world.client() as client:
        client.headers["Authorization"] = f"Bearer {token}"
        assert ask(client, "series", datastream=million[0])["series"][0]["device"] == "d1"
        for path in ("series", "windows"):
            answer = client.get(
                f"/api/history/{path}",
                params={"datastream": [million[0], first_stream(world, theirs)], "step": 3600},
            )
            assert answer.status_code == 404 and theirs in answer.json()["detail"]
            assert client.get(
                f"/api/history/{path}", params={"datastream": "no/such", "step": 60}
            ).status_code == 404  # fmt: skip


def test_what_costs_too_much_is_refused_with_its_figures(
    world: Any, million: tuple[str, int]
) -> None:
    hub, name = world.hub, million[0]
    span = {"from": moment.say(YESTERDAY), "to": moment.say(YESTERDAY + DAY)}
    held = hub.allowance
    try:
        with world.client("duty_officer") as client:

            def refused(path: str, **query: Any) -> dict[str, Any]:
                answer = client.get(f"/api/history/{path}", params=query)
                assert answer.status_code == 422, answer.text
                problem: dict[str, Any] = answer.json()
                assert problem["type"] == "/docs/api#too-costly" and problem["remedy"]
                return problem

            assert "at most 200" in refused("series", datastream=[name] * 201)["detail"]
            assert "at most 100,000" in refused(
                "series", datastream=[name] * 6, points=20_000, **span
            )["detail"]  # fmt: skip
            told = refused("windows", datastream=[name] * 2, step=1, **span)["detail"]
            assert "up to 172,800 rows" in told and "at most 100,000" in told
            assert "days" in refused("series", datastream=name, **{"from": "2001-01-01T00:00:00Z"})[
                "detail"
            ]  # fmt: skip
            hub.allowance = replace(held, rows=1000)
            told = refused("series", datastream=name, **span)["detail"]
            assert "1,000,000 rows" in told and "at most 1,000" in told
            backwards = client.get(
                "/api/history/series",
                params={"datastream": name, "from": span["to"], "to": span["from"]},
            )
            assert backwards.status_code == 422
    finally:
        hub.allowance = held
    assert Allowance().rows == held.rows
