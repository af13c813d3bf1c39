"""Second factors through the API: enrolled by their owner, asked for, reset by somebody else."""

from __future__ import annotations

import asyncio
import base64
import threading
from typing import Any

import httpx
import pytest

from tianmu.access import account as accounts
from tianmu.access import factor, password, totp
from tianmu.web.api.people.session import HASHES
from tianmu.web.route import turn
from waiting import until

GOOD = "Correct-horse-7"


@pytest.fixture
def person(world: Any, request: Any) -> str:
    name = "p" + str(abs(hash(request.node.name)) % 10**8)
    world.account(name, ["commander"])
    kept = password.digest(GOOD)
    world.hub.records.transact(
        lambda tx: accounts.set_password(tx.connection, name, kept, at=world.hub.clock())
    )
    return name


def browser(world: Any) -> httpx.Client:
    return httpx.Client(base_url=world.url, headers={"X-Requested-With": "tianmu"}, timeout=20)


def sign_in(world: Any, name: str) -> tuple[httpx.Client, httpx.Response]:
    client = browser(world)
    return client, client.post("/api/session", json={"account": name, "password": GOOD})


def code(world: Any, secret: str, name: str, ahead: int = 0) -> str:
    """A code that was not taken yet: of the next steps, which a clock may be ahead by."""
    return totp.code(base64.b32decode(secret), totp.step_of(world.hub.clock()) + ahead)


def enrol(world: Any, name: str) -> tuple[str, list[str]]:
    client, answer = sign_in(world, name)
    assert answer.status_code == 200 and answer.json()["factor"] == "asked", answer.text
    refused = client.post("/api/session/factors/totp", json={"password": "no"})
    assert refused.status_code == 403
    begun = client.post("/api/session/factors/totp", json={"password": GOOD}).json()
    assert begun["uri"].startswith("otpauth://totp/") and begun["secret"] in begun["uri"]
    assert begun["qr"].startswith("<svg")
    # begun is not in force
    assert sign_in(world, name)[1].status_code == 200
    wrong = client.post("/api/session/factors/totp/confirm", json={"code": "000000"})
    assert wrong.status_code == 422
    given = {"code": code(world, begun["secret"], name, -1)}
    codes = client.post("/api/session/factors/totp/confirm", json=given).json()["codes"]
    assert len(codes) == 10
    assert client.get("/api/session").json()["factor"] == "good"
    return begun["secret"], codes


def test_enrolled_asked_for_and_taken_once(world: Any, person: str) -> None:
    secret, codes = enrol(world, person)
    client, answer = sign_in(world, person)
    assert answer.status_code == 202 and not client.cookies
    assert client.get("/api/session").status_code == 401
    step = answer.json()
    assert step["ways"] == ["totp", "recovery"]
    given = {"ticket": step["ticket"], "way": "totp", "code": code(world, secret, person)}
    assert client.post("/api/session/second", json=given).json()["account"] == person
    assert client.get("/api/session").status_code == 200

    client, answer = sign_in(world, person)
    given["ticket"] = answer.json()["ticket"]
    assert client.post("/api/session/second", json=given).status_code == 401  # replayed
    lost = {"ticket": given["ticket"], "way": "recovery", "code": codes[0]}
    assert client.post("/api/session/second", json=lost).status_code == 200
    mine = client.get("/api/session/factors").json()
    assert mine["recovery_left"] == 9 and mine["needed"] and len(mine["factors"]) == 1

    fresh = client.post("/api/session/factors/recovery", json={"password": GOOD}).json()["codes"]
    assert len(fresh) == 10 and codes[1] not in fresh
    path = f"/api/session/factors/{mine['factors'][0]['factor']}/remove"
    assert client.post(path, json={"password": "no"}).status_code == 403
    assert client.post(path, json={"password": GOOD}).status_code == 204
    assert client.post(path, json={"password": GOOD}).status_code == 404
    assert client.get("/api/session/factors").json()["recovery_left"] == 0
    assert sign_in(world, person)[1].status_code == 200


