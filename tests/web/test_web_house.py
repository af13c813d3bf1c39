"""What the API says of itself and of whoever runs it: accounts, packs, problems, metrics."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tianmu.web.answer import moment


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


def test_settings_that_a_feed_could_not_go_by_are_refused(world: Any) -> None:
    source = {"source": "bureau", "protocol": "cap"}
    with world.client("system_admin") as admin:
        for settings, what in (
            ({"feed": "ftp://bureau.example/x"}, "no http or https"),
            ({"feed": "https://bureau.example/x", "every_s": 1}, "every_s"),
            ({"feeds": "https://bureau.example/x"}, "feeds"),
            ({"feed": "https://169.254.169.254/x"}, "feed_hosts in [outbound] of city.toml"),
            ({"feed": "http://bureau.example/x"}, "feed_hosts in [outbound] of city.toml"),
            ({"feed": "https://a:b@bureau.example/x"}, "is not sent"),
        ):
            refused = admin.post("/api/sources", json={**source, "settings": settings})
            assert refused.status_code == 422, refused.text
            (fault,) = refused.json()["faults"]
            assert fault["where"] == "body.settings" and what in fault["what"]
        assert "bureau" not in world.hub.registry.sources
        good = {"feed": "https://bureau.example/x", "every_s": 60}
        assert admin.post("/api/sources", json={**source, "settings": good}).status_code == 201
        assert admin.post("/api/sources/bureau/close").status_code == 200


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


def test_pack(world: Any) -> None:
    with world.client("system_admin") as admin:
        said = admin.get("/api/pack").json()
        assert said["counts"]["divisions"] == len(world.city.divisions)
        assert said["basis"]
        checked = admin.post("/api/pack/check").json()
        assert checked["faults"] == [] and checked["same"] is True


def test_problems(world: Any) -> None:
    with world.client("duty_officer") as client:
        for answer, status in (
            (client.get("/api/nothing"), 404),
            (client.get("/api/cases/c999999"), 404),
            (client.get(f"/api/cases/c{10**20}"), 404),
            (client.get(f"/api/cases/c{'9' * 5000}"), 404),
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
