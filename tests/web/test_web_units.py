"""Units and resources over HTTP: told, pushed, proposed, sent; phones masked; isochrones."""

from __future__ import annotations

import uuid
from itertools import count, pairwise
from typing import Any

import pytest

from tianmu.manage.units.proposal import WAITS
from tianmu.web.present import sending

DEVICES = count()
"""so that each fire is one of its own"""


@pytest.fixture
def engine(world: Any) -> str:
    return next(one.code for one in world.city.units.values() if one.kind == "fire_engine")


def fire(world: Any, longitude: float = 119.49, latitude: float = 31.418) -> str:
    """A case of a fire that waits for units."""
    alarm = world.raise_alarm(
        longitude=longitude,
        latitude=latitude,
        matter="liyang:event:fire_alarm",
        identity=f"fire@{uuid.uuid4().hex}",
        device=f"d{next(DEVICES)}",
    )
    world.settle()
    case: str = world.hub.manage.case_of([alarm.alarm])[alarm.alarm]
    assert world.hub.manage.case(case).stage in WAITS
    return case


def test_a_place_and_a_status_are_told_kept_and_pushed(
    world: Any, stream: Any, engine: str
) -> None:
    with world.client("kiosk") as wall, world.client("integrator") as gps:
        heard = stream(wall)
        body = {"longitude": 119.4, "latitude": 31.4, "precision_m": 9, "status": "en_route"}
        answer = gps.post(f"/api/units/{engine}/position", json=body)
        assert answer.status_code == 200, answer.text
        said = answer.json()
        assert (said["longitude"], said["placed_by"], said["status"]) == (119.4, "told", "en_route")
        assert not said["available"] and not said["stale"] and said["age_s"] < 60
        news = heard.wait("unit")
        assert news[-1]["unit"] == engine and news[-1]["longitude"] == 119.4
        heard.stop()
        late = {**body, "longitude": 119.5, "at": "2020-01-01T00:00:00Z"}
        again = gps.post(f"/api/units/{engine}/position", json=late).json()
        assert again["longitude"] == 119.4 and again["version"] == said["version"]
        gps.post(f"/api/units/{engine}/status", json={"status": "free"})
        listed = gps.get("/api/units", params={"kind": "fire_engine"}).json()["items"]
        assert {one["status"] for one in listed if one["unit"] == engine} == {"free"}
        assert gps.get(f"/api/units/{engine}").json()["status_at"]


def test_what_is_wrong_is_named(world: Any, engine: str) -> None:
    with world.client("integrator") as gps:
        post = gps.post
        assert post("/api/units/none/status", json={"status": "free"}).status_code == 404
        for path, body in (
            ("position", {"longitude": 190, "latitude": 0}),
            ("position", {"longitude": 1}),
            ("position", {"longitude": 1, "latitude": 1, "status": "asleep"}),
            ("position", {"longitude": 1, "latitude": 1, "at": "yesterday"}),
            ("position", {"longitude": 1, "latitude": 1, "at": "2999-01-01T00:00:00Z"}),
            ("status", {"status": "asleep"}),
            ("status", {"status": ""}),
        ):
            answer = post(f"/api/units/{engine}/{path}", json=body)
            assert answer.status_code == 422, (body, answer.text)
            assert answer.json()["detail"] and answer.json()["remedy"]
        assert gps.get("/api/units", params={"status": "asleep"}).status_code == 422


def test_a_crew_tells_of_its_own_department_only(world: Any, engine: str) -> None:
    town = world.city.units[engine].division
    for name, department, status in (("crew-f", "fire", 200), ("crew-h", "health", 404)):
        world.tokens[name] = world.account(name, ["department_worker"], department=department)
        with world.client(name) as crew:
            answer = crew.post(f"/api/units/{engine}/status", json={"status": "free"})
            assert answer.status_code == status
            assert (engine in [u["unit"] for u in crew.get("/api/units").json()["items"]]) == (
                status == 200
            )
    elsewhere = next(one for one in world.towns() if one != town)
    world.tokens["greta"] = world.account("greta", ["grid_worker"], division=elsewhere)
    with world.client("greta") as grid:
        answer = grid.post(f"/api/units/{engine}/status", json={"status": "free"})
        assert answer.status_code == 404


