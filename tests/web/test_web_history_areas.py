"""The past of areas over HTTP: totals are those of the observations, and no account is told a
total that counts what it may not see."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tianmu.app.belonging import membership
from tianmu.facts.batch import ObservationBatch
from tianmu.store.history import History
from tianmu.store.records import Records
from tianmu.web.answer import moment

DAY, HOUR = 86_400_000_000, 3_600_000_000
YESTERDAY = time.time_ns() // 1000 // DAY * DAY - DAY
SPAN = {"from": moment.say(YESTERDAY), "to": moment.say(YESTERDAY + DAY)}


LIMIT = 40.0
"""the alarm threshold of every datastream: devices from number 40 on exceed it"""


@pytest.fixture(scope="module")
def towns(world: Any) -> Iterator[dict[str, list[int]]]:
    """Numbers of the devices of each town; each has 24 observations of its own number."""
    hub, registry = world.hub, world.hub.registry
    streams = [registry.datastreams_of(d).start for d in range(60)]
    n = registry.count_datastreams
    belongs = membership(registry, hub.city, np.full(n, np.nan), np.full(n, LIMIT))
    with Records(hub.data / "works.sqlite") as records:
        works = History(hub.data, records, membership=lambda: belongs)
        works.append(
            [
                ObservationBatch(
                    datastream=np.repeat(np.array(streams, np.uint32), 24),
                    phenomenon_time=np.tile(YESTERDAY + np.arange(24) * HOUR, 60),
                    value=np.repeat(np.arange(60, dtype=np.float64), 24),
                    received=YESTERDAY,
                    source=1,
                )
            ],
            {},
        )
        works.flush()
        found: dict[str, list[int]] = {}
        for device in range(60):
            code = str(registry.divisions[registry.division[device]])
            found.setdefault(code, []).append(device)
        yield found
        works.close()


def narrow(world: Any, name: str, roles: list[str], **where: str) -> Any:
    token = world.account(name, roles, **where)
    client = world.client()
    client.headers["Authorization"] = f"Bearer {token}"
    return client


def test_totals_are_those_of_the_observations(world: Any, towns: dict[str, list[int]]) -> None:
    with world.client("duty_officer") as client:
        found = client.get("/api/history/exceedances", params=SPAN).json()
        assert {one["area"]: (one["count"], one["exceeded"]) for one in found["areas"]} == {
            town: (24 * len(devices), 24 * sum(d >= LIMIT for d in devices))
            for town, devices in towns.items()
        }
        assert [one["exceeded"] for one in found["areas"]] == sorted(
            (one["exceeded"] for one in found["areas"]), reverse=True
        )
        assert all(one["name"] for one in found["areas"]) and found["missing"] == []
        town, devices = max(towns.items(), key=lambda item: len(item[1]))
        rows = client.get(
            "/api/history/areas",
            params={**SPAN, "dimension": "town", "area": town, "step": 43_200},
        ).json()
        assert set(rows["area"]) == {town} and sum(rows["count"]) == 24 * len(devices)
        assert max(rows["high"]) == max(devices) and min(rows["low"]) == min(devices)
        assert set(rows["at"]) == {SPAN["from"], moment.say(YESTERDAY + 12 * HOUR)}
        assert sum(rows["exceeded"]) == 24 * sum(d >= LIMIT for d in devices)
        kinds = client.get("/api/history/areas", params={**SPAN, "dimension": "kind"}).json()
        assert sum(kinds["count"]) == 24 * 60


def test_the_largest_values_lead(world: Any, towns: dict[str, list[int]]) -> None:
    registry = world.hub.registry
    prop = registry.property_of(registry.datastreams_of(59).start)
    mine = [d for d in range(60) if registry.property_of(registry.datastreams_of(d).start) == prop]
    with world.client("duty_officer") as client:
        found = client.get("/api/history/top", params={**SPAN, "property": prop, "n": 3}).json()[
            "leaders"
        ]
        assert [one["device"] for one in found] == [f"d{d}" for d in sorted(mine)[::-1][:3]]
        assert found[0]["value"] == 59.0 and found[0]["day"] == SPAN["from"]
        least = client.get(
            "/api/history/top", params={**SPAN, "property": prop, "n": 1, "lowest": True}
        ).json()["leaders"]
        assert least[0]["device"] == f"d{min(mine)}"
    home = registry.divisions[registry.division[registry.find("d59")]]
    other = next(town for town in towns if town != home)
    with narrow(world, "elsewhere", ["duty_officer"], division=other) as client:
        theirs = client.get("/api/history/top", params={**SPAN, "property": prop}).json()
        seen = {int(one["device"][1:]) for one in theirs["leaders"]}
        assert seen == set(mine) & set(towns[other])


def test_no_total_counts_what_an_account_may_not_see(
    world: Any, towns: dict[str, list[int]]
) -> None:
    mine = sorted(towns)[0]
    with narrow(world, "one-town", ["duty_officer"], division=mine) as client:
        found = client.get("/api/history/exceedances", params=SPAN).json()
        assert [one["area"] for one in found["areas"]] == [mine]
        rows = client.get(
            "/api/history/areas", params={**SPAN, "dimension": "town", "area": sorted(towns)[1]}
        ).json()
        assert rows["area"] == []
        for dimension in ("kind", "department"):
            for path in ("areas", "exceedances"):
                refused = client.get(
                    f"/api/history/{path}", params={**SPAN, "dimension": dimension}
                )
                assert refused.status_code == 403 and refused.json()["remedy"]
    registry = world.hub.registry
    owner = registry.departments[registry.department[0]]
    with narrow(world, "one-desk", ["department_worker"], department=owner) as client:
        found = client.get(
            "/api/history/exceedances", params={**SPAN, "dimension": "department"}
        ).json()
        assert [one["area"] for one in found["areas"]] == [owner]
        assert client.get("/api/history/exceedances", params=SPAN).status_code == 403


def test_a_span_is_widened_to_hours_and_a_table_has_its_most_rows(
    world: Any, towns: dict[str, list[int]]
) -> None:
    assert towns
    with world.client("duty_officer") as client:
        odd = {
            "from": moment.say(YESTERDAY + HOUR + 7_000_000),
            "to": moment.say(YESTERDAY + 2 * HOUR + 1_000_000),
        }
        found = client.get("/api/history/exceedances", params=odd).json()
        assert found["since"] == moment.say(YESTERDAY + HOUR)
        assert found["until"] == moment.say(YESTERDAY + 3 * HOUR)
        assert sum(one["count"] for one in found["areas"]) == 2 * 60
        wrong = {**SPAN, "dimension": "town", "step": 1800}
        assert client.get("/api/history/areas", params=wrong).status_code == 422
        held = world.hub.allowance
        world.hub.allowance = replace(held, points=10)
        try:
            refused = client.get(
                "/api/history/areas", params={**SPAN, "dimension": "town", "step": 3600}
            )
            assert refused.status_code == 422
            assert refused.json()["type"].endswith("too-costly")
        finally:
            world.hub.allowance = held
