"""The API as its callers see it: sessions, lists, cases, changes, errors."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tianmu.web import moment


def report(client: httpx.Client, **more: Any) -> httpx.Response:
    return client.post(
        "/api/reports",
        json={"channel": "hotline", "text": "Water runs over the road.", **more},
    )


# sessions


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


# the city


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
    time.sleep(1.0)
    with world.client("kiosk") as client:
        signs = client.get("/api/vitals").json()
        assert signs["devices"]["total"] == world.hub.registry.count_devices
        assert signs["devices"]["online"] >= 1
        assert (
            sum(signs["devices"][k] for k in ("online", "silent", "never"))
            == (signs["devices"]["total"])
        )
        assert signs["observations"]["total"] >= 30
        assert set(signs["nets"]) == {"manage", "prevent", "serve", "evaluate", "learn"}
        assert signs["nets"]["learn"] == {"rulings": 0}
        assert len(signs["alarms"]["by_priority"]) == 4
        assert signs["sources"][0]["origin"] == "seeded"
        # within a second everybody gets the same measurement
        assert client.get("/api/vitals").json()["at"] == signs["at"]


# alarms


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


# reports and cases


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


# devices, sources, intake


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


def test_sources_and_tokens(world: Any) -> None:
    with world.client("system_admin") as admin:
        made = admin.post(
            "/api/sources",
            json={"source": "panels", "protocol": "gbt26875", "life_safety": True, "token": True},
        )
        assert made.status_code == 201, made.text
        number = made.json()["source"]["number"]
        first = made.json()["token"]
        second = admin.post("/api/sources/panels/token").json()["token"]
        assert first != second
        fact = world.hub.registry.sources["panels"]
        from tianmu.access.token import digest

        assert fact.token_digest == digest(second) and fact.number == number
        changed = admin.post("/api/sources", json={"source": "panels", "protocol": "gbt26875"})
        assert changed.json()["source"]["number"] == number
        assert world.hub.registry.sources["panels"].token_digest == digest(second)
        assert (
            admin.post("/api/sources", json={"source": "a b", "protocol": "x"}).status_code == 422
        )
        assert admin.post("/api/sources/panels/close").json()["state"] == "closed"
        listed = admin.get("/api/sources").json()["items"]
        assert first not in str(listed) and digest(second) not in str(listed)


def test_unknown_and_quarantine(world: Any) -> None:
    from tianmu.sense import hold

    now = time.time_ns() // 1000
    world.gate.transact(
        lambda tx: hold.see_unknown(
            tx, "gbt26875/0001/2", protocol="gbt26875", source="seeded", peer="10.0.0.1:9",
            at=now, data={"kind": "smoke"},
        )
    )  # fmt: skip
    name = world.gate.transact(
        lambda tx: hold.put_in_quarantine(
            tx, "hj212", b"##0101ST=", reason="too short", peer="10.0.0.2", source="",
            offset=6, at=now,
        )
    )  # fmt: skip
    with world.client("system_admin") as admin:
        unknown = admin.get("/api/unknown").json()
        assert unknown["items"][0]["unknown"] == "gbt26875/0001/2"
        kind = next(iter(world.city.kinds))
        made = admin.post(
            "/api/unknown/gbt26875/0001/2/register", json={"device": "found-1", "kind": kind}
        )
        assert made.status_code == 201, made.text
        assert world.hub.registry.find_address("gbt26875/0001/2") is not None
        kept = admin.get("/api/quarantine").json()["items"][0]
        assert (kept["reason"], kept["size"]) == ("too short", 9)
        assert admin.get(f"/api/quarantine/{name}/payload").content == b"##0101ST="
        played = admin.post(f"/api/quarantine/{name}/replay", json={"reason": "mended"})
        assert played.status_code == 202
        assert admin.post("/api/quarantine/x/replay", json={}).status_code == 404


# rules, accounts, roster, hand-over, pack


def test_rules(world: Any) -> None:
    with world.client("system_admin") as admin:
        held = admin.get("/api/rules")
        rules, version = held.json()["rules"], held.json()["version"]
        assert rules
        wrong = admin.post(
            "/api/rules/publish", json={"rules": [{"code": "x", "type": "magic"}], "reason": "try"}
        )
        assert wrong.status_code == 422 and wrong.json()["faults"]
        tried = admin.post("/api/rules/test", json={"rules": [{"code": "x", "type": "magic"}]})
        assert tried.status_code == 200 and tried.json()["faults"]
        done = admin.post(
            "/api/rules/publish",
            json={"rules": rules[:3], "reason": "fewer"},
            headers={"If-Match": held.headers["etag"]},
        )
        assert done.status_code == 200, done.text
        assert done.json()["version"] == version + 1
        late = admin.post(
            "/api/rules/publish",
            json={"rules": rules[:2], "reason": "late"},
            headers={"If-Match": held.headers["etag"]},
        )
        assert late.status_code == 412
        more = admin.post("/api/rules/publish", json={"rules": rules, "reason": "all again"})
        assert more.status_code == 200
        back = admin.post(
            "/api/rules/rollback", json={"version": version + 1, "reason": "too many"}
        ).json()
        assert back["version"] == version + 3 and len(back["rules"]) == 3
        assert [one["version"] for one in back["versions"]] == [
            version + 3,
            version + 2,
            version + 1,
            0,
        ]
        own = admin.post("/api/rules/rollback", json={"version": 0, "reason": "as it was"}).json()
        assert own["version"] == version + 4 and len(own["rules"]) == back["versions"][-1]["rules"]


def test_three_administrators(world: Any) -> None:
    with world.client("system_admin") as system, world.client("security_admin") as security:
        made = system.post("/api/accounts", json={"account": "zhao", "name": "赵"})
        assert made.status_code == 201, made.text
        assert (
            system.post("/api/accounts", json={"account": "zhao", "name": "x"}).status_code == 409
        )
        assert (
            system.post("/api/accounts/zhao/roles", json={"roles": ["leader"]}).status_code == 403
        )
        assert security.post("/api/accounts", json={"account": "q", "name": "x"}).status_code == 403
        etag = made.headers["etag"]
        given = security.post(
            "/api/accounts/zhao/roles", json={"roles": ["leader"]}, headers={"If-Match": etag}
        )
        assert given.json()["roles"] == ["leader"]
        late = security.post(
            "/api/accounts/zhao/roles", json={"roles": []}, headers={"If-Match": etag}
        )
        assert late.status_code == 412
        two = security.post(
            "/api/accounts/zhao/roles", json={"roles": ["system_admin", "audit_admin"]}
        )
        assert two.status_code == 409
        own = security.post("/api/accounts/t-security-admin/roles", json={"roles": ["commander"]})
        assert own.status_code == 403
        assert system.get("/api/audit").status_code == 403
        link = system.post("/api/accounts/zhao/link").json()
        browser = httpx.Client(base_url=world.url, headers={"X-Requested-With": "tianmu"})
        assert browser.post("/api/session/link", json={"token": link["secret"]}).status_code == 200
        assert browser.get("/api/session").json()["roles"] == ["leader"]
        # new roles count at once, in sessions that are open
        security.post("/api/accounts/zhao/roles", json={"roles": ["kiosk"]})
        assert browser.get("/api/session").json()["roles"] == ["kiosk"]
        system.post("/api/accounts/zhao/disable")
        assert browser.get("/api/session").status_code == 401


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


def test_pack(world: Any) -> None:
    with world.client("system_admin") as admin:
        said = admin.get("/api/pack").json()
        assert said["counts"]["divisions"] == len(world.city.divisions)
        assert said["basis"]
        checked = admin.post("/api/pack/check").json()
        assert checked["faults"] == [] and checked["same"] is True


# errors, headers, files


def test_problems(world: Any) -> None:
    with world.client("duty_officer") as client:
        for answer, status in (
            (client.get("/api/nothing"), 404),
            (client.get("/api/cases/c999999"), 404),
            (client.get("/api/alarms", params={"limit": 0}), 422),
            (client.post("/api/reports", content=b"{"), 400),
            (client.post("/api/reports", json={"text": 5}), 422),
            (client.put("/api/alarms"), 405),
            (client.get("/api/cases", params={"cursor": "???"}), 400),
            (client.post("/api/reports", json={"channel": "x", "text": "y", "z": 1}), 422),
        ):
            assert answer.status_code == status, answer.text
            assert answer.headers["content-type"] == "application/problem+json", answer.url
            body = answer.json()
            assert body["status"] == status and body["title"] and body["detail"]
            assert body["instance"].startswith("/api/")


def test_headers_and_files(world: Any) -> None:
    with world.client() as client:
        page = client.get("/desk/cases/c1")
        assert page.status_code == 200 and "天目" in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-cache"
        assert page.headers["content-encoding"] == "gzip"
        asset = client.get("/assets/app-1a2b.js")
        assert "immutable" in asset.headers["cache-control"]
        again = client.get("/assets/app-1a2b.js", headers={"If-None-Match": asset.headers["etag"]})
        assert again.status_code == 304
        assert client.get("/assets/none.js").status_code == 404
        for path in ("/../../hub.sqlite", "/%2e%2e/hub.sqlite", "/..%2fhub.sqlite"):
            answer = client.get(path)
            assert b"SQLite format" not in answer.content


def test_openapi(world: Any) -> None:
    with world.client() as client:
        made = client.get("/api/openapi.json").json()
    assert made["openapi"].startswith("3.1")
    operations = [one for path in made["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names)) > 70
    for one in operations:
        assert one["summary"], one
        assert "x-permission" in one
        assert "application/problem+json" in one["responses"]["default"]["content"]
        if "requestBody" in one:
            content = one["requestBody"]["content"]
            assert "multipart/form-data" in content or "example" in next(iter(content.values()))
    # every reference leads somewhere
    text = str(made)
    import re

    for name in set(re.findall(r"#/components/schemas/([\w.]+)", text)):
        assert name in made["components"]["schemas"], name


def test_metrics(world: Any) -> None:
    with world.client() as client:
        text = client.get("/metrics").text
        assert 'tianmu_devices{state="never"}' in text
        assert 'tianmu_lag_entries{reader="manage/alarm"}' in text
        assert "tianmu_process_memory_bytes" in text
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
            far = client.get("/metrics", headers={name: "203.0.113.9"})
            assert far.status_code in {401, 403}, name


@pytest.mark.parametrize("at", [0, 1, 1_800_000_000_123_456, 1_800_000_000_999_999])
def test_moments(at: int) -> None:
    said = moment.say(at)
    if not at:
        assert said is None
        return
    assert said is not None and len(said) == 24
    assert moment.read(said) == at // 1000 * 1000


def test_an_old_password_allows_nothing_else(world: Any) -> None:
    import sqlalchemy as sa

    from tianmu.access import password
    from tianmu.access.table import account as table

    world.account("slow", ["leader"])
    kept = password.digest("Correct-horse-7")
    old = world.hub.clock() - 91 * 86_400_000_000
    world.hub.records.transact(
        lambda tx: tx.connection.execute(
            sa.update(table).where(table.c.account == "slow").values(password=kept, password_at=old)
        )
    )
    browser = httpx.Client(base_url=world.url, headers={"X-Requested-With": "tianmu"})
    signed = browser.post("/api/session", json={"account": "slow", "password": "Correct-horse-7"})
    assert signed.json()["password"] == "expired"
    refused = browser.get("/api/vitals")
    assert refused.status_code == 403 and refused.json()["type"].endswith("password-expired")
    same = {"old": "Correct-horse-7", "new": "Better-horse-8"}
    assert browser.post("/api/session/password", json=same).status_code == 204
    assert browser.get("/api/vitals").status_code == 200


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
        assert counted(program) == before + 3
        report(program)
        world.settle()
        assert counted(program) == before + 4
