"""Signing in as pages do: a browser's cookie, a kiosk's token."""

from __future__ import annotations

from typing import Any

import httpx

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
