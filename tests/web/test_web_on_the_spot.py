"""The check on the spot (核查) over HTTP: by whoever goes there, and never by who did the work,
whatever role he has by then."""

from __future__ import annotations

from typing import Any

import httpx

from .reporting import report

HERE = {"longitude": 119.2807, "latitude": 31.2809}
FAR = {"longitude": 119.2907, "latitude": 31.2809}


def take(client: httpx.Client, case: str, step: str, **data: Any) -> httpx.Response:
    return client.post(f"/api/cases/{case}/steps/{step}", json={"reason": "x", "data": data})


def picture(client: httpx.Client, case: str, mark: bytes) -> str:
    """The digest of a picture that the account has attached to the case."""
    file = ("there.png", b"\x89PNG\r\n\x1a\n" + mark * 20, "image/png")
    answer = client.post(
        f"/api/cases/{case}/evidence", files={"file": file}, data={"role": "reference"}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["evidence"])


def fed_back(world: Any, worker: str) -> str:
    """A case whose department's worker has done it."""
    with world.client("hotline_agent") as agent:
        told = report(agent, matter=world.matter(), place=HERE, text="Water in the yard of no. 9")
        name = told.json()["report"]
        world.settle()
        case = str(agent.get(f"/api/reports/{name}").json()["case"])
    with world.client("duty_officer") as duty:
        for step in ("verify", "file"):
            assert take(duty, case, step).status_code == 200
        view = duty.get(f"/api/cases/{case}").json()
        if not view["orders"]:
            view = take(duty, case, "order").json()
    lead = next(one for one in view["orders"] if one["lead"])
    world.tokens[worker] = world.account(worker, ["department_worker"], department=lead["unit"])
    with world.client(worker) as crew:
        for step, data in (("accept", {}), ("handle", {}), ("feed_back", {"result": "mended"})):
            answer = take(crew, case, step, order=lead["order"], **data)
            assert answer.status_code == 200, answer.text
    return case


def test_nobody_checks_his_own_work_under_another_role(world: Any) -> None:
    case = fed_back(world, "zhou")
    with world.client("security_admin") as security:
        etag = security.get("/api/accounts/zhou").headers["etag"]
        given = security.post(
            "/api/accounts/zhou/roles",
            json={"roles": ["grid_worker"]},
            headers={"If-Match": etag},
        )
        assert given.status_code == 200, given.text
    with world.client("zhou") as zhou:
        seen = zhou.get(f"/api/cases/{case}")
        assert seen.status_code == 200, seen.text
        assert "check" not in {one["step"] for one in seen.json()["actions"]}
        there = {"place": HERE, "evidence": [picture(zhou, case, b"z")]}
        for result in ("pass", "fail"):
            refused = take(zhou, case, "check", result=result, **there)
            assert refused.status_code == 403, refused.text
            assert refused.json()["type"].endswith("case-own_work")
            assert refused.json()["remedy"]
    world.tokens["wu"] = world.account("wu", ["grid_worker"])
    with world.client("wu") as wu:
        [check] = [
            one for one in wu.get(f"/api/cases/{case}").json()["actions"] if one["step"] == "check"
        ]
        assert check["needs"] == ["result", "place", "evidence"]
        bare = take(wu, case, "check", result="pass", place=HERE)
        assert bare.json()["type"].endswith("case-no_photo"), "a picture of his own is needed"
        shown = [picture(wu, case, b"w")]
        away = take(wu, case, "check", result="pass", place=FAR, evidence=shown)
        assert away.status_code == 409 and away.json()["type"].endswith("case-not_there")
        done = take(wu, case, "check", result="pass", place=HERE, evidence=shown)
        assert done.status_code == 200 and done.json()["stage"] == "check", done.text
    with world.client("audit_admin") as auditor:
        tried = auditor.get("/api/audit", params={"verb": "case.check", "actor": "zhou"}).json()
        assert {one["outcome"] for one in tried["items"]} == {"refused"}
