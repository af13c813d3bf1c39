"""Alarms judged together over HTTP: the cause is named, the rest hang under it, cases are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tianmu.city.place.waters import WaterStation
from tianmu.prevent.cause.ways import Ways

HOUR = 3_600_000_000
MATTER = "liyang:event:water_quality"


def stations_along(world: Any) -> list[WaterStation]:
    """Stations of the pack on its river, each with the next one below it, down to the mouth."""
    city = world.city
    ways = Ways(city, city.networks["rivers"])
    placed = [one for one in city.waters.stations.values() if one.reach]
    spots = [ways.spot((one.code,), None, None) for one in placed]
    seconds, _ = ways.network.between([one for one in spots if one is not None])
    best: list[int] = []
    for top in range(len(placed)):
        below = [n for n in range(len(placed)) if 0 < seconds[top, n] < float("inf")]
        if len(below) + 1 > len(best):
            best = [top, *sorted(below, key=seconds[top].__getitem__)]
    assert len(best) >= 2
    return [placed[n] for n in best]


@pytest.fixture(scope="module")
def spilt(world: Any) -> Iterator[tuple[str, str]]:
    """Two alarms on one river, the lower as late as water takes; (cause, below)."""
    top, below, *_ = stations_along(world)
    ways = Ways(world.city, world.city.networks["rivers"])
    spots = [ways.spot((one.code,), None, None) for one in (top, below)]
    seconds = ways.network.between([one for one in spots if one is not None])[0][0, 1]
    now = world.hub.clock()
    begun = now - round(seconds * 1.1e6)
    found = []
    devices = {}
    for station, at in ((top, begun), (below, now)):
        # a registered device stands for the station: the registry of the small city has none
        device = f"d{len(found)}"
        devices[device] = station
        alarm = world.raise_alarm(
            device, rule="surface_water_station.nh3n_iii", matter=MATTER,
            identity=f"nh3n@{station.code}", raised_at=at, observed_at=at, changed_at=at,
        )  # fmt: skip
        found.append(alarm.alarm)
    real = world.city.waters.stations_by_name
    for device, station in devices.items():
        real[device] = station
    world.hub.memory.pop("causes", None)
    world.settle()
    yield found[0], found[1]
    for device in devices:
        real.pop(device)
    world.hub.memory.pop("causes", None)


def test_the_cause_is_named_and_the_case_is_told(world: Any, spilt: tuple[str, str]) -> None:
    cause, below = spilt
    with world.client("commander") as one:
        said = one.get(f"/api/alarms/{below}/cause").json()
        assert said["caused_by"]["alarm"]["alarm"] == cause and said["causes"] == []
        assert said["caused_by"]["worth"] > 0.9 and said["caused_by"]["metres"] > 0
        upstream, late = said["caused_by"]["reasons"]
        assert "upstream along the River network" in upstream["en"] and "上游" in upstream["zh"]
        assert "later" in late["en"]
        other = one.get(f"/api/alarms/{cause}/cause").json()
        assert other["caused_by"] is None
        assert [c["alarm"]["alarm"] for c in other["causes"]] == [below]
        groups = one.get("/api/alarms/causes").json()["items"]
        assert [g["cause"]["alarm"] for g in groups] == [cause]
        assert one.get("/api/alarms/none/cause").status_code == 404

        cases = world.hub.manage.case_of([cause, below])
        if cases[cause] != cases[below]:
            alike = one.get(f"/api/cases/{cases[below]}/alike").json()
            [match] = [a for a in alike if a["case"]["case"] == cases[cause]]
            assert match["score"] > 0.4 and match["reasons"]
            back = one.get(f"/api/cases/{cases[cause]}/alike").json()
            assert cases[below] in [a["case"]["case"] for a in back]
        assert one.get(f"/api/alarms/{below}/cause").json() == said, "asked again: the same"


def test_a_cause_outside_of_what_one_sees_is_not_told(world: Any, spilt: tuple[str, str]) -> None:
    _, below = spilt
    token = world.account("cause-other", ["department_worker"], department="nobody")
    with world.client() as one:
        one.headers["Authorization"] = f"Bearer {token}"
        assert one.get(f"/api/alarms/{below}/cause").status_code in {403, 404}
        told = one.get("/api/alarms/causes")
        assert told.status_code == 403 or told.json()["items"] == []