def test_reset_by_another_administrator_and_by_nobody_else(world: Any, person: str) -> None:
    enrol(world, person)
    path = f"/api/accounts/{person}/factors/reset"
    with world.client("system_admin") as system:
        assert system.post(path, json={"reason": "lost phone"}).status_code == 403
        held = system.get(f"/api/accounts/{person}").json()
        assert held["factors"] == ["totp"]
    with world.client("security_admin") as security:
        assert security.post(path, json={}).status_code == 422
        own = security.post("/api/accounts/t-security-admin/factors/reset", json={"reason": "my"})
        assert own.status_code == 403
        done = security.post(path, json={"reason": "lost phone, seen in person 13812345678"})
        assert done.json() == {"account": person, "removed": 1}
        assert security.post("/api/accounts/none/factors/reset", json={"reason": "x1"}).is_error
    assert sign_in(world, person)[1].status_code == 200
    with world.client("audit_admin") as auditor:
        found = auditor.get("/api/audit", params={"object": person, "verb": "factor."}).json()
    verbs = [one["verb"] for one in found["items"]]
    assert verbs[0] == "factor.reset" and "factor.add" in verbs
    assert "138****5678" in found["items"][0]["detail"]["reason"]


def test_a_link_lets_nobody_alone_into_an_account_in_use(world: Any, person: str) -> None:
    """With a second factor it is asked for; without one a security administrator comes first."""
    path = f"/api/accounts/{person}"
    with world.client("system_admin") as system, world.client("security_admin") as security:
        for language, words in (("en", "no second factor"), ("zh", "没有双因素")):
            refused = system.post(f"{path}/link", headers={"Accept-Language": language})
            assert refused.status_code == 403, refused.text
            assert words in refused.json()["detail"], refused.text
        assert security.post(f"{path}/link").status_code == 403, "who resets makes no links"
        enrol(world, person)
        secret = system.post(f"{path}/link").json()["secret"]
        opened = browser(world).post("/api/session/link", json={"token": secret})
        assert "totp" in opened.json()["ways"], "it has one: nobody is in by the link alone"
        asked = {"reason": "phone and password lost; seen in person"}
        assert security.post(f"{path}/factors/reset", json=asked).status_code == 200
        secret = system.post(f"{path}/link").json()["secret"]
        client = browser(world)
        assert client.post("/api/session/link", json={"token": secret}).status_code == 200
        assert client.get("/api/session").json()["account"] == person
        for _ in range(101):  # more than a page of the trail
            again = system.post(f"{path}/link")
            assert again.status_code == 403, "one reset, one way in"
    with world.client("audit_admin") as auditor:
        asked = {"object": person, "verb": "link.", "limit": 500}
        found = auditor.get("/api/audit", params=asked).json()
    assert [one["outcome"] for one in found["items"]] == ["refused"] * 101 + ["done"] * 2 + [
        "refused"
    ] * 2


def test_a_link_kept_back_ends_as_its_owner_sets_a_password(world: Any) -> None:
    with world.client("system_admin") as system:
        assert (
            system.post("/api/accounts", json={"account": "late", "name": "L"}).status_code == 201
        )
        first = system.post("/api/accounts/late/link").json()["secret"]
        owner = browser(world)
        assert owner.post("/api/session/link", json={"token": first}).status_code == 200
        second = system.post("/api/accounts/late/link").json()["secret"]
        changed = owner.post("/api/session/password", json={"new": GOOD})
        assert changed.status_code in (200, 204), changed.text
        opened = browser(world).post("/api/session/link", json={"token": second})
        assert opened.status_code == 401, "nobody comes in beside the owner"


def test_a_new_account_is_let_in_by_a_link(world: Any) -> None:
    with world.client("system_admin") as system:
        made = system.post("/api/accounts", json={"account": "newcomer", "name": "New"})
        assert made.status_code == 201, made.text
        assert system.post("/api/accounts/newcomer/link").status_code == 200
        assert system.post("/api/accounts/newcomer/link").status_code == 200, "the first was lost"


