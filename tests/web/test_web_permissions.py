"""Every route declares its permission, and nobody gets past without it."""

from __future__ import annotations

import re
import socket
import uuid
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi.routing import APIRoute

from tianmu.access import account as accounts
from tianmu.access.level import needed
from tianmu.access.role import PERMISSIONS, ROLES, permissions
from tianmu.access.scope import WHOLE
from tianmu.web.app import create_app
from tianmu.web.nouns import NOUNS
from tianmu.web.openapi import describe
from tianmu.web.route.route import PUBLIC, SIGNED_IN

ROUTES = [
    route
    for holder in (describe(), *(noun.router for noun in NOUNS))
    for route in holder.routes
    if isinstance(route, APIRoute)
]
WALK = [
    (method, route.path, (route.openapi_extra or {}).get("x-permission"))
    for route in ROUTES
    for method in sorted(route.methods)
    if route.path not in {"/api/push"}
]


BESIDES = ("/evidence", "/steps/{step}", "/alarms/load", "/history/exceedances")
"""routes that hold more against the account than their permission"""


def concrete(path: str) -> str:
    return re.sub(r"\{(\w+)(:path)?\}", lambda m: "0" if m[1] in "zxy" else "none", path)


def test_every_route_declares_a_permission() -> None:
    assert len(ROUTES) > 70
    for route in ROUTES:
        declared = (route.openapi_extra or {}).get("x-permission")
        assert declared in {PUBLIC, SIGNED_IN} or declared in PERMISSIONS, route.path
    assert set(describe().openapi()["paths"]) <= {
        re.sub(r":path", "", route.path) for route in ROUTES
    }


def test_what_is_served_is_what_is_walked(world: Any) -> None:
    """The application as it runs: no mount, no socket, no route beside those of this file but the
    two that catch what is none, pages and their files, which anybody may see."""
    served, waiting = [], list(create_app(world.hub).routes)
    while waiting:
        one = waiting.pop()
        within = getattr(one, "original_router", None)
        waiting += within.routes if within is not None else []
        served += [] if within is not None else [one]
    assert all(isinstance(route, APIRoute) for route in served), served
    known = {(route.path, *route.methods) for route in ROUTES}
    beside = {(route.path, *route.methods) for route in served} - known
    assert beside == {("/api/{path:path}", "GET"), ("/{path:path}", "GET")}


@pytest.mark.parametrize("role", sorted(ROLES))
def test_push_with_every_role(world: Any, role: str) -> None:
    with world.client(role) as client:
        status = ask(client, "GET", "/api/push")
    assert status == (200 if "push.read" in ROLES[role].permissions else 403)


def test_every_permission_opens_something() -> None:
    opened = {permission for _, _, permission in WALK} | {"push.read"}
    # held against the account inside a step, by ``manage``
    steps = ("file", "command", "handle", "check", "note", "rule", "supervise", "whistle")
    inside = {f"case.{one}" for one in steps}
    inside |= {"metrics.read", "warning.alone", "hazard.handle", "hazard.check"}
    inside.add("restricted.read")  # what /api/bulletins shows of them
    assert PERMISSIONS.keys() - opened - inside == set()


def ask(client: httpx.Client, method: str, path: str) -> int:
    with client.stream(method, concrete(path), json={} if method != "GET" else None) as answer:
        return answer.status_code


def test_nobody_gets_in_without_a_session(world: Any) -> None:
    with world.client() as client:
        assert ask(client, "GET", "/api/push") == 401
        for method, path, permission in WALK:
            status = ask(client, method, path)
            if permission == PUBLIC:
                assert status != 403, path
            else:
                assert status == 401, (method, path, status)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_route_with_every_role(world: Any, role: str) -> None:
    held = ROLES[role].permissions
    # changes that would change the world for the next test are not carried through
    apart = {"/api/pack/reload", "/api/session"}
    with world.client(role) as client:
        for method, path, permission in WALK:
            if path in apart:
                continue
            status = ask(client, method, path)
            if permission in {PUBLIC, SIGNED_IN} or permission in held:
                assert status not in {401, 500}, (method, path, status)
                if permission in held and not path.endswith(BESIDES):
                    assert status != 403, (method, path, status)
            else:
                assert status == 403, (method, path, status)


def test_a_change_by_cookie_needs_the_header(world: Any) -> None:
    browser = world.cookie("duty")
    del browser.headers["X-Requested-With"]
    answer = browser.post("/api/reports", json={"text": "x", "channel": "web"})
    assert answer.status_code == 403
    assert answer.json()["type"].endswith("forged")
    assert browser.get("/api/session").status_code == 200


def test_refusals_are_written_down(world: Any) -> None:
    with world.client("leader") as client:
        assert client.post("/api/rules/publish", json={}).status_code == 403
    with world.client("audit_admin") as client:
        found = client.get("/api/audit", params={"actor": "t-leader"}).json()["items"]
    assert found[0]["verb"] == "access.refused"
    assert found[0]["outcome"] == "refused"
    assert found[0]["detail"] == {"permission": "rule.publish"}


