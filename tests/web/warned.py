"""Warnings as duty officers write them, and two who do."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

ROOT = "320481000000"


def written(**more: Any) -> dict[str, Any]:
    ends = datetime.now(UTC) + timedelta(hours=6)
    return {
        "event": "gale",
        "colour": "blue",
        "headline": {"zh": "大风蓝色预警", "en": "Blue warning: gale"},
        "divisions": [ROOT],
        "expires": ends.isoformat(),
        **more,
    }


@pytest.fixture
def two(world: Any) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Two duty officers of the whole city."""
    clients = []
    for _ in range(2):
        token = world.account(f"d{uuid.uuid4().hex[:8]}", ["duty_officer"])
        headers = {"Authorization": f"Bearer {token}"}
        clients.append(httpx.Client(base_url=world.url, headers=headers, timeout=20))
    yield clients[0], clients[1]
    for one in clients:
        one.close()


def trail(world: Any, verb: str, object: str) -> list[dict[str, Any]]:
    with world.client("audit_admin") as audit:
        asked = audit.get("/api/audit", params={"verb": verb, "object": object})
        assert asked.status_code == 200, asked.text
        found: list[dict[str, Any]] = asked.json()["items"]
        return found
