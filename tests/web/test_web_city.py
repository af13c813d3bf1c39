"""The city as pages see it: its map, its vital signs, its devices."""

from __future__ import annotations

import time
from typing import Any

import httpx

from waiting import eventually

from .reporting import report


def test_when_people_work_is_told_day_by_day(world: Any) -> None:
    with world.client("kiosk") as one:
        told = one.get("/api/city/working-days", params={"first": "2026-10-09", "days": 3}).json()
        assert told["first"] == "2026-10-09" and len(told["days"]) == 3
        friday, saturday, sunday = told["days"]
        assert friday and saturday == friday and sunday == [], "the Saturday is worked"
        wrong = one.get("/api/city/working-days", params={"first": "2026-13-40"})
        assert wrong.status_code == 422 and "2026-13-40" in wrong.json()["detail"]


def test_city(world: Any) -> None:
    with world.client("kiosk") as client:
        answer = client.get("/api/city")
        city = answer.json()
        assert city["center"] == list(world.city.center)
        assert len(city["divisions"]) == len(world.city.divisions)
        assert {"code", "name", "unit"} <= city["kinds"][0]["properties"][0].keys()
        again = client.get("/api/city", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
        for layer in ("outline", "towns", "lakes", "streets", "units"):
            found = client.get(f"/api/city/map/{layer}.geojson")
            assert found.status_code == 200, layer
            assert found.json()["type"] == "FeatureCollection"
        assert client.get("/api/city/map/mars.geojson").status_code == 404


def test_vitals(world: Any) -> None:
    now = time.time_ns() // 1000
    streams = world.live.count_datastreams
    world.live.received[:10] = now
    world.live.count[:10] = 3
    assert streams > 10
    with world.client("kiosk") as client:

        def taken() -> Any:  # once a second
            found = client.get("/api/vitals").json()
            counts = found["devices"]["online"] >= 1 and found["observations"]["total"] >= 30
            return counts and found

        signs = eventually(taken)
        assert signs["devices"]["total"] == world.hub.registry.count_devices
        assert (
            sum(signs["devices"][k] for k in ("online", "silent", "never"))
            == (signs["devices"]["total"])
        )
        assert set(signs["nets"]) == {"manage", "prevent", "serve", "evaluate", "learn"}
        assert signs["nets"]["learn"] == {"rulings": 0}
        assert len(signs["alarms"]["by_priority"]) == 4
        assert signs["sources"][0]["origin"] == "seeded"
        # within a second everybody gets the same measurement
        assert client.get("/api/vitals").json()["at"] == signs["at"]


def test_devices(world: Any) -> None:
    with world.client("system_admin") as admin:
        kind = next(iter(world.city.kinds))
        made = admin.post(
            "/api/devices",
            json={
                "device": "new-1",
                "kind": kind,
                "place": {"longitude": 119.4842, "latitude": 31.4159},
                "labels": {"address": "wire/new-1"},
            },
        )
        assert made.status_code == 201, made.text
        assert made.json()["place"]["division"]
        assert admin.post("/api/devices", json=made.json() | {"kind": "x"}).status_code == 422
        twice = admin.post("/api/devices", json={"device": "new-1", "kind": kind})
        assert twice.status_code == 409
        found = admin.get("/api/devices", params={"q": "new-1"}).json()["items"]
        assert [one["device"] for one in found] == ["new-1"]
        whole = admin.get("/api/devices/new-1").json()
        assert whole["state"] == "never"
        assert {one["property"] for one in whole["values"]} == set(
            world.city.kinds[kind].properties
        )
        seen, cursor = 0, None
        while True:
            page = admin.get(
                "/api/devices", params={"limit": 25, **({"cursor": cursor} if cursor else {})}
            ).json()
            seen += len(page["items"])
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == world.hub.registry.count_devices
        property_ = whole["values"][0]["property"]
        series = admin.get("/api/devices/new-1/series", params={"property": property_})
        assert series.status_code == 200, series.text
        assert series.json()["points"] == []
        none = admin.get("/api/devices/new-1/series", params={"property": "nothing"})
        assert none.status_code == 404


def test_reports_are_counted_as_they_come(world: Any) -> None:
    def counted(client: httpx.Client) -> int:
        found: int = client.get("/api/vitals").json()["nets"]["serve"]["reports_today"]
        return found

    with world.client("integrator") as program:
        world.settle()
        before = counted(program)
        for _ in range(3):
            report(program)
        world.settle()
        eventually(lambda: counted(program) == before + 3)
        report(program)
        world.settle()
        eventually(lambda: counted(program) == before + 4)
