"""Who has no password proves anew who they are before ways to sign in are changed."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tianmu.access import factor, identity, totp
from tianmu.access.identity import Identity
from tianmu.access.table import session

LATER = 16 * 60_000_000
CHANGES = (
    ("/api/session/password", {"new": "Better-horse-8"}),
    ("/api/session/factors/totp", {}),
    ("/api/session/factors/recovery", {}),
    ("/api/session/factors/none/remove", {}),
    ("/api/session/factors/passkey/request", {}),
)


@pytest.fixture
def person(world: Any) -> str:
    """Somebody of the city's sign-on, who has no password here."""
    name = "p" + uuid.uuid4().hex[:8]
    world.account(name, ["leader"])
    who = Identity("https://sso.city.example", name)
    world.hub.records.transact(
        lambda tx: identity.bind(tx.connection, who, name, at=world.hub.clock(), address="::1")
    )
    return name


def come(world: Any, name: str, **how: Any) -> httpx.Client:
    secret = world.hub.entrance.by_sign_on(name, address="127.0.0.1", **how)
    return httpx.Client(
        base_url=world.url,
        headers={"X-Requested-With": "tianmu", "Host": "localhost:1"},
        cookies={"tianmu_session": secret},
        timeout=20,
    )


def age(world: Any, name: str) -> None:
    """The account's sessions were opened a while ago."""
    world.hub.records.transact(
        lambda tx: tx.connection.execute(
            sa.update(session)
            .where(session.c.account == name)
            .values(created_at=session.c.created_at - LATER)
        )
    )


@pytest.mark.parametrize(("path", "body"), CHANGES)
def test_a_session_alone_changes_nothing(
    world: Any, person: str, path: str, body: dict[str, str]
) -> None:
    with come(world, person) as browser:
        refused = browser.post(path, json=body)
        assert refused.status_code == 403, refused.text
        assert refused.json()["type"].endswith("proof-needed")
        wrong = browser.post(path, json={**body, "code": "000000"})
        assert wrong.status_code == 403
    with come(world, person, fresh=True) as browser:  # the sign-on asked anew who it is
        assert browser.post(path, json=body).status_code != 403
        age(world, person)
        again = browser.post(
            path, json={**body, **({"new": "Other-horse-9"} if "new" in body else {})}
        )
        assert again.status_code == 403  # by now it has a password, or the proof is too old


def test_a_code_proves_it_once_and_wrong_ones_are_locked(world: Any, person: str) -> None:
    hub = world.hub
    with come(world, person, fresh=True) as browser:
        begun = browser.post("/api/session/factors/totp", json={}).json()
        secret = base64.b32decode(begun["secret"])
        given = totp.code(secret, totp.step_of(hub.clock()) - 1)
        codes = browser.post("/api/session/factors/totp/confirm", json={"code": given}).json()
        age(world, person)
        path = "/api/session/factors/recovery"
        assert browser.post(path, json={}).status_code == 403
        given = totp.code(secret, totp.step_of(hub.clock()))
        assert browser.post(path, json={"code": given}).status_code == 200
        assert browser.post(path, json={"code": given}).status_code == 403  # taken already
        assert browser.post(path, json={"code": codes["codes"][0]}).status_code == 403  # replaced
        for _ in range(3):
            assert browser.post(path, json={"code": "000000"}).status_code == 403
        locked = browser.post(path, json={"code": "000000"}).json()
        assert locked["type"].endswith("locked")
    with world.client("audit_admin") as auditor:
        found = auditor.get("/api/audit", params={"object": person, "verb": "factor.recovery"})
    outcomes = [one["outcome"] for one in found.json()["items"]]
    assert outcomes.count("done") == 1 and "refused" in outcomes


def test_a_passkey_proves_it_for_minutes(world: Any, person: str) -> None:
    hub = world.hub
    hub.records.transact(
        lambda tx: factor.add_passkey(
            tx.connection, person, credential=person.encode(), public=b"k", count=0, site="x",
            name="", at=hub.clock(),
        )
    )  # fmt: skip
    with come(world, person, strong=True) as browser:
        hub.records.transact(
            lambda tx: tx.connection.execute(
                sa.update(session).where(session.c.account == person).values(way="passkey")
            )
        )
        path = "/api/session/factors/recovery"
        assert browser.post(path, json={}).status_code == 200
        age(world, person)
        assert browser.post(path, json={}).status_code == 403


def test_who_has_nothing_yet_gets_something_by_a_link(world: Any) -> None:
    name = "p" + uuid.uuid4().hex[:8]
    world.account(name, ["leader"])
    browser = world.cookie(name)
    age(world, name)
    answer = browser.post("/api/session/password", json={"new": "Better-horse-8"})
    assert answer.status_code == 204