def test_units_are_proposed_with_reasons_and_one_is_sent_by_the_order_step(world: Any) -> None:
    case = fire(world)
    with world.client("duty_officer") as desk:
        found = desk.get(f"/api/cases/{case}/units").json()
        assert found["none"] is None and found["asks"] >= 1 and found["skills"]
        items = found["items"]
        assert 1 <= len(items) <= 9
        chosen = [one for one in items if one["chosen"]]
        assert items[: len(chosen)] == chosen and 1 <= len(chosen) <= found["asks"]
        assert all(a["minutes"] <= b["minutes"] for a, b in pairwise(chosen))
        for one in items:
            assert one["by"] in ("streets", "line", "air") and one["arrives_at"]
            assert one["reasons"] and all(r["zh"] and r["en"] for r in one["reasons"])
        again = desk.get(f"/api/cases/{case}/units").json()
        assert [o["unit"]["unit"] for o in again["items"] if o["chosen"]] == [
            one["unit"]["unit"] for one in chosen
        ], "nothing changed, so nothing changes"
        wanted = next(one["unit"] for one in items if one["unit"]["kind"] == "fire_engine")
        done = desk.post(f"/api/cases/{case}/steps/order", json={"data": {"unit": wanted["unit"]}})
        assert done.status_code == 200, done.text
        (order,) = [one for one in done.json()["orders"] if one["force"]]
        assert order["force"] == wanted["unit"] and order["unit"] == wanted["department"]
        assert order["force_name"] == wanted["name"]
        after = desk.get(f"/api/cases/{case}/units").json()
        assert wanted["unit"] not in [one["unit"]["unit"] for one in after["items"]]
        assert after["asks"] == found["asks"] - 1
        assert desk.get(f"/api/units/{wanted['unit']}").json()["load"] == 1
        twice = desk.post(f"/api/cases/{case}/steps/order", json={"data": {"unit": wanted["unit"]}})
        assert twice.status_code == 409 and twice.json()["remedy"]


def test_all_waiting_cases_together_send_nobody_twice(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "FRESH", 0.0)
    cases = [fire(world, 119.2 + 0.05 * n, 31.3 + 0.03 * n) for n in range(5)]
    with world.client("commander") as centre:
        given = centre.get("/api/proposals").json()["items"]
    mine = [one for one in given if one["case"] in cases]
    assert len(mine) == 5 and all(one["asks"] for one in mine)
    engines = [u for one in given for u in one["units"] if u.startswith("fire_engine")]
    assert engines and len(engines) == len(set(engines))
    with world.client("kiosk") as wall:
        assert wall.get("/api/proposals").status_code == 403


def test_what_is_near_comes_by_time_with_masked_phones(world: Any) -> None:
    place = {"lon": 119.49, "lat": 31.418}
    with world.client("duty_officer") as desk:
        found = desk.get("/api/resources/near", params={**place, "most": 3}).json()
        kinds = {one["kind"] for one in found["items"]}
        assert kinds == {"unit", "hydrant", "camera", "shelter", "hospital", "store"}
        for kind in kinds:
            seconds = [one["seconds"] for one in found["items"] if one["kind"] == kind]
            assert seconds == sorted(seconds) and len(seconds) == 3
        shelter = next(one for one in found["items"] if one["kind"] == "shelter")
        assert "*" in shelter["phone"] and shelter["basis"] and shelter["holds"]
        near = [one for one in found["items"] if one["kind"] == "unit"]
        moves = [world.city.sending.kinds[world.city.units[one["code"]].kind].moves for one in near]
        assert "none" not in moves, "who never goes anywhere is near to nothing"
        unit = near[0]
        wrong = desk.get("/api/resources/near", params={**place, "kinds": "castle"})
        assert wrong.status_code == 422 and "hydrant" in wrong.json()["remedy"]
        assert desk.get("/api/resources/near", params={"lon": 300, "lat": 0}).status_code == 422
        body = {"kind": "shelter", "code": shelter["code"]}
        assert desk.post("/api/resources/phone", json=body).status_code == 422, "no reason"
        clear = desk.post("/api/resources/phone", json={**body, "reason": "flood tonight"})
        assert clear.json()["phones"] == [world.city.resources[shelter["code"]].phone]
        crew = {"kind": "unit", "code": unit["code"], "reason": "sent there"}
        phones = desk.post("/api/resources/phone", json=crew).json()["phones"]
        assert all("*" not in one for one in phones)
        body = {"kind": "hydrant", "code": shelter["code"], "reason": "wrong kind"}
        assert desk.post("/api/resources/phone", json=body).status_code == 404
    with world.client("audit_admin") as auditor:
        trail = auditor.get("/api/audit", params={"verb": "resource.reveal"}).json()["items"]
    assert {one["object"] for one in trail} >= {f"shelter:{shelter['code']}"}
    with world.client("dispatcher") as other:
        assert other.post("/api/resources/phone", json=crew).status_code == 403


def test_isochrones_are_polygons_the_longest_first(world: Any) -> None:
    place = {"lon": 119.49, "lat": 31.418}
    with world.client("kiosk") as wall:
        answer = wall.get("/api/isochrones", params={**place, "minutes": "5,10"})
        assert answer.headers["content-type"].startswith("application/geo+json")
        features = answer.json()["features"]
        assert [one["properties"]["minutes"] for one in features] == [10, 5]
        assert features[0]["properties"]["by"] == "streets"
        assert features[0]["geometry"]["type"] in ("Polygon", "MultiPolygon")
        air = wall.get("/api/isochrones", params={**place, "air": True, "speed": 54}).json()
        assert {one["properties"]["by"] for one in air["features"]} == {"air"}
        for minutes in ("0", "500", "1,2,3,4,5,6,7", "1..2", "-5"):
            wrong = wall.get("/api/isochrones", params={**place, "minutes": minutes})
            assert wrong.status_code == 422, minutes
