"""The API as pages use it: sessions, alarms, reports, cases, devices."""

from __future__ import annotations

import time
from typing import Any

import httpx

from tianmu.web import moment
from waiting import eventually

from .reporting import report


def test_cookie_session(world: Any) -> None:
    browser = world.cookie("duty")
    who = browser.get("/api/session").json()
    assert who["account"] == "duty"
    assert who["role"] == "duty_officer"
    assert who["password"] == "none"
    cookie = next(iter(browser.cookies.jar))
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "Strict"
    assert browser.post("/api/session/password", json={"new": "short"}).status_code == 422
    fine = browser.post("/api/session/password", json={"new": "Correct-horse-7"})
    assert fine.status_code == 204
    with world.client() as other:
        wrong = other.post("/api/session", json={"account": "duty", "password": "Nope-nope-7"})
        assert wrong.status_code == 401
        right = other.post("/api/session", json={"account": "duty", "password": "Correct-horse-7"})
        assert right.status_code == 200
        assert "HttpOnly" in right.headers["set-cookie"]
    assert browser.delete("/api/session").status_code == 204
    assert browser.get("/api/session").status_code == 401


def test_kiosk(world: Any) -> None:
    with world.client("system_admin") as admin:
        made = admin.post("/api/accounts/wall/tokens", json={"kind": "kiosk", "name": "hall"})
        assert made.status_code == 201, made.text
        secret, name = made.json()["secret"], made.json()["token"]["token"]
        wall = httpx.Client(base_url=world.url, headers={"X-Requested-With": "tianmu"})
        assert wall.post("/api/session/kiosk", json={"token": secret}).json()["kiosk"] is True
        assert wall.get("/api/vitals").status_code == 200
        assert report(wall).status_code == 403
        assert admin.post(f"/api/accounts/wall/tokens/{name}/revoke").status_code == 200
        assert wall.get("/api/vitals").status_code == 401
        # a person gets no token, a program no kiosk's
        assert (
            admin.post("/api/accounts/duty/tokens", json={"kind": "api", "name": "x"}).status_code
            == 409
        )


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


def test_alarm_list_and_deeds(world: Any) -> None:
    from tianmu.facts.deed import Deed
    from tianmu.facts.encoding import decode
    from tianmu.store.journal.sqlite import SqliteJournal

    made = [world.raise_alarm(f"d{n}", priority=1 + n % 4) for n in range(9)]
    with world.client("duty_officer") as client:
        seen: list[dict[str, Any]] = []
        cursor = None
        while True:
            params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = client.get("/api/alarms", params=params).json()
            seen += page["items"]
            cursor = page["next"]
            if cursor is None:
                break
        assert len({one["alarm"] for one in seen}) == len(seen)
        assert {one.alarm for one in made} <= {one["alarm"] for one in seen}
        assert [one["priority"] for one in seen] == sorted(one["priority"] for one in seen)
        name = made[0].alarm
        assert client.get("/api/alarms", params={"priority": 9}).status_code == 422
        assert client.get("/api/alarms", params={"cursor": "x"}).status_code == 400
        whole = client.get(f"/api/alarms/{name}")
        assert whole.headers["etag"] == '"1"'
        assert client.post(f"/api/alarms/{name}/shelve", json={"minutes": 10}).status_code == 422
        assert client.post(f"/api/alarms/{name}/reset", json={"reason": "x"}).status_code == 409
        stale = client.post(f"/api/alarms/{name}/acknowledge", json={}, headers={"If-Match": '"7"'})
        assert stale.status_code == 412
        done = client.post(
            f"/api/alarms/{name}/shelve", json={"minutes": 10, "reason": "serviced by 13912345678"}
        )
        assert done.status_code == 202, done.text
    journal = SqliteJournal(world.hub.data)
    entry = journal.read("deed", done.json()["position"] - 1, entries=1)[0]
    deed = decode(entry.payload)
    journal.close()
    assert isinstance(deed, Deed)
    assert (deed.verb, deed.object, deed.actor) == ("alarm.shelve", name, "t-duty-officer")
    assert deed.data["until"] - deed.at == 600_000_000
    with world.client("audit_admin") as client:
        last = client.get("/api/audit", params={"verb": "alarm."}).json()["items"][0]
        assert last["object"] == name and last["detail"]["reason"] == "serviced by 139****5678"


