"""Warnings as duty officers write them, two who do, and messages of other bodies as gate keeps
them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tianmu.facts.bulletin import Bulletin, Part
from tianmu.sense.cap import held
from tianmu.store.records import Transaction

ROOT = "320481000000"
HOUR = 3_600_000_000


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


def part(world: Any, **more: Any) -> Part:
    now = world.hub.clock()
    return Part(
        **{
            "event": "rainstorm", "event_name": {"zh": "暴雨"}, "colour": "orange",
            "severity": "Severe", "urgency": "Expected", "certainty": "Likely",
            "headline": {"zh": "暴雨橙色预警"}, "start": now - HOUR, "until": now + HOUR,
            "divisions": (ROOT,), **more,
        }
    )  # fmt: skip


def came(world: Any, **more: Any) -> Bulletin:
    now = world.hub.clock()
    told = Bulletin(
        **{
            "source": "bureau", "sender": "bureau@example", "identifier": uuid.uuid4().hex,
            "sent": now, "kind": "Alert", "status": "Actual", "parts": (part(world),),
            "received": now, **more,
        }
    )  # fmt: skip

    def take(tx: Transaction) -> Bulletin | None:
        return held.take(tx, told)

    made: Bulletin | None = world.gate.transact(take)
    assert made is not None
    return made
