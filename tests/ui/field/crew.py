"""What a crew in the field is given and does: orders of a small city, and a phone that has them
with it."""

from __future__ import annotations

import uuid
from itertools import count
from typing import Any

from playwright.sync_api import FilePayload, Page, expect

from tianmu.access import token
from ui.phone import Phone, picture
from waiting import eventually

WORKER = """navigator.serviceWorker.getRegistration("/field")
  .then(one => one?.active?.state === "activated" && new URL(one.scope).pathname)"""
APART = count()


def order(world: Any) -> str:
    """A new case with an order to its department."""
    words = f"street lamp {uuid.uuid4().hex}"
    with world.client("integrator") as program:
        place = {"longitude": 119.31 + next(APART) * 0.04, "latitude": 31.43}
        body = {"channel": "app", "text": words, "matter": world.matter(), "place": place}
        report = program.post("/api/reports", json=body).json()["report"]
    case = eventually(lambda: world.hub.manage.case_of([report], "report").get(report))
    with world.client("commander") as centre:
        for step in ("verify", "file", "order"):
            held = centre.get(f"/api/cases/{case}").json()
            if step in {one["step"] for one in held["actions"]} and not held["orders"]:
                done = centre.post(f"/api/cases/{case}/steps/{step}", json={})
                assert done.status_code == 200, done.text
    return str(case)


def steps(world: Any, case: str, step: str) -> list[dict[str, Any]]:
    with world.client("commander") as client:
        events = client.get(f"/api/cases/{case}").json()["events"]
    return [one for one in events if one["step"] == step]


def command(world: Any, case: str, step: str, **body: Any) -> None:
    with world.client("commander") as client:
        done = client.post(f"/api/cases/{case}/steps/{step}", json=body)
        assert done.status_code == 200, done.text


def sign_in(world: Any, phone: Phone, account: str) -> None:
    at = world.hub.clock()
    link = world.hub.records.transact(
        lambda tx: token.make_link(tx.connection, account, at=at, actor="test")
    )
    phone.go(f"/open?to=/field#{link}")
    expect(phone.page.locator("nav.bar")).to_be_visible()


def take_along(phone: Phone, case: str) -> None:
    """The phone has the case with it."""
    phone.go("/field")
    expect(phone.page.locator(f"[data-case={case}]")).to_be_visible()


def attach(page: Page, role: str) -> None:
    file = FilePayload(name="IMG_1.png", mimeType="image/png", buffer=picture())
    page.locator(f"[data-photo={role}]").set_input_files([file])
    expect(page.locator("figure img").last).to_be_visible()


def nothing_waits(phone: Phone) -> bool:
    return all(one["state"] == "sent" for one in phone.kept("deeds"))