def test_words_about_an_alarm_give_no_number_away(world: Any) -> None:
    alarm = world.raise_alarm("d4", reason="told to 13912345678", actor="duty")
    with world.client("kiosk") as wall:
        said = wall.get(f"/api/alarms/{alarm.alarm}").json()["alarm"]
        assert said["reason"] == "told to 139****5678"


def test_an_alarm_out_of_scope_is_not_there(world: Any) -> None:
    here, there = world.towns()[2:4]
    world.tokens["elsewhere"] = world.account("elsewhere", ["duty_officer"], division=there)
    alarm = world.raise_alarm("d5", division=here)
    with world.client("elsewhere") as client:
        assert client.get(f"/api/alarms/{alarm.alarm}").status_code == 404
        acted = client.post(f"/api/alarms/{alarm.alarm}/acknowledge", json={})
        assert acted.status_code == 404
        shown = client.get("/api/alarms", params={"division": here}).json()["items"]
        assert shown == []


def test_report_to_closed_case(world: Any) -> None:
    city = world.city
    key = world.matter()
    with world.client("hotline_agent") as agent:
        taken = report(
            agent,
            matter=key,
            text="Smoke in the stair, call 13912345678",
            place={"longitude": 119.2801, "latitude": 31.2802, "address": "溧阳市某路12号3幢"},
            reporter={"name": "李四光", "phone": "13912345678"},
        )
        assert taken.status_code == 201, taken.text
        name = taken.json()["report"]
        world.settle()
        shown = agent.get(f"/api/reports/{name}").json()
        assert shown["reporter"]["phone"] == "139****5678"
        assert shown["reporter"]["name"] == "李**"
        assert "13912345678" not in shown["text"]
        assert "12号" not in shown["place"]["address"]
        assert agent.post(f"/api/reports/{name}/reveal", json={}).status_code == 422
        clear = agent.post(
            f"/api/reports/{name}/reveal", json={"reason": "call 13912345678"}
        ).json()
        assert clear["reporter"]["phone"] == "13912345678"
        case = shown["case"]
    with world.client("audit_admin") as auditor:
        looked = auditor.get("/api/audit", params={"verb": "report.reveal"}).json()["items"][0]
        assert looked["object"] == name and looked["detail"]["reason"] == "call 139****5678"
        assert looked["actor"] == "t-hotline-agent"
        assert auditor.get("/api/audit/check").json()["ok"] is True
    with world.client("duty_officer") as duty:
        whole = duty.get(f"/api/cases/{case}")
        body, etag = whole.json(), whole.headers["etag"]
        assert body["stage"] == "verify"
        assert next(e["step"] for e in body["events"]) == "open"
        assert body["events"][0]["text"]["zh"]
        assert body["members"][0]["id"] == name and body["members"][0]["reasons"]
        assert "13912345678" not in whole.text
        steps = {one["step"]: one for one in body["actions"]}
        assert "verify" in steps and "accept" not in steps
        done = duty.post(f"/api/cases/{case}/steps/verify", json={}, headers={"If-Match": etag})
        assert done.status_code == 200, done.text
        again = duty.post(f"/api/cases/{case}/steps/verify", json={}, headers={"If-Match": etag})
        assert again.status_code == 412
        refused = duty.post(f"/api/cases/{case}/steps/close", json={})
        assert refused.status_code == 409
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["remedy"]
        filed = duty.post(f"/api/cases/{case}/steps/file", json={})
        assert filed.status_code == 200, filed.text
        orders = filed.json()["orders"]
    if not orders:
        with world.client("duty_officer") as duty:
            sent = duty.post(f"/api/cases/{case}/steps/order", json={})
            assert sent.status_code == 200, sent.text
            orders = sent.json()["orders"]
    lead = next(one for one in orders if one["lead"])
    assert lead["unit"] in city.departments
    assert lead["due"] > moment.say(world.hub.clock())
    world.tokens["crew"] = world.account("crew", ["department_worker"], department=lead["unit"])
    world.tokens["others"] = world.account(
        "others",
        ["department_worker"],
        department=next(c for c in city.departments if c not in {o["unit"] for o in orders}),
    )
    with world.client("others") as client:
        assert client.get(f"/api/cases/{case}").status_code == 404
    with world.client("crew") as crew:
        for step, data in (
            ("accept", {}),
            ("handle", {}),
            ("feed_back", {"result": "burst pipe mended"}),
        ):
            for _ in range(len(orders)):
                answer = crew.post(
                    f"/api/cases/{case}/steps/{step}",
                    json={"data": {"order": lead["order"], **data}},
                )
                assert answer.status_code == 200, answer.text
                break
        photo = crew.post(
            f"/api/cases/{case}/evidence",
            files={"file": ("after.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "image/png")},
            data={"role": "handle_after"},
        )
        assert photo.status_code == 201, photo.text
        assert crew.get(photo.json()["url"]).content.startswith(b"\x89PNG")
        assert crew.post(f"/api/cases/{case}/steps/check", json={}).status_code in {403, 409}
    with world.client("duty_officer") as duty:
        found = duty.get("/api/cases", params={"open": True, "q": "stair"}).json()
        assert found["total"] >= 1
        assert case in {one["case"] for one in found["items"]}


def test_case_list_pages(world: Any) -> None:
    with world.client("integrator") as program:
        many = [
            {
                "channel": "app",
                "text": f"Matter number {n}",
                "place": {"longitude": 119.3 + n * 0.01, "latitude": 31.5},
            }
            for n in range(12)
        ]
        answer = program.post("/api/reports/batch", json=many, headers={"Idempotency-Key": "pages"})
        assert len(answer.json()["items"]) == 12
        again = program.post("/api/reports/batch", json=many, headers={"Idempotency-Key": "pages"})
        assert all(one["duplicate"] for one in again.json()["items"])
    world.settle()
    with world.client("duty_officer") as client:
        for sort in ("due", "opened", "level"):
            seen: list[str] = []
            cursor = None
            while True:
                params = {"limit": 5, "sort": sort, **({"cursor": cursor} if cursor else {})}
                page = client.get("/api/cases", params=params).json()
                seen += [one["case"] for one in page["items"]]
                cursor = page["next"]
                if cursor is None:
                    break
            total = client.get("/api/cases", params={"sort": sort}).json()["total"]
            assert len(seen) == len(set(seen)) == total >= 12


def test_people_tell_only_what_is_real(world: Any) -> None:
    browser = world.cookie("t-duty-officer")
    assert report(browser, origin="seeded").status_code == 422
    with world.client("integrator") as program:
        assert report(program, origin="seeded").status_code == 201
        assert report(program, source="seeded").status_code == 201
        assert report(program, source="nobody").status_code == 422
        assert report(program, at="2026-11-23T01:02:03").status_code == 422
        assert report(program, place={"longitude": 119.4}).status_code == 422
        wrong = report(program, place={"longitude": 999, "latitude": 1})
        assert wrong.status_code == 422
        assert wrong.json()["faults"][0]["where"] == "body.$.place.longitude"


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
        time.sleep(1.0)
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
        assert counted(program) == before + 4


def test_roster_and_handover(world: Any) -> None:
    with world.client("commander") as client:
        held = client.get("/api/roster")
        assert held.json()["version"] == 0
        department = next(iter(world.city.departments))
        shift = {
            "account": "wang",
            "name": "王伟",
            "phone": "13912345678",
            "department": department,
            "division": world.city.root.code,
            "post": "duty",
        }
        wrong = client.put("/api/roster", json={"shifts": [shift | {"department": "x"}]})
        assert wrong.status_code == 422
        put = client.put(
            "/api/roster", json={"shifts": [shift]}, headers={"If-Match": held.headers["etag"]}
        )
        assert put.status_code == 200, put.text
        assert [one["name"] for one in put.json()["on_duty"]] == ["王伟"]
        late = client.put(
            "/api/roster", json={"shifts": []}, headers={"If-Match": held.headers["etag"]}
        )
        assert late.status_code == 412
        on_duty = world.hub.city.roster.on_duty(department, "", world.hub.clock())
        assert [one.account for one in on_duty] == ["wang"]
        given = client.post(
            "/api/handovers", json={"to": "t-duty-officer", "text": "Two open; 13912345678 waits."}
        )
        assert given.status_code == 201, given.text
        assert given.json()["text"] == "Two open; 139****5678 waits."
        active = client.get("/api/vitals").json()["alarms"]["active"]
        assert active and given.json()["active_alarms"] == active
        number = given.json()["handover"]
        assert client.post(f"/api/handovers/{number}/take").status_code == 409
    with world.client("kiosk") as wall:
        shown = wall.get("/api/roster").json()["shifts"][0]
        assert shown["phone"] == "139****5678" and shown["name"] == "王**"
    with world.client("duty_officer") as client:
        taken = client.post(f"/api/handovers/{number}/take")
        assert taken.json()["signed_by"] == "t-duty-officer"
        assert client.get("/api/handovers").json()["items"][0]["from"] == "t-commander"