def test_an_upload_is_not_read_before_it_is_known_who_sends_it(world: Any) -> None:
    """Else anybody fills the disk: a part of a form is kept on it while it comes."""
    parts = urlsplit(world.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as line:
        line.sendall(
            b"POST /api/cases/c1/evidence HTTP/1.1\r\nHost: x\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000000\r\n\r\n"
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nbeginning'
        )
        assert line.recv(100).startswith(b"HTTP/1.1 401 ")


def test_an_upload_that_is_too_large_is_cut_off(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tianmu.web.api.cases.steps.LARGEST", 1000)
    with world.client("duty_officer") as duty:
        for size, status in ((2000, 404), (200_000, 413)):
            form = {"file": ("f.png", bytes(size), "image/png")}
            answer = duty.post("/api/cases/c99999/evidence", files=form)
            assert answer.status_code == status, answer.text
        answer = duty.post("/api/cases/c99999/evidence", files={"photo": ("f.png", b"x")})
        assert answer.status_code == 422 and "file" in answer.json()["detail"]


def test_any_other_authorization_does_not_stand_for_the_header(world: Any) -> None:
    browser = world.cookie("duty")
    del browser.headers["X-Requested-With"]
    answer = browser.post(
        "/api/reports",
        json={"text": "x", "channel": "web"},
        headers={"Authorization": "Basic eDp4"},
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("top", [1, 2, 3])
def test_every_route_with_every_data_level(world: Any, top: int) -> None:
    """Whatever a route shows that is above the account's level stays closed, whatever its roles."""
    persons = [code for code in ROLES if code in {"commander", "hotline_agent", "grid_worker"}]
    plain = world.account(f"level-{top}", persons)
    world.hub.records.transact(lambda tx: accounts.set_level(tx.connection, f"level-{top}", top))
    held = permissions(persons)
    with httpx.Client(
        base_url=world.url, headers={"Authorization": f"Bearer {plain}"}, timeout=20
    ) as client:
        for method, path, permission in WALK:
            if path == "/api/session" or permission not in held:
                continue
            status = ask(client, method, path)
            if needed(permission) > top:
                assert status == 403, (method, path, status)
            elif not path.endswith(BESIDES):
                assert status != 403, (method, path, status)


@pytest.mark.slow
def test_every_route_from_another_town(world: Any) -> None:
    """What stands in one town is not there for an officer, a commander or a worker of another:
    every route that names a case, report, alarm or device says so, or that it cannot be asked."""
    here, there = world.towns()[:2]
    index = next(n for n in range(60) if world.hub.registry.device(n).place.division == there)
    device = world.hub.registry.device(index).device
    alarm = world.raise_alarm(device).alarm
    # letters only: a long run of digits may be somebody's number, and is masked
    unlike = str.maketrans("0123456789", "ghijklmnop")
    secret = f"secret{uuid.uuid4().hex.translate(unlike)}"
    with world.client("duty_officer") as duty:
        where = {"division": there}
        made = duty.post(
            "/api/reports",
            json={"channel": "hotline", "text": secret, "matter": world.matter(), "place": where},
        )
        assert made.is_success, made.text
        world.settle()
        told = next(
            one for one in duty.get("/api/reports").json()["items"]
            if one["place"]["division"] == there
        )  # fmt: skip
    names = {"case": told["case"], "report": told["report"], "alarm": alarm, "device": device}
    number = world.hub.manage.case(told["case"], WHOLE).number
    note = f"watch the pump of {uuid.uuid4().hex.translate(unlike)}"
    leaks = {f'"{one}"' for one in names.values()} | {secret, number, note}
    # somebody there hands the shift over, with the case that is open
    officers = [world.account(f"{n}-of-{there}", ["duty_officer"], division=there) for n in "ab"]
    with httpx.Client(
        base_url=world.url, headers={"Authorization": f"Bearer {officers[0]}"}, timeout=20
    ) as giver:
        assert number in giver.get("/api/cases").text
        given = giver.post("/api/handovers", json={"to": f"b-of-{there}", "text": note})
        assert given.status_code == 201 and number in given.text and note in given.text, given.text
    persons = [code for code, one in ROLES.items() if not one.machine and "admin" not in code]
    for role in persons:
        plain = world.account(f"{role}-of-{here}".replace("_", "-"), [role], division=here)
        with httpx.Client(
            base_url=world.url, headers={"Authorization": f"Bearer {plain}"}, timeout=20
        ) as client:
            seen = 0
            for method, path, _ in WALK:
                named = [name for name in names if "{" + name + "}" in path]
                if not named:
                    continue
                for name in named:
                    path = path.replace("{" + name + "}", names[name])
                status = ask(client, method, path)
                assert 400 <= status < 500, (role, method, path, status)
                seen += 1
            assert seen > 30
            lists = [path for method, path, _ in WALK if method == "GET" and "{" not in path]
            lists += [f"/api/handovers/{given.json()['handover']}"]
            for path in lists:
                found = [one for one in leaks if one in client.get(path).text]
                assert not found, (role, path, found)
