"""Who forgot the password comes by a link and sets another; nobody else without the old one."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tianmu.access import password
from tianmu.access.table import account as table
from tianmu.access.table import session


def forget(world: Any, name: str) -> None:
    """The account has a password that nobody knows any more, and that is too old."""
    world.account(name, ["leader"])
    kept = password.digest("Forgotten-horse-7")
    old = world.hub.clock() - 91 * 86_400_000_000
    world.hub.records.transact(
        lambda tx: tx.connection.execute(
            sa.update(table).where(table.c.account == name).values(password=kept, password_at=old)
        )
    )


def test_who_forgot_the_password_sets_another_after_a_link(world: Any) -> None:
    forget(world, "forgetful")
    browser = world.cookie("forgetful")
    assert browser.get("/api/vitals").status_code == 403, "the password is too old"
    wrong = {"old": "Some-other-9", "new": "Better-horse-8"}
    assert browser.post("/api/session/password", json=wrong).status_code == 403
    assert browser.post("/api/session/password", json={"new": "Better-horse-8"}).status_code == 204
    assert browser.get("/api/vitals").status_code == 200


def test_a_screen_left_signed_in_does_not_give_the_account_away(world: Any) -> None:
    forget(world, "careless")
    browser = world.cookie("careless")
    long_ago = world.hub.clock() - 16 * 60_000_000
    world.hub.records.transact(
        lambda tx: tx.connection.execute(
            sa.update(session).where(session.c.account == "careless").values(created_at=long_ago)
        )
    )
    asked = browser.post("/api/session/password", json={"new": "Better-horse-8"})
    assert asked.status_code == 403


def test_odd_paths_and_cursors_are_refused(world: Any) -> None:
    with world.client("leader") as client:
        assert client.get("/a%00b").status_code == 404
        huge = ".".join(["9" * 40] * 6)
        assert client.get("/api/push", params={"after": huge[:200]}).status_code in {400, 410}