def test_nothing_else_is_allowed_before_it_is_enrolled(
    world: Any, person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    monkeypatch.setattr(world.hub.sessions, "policy", replace(world.hub.sessions.policy, grace=0))
    client, answer = sign_in(world, person)
    assert answer.json()["factor"] == "needed"
    refused = client.get("/api/cases")
    assert refused.status_code == 403
    assert refused.json()["type"].endswith("second-factor-needed")
    assert client.get("/api/session/factors").json()["needed"] is True
    begun = client.post("/api/session/factors/totp", json={"password": GOOD}).json()
    given = {"code": code(world, begun["secret"], person)}
    assert client.post("/api/session/factors/totp/confirm", json=given).status_code == 200
    assert client.get("/api/cases").status_code == 200


def test_a_program_needs_no_second_factor(world: Any) -> None:
    with world.client("commander") as program:
        assert program.get("/api/session").json()["factor"] == "good"
        assert program.post("/api/session/factors/totp", json={}).status_code == 403


def test_a_flood_of_sign_ins_holds_up_nobody_else(
    world: Any, person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes 64 MB and a while; anybody may ask."""
    slow, under_way, most = threading.Event(), [0], [0]

    def matches(*_: Any) -> bool:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        assert slow.wait(10)
        under_way[0] -= 1
        return False

    monkeypatch.setattr(password, "matches", matches)
    monkeypatch.setattr(turn, "PATIENCE", 1.0)

    async def scene() -> list[int]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=world.url, timeout=8, limits=limits) as client:
            given = {"account": person, "password": GOOD}
            coming = [
                asyncio.create_task(client.post("/api/session", json=given)) for _ in range(45)
            ]
            await asyncio.sleep(0.3)
            assert (await client.get("/api/session/ways")).status_code == 200
            await until(lambda: sum(one.done() for one in coming) >= 45 - HASHES, 60)
            slow.set()
            return [one.status_code for one in await asyncio.gather(*coming)]

    statuses = asyncio.run(scene())
    assert most[0] <= HASHES
    assert sorted(statuses) == [401] * HASHES + [503] * (45 - HASHES)


def test_passkeys_are_for_names(world: Any) -> None:
    with browser(world) as client:
        ways = client.get("/api/session/ways").json()
        assert ways["passkey"] is False  # 127.0.0.1
        assert (ways["password_length"], ways["password_classes"]) == (8, 3)
        assert client.post("/api/session/passkey/request").status_code == 409
        named = {"Host": "city.lan:8620"}
        assert client.get("/api/session/ways", headers=named).json()["passkey"] is True
        asked = client.post("/api/session/passkey/request", headers=named).json()
        assert asked["options"]["rpId"] == "city.lan"
        assert asked["options"]["userVerification"] == "required"
        for credential in ({}, {"id": 7}, {"id": "AAAA", "rawId": "AAAA", "response": {}}):
            asked = client.post("/api/session/passkey/request", headers=named).json()
            given = {"ticket": asked["ticket"], "credential": credential}
            answer = client.post("/api/session/passkey", json=given, headers=named)
            assert answer.status_code == 401, answer.text
        person = "keyless"
        world.account(person, ["duty_officer"])
        held = world.hub.records.transact(
            lambda tx: factor.add_passkey(
                tx.connection, person, credential=b"abc", public=b"no key", count=0,
                site="city.lan", name="", at=world.hub.clock(),
            )
        )  # fmt: skip
        assert held.kind == "passkey"
        asked = client.post("/api/session/passkey/request", headers=named).json()
        forged = {"id": "YWJj", "rawId": "YWJj", "type": "public-key", "response": {
            "clientDataJSON": "e30", "authenticatorData": "AAAA", "signature": "AAAA"}}  # fmt: skip
        given = {"ticket": asked["ticket"], "credential": forged}
        answer = client.post("/api/session/passkey", json=given, headers=named)
        assert answer.status_code == 401 and "proves nothing" in answer.json()["detail"]
