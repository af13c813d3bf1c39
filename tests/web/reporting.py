"""A report as a person files it."""

from __future__ import annotations

from typing import Any

import httpx


def report(client: httpx.Client, **more: Any) -> httpx.Response:
    return client.post(
        "/api/reports",
        json={"channel": "hotline", "text": "Water runs over the road.", **more},
    )
