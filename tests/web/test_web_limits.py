"""How often one may ask: by session, by token, by address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from tianmu.web.bounds.limit import Rate, Rates


def test_rates(tmp_path: Path, liyang: Any, build: Any) -> None:
    rates = Rates(
        sign_in=Rate(0.1, 3), change=Rate(1, 5), read=Rate(0.5, 20), program=Rate(1000, 1000)
    )
    made = build(tmp_path, liyang, rates, 5)
    world = next(made)
    try:
        with world.client("duty_officer") as program:
            program.get("/api/session")
            assert all(program.get("/api/session").status_code == 200 for _ in range(60))
        with world.client() as client:
            answers = [
                client.post("/api/session", json={"account": "duty", "password": "x"})
                for _ in range(5)
            ]
            assert [one.status_code for one in answers] == [401, 401, 401, 429, 429]
            # to begin a sign-in at the city's own sign-on is to sign in, though it is read
            assert client.get("/api/session/sign-on").status_code == 429
            assert int(answers[-1].headers["retry-after"]) >= 1
            assert answers[-1].headers["content-type"] == "application/problem+json"
            # made-up cookies all share the address's bucket
            statuses = [
                httpx.get(
                    f"{world.url}/api/session", headers={"Cookie": f"tianmu_session={n:043d}"}
                ).status_code
                for n in range(25)
            ]
            assert statuses.count(401) <= 23 and 429 in statuses
            # pages are not limited: only the API is
            assert all(client.get("/").status_code == 200 for _ in range(30))
    finally:
        next(made, None)
