"""A city for the clauses' tests, its persons, and what its trail says."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tianmu.access import account as accounts
from tianmu.access import password
from tianmu.city.pack import load
from web.world import make_world

GOOD = "Correct-horse-7"
ADMINS = ("system_admin", "security_admin", "audit_admin")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from make_world(tmp_path_factory.mktemp("city"), load("liyang"))


@pytest.fixture
def policy(world: Any) -> Iterator[Any]:
    """Change the policy for one test."""
    before = world.hub.sessions.policy

    def change(**more: Any) -> None:
        world.hub.sessions.policy = replace(before, **more)
        world.hub.sessions.forget()

    yield change
    world.hub.sessions.policy = before
    world.hub.sessions.forget()


def person(world: Any, role: str = "duty_officer", **more: Any) -> str:
    name = "p" + uuid.uuid4().hex[:8]
    world.account(name, [role], **more)
    at = world.hub.clock()
    write(world, lambda tx: accounts.set_password(tx.connection, name, kept_of(GOOD), at=at))
    return name


@functools.cache
def kept_of(plain: str) -> str:
    """What is kept of a password: slow to make, on purpose."""
    return password.digest(plain)


def write(world: Any, do: Any) -> Any:
    return world.hub.records.transact(do)


def sign_in(world: Any, name: str, plain: str = GOOD) -> tuple[httpx.Client, httpx.Response]:
    client = httpx.Client(base_url=world.url, headers={"X-Requested-With": "tianmu"}, timeout=20)
    return client, client.post("/api/session", json={"account": name, "password": plain})


def trail_of(world: Any, **wanted: Any) -> list[Any]:
    with world.client("audit_admin") as auditor:
        return list(auditor.get("/api/audit", params=wanted).json()["items"])


def report(world: Any) -> tuple[str, str]:
    """(report, case) told by a citizen with a phone number."""
    with world.client("hotline_agent") as agent:
        agent.post(
            "/api/reports",
            json={
                "channel": "hotline", "text": "请回电 13812345678", "matter": world.matter(),
                "reporter": {"name": "张三丰", "phone": "13812345678"},
                "place": {"longitude": 119.49, "latitude": 31.42},
            },
        ).raise_for_status()  # fmt: skip
        world.settle()
        found = agent.get("/api/reports").json()["items"][0]
    return found["report"], found["case"]
